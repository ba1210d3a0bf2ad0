{{ config(materialized='view') }}

-- What was asked off label stays with Medical: the contact is counted, its product and topic are not told.
select
    {{ touchpoint_key(
        "'crm_medical_inquiry'",
        'inquiry.inquiry_id',
        'inquiry.account_id',
        'inquiry.product_id'
    ) }} as touchpoint_key,
    'crm_medical_inquiry' as source,
    inquiry.inquiry_id as source_record_id,
    inquiry.batch_id,
    inquiry.received_at as occurred_at,
    {{ local_date('inquiry.received_at') }} as occurred_on,
    'minute' as time_precision,
    inquiry.mr_notified_at as visible_at,
    inquiry.account_id as physician_reference,
    'crm_account_id' as physician_reference_type,
    inquiry.owner_id as user_id,
    'medical_inquiry' as channel_id,
    'pull' as direction,
    'physician' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    4 as depth,
    case when inquiry.category in ('on_label', 'safety') then inquiry.product_id end as product_id,
    case when inquiry.category in ('on_label', 'safety') then inquiry.topic_id end as topic_id,
    cast(null as {{ dbt.type_string() }}) as content_id,
    'non_promotional_medical' as info_class,
    false as is_planned,
    true as routed_to_medical,
    cast(null as integer) as duration_seconds,
    cast(null as {{ dbt.type_string() }}) as attributes
from {{ ref('int_medical_inquiry') }} as inquiry
where inquiry.reject_reason is null

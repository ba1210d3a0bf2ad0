{{ config(materialized='view') }}

-- What was asked stays with Medical, on label or not: the contact is counted, its product and topic are not told.
-- The key is a hash of what is told: of the product asked about, it could be found by trying every product.
select
    {{ touchpoint_key(
        "'crm_medical_inquiry'",
        'inquiry_id',
        'account_id',
        'null'
    ) }} as touchpoint_key,
    'crm_medical_inquiry' as source,
    inquiry_id as source_record_id,
    batch_id,
    received_at as occurred_at,
    {{ local_date('received_at') }} as occurred_on,
    'minute' as time_precision,
    mr_notified_at as visible_at,
    account_id as physician_reference,
    'crm_account_id' as physician_reference_type,
    owner_id as user_id,
    'medical_inquiry' as channel_id,
    'pull' as direction,
    'physician' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    4 as depth,
    cast(null as {{ dbt.type_string() }}) as product_id,
    cast(null as {{ dbt.type_string() }}) as topic_id,
    cast(null as {{ dbt.type_string() }}) as content_id,
    'non_promotional_medical' as info_class,
    false as is_planned,
    true as routed_to_medical,
    cast(null as integer) as duration_seconds,
    cast(null as {{ dbt.type_string() }}) as attributes
from {{ ref('int_medical_inquiry') }}
where reject_reason is null

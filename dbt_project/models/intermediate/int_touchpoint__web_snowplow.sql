{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
)

select
    {{ touchpoint_key(
        "'web_snowplow'",
        'contact.web_contact_id',
        'contact.member_id',
        'coalesce(contact.product_id, ' ~ told_topic('contact.topic_id') ~ ')'
    ) }} as touchpoint_key,
    'web_snowplow' as source,
    contact.web_contact_id as source_record_id,
    contact.batch_id,
    contact.started_at as occurred_at,
    contact.occurred_on,
    'second' as time_precision,
    greatest(contact.first_delivered_at, contact.started_at) as visible_at,
    contact.member_id as physician_reference,
    'member_id' as physician_reference_type,
    cast(null as {{ dbt.type_string() }}) as user_id,
    'owned_web' as channel_id,
    'pull' as direction,
    'physician' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    case
        when contact.has_download or contact.has_search or contact.active_seconds >= rule.web_min_seconds then 2
        else 1
    end as depth,
    contact.product_id,
    {{ told_topic('contact.topic_id') }} as topic_id,
    contact.content_id,
    coalesce(topic.info_class, 'promotional') as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(contact.active_seconds as integer) as duration_seconds,
    cast(null as {{ dbt.type_string() }}) as attributes
from {{ ref('int_web_contact') }} as contact
cross join rule
left join {{ ref('topic') }} as topic
    on contact.topic_id = topic.topic_id

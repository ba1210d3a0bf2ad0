{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
)

select
    {{ touchpoint_key(
        "'portal_delivery'",
        'portal.source_record_id',
        'coalesce(portal.physician_code, portal.portal_member_id)',
        'coalesce(portal.product_id, ' ~ told_topic('portal.topic_id') ~ ')'
    ) }} as touchpoint_key,
    'portal_delivery' as source,
    portal.source_record_id,
    portal.batch_id,
    {{ from_tokyo('portal.sent_on') }} as occurred_at,
    portal.sent_on as occurred_on,
    'day' as time_precision,
    greatest(portal.first_delivered_at, {{ from_tokyo('coalesce(portal.read_on, portal.sent_on)') }}) as visible_at,
    coalesce(portal.physician_code, portal.portal_member_id) as physician_reference,
    case when portal.physician_code is not null then 'dcf_code' else 'portal_member_id' end
        as physician_reference_type,
    cast(null as {{ dbt.type_string() }}) as user_id,
    'portal' as channel_id,
    'push' as direction,
    'third_party' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    case
        when portal.is_completed or portal.viewed_seconds >= rule.portal_min_seconds then 2
        when portal.read_on is not null or portal.read_count > 0 then 1
        else 0
    end as depth,
    portal.product_id,
    {{ told_topic('portal.topic_id') }} as topic_id,
    portal.content_id,
    coalesce(topic.info_class, 'promotional') as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(portal.viewed_seconds as integer) as duration_seconds,
    '{"vendor":"' || portal.vendor || '"}' as attributes
from {{ ref('int_portal_row') }} as portal
cross join rule
left join {{ ref('topic') }} as topic
    on portal.topic_id = topic.topic_id
where portal.reject_reason is null and not portal.is_aggregated

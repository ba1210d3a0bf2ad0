{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
),

told as (
    select
        activity_id,
        sum(duration_seconds) as seconds,
        max(case when is_completion then 1 else 0 end) as is_completed,
        case when count(distinct product_id) = 1 then max(product_id) end as product_id,
        max(first_delivered_at) as first_delivered_at
    from {{ ref('int_multichannel_activity_line') }}
    where reject_reason is null and call_id is null
    group by activity_id
),

contact as (
    select
        session.*,
        coalesce(session.duration_seconds, told.seconds) as seconds,
        coalesce(told.is_completed, 0) = 1 as is_completed,
        greatest(
            session.first_delivered_at,
            coalesce(told.first_delivered_at, session.first_delivered_at),
            session.started_at
        ) as visible_at,
        coalesce(session.named_product_id, content.product_id, told.product_id) as product_id,
        content.topic_id
    from {{ ref('int_multichannel_activity') }} as session
    left join told
        on session.activity_id = told.activity_id
    left join {{ ref('int_content_subject') }} as content
        on session.content_id = content.content_id
    where session.reject_reason is null
)

select
    {{ touchpoint_key(
        "'crm_multichannel_activity'",
        'contact.activity_id',
        'contact.account_id',
        'coalesce(contact.product_id, ' ~ told_topic('contact.topic_id') ~ ')'
    ) }} as touchpoint_key,
    'crm_multichannel_activity' as source,
    contact.activity_id as source_record_id,
    contact.batch_id,
    contact.started_at as occurred_at,
    {{ local_date('contact.started_at') }} as occurred_on,
    'second' as time_precision,
    contact.visible_at,
    contact.account_id as physician_reference,
    'crm_account_id' as physician_reference_type,
    cast(null as {{ dbt.type_string() }}) as user_id,
    contact.channel_id,
    'pull' as direction,
    'physician' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    case
        when
            contact.is_completed
            or contact.seconds
            >= case contact.channel_id when 'portal' then rule.portal_min_seconds else rule.web_min_seconds end
            then 2
        else 1
    end as depth,
    contact.product_id,
    {{ told_topic('contact.topic_id') }} as topic_id,
    contact.content_id,
    coalesce(topic.info_class, 'promotional') as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(contact.seconds as integer) as duration_seconds,
    '{"site":"' || contact.site || '","rule_version":"' || contact.rule_version || '"}' as attributes
from contact
cross join rule
left join {{ ref('topic') }} as topic
    on contact.topic_id = topic.topic_id

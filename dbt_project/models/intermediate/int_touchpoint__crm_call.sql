{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
),

-- What Medical speaks about stays with Medical: its calls are counted once each, without product or topic.
call as (
    select
        int_call.*,
        int_call.channel_id = 'msl_visit' or coalesce(int_call.caller_role in ('MSL', 'Medical'), false) as is_medical
    from {{ ref('int_call') }} as int_call
    where int_call.reject_reason is null
),

-- Of a meeting for many the minutes say nothing about one of them.
contact as (
    select
        call.*,
        touched.product_id as told_product_id,
        case when not call.is_medical then call.topic_id end as told_topic_id,
        case
            when call.is_request then 4
            when call.is_question or call.reaction is not null then 3
            when call.channel_id <> 'in_person_event' and call.duration_minutes >= rule.visit_min_minutes then 2
            else 1
        end as depth
    from call
    cross join rule
    left join {{ ref('int_call_touched_product') }} as touched
        on case when not call.is_medical then call.call_id end = touched.call_id
)

select
    {{ touchpoint_key(
        "'crm_call'",
        'contact.call_id',
        'contact.account_id',
        'coalesce(contact.told_product_id, ' ~ told_topic('contact.told_topic_id') ~ ')'
    ) }} as touchpoint_key,
    'crm_call' as source,
    contact.call_id as source_record_id,
    contact.batch_id,
    contact.occurred_at,
    contact.occurred_on,
    contact.time_precision,
    contact.occurred_at as visible_at,
    contact.account_id as physician_reference,
    'crm_account_id' as physician_reference_type,
    contact.user_id,
    contact.channel_id,
    case when channel.is_push then 'push' else 'pull' end as direction,
    case when contact.is_medical then 'medical' else 'mr' end as initiator,
    contact.followed_record_id is not null as is_orchestrated,
    followed.touchpoint_key as follows_touchpoint_key,
    contact.depth,
    contact.told_product_id as product_id,
    {{ told_topic('contact.told_topic_id') }} as topic_id,
    cast(null as {{ dbt.type_string() }}) as content_id,
    case
        when contact.is_medical then 'non_promotional_medical'
        else coalesce(topic.info_class, 'promotional')
    end as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(contact.duration_minutes * 60 as integer) as duration_seconds,
    case when contact.attendee_type is not null then '{"attendee_type":"' || contact.attendee_type || '"}' end
        as attributes
from contact
inner join {{ ref('channel') }} as channel
    on contact.channel_id = channel.channel_id
left join {{ ref('topic') }} as topic
    on contact.told_topic_id = topic.topic_id
left join {{ ref('int_followed_touchpoint') }} as followed
    on contact.call_id = followed.call_id

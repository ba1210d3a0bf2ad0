{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
),

attendance as (
    select
        attended.*,
        content.topic_id
    from {{ ref('int_webinar_attendance') }} as attended
    left join {{ ref('int_content_subject') }} as content
        on attended.content_id = content.content_id
)

select
    {{ touchpoint_key(
        "'webinar_zoom'",
        'attendance.attendance_id',
        'attendance.email_token',
        'coalesce(attendance.product_id, ' ~ told_topic('attendance.topic_id') ~ ')'
    ) }} as touchpoint_key,
    'webinar_zoom' as source,
    attendance.attendance_id as source_record_id,
    attendance.batch_id,
    attendance.joined_at as occurred_at,
    {{ local_date('attendance.joined_at') }} as occurred_on,
    'second' as time_precision,
    greatest(attendance.first_delivered_at, attendance.joined_at) as visible_at,
    attendance.email_token as physician_reference,
    'email_token' as physician_reference_type,
    cast(null as {{ dbt.type_string() }}) as user_id,
    'webinar' as channel_id,
    'push' as direction,
    'hq' as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    case
        when attendance.attended_seconds >= rule.webinar_min_seconds then 2
        when attendance.attended_seconds >= rule.webinar_min_share * attendance.running_seconds then 2
        else 1
    end as depth,
    attendance.product_id,
    {{ told_topic('attendance.topic_id') }} as topic_id,
    attendance.content_id,
    coalesce(topic.info_class, 'promotional') as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(attendance.attended_seconds as integer) as duration_seconds,
    '{"stays":' || cast(attendance.stays as {{ dbt.type_string() }}) || '}' as attributes
from attendance
cross join rule
left join {{ ref('topic') }} as topic
    on attendance.topic_id = topic.topic_id

{{ config(materialized='view') }}

with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
)

select
    {{ touchpoint_key(
        "'webinar_zoom'",
        'attendance.attendance_id',
        'attendance.email_token',
        'attendance.product_id'
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
    cast(null as {{ dbt.type_string() }}) as topic_id,
    attendance.content_id,
    'promotional' as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(attendance.attended_seconds as integer) as duration_seconds,
    '{"stays":' || cast(attendance.stays as {{ dbt.type_string() }}) || '}' as attributes
from {{ ref('int_webinar_attendance') }} as attendance
cross join rule

with landed as (
    {{ landed('webinar_zoom', 'replace_period', ['meeting_id']) }}
),

-- A corrected report replaces the first, but who was in the first could be seen from then on.
first_report as (
    select
        meeting_id,
        email_token,
        min(first_delivered_at) as first_delivered_at
    from landed
    where email_token is not null
    group by meeting_id, email_token
)

select
    landed.meeting_id,
    landed.topic,
    landed.meeting_start_at,
    landed.meeting_end_at,
    landed.email_token,
    landed.joined_at,
    landed.left_at,
    landed.duration_minutes,
    landed.is_guest,
    landed.batch_id,
    landed.landing_id,
    landed.row_number,
    landed.batch_delivered_at,
    landed.batch_delivered_on,
    coalesce(first_report.first_delivered_at, landed.first_delivered_at) as first_delivered_at
from landed
left join first_report
    on landed.meeting_id = first_report.meeting_id and landed.email_token = first_report.email_token
where landed.recency = 1

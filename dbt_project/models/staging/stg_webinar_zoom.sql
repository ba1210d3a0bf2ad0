with landed as (
    {{ landed('webinar_zoom', 'replace_period', ['meeting_id']) }}
)

select
    meeting_id,
    topic,
    meeting_start_at,
    meeting_end_at,
    email_token,
    joined_at,
    left_at,
    duration_minutes,
    is_guest,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

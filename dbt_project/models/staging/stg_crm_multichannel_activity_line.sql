with landed as (
    {{ landed('crm_multichannel_activity_line', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as activity_line_id,
    is_deleted,
    system_modstamp,
    activity_id,
    event_type,
    event_subtype,
    occurred_at,
    duration_seconds,
    key_message_id,
    view_order,
    video_length_seconds,
    video_last_second,
    video_viewed_seconds,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    first_delivered_at
from landed
where recency = 1

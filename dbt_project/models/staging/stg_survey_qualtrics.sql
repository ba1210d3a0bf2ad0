with landed as (
    {{ landed('survey_qualtrics', 'latest_by_key', ['response_id'], 'recorded_at') }}
)

select
    response_id,
    started_at,
    ended_at,
    recorded_at,
    status,
    progress,
    is_finished,
    duration_seconds,
    external_reference,
    recipient_email_token,
    distribution_channel,
    wave,
    product_code as product_id,
    channel,
    csat,
    nps,
    usefulness,
    ces,
    preferred_channel,
    usage_stage,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

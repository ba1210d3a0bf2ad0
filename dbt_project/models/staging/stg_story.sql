with landed as (
    {{ landed('story', 'latest_by_key', ['story_id'], 'updated_at') }}
)

select
    story_id,
    written_on,
    office_code,
    product_name,
    theme,
    initiative_id,
    context,
    action,
    result,
    conditions,
    outcome as outcome_answer,
    n_similar_attempts,
    n_similar_without_success,
    is_masked,
    has_consent,
    is_safety_checked,
    approved_on,
    reused_by_offices,
    updated_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

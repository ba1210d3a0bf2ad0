with landed as (
    {{ landed('content_decision', 'latest_by_key', ['material_number', 'content_version', 'decided_on'], 'decided_on') }}
)

select
    material_number,
    content_version,
    decided_on,
    decision_word,
    department,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

with landed as (
    {{ landed('content_approval', 'latest_by_key', ['material_number', 'content_version'], 'updated_on') }}
)

select
    material_number,
    content_version,
    title,
    approval_number,
    approved_on,
    expires_on,
    audience,
    info_class_word,
    product_name,
    indication,
    topic_name,
    updated_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

with landed as (
    {{ landed('portal_delivery', 'replace_period', ['vendor', 'period']) }}
)

select
    vendor,
    period,
    delivery_id,
    physician_code,
    portal_member_id,
    product_name,
    content_id,
    content_title,
    topic_id,
    delivered_on as sent_on,
    read_on,
    is_completed,
    viewed_seconds,
    reaction,
    delivered_count,
    read_count,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

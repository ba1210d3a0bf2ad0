with landed as (
    {{ landed('portal_delivery', 'replace_period', ['vendor', 'period']) }}
),

-- A corrected report replaces the first, but what was read by the first could be seen from then on.
first_read as (
    select
        vendor,
        period,
        delivery_id,
        min(first_delivered_at) as first_delivered_at
    from landed
    where is_completed or read_on is not null
    group by vendor, period, delivery_id
)

select
    landed.vendor,
    landed.period,
    landed.delivery_id,
    landed.physician_code,
    landed.portal_member_id,
    landed.product_name,
    landed.content_id,
    landed.content_title,
    landed.topic_id,
    landed.delivered_on as sent_on,
    landed.read_on,
    landed.is_completed,
    landed.viewed_seconds,
    landed.reaction,
    landed.delivered_count,
    landed.read_count,
    landed.batch_id,
    landed.landing_id,
    landed.row_number,
    landed.batch_delivered_at,
    landed.batch_delivered_on,
    coalesce(
        case when landed.is_completed or landed.read_on is not null then first_read.first_delivered_at end,
        landed.first_delivered_at
    ) as first_delivered_at
from landed
left join first_read
    on
        landed.vendor = first_read.vendor
        and landed.period = first_read.period
        and landed.delivery_id = first_read.delivery_id
where landed.recency = 1

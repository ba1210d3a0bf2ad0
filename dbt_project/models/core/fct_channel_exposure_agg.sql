select
    'portal_delivery' as source,
    vendor,
    source_record_id,
    last_day(coalesce(
        sent_on,
        cast(substr(period, 1, 4) || '-' || substr(replace(period, '-', ''), 5, 2) || '-01' as date)
    )) as month_end,
    product_id,
    {{ content_key('content_id') }} as content_key,
    delivered_count,
    coalesce(read_count, 0) as read_count,
    'no_physician_in_source' as reason
from {{ ref('int_portal_row') }}
where is_aggregated and reject_reason is null

with landed as (
    {{ landed('link_review', 'latest_by_key', ['quarter_start', 'link_id'], 'reviewed_on') }}
)

select
    quarter_start,
    link_id,
    answer,
    reviewed_on,
    source,
    method,
    physician_key,
    batch_id,
    batch_delivered_on
from landed
where recency = 1

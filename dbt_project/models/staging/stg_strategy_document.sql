with landed as (
    {{ landed('strategy_document', 'latest_by_key', ['strategy_version'], 'updated_on') }}
)

select
    strategy_version,
    title,
    effective_from,
    effective_to,
    owner,
    summary,
    linked_kpis,
    updated_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

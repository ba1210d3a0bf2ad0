-- Masters are versions, not events: their rows are not split into kept and rejected.
with outcome as (
    select
        batch_id,
        sum(case when reject_reason is null then row_count else 0 end) as rows_in_core,
        sum(case when reject_reason is not null then row_count else 0 end) as rows_rejected
    from {{ ref('int_row_outcome') }}
    group by batch_id
)

select
    batch.source,
    batch.batch_id,
    batch.delivered_on,
    batch.state,
    batch.event_min_on,
    batch.event_max_on,
    batch.rows_in,
    batch.rows_landed,
    batch.rows_quarantined,
    cast(outcome.rows_in_core as bigint) as rows_in_core,
    cast(outcome.rows_rejected as bigint) as rows_rejected
from {{ ref('int_delivery') }} as batch
left join outcome
    on batch.batch_id = outcome.batch_id

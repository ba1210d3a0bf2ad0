-- Batches delivered by as_of, refused ones too, each with its latest delivery by then.
with delivered as (
    select
        landing_id,
        max(delivered_on) as delivered_on
    from {{ source('ledger', 'sighting') }}
    where delivered_on <= {{ as_of() }}
    group by landing_id
)

select
    batch.batch_id,
    batch.source,
    delivered.delivered_on,
    batch.state,
    batch.event_min_on,
    batch.event_max_on,
    batch.rows_in,
    batch.rows_landed,
    batch.rows_quarantined
from {{ source('ledger', 'batch') }} as batch
inner join delivered
    on batch.landing_id = delivered.landing_id

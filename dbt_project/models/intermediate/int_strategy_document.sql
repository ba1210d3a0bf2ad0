-- Every version of the strategy. Of two that begin on one day the one written last holds; one without a first day cannot
-- be placed.
with ranked as (
    select
        document.*,
        row_number() over (
            partition by document.effective_from
            order by document.updated_on desc nulls last, document.strategy_version desc
        ) as place
    from {{ ref('stg_strategy_document') }} as document
)

select
    ranked.strategy_version,
    ranked.batch_id,
    ranked.title,
    ranked.effective_from,
    ranked.effective_to,
    ranked.owner,
    ranked.summary,
    ranked.linked_kpis,
    case
        when ranked.effective_from is null then 'unparseable'
        when ranked.place > 1 then 'duplicate'
    end as reject_reason
from ranked

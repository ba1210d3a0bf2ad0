-- A version holds until its last day or until the next one begins, whichever comes first.
with placed as (
    select
        document.*,
        lead(document.effective_from) over (order by document.effective_from) as next_from
    from {{ ref('int_strategy_document') }} as document
    where document.reject_reason is null
),

held as (
    select
        placed.*,
        least(
            coalesce(next_from, cast('9999-12-31' as date)),
            coalesce({{ add_days('effective_to', 1) }}, cast('9999-12-31' as date))
        ) as valid_to
    from placed
)

select
    {{ surrogate_key(["'strategy'", 'strategy_version']) }} as strategy_key,
    strategy_version,
    title,
    owner,
    summary,
    linked_kpis,
    effective_from as valid_from,
    valid_to,
    effective_from <= {{ as_of() }} and valid_to > {{ as_of() }} as is_current
from held
where effective_from < valid_to

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

phases as (
    select * from {{ ref('journey_phase') }}
),

{# Every move counts here, also back and out of the last phase; only who was seen throughout. Counted once per
   representative before they are summed up the tree. #}
moves as (
    select
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        transition.product_id, transition.from_phase_id, transition.to_phase_id,
        count(*) as physicians
    from {{ ref('mart_physician_period') }} as universe
    inner join {{ ref('fct_journey_transition') }} as transition
        on
            universe.physician_key = transition.physician_key
            and universe.period_end = transition.end_on
    where
        universe.is_in_universe
        and transition.is_start_observable
        and transition.is_observed_until_end
        and transition.is_target_throughout
    group by
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        transition.product_id, transition.from_phase_id, transition.to_phase_id
),

moved as (
    select
        period_type,
        period_start,
        period_end,
        product_id,
        from_phase_id,
        to_phase_id,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(physicians) as n_moved
    from moves
    group by {{ kpi_scope_sets(
        ['period_type', 'period_start', 'period_end', 'product_id', 'from_phase_id', 'to_phase_id'], with_mr=false
    ) }}
),

started as (
    select
        period_type,
        period_start,
        product_id,
        from_phase_id,
        scope_type,
        scope_id,
        max(parent_scope_id) as parent_scope_id,
        max(period_end) as period_end,
        sum(n_moved) as n_started
    from moved
    group by period_type, period_start, product_id, from_phase_id, scope_type, scope_id
),

cells as (
    select
        scope_type,
        scope_id,
        parent_scope_id,
        period_type,
        period_start,
        period_end,
        product_id,
        from_phase_id,
        cast(null as {{ dbt.type_string() }}) as to_phase_id,
        n_started,
        n_started as n_moved
    from started
    union all
    select
        moved.scope_type,
        moved.scope_id,
        moved.parent_scope_id,
        moved.period_type,
        moved.period_start,
        moved.period_end,
        moved.product_id,
        moved.from_phase_id,
        moved.to_phase_id,
        started.n_started,
        moved.n_moved
    from moved
    inner join started
        on
            moved.scope_type = started.scope_type
            and coalesce(moved.scope_id, '') = coalesce(started.scope_id, '')
            and moved.period_type = started.period_type
            and moved.period_start = started.period_start
            and moved.product_id = started.product_id
            and moved.from_phase_id = started.from_phase_id
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'product_id', 'from_phase_id', 'to_phase_id'],
    additive='to_phase_id',
    totals={'n_moved': 'n_started'},
    repeated={'n_started': ['to_phase_id']},
    bases={'n_started': [], 'n_moved': []}
) }}

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    protected.product_id,
    protected.from_phase_id,
    protected.to_phase_id,
    case
        when protected.to_phase_id = protected.from_phase_id then 'stayed'
        when to_phase.rank > from_phase.rank then 'forward'
        else 'back'
    end as movement,
    cast(protected.n_started as bigint) as n_started,
    protected.n_started_suppressed,
    cast(protected.n_moved as bigint) as n_moved,
    protected.n_moved_suppressed,
    {{ kpi_rate_columns('transition_rate', 'protected.n_moved', 'protected.n_started') }},
    case
        when protected.n_started_suppressed or protected.n_moved_suppressed then 'suppressed'
        when protected.n_started < {{ kpi_least_counted() }} then 'counts_only'
        when protected.n_started < 30 then 'reference'
        else 'shown'
    end as display_state
from protected
inner join phases as from_phase
    on protected.from_phase_id = from_phase.phase_id
inner join phases as to_phase
    on protected.to_phase_id = to_phase.phase_id

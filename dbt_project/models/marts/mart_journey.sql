-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# From the seed's ranks: who has not begun comes before who has fallen back, and both before the first step. #}
phases as (
    select
        phase_id,
        row_number() over (order by rank, can_move_forward desc, phase_id) as phase_order
    from {{ ref('journey_phase') }}
),

universe as (
    select *
    from {{ ref('mart_physician_period') }}
    where is_in_universe
),

{# How far a physician stands with one product: the phase first, then whether more than a judgement says so. #}
standings as (
    select
        phases.phase_id,
        kinds_of_evidence.is_judged_only,
        2 * phases.phase_order + 1 - kinds_of_evidence.is_judged_only as standing
    from phases
    cross join (
        select 0 as is_judged_only
        union all
        select 1 as is_judged_only
    ) as kinds_of_evidence
),

{# Over all products a physician stands where he is furthest with any of them, once. A month ends several periods, so
   this is found before periods come in. #}
furthest as (
    select
        journey.physician_key,
        journey.snapshot_on,
        max(standings.standing) as standing
    from {{ ref('fct_journey_phase') }} as journey
    inner join standings
        on
            journey.phase_id = standings.phase_id
            and case when journey.evidence_level = 'C' then 1 else 0 end = standings.is_judged_only
    group by journey.physician_key, journey.snapshot_on
),

{# Counted once per representative before they are summed up the tree: thousands of rows instead of millions. #}
phase_members as (
    select
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        journey.product_id, journey.phase_id, count(*) as members,
        sum(case when journey.evidence_level = 'C' then 1 else 0 end) as judged_only
    from universe
    inner join {{ ref('fct_journey_phase') }} as journey
        on
            universe.period_end = journey.snapshot_on
            and universe.physician_key = journey.physician_key
    group by
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        journey.product_id, journey.phase_id
    union all
    select
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        null as product_id, standings.phase_id, count(*) as members, sum(standings.is_judged_only) as judged_only
    from universe
    inner join furthest
        on
            universe.period_end = furthest.snapshot_on
            and universe.physician_key = furthest.physician_key
    inner join standings
        on furthest.standing = standings.standing
    group by
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id, standings.phase_id
),

phase_counts as (
    select
        period_type,
        period_start,
        period_end,
        product_id,
        phase_id,
        {{ kpi_scope_columns() }},
        sum(members) as n_in_phase,
        sum(judged_only) as n_judged_only
    from phase_members
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end', 'product_id', 'phase_id']) }}
),

phase_totals as (
    select
        scope_type,
        scope_id,
        max(parent_scope_id) as parent_scope_id,
        period_type,
        period_start,
        period_end,
        product_id,
        '' as any_phase,
        sum(n_in_phase) as n_target_physicians
    from phase_counts
    group by scope_type, scope_id, period_type, period_start, period_end, product_id
),

{# Transitions that end with the period. A longer period does not give a physician more time to move. #}
transitions as (
    select
        physician_key,
        end_on,
        product_id,
        from_phase_id,
        case when is_forward then 1 else 0 end as moved_forward
    from {{ ref('fct_journey_transition') }}
    where is_countable
),

{# A physician has one transition per product; over all products he moved if he did with any. #}
furthest_transition as (
    select
        physician_key,
        end_on,
        max(moved_forward) as moved_forward
    from transitions
    group by physician_key, end_on
),

transition_by_phase as (
    select
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        transitions.product_id, transitions.from_phase_id as phase_id,
        count(*) as at_start, sum(transitions.moved_forward) as moved_forward
    from universe
    inner join transitions
        on
            universe.physician_key = transitions.physician_key
            and universe.period_end = transitions.end_on
    group by
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        transitions.product_id, transitions.from_phase_id
),

transition_levels as (
    select
        period_type, period_start, period_end, employee_key, office_id, branch_id,
        product_id, phase_id, at_start, moved_forward
    from transition_by_phase
    union all
    select
        period_type, period_start, period_end, employee_key, office_id, branch_id,
        product_id, null as phase_id, sum(at_start) as at_start, sum(moved_forward) as moved_forward
    from transition_by_phase
    group by period_type, period_start, period_end, employee_key, office_id, branch_id, product_id
    union all
    select
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id,
        null as product_id, null as phase_id,
        count(*) as at_start, sum(furthest_transition.moved_forward) as moved_forward
    from universe
    inner join furthest_transition
        on
            universe.physician_key = furthest_transition.physician_key
            and universe.period_end = furthest_transition.end_on
    group by
        universe.period_type, universe.period_start, universe.period_end,
        universe.employee_key, universe.office_id, universe.branch_id
),

transition_counts as (
    select
        period_type,
        period_start,
        period_end,
        product_id,
        phase_id,
        {{ kpi_scope_columns() }},
        sum(at_start) as n_at_start,
        sum(moved_forward) as n_moved_forward
    from transition_levels
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end', 'product_id', 'phase_id']) }}
),

{# Half a year of logs must lie behind the period, or everybody would look unseen. #}
first_month as (
    select min(period_start) as period_start
    from {{ ref('mart_period') }}
    where period_type = 'month'
),

seen as (
    select distinct
        period_ends.period_end,
        contact_month.physician_key
    from (select distinct period_end from {{ ref('mart_period') }}) as period_ends
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on
            contact_month.month_end <= period_ends.period_end
            and contact_month.month_end
            >= {{ add_months("cast(date_trunc('month', period_ends.period_end) as date)", '-5') }}
    where contact_month.contacts > 0
),

unseen_counts as (
    select
        universe.period_type,
        universe.period_start,
        universe.period_end,
        {{ kpi_scope_columns() }},
        '' as any_product,
        count(*) as n_observable,
        sum(case when seen.physician_key is null then 1 else 0 end) as n_unseen
    from universe
    inner join first_month
        on
            first_month.period_start
            <= {{ add_months("cast(date_trunc('month', universe.period_end) as date)", '-5') }}
    left join seen
        on
            universe.period_end = seen.period_end
            and universe.physician_key = seen.physician_key
    group by {{ kpi_scope_sets(['universe.period_type', 'universe.period_start', 'universe.period_end']) }}
),

cells as (
    select
        phase_totals.scope_type,
        phase_totals.scope_id,
        phase_totals.parent_scope_id,
        phase_totals.period_type,
        phase_totals.period_start,
        phase_totals.period_end,
        phase_totals.product_id,
        phases.phase_id,
        phase_totals.n_target_physicians,
        coalesce(phase_counts.n_in_phase, 0) as n_in_phase,
        coalesce(phase_counts.n_judged_only, 0) as n_judged_only,
        transition_counts.n_at_start,
        transition_counts.n_moved_forward,
        cast(null as bigint) as n_observable,
        cast(null as bigint) as n_unseen
    from phase_totals
    cross join phases
    left join phase_counts
        on
            phase_totals.scope_type = phase_counts.scope_type
            and coalesce(phase_totals.scope_id, '') = coalesce(phase_counts.scope_id, '')
            and phase_totals.period_type = phase_counts.period_type
            and phase_totals.period_start = phase_counts.period_start
            and coalesce(phase_totals.product_id, '') = coalesce(phase_counts.product_id, '')
            and phases.phase_id = phase_counts.phase_id
    left join transition_counts
        on
            phase_totals.scope_type = transition_counts.scope_type
            and coalesce(phase_totals.scope_id, '') = coalesce(transition_counts.scope_id, '')
            and phase_totals.period_type = transition_counts.period_type
            and phase_totals.period_start = transition_counts.period_start
            and phase_totals.product_id = transition_counts.product_id
            and phases.phase_id = transition_counts.phase_id
    union all
    select
        phase_totals.scope_type,
        phase_totals.scope_id,
        phase_totals.parent_scope_id,
        phase_totals.period_type,
        phase_totals.period_start,
        phase_totals.period_end,
        phase_totals.product_id,
        null as phase_id,
        phase_totals.n_target_physicians,
        null as n_in_phase,
        null as n_judged_only,
        transition_counts.n_at_start,
        transition_counts.n_moved_forward,
        unseen_counts.n_observable,
        unseen_counts.n_unseen
    from phase_totals
    left join transition_counts
        on
            phase_totals.scope_type = transition_counts.scope_type
            and coalesce(phase_totals.scope_id, '') = coalesce(transition_counts.scope_id, '')
            and phase_totals.period_type = transition_counts.period_type
            and phase_totals.period_start = transition_counts.period_start
            and coalesce(phase_totals.product_id, '') = coalesce(transition_counts.product_id, '')
            and coalesce(transition_counts.phase_id, '') = phase_totals.any_phase
    left join unseen_counts
        on
            phase_totals.scope_type = unseen_counts.scope_type
            and coalesce(phase_totals.scope_id, '') = coalesce(unseen_counts.scope_id, '')
            and phase_totals.period_type = unseen_counts.period_type
            and phase_totals.period_start = unseen_counts.period_start
            and coalesce(phase_totals.product_id, '') = unseen_counts.any_product
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'product_id', 'phase_id'],
    additive='phase_id',
    totals={'n_in_phase': 'n_target_physicians'},
    repeated={'n_target_physicians': ['phase_id']},
    bases={
        'n_target_physicians': [],
        'n_in_phase': ['n_judged_only'],
        'n_at_start': ['n_moved_forward'],
        'n_observable': ['n_unseen'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    product_id,
    phase_id,
    cast(n_target_physicians as bigint) as n_target_physicians,
    n_target_physicians_suppressed,
    cast(n_in_phase as bigint) as n_in_phase,
    n_in_phase_suppressed,
    cast(n_judged_only as bigint) as n_judged_only,
    cast(n_at_start as bigint) as n_at_start,
    n_at_start_suppressed,
    cast(n_moved_forward as bigint) as n_moved_forward,
    cast(n_observable as bigint) as n_observable,
    n_observable_suppressed,
    cast(n_unseen as bigint) as n_unseen
from protected

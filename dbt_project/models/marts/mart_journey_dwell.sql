-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

setting as (
    select * from {{ rows_in_force('journey_setting') }} as in_force
),

{# From here on the logs reach back far enough to know a phase (journey_setting.warm_up_months). #}
known_from as (
    select
        last_day({{ add_months('first_month.month_end', 'setting.warm_up_months - 1') }}) as month_end,
        setting.rule_version
    from setting
    cross join (select min(month_end) as month_end from {{ ref('fct_journey_phase') }}) as first_month
),

{# Whoever leaves the master is no longer seen: his stay has lasted at least until then. #}
last_seen as (
    select
        physician_key,
        max(month_end) as month_end
    from {{ ref('fct_physician_month') }}
    where is_active
    group by physician_key
),

stays as (
    select
        journey.physician_key,
        journey.product_id,
        journey.phase_id,
        journey.phase_since as began_on,
        max(journey.month_end) as last_on
    from {{ ref('fct_journey_phase') }} as journey
    inner join last_seen
        on journey.physician_key = last_seen.physician_key and journey.month_end <= last_seen.month_end
    group by journey.physician_key, journey.product_id, journey.phase_id, journey.phase_since
),

in_order as (
    select
        stays.*,
        lag(began_on) over (partition by physician_key, product_id order by began_on) as earlier_on,
        lead(began_on) over (partition by physician_key, product_id order by began_on) as left_on
    from stays
),

{# Targets when the stay began, in the branch they belonged to then. The first stay of a physician, and one that began
   before phases can be known, began at an unknown time: it is counted, and kept out of the median. #}
members as (
    select
        in_order.physician_key,
        in_order.product_id,
        in_order.phase_id,
        physician_month.branch_id,
        case when in_order.earlier_on is null or in_order.began_on < known_from.month_end then 1 else 0 end
            as is_start_unknown,
        case when in_order.left_on is null then 0 else 1 end as has_left,
        {{ days_between('in_order.began_on', 'coalesce(in_order.left_on, in_order.last_on)') }} as days
    from in_order
    cross join known_from
    inner join {{ ref('fct_physician_month') }} as physician_month
        on in_order.physician_key = physician_month.physician_key and in_order.began_on = physician_month.month_end
    where physician_month.is_target and physician_month.is_active
),

counts as (
    select
        product_id,
        phase_id,
        case when grouping(branch_id) = 0 then 'branch' else 'company' end as scope_type,
        case when grouping(branch_id) = 0 then branch_id else 'company' end as scope_id,
        'company' as parent_scope_id,
        count(distinct case when is_start_unknown = 0 then physician_key end) as n_physicians,
        sum(1 - is_start_unknown) as stays,
        sum(case when is_start_unknown = 0 then has_left else 0 end) as stays_ended,
        count(distinct case when is_start_unknown = 1 then physician_key end) as n_physicians_start_unknown,
        sum(is_start_unknown) as stays_start_unknown
    from members
    group by grouping sets ((product_id, phase_id), (product_id, phase_id, branch_id))
),

by_days as (
    select
        product_id,
        phase_id,
        case when grouping(branch_id) = 0 then 'branch' else 'company' end as scope_type,
        case when grouping(branch_id) = 0 then branch_id else 'company' end as scope_id,
        days as days_waited,
        cast(count(*) as double) as ended_or_censored,
        cast(sum(has_left) as double) as ended
    from members
    where is_start_unknown = 0
    group by grouping sets ((product_id, phase_id, days), (product_id, phase_id, days, branch_id))
),

{{ kpi_median_days('by_days', ['scope_type', 'scope_id', 'product_id', 'phase_id']) }},

cells as (
    select
        counts.*,
        {#- Below ten only counts are shown (H2). #}
        case when counts.stays >= {{ kpi_least_counted() }} then medians.days_median end as dwell_days_median,
        case when counts.stays >= {{ kpi_least_counted() }} then medians.days_median_low end as dwell_days_median_low,
        case when counts.stays >= {{ kpi_least_counted() }} then medians.days_median_high end as dwell_days_median_high
    from counts
    left join medians
        on
            counts.scope_type = medians.scope_type
            and coalesce(counts.scope_id, '') = coalesce(medians.scope_id, '')
            and counts.product_id = medians.product_id
            and counts.phase_id = medians.phase_id
),

{{ kpi_protected(
    cells='cells',
    keys=['product_id', 'phase_id'],
    bases={
        'n_physicians': [
            'stays', 'stays_ended', 'dwell_days_median', 'dwell_days_median_low', 'dwell_days_median_high'
        ],
        'n_physicians_start_unknown': ['stays_start_unknown'],
    }
) }}

select
    protected.scope_type,
    protected.scope_id,
    protected.product_id,
    protected.phase_id,
    cast(protected.n_physicians as bigint) as n_physicians,
    protected.n_physicians_suppressed,
    cast(protected.stays as bigint) as stays,
    cast(protected.stays_ended as bigint) as stays_ended,
    cast(protected.dwell_days_median as double) as dwell_days_median,
    cast(protected.dwell_days_median_low as double) as dwell_days_median_low,
    cast(protected.dwell_days_median_high as double) as dwell_days_median_high,
    cast(protected.n_physicians_start_unknown as bigint) as n_physicians_start_unknown,
    protected.n_physicians_start_unknown_suppressed,
    cast(protected.stays_start_unknown as bigint) as stays_start_unknown,
    case
        when protected.n_physicians_suppressed then 'suppressed'
        when protected.stays < {{ kpi_least_counted() }} then 'counts_only'
        when protected.dwell_days_median is null then 'withheld'
        when protected.stays < 30 then 'reference'
        else 'shown'
    end as display_state,
    case
        when protected.n_physicians_suppressed
            then '先生の人数が少なく、個人が分かるおそれがあるため、出していません'
        when protected.stays = 0 then '始まりの分かる滞在がありませんでした'
        when protected.stays < {{ kpi_least_counted() }} then '対象が{{ kpi_least_counted() }}に満たないため、件数だけを出しています'
        when protected.dwell_days_median is null then '半分以上の先生がまだその段階にいるため、まだ計算できません'
        when protected.stays < 30 then '対象が30に満たないため、参考値です'
    end as reason,
    'E1' as evidence_level,
    known_from.rule_version
from protected
cross join known_from

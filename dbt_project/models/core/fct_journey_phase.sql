-- On a month's last day the highest phase held wins; on equal phases the better evidence, then the newer. So moves
-- up are immediate and moves down wait until what held the phase (fct_journey_hold) has run out.
with month as (
    select distinct month_end from {{ ref('fct_physician_month') }}
),

rule as (
    select
        evidence_kind,
        pattern,
        phase_id,
        row_number() over (order by evidence_kind, pattern, phase_id) as rule_number
    from {{ ref('journey_phase_rule') }}
    where rule_version = (select max(rule_version) from {{ ref('journey_phase_rule') }})
),

-- One number that orders what holds a phase on one day; two rows of one rule and physician never share a day.
weighed as (
    select
        hold.physician_key,
        hold.product_id,
        hold.phase_id,
        hold.evidence_level,
        coalesce(hold.evidence_touchpoint_key, '') as evidence_touchpoint_key,
        hold.holds_from,
        hold.holds_until,
        phase.rank,
        cast(phase.rank as bigint) * 1000000000
        + case hold.evidence_level when 'A' then 3 when 'B' then 2 when 'C' then 1 else 0 end * 100000000
        + {{ days_between("cast('2000-01-01' as date)", 'hold.evidence_on') }} * 100
        + rule.rule_number as strength
    from {{ ref('fct_journey_hold') }} as hold
    inner join {{ ref('journey_phase') }} as phase
        on hold.phase_id = phase.phase_id
    inner join rule
        on
            hold.evidence_kind = rule.evidence_kind
            and hold.pattern = rule.pattern
            and hold.phase_id = rule.phase_id
),

best as (
    select
        weighed.physician_key,
        weighed.product_id,
        month.month_end,
        max(weighed.rank) as rank,
        max_by(weighed.phase_id, weighed.strength) as phase_id,
        max_by(weighed.evidence_level, weighed.strength) as evidence_level,
        nullif(max_by(weighed.evidence_touchpoint_key, weighed.strength), '') as evidence_touchpoint_key
    from weighed
    inner join month
        on month.month_end between weighed.holds_from and weighed.holds_until
    group by weighed.physician_key, weighed.product_id, month.month_end
),

-- From when on a physician had been interested: only who was can become dormant.
interested as (
    select
        physician_key,
        product_id,
        min(month_end) as since
    from best
    where rank >= 2
    group by physician_key, product_id
),

stop as (
    select
        physician_key,
        product_id,
        evidence_on as stopped_on,
        evidence_touchpoint_key,
        case when evidence_kind = 'stopped_stated' then 'A' else 'C' end as evidence_level
    from {{ ref('fct_journey_evidence') }}
    where evidence_kind in ('stopped_stated', 'stopped_mr_recorded')
),

stopped_by_month_end as (
    select
        stop.physician_key,
        stop.product_id,
        month.month_end,
        min(stop.evidence_level) as evidence_level,
        min(stop.evidence_touchpoint_key) as evidence_touchpoint_key
    from stop
    inner join month
        on stop.stopped_on <= month.month_end
    group by stop.physician_key, stop.product_id, month.month_end
),

universe as (
    select
        physician.physician_key,
        product.product_id,
        physician.month_end
    from {{ ref('fct_physician_month') }} as physician
    cross join {{ ref('dim_product') }} as product
    where product.is_company_product
),

reached as (
    select
        universe.physician_key,
        universe.product_id,
        universe.month_end,
        best.phase_id,
        best.evidence_level,
        best.evidence_touchpoint_key,
        coalesce(interested.since <= universe.month_end, false) as was_interested,
        stopped.month_end is not null as has_stopped,
        stopped.evidence_level as stop_level,
        stopped.evidence_touchpoint_key as stop_touchpoint_key
    from universe
    left join best
        on
            universe.physician_key = best.physician_key
            and universe.product_id = best.product_id
            and universe.month_end = best.month_end
    left join interested
        on
            universe.physician_key = interested.physician_key
            and universe.product_id = interested.product_id
    left join stopped_by_month_end as stopped
        on
            universe.physician_key = stopped.physician_key
            and universe.product_id = stopped.product_id
            and universe.month_end = stopped.month_end
),

phased as (
    select
        physician_key,
        product_id,
        month_end,
        case
            when phase_id is not null then phase_id
            when has_stopped or was_interested then 'PX'
            else 'P0'
        end as phase_id,
        case
            when phase_id is not null then evidence_level
            when has_stopped then stop_level
            else 'none'
        end as evidence_level,
        case
            when phase_id is not null then evidence_touchpoint_key
            when has_stopped then stop_touchpoint_key
        end as evidence_touchpoint_key
    from reached
),

changed as (
    select
        phased.*,
        lag(phase_id) over (partition by physician_key, product_id order by month_end) as earlier_phase_id
    from phased
),

begun as (
    select
        changed.*,
        case when earlier_phase_id is null or earlier_phase_id <> phase_id then month_end end as begins_on
    from changed
)

select
    begun.physician_key,
    begun.product_id,
    begun.month_end as snapshot_on,
    begun.month_end,
    begun.phase_id,
    begun.evidence_level,
    begun.evidence_touchpoint_key,
    max(begun.begins_on) over (
        partition by begun.physician_key, begun.product_id
        order by begun.month_end
        rows between unbounded preceding and current row
    ) as phase_since,
    setting.rule_version
from begun
cross join {{ ref('journey_setting') }} as setting
where setting.rule_version = (select max(rule_version) from {{ ref('journey_setting') }})

-- Evidence holds a phase from its day until its window and the hysteresis have passed; on a month's last day the
-- highest phase held wins, on equal phases the better evidence. So moves up are immediate and moves down wait.
-- A statement that use has stopped takes back everything before it.
with setting as (
    select * from {{ rows_in_force('journey_setting') }} as in_force
),

rule as (
    select
        phase_rule.*,
        setting.hysteresis_days,
        phase.rank
    from {{ ref('journey_phase_rule') }} as phase_rule
    inner join setting
        on phase_rule.rule_version = setting.rule_version
    inner join {{ ref('journey_phase') }} as phase
        on phase_rule.phase_id = phase.phase_id
),

evidence as (
    select
        physician_key,
        product_id,
        evidence_kind,
        evidence_on,
        evidence_touchpoint_key,
        next_on,
        next_on is null or next_on > last_day(evidence_on) as is_last_of_month
    from (
        select
            physician_key,
            product_id,
            evidence_kind,
            evidence_on,
            evidence_touchpoint_key,
            lead(evidence_on) over (
                partition by physician_key, product_id, evidence_kind order by evidence_on
            ) as next_on
        from {{ ref('fct_journey_evidence') }}
    ) as in_order
),

-- Snapshots are taken on month ends only, and of one rule's evidence the newest decides: it holds longest, and a
-- statement that takes it back takes back the older too. So a month's last act stands, until the next one.
single as (
    select
        evidence.physician_key,
        evidence.product_id,
        rule.phase_id,
        rule.rank,
        rule.evidence_level,
        evidence.evidence_on,
        evidence.evidence_touchpoint_key,
        evidence.evidence_on as oldest_on,
        evidence.evidence_on as holds_from,
        {{ add_days('evidence.evidence_on', 'rule.window_days + rule.hysteresis_days') }} as holds_until,
        evidence.next_on as replaced_on
    from evidence
    inner join rule
        on evidence.evidence_kind = rule.evidence_kind
    where rule.pattern = 'single' and evidence.is_last_of_month
),

pair as (
    select
        later.physician_key,
        later.product_id,
        later.evidence_kind,
        rule.phase_id,
        rule.rank,
        rule.evidence_level,
        later.evidence_on,
        later.evidence_touchpoint_key,
        max(earlier.evidence_on) as oldest_on,
        max(rule.window_days + rule.hysteresis_days) as holds_days
    from evidence as later
    inner join rule
        on later.evidence_kind = rule.evidence_kind
    inner join evidence as earlier
        on
            later.physician_key = earlier.physician_key
            and later.product_id = earlier.product_id
            and later.evidence_kind = earlier.evidence_kind
            and earlier.evidence_on <= {{ add_days('later.evidence_on', '-rule.min_gap_days') }}
            and earlier.evidence_on >= {{ add_days('later.evidence_on', '-rule.window_days') }}
    where rule.pattern = 'two_days' and later.is_last_of_month
    group by
        later.physician_key,
        later.product_id,
        later.evidence_kind,
        rule.phase_id,
        rule.rank,
        rule.evidence_level,
        later.evidence_on,
        later.evidence_touchpoint_key
),

two_days as (
    select
        physician_key,
        product_id,
        phase_id,
        rank,
        evidence_level,
        evidence_on,
        evidence_touchpoint_key,
        oldest_on,
        evidence_on as holds_from,
        {{ add_days('oldest_on', 'holds_days') }} as holds_until,
        lead(evidence_on) over (
            partition by physician_key, product_id, evidence_kind, phase_id order by evidence_on
        ) as replaced_on
    from pair
),

with_act as (
    select
        stated.physician_key,
        stated.product_id,
        rule.phase_id,
        rule.rank,
        rule.evidence_level,
        greatest(stated.evidence_on, act.evidence_on) as evidence_on,
        act.evidence_touchpoint_key,
        least(stated.evidence_on, act.evidence_on) as oldest_on,
        greatest(stated.evidence_on, act.evidence_on) as holds_from,
        {{ add_days('least(stated.evidence_on, act.evidence_on)', 'rule.window_days + rule.hysteresis_days') }}
            as holds_until,
        cast(null as date) as replaced_on
    from evidence as stated
    inner join rule
        on stated.evidence_kind = rule.evidence_kind
    inner join evidence as act
        on
            stated.physician_key = act.physician_key
            and stated.product_id = act.product_id
            and act.evidence_kind = 'peer_act'
            and abs({{ days_between('stated.evidence_on', 'act.evidence_on') }}) <= rule.window_days
    where rule.pattern = 'with_act'
),

held as (
    select * from single
    union all
    select * from two_days
    union all
    select * from with_act
),

stop as (
    select
        physician_key,
        product_id,
        evidence_on as stopped_on,
        evidence_touchpoint_key,
        case when evidence_kind = 'stopped_stated' then 'A' else 'C' end as evidence_level
    from evidence
    where evidence_kind in ('stopped_stated', 'stopped_mr_recorded')
),

month as (
    select distinct month_end from {{ ref('fct_physician_month') }}
),

held_on_month_end as (
    select
        held.physician_key,
        held.product_id,
        held.phase_id,
        held.rank,
        held.evidence_level,
        held.evidence_on,
        held.evidence_touchpoint_key,
        month.month_end
    from held
    inner join month
        on
            month.month_end between held.holds_from and held.holds_until
            and month.month_end < coalesce(held.replaced_on, cast('9999-12-31' as date))
    where not exists (
        select 1 from stop
        where
            stop.physician_key = held.physician_key
            and stop.product_id = held.product_id
            and stop.stopped_on between held.oldest_on and month.month_end
    )
),

best as (
    select
        held_on_month_end.*,
        row_number() over (
            partition by physician_key, product_id, month_end
            order by rank desc, evidence_level asc, evidence_on desc, evidence_touchpoint_key asc
        ) as place
    from held_on_month_end
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
        coalesce(max(best.rank) over (
            partition by universe.physician_key, universe.product_id
            order by universe.month_end
            rows between unbounded preceding and current row
        ), 0) as highest_rank,
        stopped.month_end is not null as has_stopped,
        stopped.evidence_level as stop_level,
        stopped.evidence_touchpoint_key as stop_touchpoint_key
    from universe
    left join best
        on
            universe.physician_key = best.physician_key
            and universe.product_id = best.product_id
            and universe.month_end = best.month_end
            and best.place = 1
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
            when has_stopped or highest_rank >= 2 then 'PX'
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
cross join setting

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
        lag(evidence_on) over (
            partition by physician_key, product_id, evidence_kind order by evidence_on
        ) as previous_on,
        lead(evidence_on) over (
            partition by physician_key, product_id, evidence_kind order by evidence_on
        ) as next_on
    from {{ ref('fct_journey_evidence') }}
),

-- The day before is the earlier one of two days, unless a rule wants them further apart: then it is looked for.
spaced as (
    select
        evidence.physician_key,
        evidence.product_id,
        evidence.evidence_kind,
        evidence.evidence_on,
        rule.phase_id,
        rule.min_gap_days
    from {{ ref('fct_journey_evidence') }} as evidence
    inner join rule
        on evidence.evidence_kind = rule.evidence_kind
    where rule.pattern = 'two_days' and rule.min_gap_days > 1
),

further_apart as (
    select
        later.physician_key,
        later.product_id,
        later.evidence_kind,
        later.evidence_on,
        later.phase_id,
        max(earlier.evidence_on) as earlier_on
    from spaced as later
    inner join spaced as earlier
        on
            later.physician_key = earlier.physician_key
            and later.product_id = earlier.product_id
            and later.evidence_kind = earlier.evidence_kind
            and later.phase_id = earlier.phase_id
            and earlier.evidence_on <= {{ add_days('later.evidence_on', '-later.min_gap_days') }}
    group by later.physician_key, later.product_id, later.evidence_kind, later.evidence_on, later.phase_id
),

-- Snapshots are taken on month ends only, and of one rule's evidence the newest decides: it holds longest, and a
-- statement that takes it back takes back the older too. So a month's last act stands, until the next one. That
-- holds of two days too where the next act makes two days with this one.
matched as (
    select
        evidence.physician_key,
        evidence.product_id,
        rule.phase_id,
        rule.rank,
        rule.evidence_level,
        evidence.evidence_on,
        evidence.evidence_touchpoint_key,
        case
            when rule.pattern = 'single' then evidence.evidence_on
            when rule.min_gap_days > 1 then further_apart.earlier_on
            else evidence.previous_on
        end as oldest_on,
        case
            when
                rule.pattern = 'single'
                or (
                    rule.min_gap_days <= 1
                    and evidence.next_on <= {{ add_days('evidence.evidence_on', 'rule.window_days') }}
                )
                then evidence.next_on
        end as replaced_on,
        rule.window_days,
        rule.hysteresis_days
    from evidence
    inner join rule
        on evidence.evidence_kind = rule.evidence_kind
    left join further_apart
        on
            evidence.physician_key = further_apart.physician_key
            and evidence.product_id = further_apart.product_id
            and evidence.evidence_kind = further_apart.evidence_kind
            and evidence.evidence_on = further_apart.evidence_on
            and rule.phase_id = further_apart.phase_id
    where
        rule.pattern in ('single', 'two_days')
        and (evidence.next_on is null or evidence.next_on > last_day(evidence.evidence_on))
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
        {{ add_days('least(stated.evidence_on, act.evidence_on)', 'rule.window_days + rule.hysteresis_days') }}
            as holds_until,
        cast(null as date) as replaced_on
    from {{ ref('fct_journey_evidence') }} as stated
    inner join rule
        on stated.evidence_kind = rule.evidence_kind
    inner join {{ ref('fct_journey_evidence') }} as act
        on
            stated.physician_key = act.physician_key
            and stated.product_id = act.product_id
            and act.evidence_kind = 'peer_act'
            and abs({{ days_between('stated.evidence_on', 'act.evidence_on') }}) <= rule.window_days
    where rule.pattern = 'with_act'
),

held as (
    select
        physician_key,
        product_id,
        phase_id,
        rank,
        evidence_level,
        evidence_on,
        evidence_touchpoint_key,
        oldest_on,
        {{ add_days('oldest_on', 'window_days + hysteresis_days') }} as holds_until,
        replaced_on
    from matched
    where oldest_on >= {{ add_days('evidence_on', '-window_days') }}
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
    from {{ ref('fct_journey_evidence') }}
    where evidence_kind in ('stopped_stated', 'stopped_mr_recorded')
),

month as (
    select distinct month_end from {{ ref('fct_physician_month') }}
),

first_month as (
    select min(month_end) as month_end from month
),

-- Which month ends can come after evidence of which month.
month_after as (
    select
        month.month_end as evidence_month_end,
        later.month_end
    from month
    inner join month as later
        on month.month_end <= later.month_end
),

stopped_by_month_end as (
    select
        stop.physician_key,
        stop.product_id,
        month.month_end,
        min(stop.evidence_level) as evidence_level,
        min(stop.evidence_touchpoint_key) as evidence_touchpoint_key,
        max(stop.stopped_on) as stopped_on
    from stop
    inner join month
        on stop.stopped_on <= month.month_end
    group by stop.physician_key, stop.product_id, month.month_end
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
        month_after.month_end
    from held
    cross join first_month
    inner join month_after
        on
            greatest(last_day(held.evidence_on), first_month.month_end) = month_after.evidence_month_end
            and month_after.month_end <= held.holds_until
            and month_after.month_end < coalesce(held.replaced_on, cast('9999-12-31' as date))
    left join stopped_by_month_end as stopped
        on
            held.physician_key = stopped.physician_key
            and held.product_id = stopped.product_id
            and month_after.month_end = stopped.month_end
    where stopped.stopped_on is null or stopped.stopped_on < held.oldest_on
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

-- Only horizons that have ended: a start month appears once its end is due. Where the logs begin, nobody has evidence
-- yet and everybody seems to move forward: a start without the warm-up of logs behind it is marked. Which transitions a
-- rate counts is decided here, once.
with setting as (
    select * from {{ rows_in_force('journey_setting') }} as in_force
),

started as (
    select
        phase.*,
        setting.transition_horizon_days as horizon_days,
        phase.month_end >= last_day({{ add_months('first_month.month_end', 'setting.warm_up_months - 1') }})
            as is_start_observable,
        last_day({{ add_months('phase.month_end', 'setting.transition_horizon_months') }}) as end_on
    from {{ ref('fct_journey_phase') }} as phase
    cross join setting
    cross join (select min(month_end) as month_end from {{ ref('fct_journey_phase') }}) as first_month
),

due as (
    select * from started
    where end_on <= (select max(month_end) from {{ ref('fct_journey_phase') }})
),

ended as (
    select
        phase.physician_key,
        phase.product_id,
        phase.month_end,
        phase.phase_id
    from {{ ref('fct_journey_phase') }} as phase
    inner join {{ ref('fct_physician_month') }} as physician
        on phase.physician_key = physician.physician_key and phase.month_end = physician.month_end
    where physician.is_active
),

target as (
    select
        physician_key,
        month_end
    from {{ ref('fct_physician_month') }}
    where is_target and is_active
),

judged as (
    select
        due.physician_key,
        due.product_id,
        due.month_end,
        due.end_on,
        due.horizon_days,
        due.phase_id as from_phase_id,
        ended.phase_id as to_phase_id,
        coalesce(to_phase.rank > from_phase.rank, false) as is_forward,
        due.is_start_observable,
        ended.physician_key is not null as is_observed_until_end,
        target_at_start.physician_key is not null and target_at_end.physician_key is not null as is_target_throughout,
        coalesce(from_phase.can_move_forward, false) as can_move_forward,
        due.rule_version
    from due
    left join ended
        on
            due.physician_key = ended.physician_key
            and due.product_id = ended.product_id
            and due.end_on = ended.month_end
    left join target as target_at_start
        on due.physician_key = target_at_start.physician_key and due.month_end = target_at_start.month_end
    left join target as target_at_end
        on due.physician_key = target_at_end.physician_key and due.end_on = target_at_end.month_end
    left join {{ ref('journey_phase') }} as from_phase
        on due.phase_id = from_phase.phase_id
    left join {{ ref('journey_phase') }} as to_phase
        on ended.phase_id = to_phase.phase_id
)

select
    physician_key,
    product_id,
    month_end,
    end_on,
    horizon_days,
    from_phase_id,
    to_phase_id,
    is_forward,
    is_start_observable,
    is_observed_until_end,
    is_target_throughout,
    is_start_observable and is_observed_until_end and is_target_throughout and can_move_forward as is_countable,
    rule_version
from judged

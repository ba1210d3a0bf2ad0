{#- A share of fewer physicians is no basis (H2). Of some offices counts are told in tens: several initiatives with
   nearly the same offices would tell of the few in one of them (H7). -#}
{%- set least_compared = 30 -%}
{%- set step = 10 -%}
with

can_move_on as (
    select phase_id
    from {{ ref('journey_phase') }}
    where can_move_forward
),

{# Each initiative is looked at on the day before it starts, or today while it is a plan: what came later cannot have
   made it ready. #}
initiative as (
    select
        initiative_id,
        name_ja,
        product_id,
        design,
        willing_offices,
        n_willing_offices,
        has_event_in_window,
        case
            when starts_on <= {{ as_of() }} then {{ add_days('starts_on', '-1') }}
            else {{ as_of() }}
        end as evaluated_on
    from {{ ref('dim_initiative') }}
),

readiness_check as (
    select * from {{ rows_in_force('readiness_check') }} as in_force
),

need_of_verdict as (
    select
        minimum_clusters,
        meaningful_effect
    from {{ rows_in_force('necessity_rule') }} as in_force
),

horizon as (
    select
        transition_horizon_days,
        transition_horizon_months
    from {{ rows_in_force('journey_setting') }} as in_force
),

evaluation_day as (
    select distinct evaluated_on
    from initiative
),

content as (
    select
        initiative.initiative_id,
        count(*) as number
    from initiative
    cross join readiness_check
    inner join {{ ref('dim_content') }} as content
        on
            initiative.product_id = content.product_id
            and content.first_seen_on <= initiative.evaluated_on
            and content.last_seen_on > {{ add_days('initiative.evaluated_on', '-readiness_check.lookback_days') }}
    where readiness_check.check_id = 'content_available'
    group by initiative.initiative_id
),

last_month as (
    select
        evaluation_day.evaluated_on,
        max(physician_month.month_end) as month_end
    from evaluation_day
    inner join (select distinct month_end from {{ ref('fct_physician_month') }}) as physician_month
        on physician_month.month_end <= evaluation_day.evaluated_on
    group by evaluation_day.evaluated_on
),

{# Who was named by that day; of two codes of one physician the first assignment counts. #}
assigned as (
    select
        initiative.initiative_id,
        assignment.unit_type,
        assignment.unit_id,
        assignment.arm,
        row_number() over (
            partition by initiative.initiative_id, assignment.unit_type, assignment.unit_id
            order by assignment.assigned_on, assignment.assignment_key
        ) as place
    from initiative
    inner join {{ ref('fct_assignment') }} as assignment
        on
            initiative.initiative_id = assignment.initiative_id
            and assignment.assigned_on <= initiative.evaluated_on
    where assignment.unit_id is not null
),

unit as (
    select * from assigned
    where place = 1
),

{# Whom it is for, as far as that is known: who was assigned, else whose office asked for it, else everybody. #}
intended as (
    select
        initiative.initiative_id,
        initiative.evaluated_on,
        initiative.willing_offices,
        case
            when count(unit.unit_id) > 0 then 'assigned'
            when initiative.willing_offices is not null then 'willing_offices'
            else 'company'
        end as counted_among,
        sum(case when unit.unit_type = 'office' then 1 else 0 end) as assigned_offices
    from initiative
    left join unit
        on initiative.initiative_id = unit.initiative_id
    group by initiative.initiative_id, initiative.evaluated_on, initiative.willing_offices
),

physician as (
    select
        last_month.evaluated_on,
        last_month.month_end,
        physician_month.physician_key,
        physician_month.office_id
    from last_month
    inner join {{ ref('fct_physician_month') }} as physician_month
        on last_month.month_end = physician_month.month_end
    where physician_month.is_target and physician_month.is_active
),

{# Who is named himself is not taken with his office too. #}
member as (
    select
        intended.initiative_id,
        physician.evaluated_on,
        physician.month_end,
        physician.physician_key,
        coalesce(himself.arm, by_office.arm) as arm
    from intended
    inner join physician
        on intended.evaluated_on = physician.evaluated_on
    left join unit as himself
        on
            intended.initiative_id = himself.initiative_id
            and himself.unit_type = 'physician'
            and physician.physician_key = himself.unit_id
    left join unit as by_office
        on
            intended.initiative_id = by_office.initiative_id
            and by_office.unit_type = 'office'
            and physician.office_id = by_office.unit_id
    where
        intended.counted_among = 'company'
        or coalesce(himself.arm, by_office.arm) is not null
        or (
            intended.counted_among = 'willing_offices'
            and position(';' || physician.office_id || ';' in ';' || intended.willing_offices || ';') > 0
        )
),

{# What a physician said last by that day about each consent that a channel needs; of two words at one instant the
   opt-out counts. #}
consent as (
    select
        evaluation_day.evaluated_on,
        event.physician_key,
        event.consent_state,
        event.expires_on,
        row_number() over (
            partition by evaluation_day.evaluated_on, event.physician_key, event.channel_id
            order by
                event.captured_at desc, {{ consent_rank('event') }}, event.expires_on desc nulls last,
                event.consent_event_key
        ) as place
    from {{ ref('fct_consent_event') }} as event
    inner join evaluation_day
        on event.captured_on <= evaluation_day.evaluated_on
    where
        event.physician_key is not null
        and event.channel_id in (select rule.consent_channel from {{ ref('channel_consent_rule') }} as rule)
),

allowed as (
    select distinct
        evaluated_on,
        physician_key
    from consent
    where place = 1 and consent_state = 'opted_in' and (expires_on is null or expires_on >= evaluated_on)
),

consented as (
    select
        intended.initiative_id,
        count(allowed.physician_key) as number
    from intended
    inner join last_month
        on intended.evaluated_on = last_month.evaluated_on
    left join member
        on intended.initiative_id = member.initiative_id
    left join allowed
        on
            member.evaluated_on = allowed.evaluated_on
            and member.physician_key = allowed.physician_key
    group by intended.initiative_id
),

{# Whom a read-out could count: who stands where one can move on. The smaller arm, or half of them all. #}
in_arms as (
    select
        member.initiative_id,
        count(*) as physicians,
        sum(case when member.arm = 'treatment' then 1 else 0 end) as treated,
        sum(case when member.arm = 'control' then 1 else 0 end) as compared_with
    from member
    inner join initiative
        on member.initiative_id = initiative.initiative_id
    inner join {{ ref('fct_journey_phase') }} as phase
        on
            member.physician_key = phase.physician_key
            and member.month_end = phase.snapshot_on
            and initiative.product_id = phase.product_id
    where phase.phase_id in (select can_move_on.phase_id from can_move_on)
    group by member.initiative_id
),

{# How often physicians moved on with the product in the newest horizon that was over by that day. #}
before_start as (
    select
        initiative.initiative_id,
        cast(sum(case when transition.is_forward then 1 else 0 end) as double) / count(*) as share
    from initiative
    cross join horizon
    inner join last_month
        on initiative.evaluated_on = last_month.evaluated_on
    inner join {{ ref('fct_journey_transition') }} as transition
        on
            initiative.product_id = transition.product_id
            and transition.month_end = last_day({{
                add_months("cast(date_trunc('month', last_month.month_end) as date)", '-horizon.transition_horizon_months')
            }})
            and horizon.transition_horizon_days = transition.horizon_days
    where
        transition.is_forward is not null
        and transition.is_observed_until_end
        and transition.is_target_throughout
        and transition.from_phase_id in (select can_move_on.phase_id from can_move_on)
    group by initiative.initiative_id
    having count(*) >= {{ least_compared }}
),

channel_month as (
    select
        product_id,
        channel_id,
        month_end,
        sum(delivered_contacts) as contacts
    from {{ ref('fct_physician_channel_product_month') }}
    where channel_id not in {{ kpi_medical_channels() }}
    group by product_id, channel_id, month_end
),

{# Whole months before the day. Without any contact of any product in them nothing is known of that time. #}
recent_month as (
    select
        evaluation_day.evaluated_on,
        channel_month.product_id,
        channel_month.channel_id,
        channel_month.contacts
    from evaluation_day
    cross join readiness_check
    inner join channel_month
        on
            channel_month.month_end <= evaluation_day.evaluated_on
            and channel_month.month_end
            > {{ add_days('evaluation_day.evaluated_on', '-readiness_check.lookback_days') }}
    where readiness_check.check_id = 'live_channels'
),

recorded_day as (
    select distinct evaluated_on
    from recent_month
),

live_channel as (
    select
        recent_month.evaluated_on,
        recent_month.product_id,
        recent_month.channel_id
    from recent_month
    cross join readiness_check
    where readiness_check.check_id = 'live_channels'
    group by recent_month.evaluated_on, recent_month.product_id, recent_month.channel_id
    having sum(recent_month.contacts) >= max(readiness_check.min_contacts)
),

live as (
    select
        evaluated_on,
        product_id,
        count(*) as number
    from live_channel
    group by evaluated_on, product_id
),

measured as (
    select
        initiative.initiative_id,
        initiative.name_ja as initiative_name_ja,
        initiative.product_id,
        initiative.design,
        initiative.evaluated_on,
        intended.counted_among,
        intended.assigned_offices,
        readiness_check.rule_version,
        readiness_check.check_id,
        readiness_check.sort_order,
        readiness_check.name_ja as check_name_ja,
        readiness_check.comparison,
        readiness_check.unit_ja,
        case when readiness_check.check_id = 'physicians_per_arm' then before_start.share end as share_before,
        case when readiness_check.check_id = 'physicians_per_arm' then need_of_verdict.meaningful_effect end
            as meaningful_effect,
        case readiness_check.check_id
            when 'offices_for_verdict' then coalesce(readiness_check.threshold, need_of_verdict.minimum_clusters)
            when 'physicians_per_arm'
                then
                    coalesce(
                        readiness_check.threshold,
                        {{ kpi_units_per_arm('before_start.share', 'need_of_verdict.meaningful_effect') }}
                    )
            else readiness_check.threshold
        end as threshold,
        case readiness_check.check_id
            when 'content_available' then case when initiative.product_id is not null then coalesce(content.number, 0) end
            when 'consented_physicians' then consented.number
            when 'live_channels'
                then
                    case
                        when initiative.product_id is not null and recorded_day.evaluated_on is not null
                            then coalesce(live.number, 0)
                    end
            when 'offices_willing' then initiative.n_willing_offices
            when 'offices_for_verdict'
                then
                    case
                        when intended.counted_among <> 'assigned' then initiative.n_willing_offices
                        when intended.assigned_offices > 0 then intended.assigned_offices
                    end
            when 'physicians_per_arm'
                then
                    case
                        when initiative.product_id is null or consented.number is null then null
                        when intended.counted_among = 'assigned'
                            then least(coalesce(in_arms.treated, 0), coalesce(in_arms.compared_with, 0))
                        else floor(coalesce(in_arms.physicians, 0) / 2)
                    end
            when 'no_event_in_window'
                then case initiative.has_event_in_window when true then 1 when false then 0 end
        end as number
    from initiative
    cross join readiness_check
    cross join need_of_verdict
    inner join intended
        on initiative.initiative_id = intended.initiative_id
    left join content
        on initiative.initiative_id = content.initiative_id
    left join consented
        on initiative.initiative_id = consented.initiative_id
    left join in_arms
        on initiative.initiative_id = in_arms.initiative_id
    left join before_start
        on initiative.initiative_id = before_start.initiative_id
    left join recorded_day
        on initiative.evaluated_on = recorded_day.evaluated_on
    left join live
        on initiative.evaluated_on = live.evaluated_on and initiative.product_id = live.product_id
),

protected as (
    select
        measured.*,
        check_id in ('consented_physicians', 'physicians_per_arm') as is_of_physicians,
        case
            when check_id in ('consented_physicians', 'physicians_per_arm') and counted_among <> 'company'
                then floor(number / {{ step }}) * {{ step }}
            else number
        end as told
    from measured
)

select
    initiative_id,
    initiative_name_ja,
    product_id,
    evaluated_on,
    rule_version,
    check_id,
    cast(sort_order as integer) as sort_order,
    check_name_ja,
    comparison,
    cast(
        case
            when is_of_physicians and number > 0 and told < {{ kpi_minimum_cell() }} then null
            else told
        end as bigint
    ) as measured_value,
    cast(threshold as bigint) as threshold,
    unit_ja,
    share_before * 100 as moved_before_per_100,
    meaningful_effect * 100 as meaningful_per_100,
    case
        when check_id = 'offices_for_verdict' and counted_among = 'assigned' and assigned_offices = 0 then 'not_asked'
        when told is null or threshold is null then 'unknown'
        when comparison = 'at_least' and told >= threshold then 'yes'
        when comparison = 'at_most' and told <= threshold then 'yes'
        else 'no'
    end as is_met,
    case
        when check_id = 'consented_physicians' and number is null then 'この時点の先生の記録がありません'
        when check_id = 'consented_physicians' and counted_among = 'assigned'
            then '割り付けた先生だけを、{{ step }}人きざみで数えました（切り捨て）'
        when check_id = 'consented_physicians' and counted_among = 'willing_offices'
            then '希望した営業所の先生だけを、{{ step }}人きざみで数えました（切り捨て）'
        when check_id = 'consented_physicians' then '参加する営業所が台帳にないため、全社の先生を数えました'
        when check_id = 'offices_willing' then '始めるための目安です。判定に足りる数は、次の行にあります'
        when check_id = 'offices_for_verdict' and counted_among = 'assigned' and assigned_offices > 0
            then '割り付けた営業所の数です。足りなければ「判断できません」になります'
        when check_id = 'offices_for_verdict' and counted_among = 'assigned' and design = 'comparison_only'
            then '先生ごとに分けた施策です。代わりに、担当者が同じ数だけ要ります'
        when check_id = 'offices_for_verdict' and counted_among = 'assigned'
            then '先生ごとに分けた施策のため、営業所の数は問いません'
        when check_id = 'offices_for_verdict' and number is null then '参加を希望する営業所を、まだ聞いていません'
        when check_id = 'offices_for_verdict' then '営業所ごとに分けるとき、足りなければ「判断できません」になります'
        when check_id = 'physicians_per_arm' and product_id is null then '対象の製品が、台帳から分かりません'
        when check_id = 'physicians_per_arm' and share_before is null
            then '直前の90日を比べられる先生が{{ least_compared }}人に満たず、計算できません'
        when check_id = 'physicians_per_arm' and threshold is null then '直前に進んだ割合が高く、計算できません'
        when check_id = 'physicians_per_arm' and assigned_offices > 0
            then '目安の差を10回に8回見つける人数です。営業所ごとに分けたため、さらに多く要ります'
        when check_id = 'physicians_per_arm' and counted_among = 'assigned'
            then '目安の差を10回に8回見つける人数です。数は少ない側です'
        when check_id = 'physicians_per_arm'
            then '目安の差を10回に8回見つける人数です。半数ずつに分け、営業所ごとなら、さらに多く要ります'
    end as check_note
from protected

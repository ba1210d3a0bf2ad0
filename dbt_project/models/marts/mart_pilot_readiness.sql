with

{# Each initiative is looked at on the day before it starts, or today while it is a plan: what came later cannot have
   made it ready. #}
initiative as (
    select
        initiative_id,
        name_ja,
        product_id,
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
        last_month.evaluated_on,
        count(allowed.physician_key) as number
    from last_month
    inner join {{ ref('fct_physician_month') }} as physician
        on last_month.month_end = physician.month_end
    left join allowed
        on
            last_month.evaluated_on = allowed.evaluated_on
            and physician.physician_key = allowed.physician_key
    where physician.is_target and physician.is_active
    group by last_month.evaluated_on
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
        initiative.evaluated_on,
        readiness_check.rule_version,
        readiness_check.check_id,
        readiness_check.sort_order,
        readiness_check.name_ja as check_name_ja,
        readiness_check.comparison,
        readiness_check.threshold,
        readiness_check.unit_ja,
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
            when 'no_event_in_window'
                then case initiative.has_event_in_window when true then 1 when false then 0 end
        end as measured_value
    from initiative
    cross join readiness_check
    left join content
        on initiative.initiative_id = content.initiative_id
    left join consented
        on initiative.evaluated_on = consented.evaluated_on
    left join recorded_day
        on initiative.evaluated_on = recorded_day.evaluated_on
    left join live
        on initiative.evaluated_on = live.evaluated_on and initiative.product_id = live.product_id
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
            when check_id = 'consented_physicians' and measured_value between 1 and {{ kpi_minimum_cell() }} - 1 then null
            else measured_value
        end as bigint
    ) as measured_value,
    cast(threshold as bigint) as threshold,
    unit_ja,
    case
        when measured_value is null then 'unknown'
        when comparison = 'at_least' and measured_value >= threshold then 'yes'
        when comparison = 'at_most' and measured_value <= threshold then 'yes'
        else 'no'
    end as is_met
from measured

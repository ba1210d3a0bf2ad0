-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

rule as (
    select
        min_channels,
        contact_months
    from {{ rows_in_force('choice_rule') }} as in_force
),

target as (
    select distinct
        period_end as day_on,
        physician_key,
        employee_key
    from {{ ref('mart_physician_period') }}
    where is_in_universe
),

{# A set of channels is a number with one bit per channel: there are millions of physicians' days, and ten times as many
   with their channels. #}
channel_bit as (
    select
        channel_id,
        reached_by,
        cast(power(2, dense_rank() over (order by channel_id) - 1) as integer) as bit
    from {{ ref('choice_channel') }}
),

{# By what a channel reaches a physician, and from when to when. #}
way as (
    select
        identity.physician_key,
        channel_bit.bit,
        identity.valid_from,
        identity.valid_to
    from {{ ref('bridge_physician_identity') }} as identity
    inner join channel_bit
        on identity.reference_type = channel_bit.reached_by
    where identity.physician_key is not null
    union all
    select
        contact.physician_key,
        channel_bit.bit,
        contact.month_end as valid_from,
        {{ add_months("cast(date_trunc('month', contact.month_end) as date)", 'rule.contact_months') }} as valid_to
    from {{ ref('fct_physician_channel_month') }} as contact
    cross join rule
    inner join channel_bit
        on contact.channel_id = channel_bit.channel_id and channel_bit.reached_by = 'past_contact'
    where contact.delivered_contacts > 0
),

reached as (
    select
        day_on,
        physician_key,
        bit_or(bit) as channels
    from (
        select
            target.day_on,
            target.physician_key,
            way.bit
        from target
        inner join way
            on
                target.physician_key = way.physician_key
                and target.day_on >= way.valid_from
                and target.day_on < way.valid_to
        union all
        select
            target.day_on,
            target.physician_key,
            channel_bit.bit
        from target
        inner join channel_bit
            on channel_bit.reached_by = 'assigned_mr'
        where target.employee_key is not null
    ) as one_way
    group by day_on, physician_key
),

{# The last word of each day; of two at one instant the opt-out. #}
last_word as (
    select
        physician_key,
        consent_channel,
        consent_state,
        captured_on,
        expires_on,
        coalesce(
            lead(captured_on) over (partition by physician_key, consent_channel order by captured_on),
            cast('9999-12-31' as date)
        ) as next_captured_on
    from (
        select
            physician_key,
            channel_id as consent_channel,
            consent_state,
            captured_on,
            expires_on,
            row_number() over (
                partition by physician_key, channel_id, captured_on
                order by
                    captured_at desc, {{ consent_rank('event') }}, expires_on desc nulls last, consent_event_key
            ) as place
        from {{ ref('fct_consent_event') }} as event
        where physician_key is not null
    ) as word
    where place = 1
),

{# A word counts for the channel it is about, for those that need this consent, and, where it means that no
   representative is wanted, for every channel of representatives. Refusing reaches as far as that; agreeing to one
   channel is never consent to another. #}
concerned as (
    select
        consent_channel,
        channel_id
    from {{ ref('channel_consent_rule') }}
    union
    select
        channel_id as consent_channel,
        channel_id
    from {{ ref('choice_channel') }}
    union
    select
        no_contact.consent_channel,
        channel.channel_id
    from {{ ref('no_contact_consent') }} as no_contact
    cross join {{ ref('channel') }} as channel
    where channel.is_mr_channel
),

concerned_channels as (
    select
        concerned.consent_channel,
        bit_or(channel_bit.bit) as refusable,
        bit_or(case when consent_rule.channel_id is not null then channel_bit.bit else 0 end) as agreeable
    from concerned
    inner join channel_bit
        on concerned.channel_id = channel_bit.channel_id
    left join {{ ref('channel_consent_rule') }} as consent_rule
        on
            concerned.channel_id = consent_rule.channel_id
            and concerned.consent_channel = consent_rule.consent_channel
    group by concerned.consent_channel
),

word_in_force as (
    select
        target.day_on,
        target.physician_key,
        bit_or(case when last_word.consent_state = 'opted_out' then concerned_channels.refusable else 0 end) as refused,
        bit_or(
            case
                when
                    last_word.consent_state = 'opted_in'
                    and (last_word.expires_on is null or last_word.expires_on >= target.day_on)
                    then concerned_channels.agreeable
                else 0
            end
        ) as agreed
    from target
    inner join last_word
        on
            target.physician_key = last_word.physician_key
            and target.day_on >= last_word.captured_on
            and target.day_on < last_word.next_captured_on
    inner join concerned_channels
        on last_word.consent_channel = concerned_channels.consent_channel
    group by target.day_on, target.physician_key
),

free_channels as (
    select coalesce(bit_or(channel_bit.bit), 0) as channels
    from channel_bit
    where channel_bit.channel_id not in (select channel_id from {{ ref('channel_consent_rule') }})
),

{# Open to the company: reached, not refused, and free of consent or agreed to. #}
choosing as (
    select
        reached.day_on,
        reached.physician_key,
        case
            when
                bit_count(
                    reached.channels
                    & ~coalesce(word_in_force.refused, 0)
                    & (free_channels.channels | coalesce(word_in_force.agreed, 0))
                ) >= rule.min_channels
                then 1
            else 0
        end as has_choice
    from reached
    cross join rule
    cross join free_channels
    left join word_in_force
        on reached.day_on = word_in_force.day_on and reached.physician_key = word_in_force.physician_key
),

{# What physicians said themselves and of no topic alone (a contact of another topic would not honour that); what a
   representative wrote down for them is not theirs. A newer word ends the older one, honoured or not, and so does
   declining what was wished for: nobody may honour it from then on. #}
stated as (
    select distinct
        physician_key,
        recorded_on,
        channel_id
    from {{ ref('fct_stated_preference') }}
    where
        physician_key is not null
        and topic_id is null
        and preference_source <> 'mr_entered'
        and channel_id not in {{ kpi_unchoosable_channels() }}
        and recorded_on <= {{ as_of() }}
),

spoken as (
    select
        physician_key,
        recorded_on,
        lead(recorded_on) over (partition by physician_key order by recorded_on) as next_recorded_on
    from (
        select distinct
            physician_key,
            recorded_on
        from stated
    ) as day_of_word
),

declined as (
    select
        stated.physician_key,
        stated.recorded_on,
        stated.channel_id,
        min(last_word.captured_on) as declined_on
    from stated
    inner join concerned
        on stated.channel_id = concerned.channel_id
    inner join last_word
        on
            stated.physician_key = last_word.physician_key
            and concerned.consent_channel = last_word.consent_channel
            and stated.recorded_on < last_word.captured_on
    where last_word.consent_state = 'opted_out' and last_word.captured_on <= {{ as_of() }}
    group by stated.physician_key, stated.recorded_on, stated.channel_id
),

wish as (
    select
        stated.physician_key,
        stated.recorded_on,
        stated.channel_id,
        least(
            coalesce(spoken.next_recorded_on, {{ as_of() }}), coalesce(declined.declined_on, {{ as_of() }})
        ) as last_seen_on
    from stated
    inner join spoken
        on stated.physician_key = spoken.physician_key and stated.recorded_on = spoken.recorded_on
    left join declined
        on
            stated.physician_key = declined.physician_key
            and stated.recorded_on = declined.recorded_on
            and stated.channel_id = declined.channel_id
),

honoured as (
    select
        wish.physician_key,
        wish.recorded_on,
        wish.channel_id,
        min(contact.occurred_on) as honoured_on
    from wish
    inner join {{ ref('fct_touchpoint') }} as contact
        on wish.physician_key = contact.physician_key and wish.channel_id = contact.channel_id
    where
        contact.depth >= 1
        and contact.initiator <> 'medical'
        and contact.consent_state is distinct from 'opted_out'
        and contact.occurred_on > wish.recorded_on
        and contact.occurred_on <= wish.last_seen_on
    group by wish.physician_key, wish.recorded_on, wish.channel_id
),

wishes as (
    select
        physician.period_type,
        physician.period_start,
        physician.physician_key,
        physician.branch_id,
        physician.office_id,
        {{ days_between('wish.recorded_on', 'coalesce(honoured.honoured_on, wish.last_seen_on)') }} as days_waited,
        case when honoured.honoured_on is not null then 1 else 0 end as is_honoured
    from {{ ref('mart_physician_period') }} as physician
    inner join wish
        on
            physician.physician_key = wish.physician_key
            and wish.recorded_on between physician.period_start and physician.period_end
    left join honoured
        on
            wish.physician_key = honoured.physician_key
            and wish.recorded_on = honoured.recorded_on
            and wish.channel_id = honoured.channel_id
),

by_physician as (
    select
        period_type,
        period_start,
        physician_key,
        count(*) as wishes,
        sum(is_honoured) as honoured
    from wishes
    group by period_type, period_start, physician_key
),

counts as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when physician.is_in_universe then 1 else 0 end) as n_target_physicians,
        sum(coalesce(choosing.has_choice, 0)) as n_choosing_physicians,
        sum(case when by_physician.wishes > 0 then 1 else 0 end) as n_stating_physicians,
        sum(coalesce(by_physician.wishes, 0)) as wishes,
        sum(coalesce(by_physician.honoured, 0)) as honoured
    from {{ ref('mart_physician_period') }} as physician
    left join choosing
        on
            physician.physician_key = choosing.physician_key
            and physician.period_end = choosing.day_on
    left join by_physician
        on
            physician.period_type = by_physician.period_type
            and physician.period_start = by_physician.period_start
            and physician.physician_key = by_physician.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

days as (
    select
        period_type,
        period_start,
        days_waited,
        {{ kpi_scope_columns(with_mr=false) }},
        cast(count(*) as double) as ended_or_censored,
        cast(sum(is_honoured) as double) as ended
    from wishes
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'days_waited'], with_mr=false) }}
),

{{ kpi_median_days('days', ['scope_type', 'scope_id', 'period_type', 'period_start']) }},

cells as (
    select
        counts.*,
        medians.days_median as days_to_honour_median,
        medians.days_median_low as days_to_honour_median_low,
        medians.days_median_high as days_to_honour_median_high
    from counts
    left join medians
        on
            counts.scope_type = medians.scope_type
            and coalesce(counts.scope_id, '') = coalesce(medians.scope_id, '')
            and counts.period_type = medians.period_type
            and counts.period_start = medians.period_start
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_target_physicians': ['n_choosing_physicians'],
        'n_stating_physicians': [
            'wishes', 'honoured', 'days_to_honour_median', 'days_to_honour_median_low', 'days_to_honour_median_high'
        ],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_target_physicians as bigint) as n_target_physicians,
    n_target_physicians_suppressed,
    cast(n_choosing_physicians as bigint) as n_choosing_physicians,
    cast(n_stating_physicians as bigint) as n_stating_physicians,
    n_stating_physicians_suppressed,
    cast(wishes as bigint) as wishes,
    cast(honoured as bigint) as honoured,
    cast(wishes - honoured as bigint) as not_yet_honoured,
    cast(days_to_honour_median as double) as days_to_honour_median,
    cast(days_to_honour_median_low as double) as days_to_honour_median_low,
    cast(days_to_honour_median_high as double) as days_to_honour_median_high
from protected

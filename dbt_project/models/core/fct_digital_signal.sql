-- What a physician did online, and whether a representative came back to it. A signal begins when a representative
-- could have seen it; one that a call report names although it had not arrived yet was evidently seen by another way,
-- and begins with the act itself. Nothing of Medical's is a signal.
--
-- A sequence is orchestrated where a call report names the act, however long it took within the days of one sequence,
-- or where a contact on matching topic came in time: on another channel than the act's, either.
with rule as (
    select
        rule_version,
        min_signal_depth,
        sequence_days,
        follow_up_days * 86400 as follow_up_seconds,
        first_day_hours * 3600 as first_day_seconds
    from {{ rows_in_force('orchestration_rule') }} as in_force
),

contact as (
    select
        touchpoint.touchpoint_key,
        touchpoint.physician_key,
        touchpoint.channel_id,
        touchpoint.product_id,
        touchpoint.topic_id,
        touchpoint.occurred_at as contact_at,
        {{ epoch_seconds('touchpoint.occurred_at') }} as contact_second,
        touchpoint.follows_touchpoint_key
    from {{ ref('fct_touchpoint') }} as touchpoint
    inner join {{ ref('orchestration_channel') }} as role
        on touchpoint.channel_id = role.channel_id and role.is_follow_up
    where touchpoint.physician_key is not null and touchpoint.initiator = 'mr' and touchpoint.depth >= 1
),

link as (
    select
        follows_touchpoint_key,
        physician_key,
        touchpoint_key,
        channel_id,
        contact_at,
        row_number() over (
            partition by follows_touchpoint_key, physician_key
            order by contact_at, touchpoint_key
        ) as place
    from contact
    where follows_touchpoint_key is not null
),

act as (
    select
        touchpoint.touchpoint_key,
        touchpoint.physician_key,
        touchpoint.channel_id,
        touchpoint.product_id,
        touchpoint.topic_id,
        coalesce(email.first_human_click_at, touchpoint.occurred_at) as acted_at,
        touchpoint.visible_at
    from {{ ref('fct_touchpoint') }} as touchpoint
    cross join rule
    inner join {{ ref('orchestration_channel') }} as role
        on touchpoint.channel_id = role.channel_id and role.is_signal
    left join {{ ref('int_email_outcome') }} as email
        on case when touchpoint.source = 'crm_sent_email' then touchpoint.source_record_id end = email.sent_email_id
    where
        touchpoint.physician_key is not null
        and touchpoint.visible_at is not null
        and touchpoint.depth >= rule.min_signal_depth
        and touchpoint.initiator <> 'medical'
        and touchpoint.info_class <> 'non_promotional_medical'
        and not touchpoint.routed_to_medical
),

begun as (
    select
        act.*,
        link.touchpoint_key as link_key,
        link.channel_id as link_channel_id,
        link.contact_at as link_at,
        case
            when link.contact_at < act.visible_at then least(act.acted_at, link.contact_at)
            else act.visible_at
        end as signal_at
    from act
    left join link
        on
            act.touchpoint_key = link.follows_touchpoint_key
            and act.physician_key = link.physician_key
            and link.place = 1
            and {{ local_date('link.contact_at') }} >= {{ local_date('act.acted_at') }}
),

-- From when to when both signals and contacts are on record.
observed as (
    select
        greatest(
            min(contact_second), (select min({{ epoch_seconds('signal_at') }}) from begun)
        ) as from_second,
        least(max(contact_second), {{ epoch_seconds(from_tokyo(add_days(as_of(), 1))) }}) as to_second
    from contact
),

refusal as (
    select
        consent.physician_key,
        consent.valid_from,
        consent.valid_to
    from {{ ref('int_consent_interval') }} as consent
    inner join {{ ref('no_contact_consent') }} as wish
        on consent.consent_channel = wish.consent_channel
    where consent.consent_state = 'opted_out'
),

unwanted as (
    select distinct begun.touchpoint_key
    from begun
    inner join refusal
        on
            begun.physician_key = refusal.physician_key
            and begun.signal_at >= refusal.valid_from
            and begun.signal_at < refusal.valid_to
),

-- The physician asked Medical themselves meanwhile. A question that a representative took along is no reason to leave
-- the signal out: taking it along was the follow-up.
handed_over as (
    select distinct begun.touchpoint_key
    from begun
    inner join {{ ref('fct_medical_inquiry') }} as inquiry
        on
            begun.physician_key = inquiry.physician_key
            and not inquiry.is_from_mr
            and inquiry.received_at >= begun.acted_at
    cross join rule
    where
        {{ epoch_seconds('inquiry.received_at') }} <= {{ epoch_seconds('begun.signal_at') }} + rule.follow_up_seconds
),

placed as (
    select
        begun.*,
        {{ local_date('begun.signal_at') }} as signal_on,
        cast(date_trunc('quarter', {{ local_date('begun.signal_at') }}) as date) as quarter_start,
        {{ epoch_seconds('begun.signal_at') }} as signal_second
    from begun
),

bounded as (
    select
        placed.*,
        greatest({{ epoch_seconds(from_tokyo('placed.quarter_start')) }}, observed.from_second) as range_from,
        least(
            {{ epoch_seconds(from_tokyo(add_months('placed.quarter_start', 3))) }},
            observed.to_second - rule.follow_up_seconds
        ) as range_to,
        unwanted.touchpoint_key is not null as is_unwanted,
        handed_over.touchpoint_key is not null as is_handed_over
    from placed
    cross join observed
    cross join rule
    left join unwanted
        on placed.touchpoint_key = unwanted.touchpoint_key
    left join handed_over
        on placed.touchpoint_key = handed_over.touchpoint_key
),

signal as (
    select
        bounded.*,
        case
            when product_id is null and topic_id is null then 'no_subject'
            when is_unwanted then 'no_contact_wanted'
            when is_handed_over then 'handed_to_medical'
            when signal_second >= range_from and signal_second <= range_to then null
            else 'not_observable'
        end as exclusion_reason
    from bounded
),

-- A contact can follow signals of its own quarter, and within its reach those of the quarter before.
reach as (
    select
        contact.*,
        cast(date_trunc('quarter', {{ local_date('contact.contact_at') }}) as date) as contact_quarter,
        cast(date_trunc(
            'quarter', {{ local_date('contact.contact_at') }} - cast(rule.follow_up_seconds / 86400 as integer)
        ) as date) as reached_quarter
    from contact
    cross join rule
),

contact_quarter as (
    select
        reach.*,
        contact_quarter as quarter_start
    from reach
    union all
    select
        reach.*,
        reached_quarter as quarter_start
    from reach
    where reached_quarter <> contact_quarter
),

-- Contacts on matching topic: nothing that both name may differ, and one of the two must be the same. There are many
-- times as many as signals: only what is reckoned with is carried along.
matching as (
    select
        signal.touchpoint_key as signal_key,
        signal.signal_second,
        signal.range_from,
        signal.range_to,
        contact_quarter.touchpoint_key,
        contact_quarter.contact_second,
        contact_quarter.contact_at,
        signal.channel_id <> contact_quarter.channel_id as is_elsewhere,
        lag(contact_quarter.contact_second) over (
            partition by signal.touchpoint_key
            order by contact_quarter.contact_second, contact_quarter.touchpoint_key
        ) as previous_second
    from signal
    inner join contact_quarter
        on
            signal.physician_key = contact_quarter.physician_key
            and signal.quarter_start = contact_quarter.quarter_start
    where
        signal.exclusion_reason is null
        and signal.touchpoint_key <> contact_quarter.touchpoint_key
        and coalesce(signal.product_id = contact_quarter.product_id, true)
        and coalesce(signal.topic_id = contact_quarter.topic_id, true)
        and (
            coalesce(signal.product_id = contact_quarter.product_id, false)
            or coalesce(signal.topic_id = contact_quarter.topic_id, false)
        )
),

-- Whether a contact came in time, and whether it was the first to: then the one before it came not after the signal.
timed as (
    select
        matching.*,
        matching.contact_second > matching.signal_second
        and matching.contact_second <= matching.signal_second + rule.follow_up_seconds as is_in_time,
        coalesce(matching.previous_second <= matching.signal_second, true) as is_first_after,
        rule.follow_up_seconds
    from matching
    cross join rule
),

-- All that is known of a signal's contacts, in one pass: they would not fit into memory twice. covered_seconds: the
-- time of the quarter from which a contact would have followed within the window; its share is the chance that a signal
-- at any other moment of the quarter would have been followed too. Then the first of all, and when the first on another
-- channel than the act's was.
reckoned as (
    select
        signal_key,
        sum(greatest(
            least(contact_second, range_to)
            - greatest(contact_second - follow_up_seconds, range_from, coalesce(previous_second, range_from)),
            0
        )) as covered_seconds,
        max(case when is_in_time and is_first_after then touchpoint_key end) as first_touchpoint_key,
        min(case when is_in_time and is_elsewhere then contact_at end) as elsewhere_at
    from timed
    group by signal_key
),

first_after as (
    select
        reckoned.signal_key,
        reckoned.covered_seconds,
        reckoned.elsewhere_at,
        contact.touchpoint_key,
        contact.channel_id,
        contact.contact_at
    from reckoned
    left join contact
        on reckoned.first_touchpoint_key = contact.touchpoint_key
),

answer as (
    select
        signal.touchpoint_key,
        max(case when suggestion.action_taken = 'dismissed' then 1 else 0 end) = 1 as is_dismissed_with_reason,
        max(case when suggestion.action_taken = 'acted' then 1 else 0 end) = 1 as is_marked_done
    from signal
    inner join {{ ref('fct_suggestion') }} as suggestion
        on signal.touchpoint_key = suggestion.signal_touchpoint_key
    cross join rule
    where
        suggestion.is_handled
        and (
            suggestion.feedback_at is null
            or {{ epoch_seconds('suggestion.feedback_at') }} <= signal.signal_second + rule.follow_up_seconds
        )
    group by signal.touchpoint_key
),

followed as (
    select
        signal.*,
        signal.exclusion_reason is null as is_counted,
        case
            when signal.link_at is not null and (first_after.contact_at is null or signal.link_at <= first_after.contact_at)
                then signal.link_key
            else first_after.touchpoint_key
        end as follow_up_touchpoint_key,
        case
            when signal.link_at is not null and (first_after.contact_at is null or signal.link_at <= first_after.contact_at)
                then signal.link_channel_id
            else first_after.channel_id
        end as follow_up_channel_id,
        least(signal.link_at, first_after.contact_at) as follow_up_at,
        first_after.elsewhere_at,
        coalesce(first_after.covered_seconds, 0) as covered_seconds,
        coalesce(answer.is_dismissed_with_reason, false) as is_dismissed_with_reason,
        coalesce(answer.is_marked_done, false) as is_marked_done
    from signal
    left join first_after
        on signal.touchpoint_key = first_after.signal_key
    left join answer
        on signal.touchpoint_key = answer.touchpoint_key
),

judged as (
    select
        followed.*,
        coalesce({{ epoch_seconds('follow_up_at') }} <= signal_second + rule.follow_up_seconds, false) as is_in_time,
        coalesce({{ epoch_seconds('follow_up_at') }} <= signal_second + rule.first_day_seconds, false)
            as is_on_first_day,
        rule.sequence_days,
        rule.rule_version
    from followed
    cross join rule
)

select
    touchpoint_key,
    physician_key,
    channel_id,
    product_id,
    topic_id,
    acted_at,
    visible_at,
    signal_at,
    signal_on,
    quarter_start,
    exclusion_reason,
    is_counted,
    case when is_counted then follow_up_touchpoint_key end as follow_up_touchpoint_key,
    case when is_counted then follow_up_channel_id end as follow_up_channel_id,
    case when is_counted then follow_up_at end as follow_up_at,
    is_counted and link_key is not null as is_linked,
    is_counted and is_in_time as is_followed,
    is_counted and is_on_first_day as is_followed_on_first_day,
    is_counted and is_dismissed_with_reason as is_dismissed_with_reason,
    is_counted and is_marked_done as is_marked_done,
    is_counted and (is_in_time or is_dismissed_with_reason or is_marked_done) as is_handled,
    is_counted
    and (
        coalesce(
            link_channel_id <> channel_id
            and {{ days_between(local_date('acted_at'), local_date('link_at')) }} <= sequence_days,
            false
        )
        or coalesce(
            {{ days_between(local_date('acted_at'), local_date('elsewhere_at')) }} <= sequence_days,
            false
        )
    ) as is_orchestrated,
    case
        when is_counted and range_to > range_from then cast(covered_seconds / (range_to - range_from) as double)
        when is_counted then cast(0 as double)
    end as chance_of_follow_up,
    rule_version
from judged

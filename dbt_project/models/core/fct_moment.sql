-- Moments that matter, by the rules in force. Each opens for the physician's representative, at most so many per week
-- from Monday; what the cap keeps closed stays here with its reason. A contact on the opening day is not counted: it
-- may be what opened the moment. Nothing of Medical's opens one, or counts as contact.
with recursive rule as (
    select * from {{ ref('dim_moment') }}
),

-- The masters reach further back than the logs: no moment before the first month on record.
first_day as (
    select cast(date_trunc('month', min(month_end)) as date) as date_on from {{ ref('fct_physician_month') }}
),

contact as (
    {{ contacts_without_medical(
        ['physician_key', 'source', 'source_record_id', 'occurred_on', 'product_id', 'depth']
    ) }}
),

engaged_day as (
    select
        physician_key,
        occurred_on,
        lag(occurred_on) over (partition by physician_key order by occurred_on) as earlier_on
    from (
        select distinct
            physician_key,
            occurred_on
        from contact
        where depth >= 2
    ) as day
),

workplace as (
    select
        physician_key,
        facility_key,
        valid_from,
        lag(facility_key) over (partition by physician_key order by valid_from) as earlier_facility_key
    from {{ ref('bridge_physician_facility') }}
    where is_primary
),

trigger_event as (
    select
        notice.physician_key,
        notice.product_id,
        rule.moment_id,
        notice.issued_on as opened_on
    from rule
    inner join {{ ref('fct_safety_notice_physician') }} as notice
        on rule.trigger_kind = 'safety_notice'
    union all
    select
        need.physician_key,
        need.product_id,
        rule.moment_id,
        {{ add_days('need.signalled_on', 'rule.trigger_days') }} as opened_on
    from rule
    inner join {{ ref('fct_need_signal') }} as need
        on rule.trigger_kind = 'need_unanswered'
    where
        (need.has_question or need.has_request)
        and (
            need.answered_on is null
            or need.answered_on > {{ add_days('need.signalled_on', 'rule.trigger_days') }}
        )
    union all
    select
        snapshot.physician_key,
        snapshot.product_id,
        rule.moment_id,
        snapshot.month_end as opened_on
    from rule
    inner join {{ ref('fct_journey_phase') }} as snapshot
        on rule.trigger_kind = 'phase_reached' and rule.trigger_value = snapshot.phase_id
    inner join {{ ref('fct_journey_phase') }} as before
        on
            snapshot.physician_key = before.physician_key
            and snapshot.product_id = before.product_id
            and {{ add_days("cast(date_trunc('month', snapshot.month_end) as date)", '-1') }} = before.month_end
    inner join {{ ref('journey_phase') }} as phase
        on snapshot.phase_id = phase.phase_id
    inner join {{ ref('journey_phase') }} as phase_before
        on before.phase_id = phase_before.phase_id
    -- What was observed and no touchpoint shows is an inquiry to Medical (fct_journey_evidence): it opens nothing.
    where
        phase.rank > phase_before.rank
        and (snapshot.evidence_level <> 'B' or snapshot.evidence_touchpoint_key is not null)
    union all
    select
        workplace.physician_key,
        cast(null as {{ dbt.type_string() }}) as product_id,
        rule.moment_id,
        workplace.valid_from as opened_on
    from rule
    inner join workplace
        on rule.trigger_kind = 'affiliation_changed' and workplace.facility_key <> workplace.earlier_facility_key
    union all
    select
        engaged_day.physician_key,
        cast(null as {{ dbt.type_string() }}) as product_id,
        rule.moment_id,
        engaged_day.occurred_on as opened_on
    from rule
    inner join engaged_day
        on
            rule.trigger_kind = 'engaged_after_silence'
            and engaged_day.occurred_on >= {{ add_days('engaged_day.earlier_on', 'rule.trigger_days') }}
    union all
    select
        contact.physician_key,
        contact.product_id,
        rule.moment_id,
        contact.occurred_on as opened_on
    from rule
    inner join contact
        on rule.trigger_kind = 'webinar_watched' and contact.source = 'webinar_zoom'
    inner join {{ ref('int_webinar_attendance') }} as attendance
        on contact.source_record_id = attendance.attendance_id
    where attendance.attended_seconds >= rule.trigger_share * attendance.running_seconds
    union all
    select
        consent.physician_key,
        cast(null as {{ dbt.type_string() }}) as product_id,
        rule.moment_id,
        consent.captured_on as opened_on
    from rule
    inner join {{ ref('fct_consent_event') }} as consent
        on rule.trigger_kind = 'email_opted_out' and consent.consent_state = 'opted_out'
    inner join (select distinct consent_channel from {{ ref('channel_consent_rule') }}) as email
        on consent.channel_id = email.consent_channel
    where consent.physician_key is not null
),

opening_day as (
    select distinct
        trigger_event.physician_key,
        trigger_event.product_id,
        trigger_event.moment_id,
        trigger_event.opened_on
    from trigger_event
    cross join first_day
    where trigger_event.opened_on <= {{ as_of() }} and trigger_event.opened_on >= first_day.date_on
),

-- What triggers again while the one before is still running opens nothing new; the first trigger after that does.
trigger_place as (
    select
        opening_day.*,
        coalesce(opening_day.product_id, '') as about,
        row_number() over (
            partition by opening_day.physician_key, opening_day.product_id, opening_day.moment_id
            order by opening_day.opened_on
        ) as place
    from opening_day
),

next_opening as (
    select
        earlier.physician_key,
        earlier.about,
        earlier.moment_id,
        earlier.opened_on,
        min(later.opened_on) as next_opened_on
    from trigger_place as earlier
    inner join rule
        on earlier.moment_id = rule.moment_id
    inner join trigger_place as later
        on
            earlier.physician_key = later.physician_key
            and earlier.about = later.about
            and earlier.moment_id = later.moment_id
            and later.opened_on > {{ add_days('earlier.opened_on', 'rule.window_days') }}
    group by earlier.physician_key, earlier.about, earlier.moment_id, earlier.opened_on
),

followed as (
    select
        physician_key,
        product_id,
        about,
        moment_id,
        opened_on
    from trigger_place
    where place = 1
    union all
    select
        followed.physician_key,
        followed.product_id,
        followed.about,
        followed.moment_id,
        next_opening.next_opened_on as opened_on
    from followed
    inner join next_opening
        on
            followed.physician_key = next_opening.physician_key
            and followed.about = next_opening.about
            and followed.moment_id = next_opening.moment_id
            and followed.opened_on = next_opening.opened_on
),

new_moment as (
    select
        followed.physician_key,
        followed.product_id,
        followed.moment_id,
        followed.opened_on,
        {{ add_days('followed.opened_on', 'rule.window_days') }} as expires_on,
        last_day(followed.opened_on) as month_end,
        {{ add_days("cast(date_trunc('month', followed.opened_on) as date)", '-1') }} as earlier_month_end,
        cast(date_trunc('week', followed.opened_on) as date) as week_start,
        rule.priority,
        rule.wants_mr_contact,
        rule.max_opened_per_mr_week,
        rule.rule_version
    from followed
    inner join rule
        on followed.moment_id = rule.moment_id
),

-- A wish for no visits is an objection to the channel, whoever entered it.
refusal as (
    select distinct
        new_moment.physician_key,
        new_moment.opened_on
    from new_moment
    inner join {{ ref('int_consent_interval') }} as consent
        on
            new_moment.physician_key = consent.physician_key
            and new_moment.opened_on >= {{ local_date('consent.valid_from') }}
            and new_moment.opened_on < {{ local_date('consent.valid_to') }}
    inner join {{ ref('no_contact_consent') }} as wish
        on consent.consent_channel = wish.consent_channel
    where consent.consent_state = 'opted_out'
),

-- The representative of the month's end; of the running month none is known yet, so that of the month before.
assigned as (
    select
        new_moment.*,
        case when here.physician_key is null then earlier.employee_key else here.employee_key end as employee_key,
        refusal.physician_key is not null as is_mr_contact_refused
    from new_moment
    left join {{ ref('fct_physician_month') }} as here
        on new_moment.physician_key = here.physician_key and new_moment.month_end = here.month_end
    left join {{ ref('fct_physician_month') }} as earlier
        on new_moment.physician_key = earlier.physician_key and new_moment.earlier_month_end = earlier.month_end
    left join refusal
        on new_moment.physician_key = refusal.physician_key and new_moment.opened_on = refusal.opened_on
),

ranked as (
    select
        assigned.*,
        wants_mr_contact and not is_mr_contact_refused and employee_key is not null as is_for_mr,
        row_number() over (
            partition by
                employee_key,
                week_start,
                wants_mr_contact and not is_mr_contact_refused and employee_key is not null
            order by priority, opened_on, physician_key, product_id, moment_id
        ) as place
    from assigned
),

first_contact as (
    select
        ranked.physician_key,
        ranked.product_id,
        ranked.moment_id,
        ranked.opened_on,
        min(contact.occurred_on) as contacted_on
    from ranked
    inner join contact
        on
            ranked.physician_key = contact.physician_key
            and contact.occurred_on > ranked.opened_on
            and contact.occurred_on <= ranked.expires_on
    where
        contact.is_mr_contact
        and (ranked.product_id is null or contact.product_id is null or ranked.product_id = contact.product_id)
    group by ranked.physician_key, ranked.product_id, ranked.moment_id, ranked.opened_on
)

select
    {{ surrogate_key([
        'ranked.physician_key', 'ranked.product_id', 'ranked.moment_id', 'ranked.opened_on'
    ]) }} as moment_key,
    ranked.physician_key,
    ranked.product_id,
    ranked.moment_id,
    ranked.opened_on,
    ranked.expires_on,
    ranked.employee_key,
    ranked.wants_mr_contact as is_mr_contact_wanted,
    ranked.is_mr_contact_refused,
    ranked.is_for_mr and ranked.place <= ranked.max_opened_per_mr_week as is_opened,
    case
        when not ranked.wants_mr_contact then 'not_wanted'
        when ranked.is_mr_contact_refused then 'refused'
        when ranked.employee_key is null then 'no_representative'
        when ranked.place > ranked.max_opened_per_mr_week then 'over_cap'
    end as not_opened_reason,
    first_contact.contacted_on,
    case when ranked.expires_on <= {{ as_of() }} then first_contact.contacted_on is not null end
        as is_contacted_in_window,
    ranked.rule_version
from ranked
left join first_contact
    on
        ranked.physician_key = first_contact.physician_key
        and ranked.moment_id = first_contact.moment_id
        and ranked.opened_on = first_contact.opened_on
        and coalesce(ranked.product_id, '') = coalesce(first_contact.product_id, '')

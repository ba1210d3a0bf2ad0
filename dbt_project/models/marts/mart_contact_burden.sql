-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# Asked again too soon after the survey before, whenever that was. Invitations that never arrived burden nobody. #}
invitations as (
    select
        physician_key,
        invited_on,
        lag(invited_on) over (partition by physician_key order by invited_on, invitation_key) as asked_before_on
    from {{ ref('fct_survey_invitation') }}
    where is_delivered and physician_key is not null
),

asked as (
    select
        mart_period.period_type,
        mart_period.period_start,
        invitations.physician_key,
        max(
            case
                when {{ days_between('invitations.asked_before_on', 'invitations.invited_on') }} < rule.fatigue_days then 1
                else 0
            end
        ) as is_too_often
    from {{ ref('mart_period') }} as mart_period
    inner join invitations
        on invitations.invited_on between mart_period.period_start and mart_period.period_end
    cross join {{ rows_in_force('survey_setting') }} as rule
    group by mart_period.period_type, mart_period.period_start, invitations.physician_key
),

{# Only what allows contact: an objection to measuring a web site is none. #}
consents as (
    select
        event.physician_key,
        event.channel_id,
        event.consent_state,
        lag(event.consent_state) over (
            partition by event.physician_key, event.channel_id
            order by event.captured_at, {{ consent_rank('event') }} desc, event.consent_event_key
        ) as previous_state,
        event.captured_on,
        event.expires_on,
        lead(event.captured_on) over (
            partition by event.physician_key, event.channel_id
            order by event.captured_at, {{ consent_rank('event') }} desc, event.consent_event_key
        ) as next_captured_on
    from {{ ref('fct_consent_event') }} as event
    where
        event.physician_key is not null
        and event.channel_id in (select rule.consent_channel from {{ ref('channel_consent_rule') }} as rule)
),

{# What was in force on the last day before the period. #}
allowed as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        consents.physician_key,
        consents.channel_id
    from {{ ref('mart_period') }} as mart_period
    inner join consents
        on
            consents.captured_on < mart_period.period_start
            and mart_period.period_start <= coalesce(consents.next_captured_on, mart_period.period_start)
    where
        consents.consent_state = 'opted_in'
        and (consents.expires_on is null or consents.expires_on >= mart_period.period_start)
),

allowing as (
    select
        allowed.period_type,
        allowed.period_start,
        allowed.physician_key,
        max(case when consents.physician_key is not null then 1 else 0 end) as has_opted_out
    from allowed
    left join consents
        on
            allowed.physician_key = consents.physician_key
            and allowed.channel_id = consents.channel_id
            and consents.consent_state = 'opted_out'
            and consents.captured_on between allowed.period_start and allowed.period_end
    group by allowed.period_type, allowed.period_start, allowed.physician_key
),

{# What answers back to being contacted, each physician once: only of those whom the company contacted in the period, so
   that a complaint has a contact to be set against. #}
contacted as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact_month.physician_key,
        sum(contact_month.push_contacts) as push_contacts
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on contact_month.month_end between mart_period.period_start and mart_period.period_end
    where contact_month.push_contacts > 0
    group by mart_period.period_type, mart_period.period_start, contact_month.physician_key
),

{# A withdrawal that is only told again is none. #}
withdrawn as (
    select distinct
        mart_period.period_type,
        mart_period.period_start,
        consents.physician_key
    from {{ ref('mart_period') }} as mart_period
    inner join consents
        on consents.captured_on between mart_period.period_start and mart_period.period_end
    where consents.consent_state = 'opted_out' and coalesce(consents.previous_state, 'unknown') <> 'opted_out'
),

complained as (
    select distinct
        mart_period.period_type,
        mart_period.period_start,
        email.physician_key
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_email_recipient') }} as email
        on email.month_end between mart_period.period_start and mart_period.period_end
    where email.is_marked_spam and email.initiator <> 'medical' and email.physician_key is not null
),

cells as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when asked.physician_key is not null then 1 else 0 end) as n_asked,
        sum(coalesce(asked.is_too_often, 0)) as n_asked_too_often,
        sum(case when allowing.physician_key is not null then 1 else 0 end) as n_allowing_contact,
        sum(coalesce(allowing.has_opted_out, 0)) as n_opted_out,
        sum(case when contacted.physician_key is not null then 1 else 0 end) as n_pushed_physicians,
        sum(coalesce(contacted.push_contacts, 0)) as push_contacts,
        sum(case when contacted.physician_key is not null and withdrawn.physician_key is not null then 1 else 0 end)
            as n_pushed_opted_out,
        sum(case when contacted.physician_key is not null and complained.physician_key is not null then 1 else 0 end)
            as n_pushed_complained
    from {{ ref('mart_physician_period') }} as physician
    left join asked
        on
            physician.period_type = asked.period_type
            and physician.period_start = asked.period_start
            and physician.physician_key = asked.physician_key
    left join allowing
        on
            physician.period_type = allowing.period_type
            and physician.period_start = allowing.period_start
            and physician.physician_key = allowing.physician_key
    left join contacted
        on
            physician.period_type = contacted.period_type
            and physician.period_start = contacted.period_start
            and physician.physician_key = contacted.physician_key
    left join withdrawn
        on
            physician.period_type = withdrawn.period_type
            and physician.period_start = withdrawn.period_start
            and physician.physician_key = withdrawn.physician_key
    left join complained
        on
            physician.period_type = complained.period_type
            and physician.period_start = complained.period_start
            and physician.physician_key = complained.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_asked': ['n_asked_too_often'],
        'n_allowing_contact': ['n_opted_out'],
        'n_pushed_physicians': ['push_contacts', 'n_pushed_opted_out', 'n_pushed_complained'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_asked as bigint) as n_asked,
    n_asked_suppressed,
    cast(n_asked_too_often as bigint) as n_asked_too_often,
    cast(n_allowing_contact as bigint) as n_allowing_contact,
    n_allowing_contact_suppressed,
    cast(n_opted_out as bigint) as n_opted_out,
    cast(n_pushed_physicians as bigint) as n_pushed_physicians,
    n_pushed_physicians_suppressed,
    cast(push_contacts as bigint) as push_contacts,
    cast(n_pushed_opted_out as bigint) as n_pushed_opted_out,
    cast(n_pushed_complained as bigint) as n_pushed_complained
from protected

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

contacts as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        sum(contact.push_contacts_in_need) as push_contacts_in_need,
        sum(contact.push_contacts_in_need_without_topic) as push_contacts_in_need_without_topic,
        sum(contact.push_contacts_on_needed_topic) as push_contacts_on_needed_topic
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_aimed_contact_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    group by mart_period.period_type, mart_period.period_start, contact.physician_key
),

{# A need counts in the period in which it began, once, whatever the number of ways it was shown. What was asked of
   Medical is counted with Medical's hand-off, not here. #}
needs_of_month as (
    select
        physician_key,
        last_day(signalled_on) as month_end,
        sum(case when is_answered_within_30d is not null then 1 else 0 end) as needs,
        sum(case when is_answered_within_30d then 1 else 0 end) as needs_answered_in_time,
        sum(case when is_answered_within_30d is null then 1 else 0 end) as needs_too_fresh
    from {{ ref('fct_need_signal') }}
    where is_first_in_episode and topic_id is not null
    group by physician_key, last_day(signalled_on)
),

needs as (
    select
        mart_period.period_type,
        mart_period.period_start,
        need.physician_key,
        sum(need.needs) as needs,
        sum(need.needs_answered_in_time) as needs_answered_in_time,
        sum(need.needs_too_fresh) as needs_too_fresh
    from {{ ref('mart_period') }} as mart_period
    inner join needs_of_month as need
        on need.month_end between mart_period.period_start and mart_period.period_end
    group by mart_period.period_type, mart_period.period_start, need.physician_key
),

{# Every measure belongs to the physicians counted beside it: what is shown never rests on fewer. #}
scoped as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when contacts.push_contacts_in_need > 0 then 1 else 0 end) as n_physicians_in_need,
        sum(coalesce(contacts.push_contacts_in_need, 0)) as push_contacts_in_need,
        sum(coalesce(contacts.push_contacts_on_needed_topic, 0)) as push_contacts_on_needed_topic,
        sum(case when contacts.push_contacts_in_need > 0 then contacts.push_contacts_in_need_without_topic else 0 end)
            as push_contacts_in_need_without_topic,
        sum(case when needs.needs > 0 then 1 else 0 end) as n_physicians_with_need,
        sum(coalesce(needs.needs, 0)) as needs,
        sum(coalesce(needs.needs_answered_in_time, 0)) as needs_answered_in_time,
        sum(case when needs.needs > 0 then needs.needs_too_fresh else 0 end) as needs_too_fresh
    from {{ ref('mart_physician_period') }} as physician
    left join contacts
        on
            physician.period_type = contacts.period_type
            and physician.period_start = contacts.period_start
            and physician.physician_key = contacts.physician_key
    left join needs
        on
            physician.period_type = needs.period_type
            and physician.period_start = needs.period_start
            and physician.physician_key = needs.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

{{ kpi_protected(
    cells='scoped',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_physicians_in_need': [
            'push_contacts_in_need', 'push_contacts_on_needed_topic', 'push_contacts_in_need_without_topic'
        ],
        'n_physicians_with_need': ['needs', 'needs_answered_in_time', 'needs_too_fresh'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_physicians_in_need as bigint) as n_physicians_in_need,
    n_physicians_in_need_suppressed,
    cast(push_contacts_in_need as bigint) as push_contacts_in_need,
    cast(push_contacts_on_needed_topic as bigint) as push_contacts_on_needed_topic,
    cast(push_contacts_in_need_without_topic as bigint) as push_contacts_in_need_without_topic,
    cast(n_physicians_with_need as bigint) as n_physicians_with_need,
    n_physicians_with_need_suppressed,
    cast(needs as bigint) as needs,
    cast(needs_answered_in_time as bigint) as needs_answered_in_time,
    cast(needs_too_fresh as bigint) as needs_too_fresh
from protected

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# What the physician preferred on the last day before the period: nothing in the period can have shaped it. #}
preferred as (
    select
        mart_period.period_type,
        mart_period.period_start,
        preference.physician_key,
        preference.channel_id,
        preference.preference_rank
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('mart_channel_preference') }} as preference
        on mart_period.day_before_start = preference.snapshot_on
    where preference.preference_rank <= 2
),

with_preference as (
    select distinct
        period_type,
        period_start,
        physician_key
    from preferred
),

pushes as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        contact.channel_id,
        sum(contact.push_contacts) as push_contacts,
        sum(contact.push_contacts_with_choice) as push_contacts_with_choice,
        sum(contact.push_contacts_honouring_choice) as push_contacts_honouring_choice
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.channel_id not in {{ kpi_medical_channels() }}
    group by mart_period.period_type, mart_period.period_start, contact.physician_key, contact.channel_id
    having sum(contact.push_contacts) > 0
),

by_physician as (
    select
        pushes.period_type,
        pushes.period_start,
        pushes.physician_key,
        sum(case when with_preference.physician_key is not null then pushes.push_contacts else 0 end)
            as push_contacts_with_preference,
        sum(case when preferred.physician_key is not null then pushes.push_contacts else 0 end)
            as push_contacts_in_preferred_channel,
        sum(pushes.push_contacts_with_choice) as push_contacts_with_choice,
        sum(pushes.push_contacts_honouring_choice) as push_contacts_honouring_choice
    from pushes
    left join with_preference
        on
            pushes.period_type = with_preference.period_type
            and pushes.period_start = with_preference.period_start
            and pushes.physician_key = with_preference.physician_key
    left join preferred
        on
            pushes.period_type = preferred.period_type
            and pushes.period_start = preferred.period_start
            and pushes.physician_key = preferred.physician_key
            and pushes.channel_id = preferred.channel_id
    group by pushes.period_type, pushes.period_start, pushes.physician_key
),

scoped as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns() }},
        sum(case when physician.is_in_universe then 1 else 0 end) as n_target_physicians,
        sum(case when physician.is_in_universe and by_physician.physician_key is not null then 1 else 0 end)
            as n_pushed_physicians,
        sum(case when by_physician.push_contacts_with_preference > 0 then 1 else 0 end)
            as n_physicians_with_preference,
        sum(coalesce(by_physician.push_contacts_with_preference, 0)) as push_contacts_with_preference,
        sum(coalesce(by_physician.push_contacts_in_preferred_channel, 0)) as push_contacts_in_preferred_channel,
        sum(case when by_physician.push_contacts_with_choice > 0 then 1 else 0 end) as n_physicians_with_choice,
        sum(coalesce(by_physician.push_contacts_with_choice, 0)) as push_contacts_with_choice,
        sum(coalesce(by_physician.push_contacts_honouring_choice, 0)) as push_contacts_honouring_choice
    from {{ ref('mart_physician_period') }} as physician
    left join by_physician
        on
            physician.period_type = by_physician.period_type
            and physician.period_start = by_physician.period_start
            and physician.physician_key = by_physician.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end']
    ) }}
),

{{ kpi_protected(
    cells='scoped',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_target_physicians': ['n_pushed_physicians'],
        'n_physicians_with_preference': ['push_contacts_with_preference', 'push_contacts_in_preferred_channel'],
        'n_physicians_with_choice': ['push_contacts_with_choice', 'push_contacts_honouring_choice'],
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
    cast(n_pushed_physicians as bigint) as n_pushed_physicians,
    cast(n_physicians_with_preference as bigint) as n_physicians_with_preference,
    n_physicians_with_preference_suppressed,
    cast(push_contacts_with_preference as bigint) as push_contacts_with_preference,
    cast(push_contacts_in_preferred_channel as bigint) as push_contacts_in_preferred_channel,
    cast(n_physicians_with_choice as bigint) as n_physicians_with_choice,
    n_physicians_with_choice_suppressed,
    cast(push_contacts_with_choice as bigint) as push_contacts_with_choice,
    cast(push_contacts_honouring_choice as bigint) as push_contacts_honouring_choice
from protected

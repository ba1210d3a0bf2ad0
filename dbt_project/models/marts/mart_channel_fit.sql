-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# What the physician preferred on the last day before the period: nothing in the period can have shaped it. For a
   contact on a topic of which he said something, that counts, else the general preference. #}
preferred as (
    select
        mart_period.period_type,
        mart_period.period_start,
        preference.physician_key,
        coalesce(preference.topic_id, '') as about,
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
        physician_key,
        about
    from preferred
),

topic_pushes as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        contact.channel_id,
        coalesce(contact.topic_id, '') as about,
        sum(contact.push_contacts) as push_contacts
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_channel_topic_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.channel_id not in {{ kpi_medical_channels() }}
    group by
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        contact.channel_id,
        coalesce(contact.topic_id, '')
),

placed_pushes as (
    select
        topic_pushes.period_type,
        topic_pushes.period_start,
        topic_pushes.physician_key,
        topic_pushes.channel_id,
        topic_pushes.push_contacts,
        coalesce(of_topic.about, '') as about
    from topic_pushes
    left join with_preference as of_topic
        on
            topic_pushes.period_type = of_topic.period_type
            and topic_pushes.period_start = of_topic.period_start
            and topic_pushes.physician_key = of_topic.physician_key
            and topic_pushes.about = of_topic.about
),

fits as (
    select
        pushes.period_type,
        pushes.period_start,
        pushes.physician_key,
        sum(pushes.push_contacts) as push_contacts_with_preference,
        sum(case when preferred.physician_key is not null then pushes.push_contacts else 0 end)
            as push_contacts_in_preferred_channel
    from placed_pushes as pushes
    inner join with_preference
        on
            pushes.period_type = with_preference.period_type
            and pushes.period_start = with_preference.period_start
            and pushes.physician_key = with_preference.physician_key
            and pushes.about = with_preference.about
    left join preferred
        on
            pushes.period_type = preferred.period_type
            and pushes.period_start = preferred.period_start
            and pushes.physician_key = preferred.physician_key
            and pushes.about = preferred.about
            and pushes.channel_id = preferred.channel_id
    group by pushes.period_type, pushes.period_start, pushes.physician_key
),

pushes as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        sum(contact.push_contacts_with_choice) as push_contacts_with_choice,
        sum(contact.push_contacts_honouring_choice) as push_contacts_honouring_choice
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.channel_id not in {{ kpi_medical_channels() }}
    group by mart_period.period_type, mart_period.period_start, contact.physician_key
    having sum(contact.push_contacts) > 0
),

by_physician as (
    select
        pushes.period_type,
        pushes.period_start,
        pushes.physician_key,
        coalesce(fits.push_contacts_with_preference, 0) as push_contacts_with_preference,
        coalesce(fits.push_contacts_in_preferred_channel, 0) as push_contacts_in_preferred_channel,
        pushes.push_contacts_with_choice,
        pushes.push_contacts_honouring_choice
    from pushes
    left join fits
        on
            pushes.period_type = fits.period_type
            and pushes.period_start = fits.period_start
            and pushes.physician_key = fits.physician_key
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

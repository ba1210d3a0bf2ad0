-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

moments_of_month as (
    select
        physician_key,
        last_day(opened_on) as month_end,
        count(*) as moments_triggered,
        sum(case when is_opened then 1 else 0 end) as moments_opened,
        sum(case when not_opened_reason = 'over_cap' then 1 else 0 end) as moments_over_cap,
        sum(case when not_opened_reason in ('not_wanted', 'refused') then 1 else 0 end) as moments_without_mr_wish,
        sum(case when is_opened and is_contacted_in_window is not null then 1 else 0 end) as moments_over,
        sum(case when is_opened and is_contacted_in_window then 1 else 0 end) as moments_contacted
    from {{ ref('fct_moment') }}
    group by physician_key, last_day(opened_on)
),

moments as (
    select
        mart_period.period_type,
        mart_period.period_start,
        moment.physician_key,
        sum(moment.moments_triggered) as moments_triggered,
        sum(moment.moments_opened) as moments_opened,
        sum(moment.moments_over_cap) as moments_over_cap,
        sum(moment.moments_without_mr_wish) as moments_without_mr_wish,
        sum(moment.moments_over) as moments_over,
        sum(moment.moments_contacted) as moments_contacted
    from {{ ref('mart_period') }} as mart_period
    inner join moments_of_month as moment
        on moment.month_end between mart_period.period_start and mart_period.period_end
    group by mart_period.period_type, mart_period.period_start, moment.physician_key
),

contacts as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        sum(contact.mr_contacts) as mr_contacts,
        sum(contact.mr_contacts_in_moment) as mr_contacts_in_moment
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_aimed_contact_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.mr_contacts > 0
    group by mart_period.period_type, mart_period.period_start, contact.physician_key
),

scoped as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when moments.moments_triggered > 0 then 1 else 0 end) as n_physicians_with_moment,
        sum(coalesce(moments.moments_triggered, 0)) as moments_triggered,
        sum(coalesce(moments.moments_opened, 0)) as moments_opened,
        sum(coalesce(moments.moments_over_cap, 0)) as moments_over_cap,
        sum(coalesce(moments.moments_without_mr_wish, 0)) as moments_without_mr_wish,
        sum(case when moments.moments_over > 0 then 1 else 0 end) as n_physicians_with_moment_over,
        sum(coalesce(moments.moments_over, 0)) as moments_over,
        sum(coalesce(moments.moments_contacted, 0)) as moments_contacted,
        sum(case when contacts.mr_contacts > 0 then 1 else 0 end) as n_physicians_contacted_by_mr,
        sum(coalesce(contacts.mr_contacts, 0)) as mr_contacts,
        sum(coalesce(contacts.mr_contacts_in_moment, 0)) as mr_contacts_in_moment
    from {{ ref('mart_physician_period') }} as physician
    left join moments
        on
            physician.period_type = moments.period_type
            and physician.period_start = moments.period_start
            and physician.physician_key = moments.physician_key
    left join contacts
        on
            physician.period_type = contacts.period_type
            and physician.period_start = contacts.period_start
            and physician.physician_key = contacts.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

{{ kpi_protected(
    cells='scoped',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_physicians_with_moment': [
            'moments_triggered', 'moments_opened', 'moments_over_cap', 'moments_without_mr_wish'
        ],
        'n_physicians_with_moment_over': ['moments_over', 'moments_contacted'],
        'n_physicians_contacted_by_mr': ['mr_contacts', 'mr_contacts_in_moment'],
    }
) }},

limits as (
    select max(max_opened_per_mr_week) as max_opened_per_mr_week from {{ ref('dim_moment') }}
)

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    cast(protected.n_physicians_with_moment as bigint) as n_physicians_with_moment,
    protected.n_physicians_with_moment_suppressed,
    cast(protected.moments_triggered as bigint) as moments_triggered,
    cast(protected.moments_opened as bigint) as moments_opened,
    cast(protected.moments_over_cap as bigint) as moments_over_cap,
    cast(protected.moments_without_mr_wish as bigint) as moments_without_mr_wish,
    cast(limits.max_opened_per_mr_week as bigint) as max_opened_per_mr_week,
    cast(protected.n_physicians_with_moment_over as bigint) as n_physicians_with_moment_over,
    protected.n_physicians_with_moment_over_suppressed,
    cast(protected.moments_over as bigint) as moments_over,
    cast(protected.moments_contacted as bigint) as moments_contacted,
    cast(protected.n_physicians_contacted_by_mr as bigint) as n_physicians_contacted_by_mr,
    protected.n_physicians_contacted_by_mr_suppressed,
    cast(protected.mr_contacts as bigint) as mr_contacts,
    cast(protected.mr_contacts_in_moment as bigint) as mr_contacts_in_moment
from protected
cross join limits

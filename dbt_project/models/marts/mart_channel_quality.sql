-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# Periods and the places where physicians stand are numbered: of what is grouped and joined below there are hundreds of
   millions of rows, and numbers keep them narrow. #}
periods as (
    select
        period_type,
        period_start,
        period_end,
        cast(row_number() over (order by period_type, period_start) as integer) as period_number
    from {{ ref('mart_period') }}
),

places as (
    select
        employee_key,
        office_id,
        branch_id,
        cast(row_number() over (order by branch_id, office_id, employee_key) as integer) as place_number
    from (
        select
            employee_key,
            office_id,
            branch_id
        from {{ ref('mart_physician_period') }}
        union
        select
            null as employee_key,
            office_id,
            branch_id
        from {{ ref('mart_physician_period') }}
    ) as place
),

physicians as (
    select
        periods.period_number,
        physician.physician_key,
        places.place_number,
        offices.place_number as office_place_number,
        case when physician.is_in_universe then 1 else 0 end as is_in_universe
    from {{ ref('mart_physician_period') }} as physician
    inner join periods
        on
            physician.period_type = periods.period_type
            and physician.period_start = periods.period_start
    inner join places
        on
            coalesce(physician.employee_key, '') = coalesce(places.employee_key, '')
            and coalesce(physician.office_id, '') = coalesce(places.office_id, '')
            and coalesce(physician.branch_id, '') = coalesce(places.branch_id, '')
    inner join places as offices
        on
            offices.employee_key is null
            and coalesce(physician.office_id, '') = coalesce(offices.office_id, '')
            and coalesce(physician.branch_id, '') = coalesce(offices.branch_id, '')
),

{# One row per physician, period and channel; channel is null for "all". A month's row of a channel is one already, and
   there are more of them than of all longer periods together. #}
contacts_over_products as (
    select
        periods.period_number,
        contact.physician_key,
        contact.channel_id,
        contact.delivered_contacts,
        contact.effective_contacts
    from periods
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on periods.period_end = contact.month_end
    where periods.period_type = 'month' and contact.channel_id not in {{ kpi_medical_channels() }}
    union all
    select
        periods.period_number,
        contact.physician_key,
        null as channel_id,
        cast(sum(contact.delivered_contacts) as integer) as delivered_contacts,
        cast(sum(contact.effective_contacts) as integer) as effective_contacts
    from periods
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on periods.period_end = contact.month_end
    where periods.period_type = 'month' and contact.channel_id not in {{ kpi_medical_channels() }}
    group by periods.period_number, contact.physician_key
    union all
    select
        periods.period_number,
        contact.physician_key,
        contact.channel_id,
        cast(sum(contact.delivered_contacts) as integer) as delivered_contacts,
        cast(sum(contact.effective_contacts) as integer) as effective_contacts
    from periods
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on contact.month_end between periods.period_start and periods.period_end
    where periods.period_type <> 'month' and contact.channel_id not in {{ kpi_medical_channels() }}
    group by grouping sets (
        (periods.period_number, contact.physician_key),
        (periods.period_number, contact.physician_key, contact.channel_id)
    )
),

{# Months, several per physician in a longer period: the first one with a delivered contact counts him. #}
contacts_by_product as (
    select
        periods.period_number,
        contact.physician_key,
        contact.channel_id,
        contact.product_id,
        contact.delivered_contacts,
        contact.effective_contacts,
        case
            when
                contact.delivered_contacts > 0
                and coalesce(contact.previous_delivered_month_end < periods.period_start, true)
                then 1
            else 0
        end as delivered_physicians
    from periods
    inner join {{ ref('fct_physician_channel_product_month') }} as contact
        on contact.month_end between periods.period_start and periods.period_end
    where contact.channel_id not in {{ kpi_medical_channels() }} and contact.product_id is not null
),

emails as (
    select
        periods.period_number,
        email.physician_key,
        email.channel_id,
        email.product_id,
        {{ email_flags('email') }}
    from periods
    inner join {{ ref('fct_email_recipient') }} as email
        on email.month_end between periods.period_start and periods.period_end
    where email.physician_key is not null and email.initiator <> 'medical'
),

emails_by_breakdown as (
    select
        period_number,
        physician_key,
        channel_id,
        product_id,
        cast(sum(sent) as integer) as sent,
        cast(sum(delivered) as integer) as delivered,
        max(clicked) as clicked,
        max(delivered_readable) as delivered_readable,
        max(opened) as opened
    from emails
    group by grouping sets (
        (period_number, physician_key, channel_id),
        (period_number, physician_key, channel_id, product_id)
    )
    having grouping(product_id) = 1 or product_id is not null
),

pressure as (
    select
        periods.period_number,
        contact_month.physician_key,
        sum(contact_month.push_contacts) as push_contacts,
        max(contact_month.max_push_contacts_30d) as max_push_contacts_30d
    from periods
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on contact_month.month_end between periods.period_start and periods.period_end
    group by periods.period_number, contact_month.physician_key
),

{# Every branch of the union fills its own measures, so that the sums below cannot multiply and a physician's rows
   need not be brought together first. #}
measures as (
    select
        period_number, physician_key, channel_id, product_id,
        delivered_contacts, effective_contacts, delivered_physicians,
        0 as sent, 0 as delivered, 0 as clicked, 0 as delivered_readable, 0 as opened,
        0 as push_contacts, 0 as max_push_contacts_30d
    from contacts_by_product
    union all
    select
        period_number, physician_key, channel_id, product_id,
        0 as delivered_contacts, 0 as effective_contacts, 0 as delivered_physicians,
        sent, delivered, clicked, delivered_readable, opened,
        0 as push_contacts, 0 as max_push_contacts_30d
    from emails_by_breakdown
    union all
    select
        period_number, physician_key, null as channel_id, null as product_id,
        0 as delivered_contacts, 0 as effective_contacts, 0 as delivered_physicians,
        0 as sent, 0 as delivered, 0 as clicked, 0 as delivered_readable, 0 as opened,
        push_contacts, max_push_contacts_30d
    from pressure
),

{# Counted once per place before they are summed up the tree: of these rows there are thousands, of physicians' rows
   millions. Representatives see their numbers over all products: by product, hardly any of them has five physicians,
   so there the place is the office. #}
counted_measures as (
    select
        physicians.period_number,
        case when cell.product_id is null then physicians.place_number else physicians.office_place_number end
            as place_number,
        cell.channel_id,
        cell.product_id,
        sum(cell.delivered_contacts) as delivered_contacts,
        sum(cell.effective_contacts) as effective_contacts,
        sum(cell.delivered_physicians) as n_delivered_physicians,
        sum(cell.delivered_physicians * physicians.is_in_universe) as n_reached_physicians,
        sum(cell.sent) as emails_sent,
        sum(cell.delivered) as emails_delivered,
        sum(case when cell.sent > 0 then 1 else 0 end) as n_emailed_physicians,
        sum(case when cell.delivered > 0 then 1 else 0 end) as n_email_recipients,
        sum(cell.clicked) as n_clicking_physicians,
        sum(cell.delivered_readable) as n_open_readable_physicians,
        sum(cell.opened) as n_opening_physicians,
        sum(case when cell.push_contacts > 0 then 1 else 0 end) as n_pushed_physicians,
        sum(case when cell.max_push_contacts_30d > rule.over_contact_above then 1 else 0 end)
            as n_over_contacted_physicians
    from measures as cell
    cross join {{ rows_in_force('necessity_rule') }} as rule
    inner join physicians
        on
            cell.period_number = physicians.period_number
            and cell.physician_key = physicians.physician_key
    group by
        physicians.period_number,
        case when cell.product_id is null then physicians.place_number else physicians.office_place_number end,
        cell.channel_id,
        cell.product_id
),

{# Over all products, how often each physician was contacted stands for itself: of a representative's physicians hardly
   two were contacted equally often, so these groups are many, and kept narrow. #}
counted_frequencies as (
    select
        physicians.period_number,
        physicians.place_number,
        contact.channel_id,
        contact.delivered_contacts as times,
        sum(contact.effective_contacts) as effective_contacts,
        count(*) as physicians,
        sum(physicians.is_in_universe) as physicians_in_universe
    from contacts_over_products as contact
    inner join physicians
        on
            contact.period_number = physicians.period_number
            and contact.physician_key = physicians.physician_key
    group by
        physicians.period_number, physicians.place_number, contact.channel_id, contact.delivered_contacts
),

counted as (
    select
        counted_measures.*,
        null as times
    from counted_measures
    union all
    select
        period_number,
        place_number,
        channel_id,
        null as product_id,
        times * physicians as delivered_contacts,
        effective_contacts,
        case when times > 0 then physicians else 0 end as n_delivered_physicians,
        case when times > 0 then physicians_in_universe else 0 end as n_reached_physicians,
        0 as emails_sent,
        0 as emails_delivered,
        0 as n_emailed_physicians,
        0 as n_email_recipients,
        0 as n_clicking_physicians,
        0 as n_open_readable_physicians,
        0 as n_opening_physicians,
        0 as n_pushed_physicians,
        0 as n_over_contacted_physicians,
        times
    from counted_frequencies
),

placed as (
    select
        periods.period_type,
        periods.period_start,
        periods.period_end,
        places.employee_key,
        places.office_id,
        places.branch_id,
        counted.*
    from counted
    inner join periods
        on counted.period_number = periods.period_number
    inner join places
        on counted.place_number = places.place_number
),

universe as (
    select
        period_type,
        period_start,
        period_end,
        {{ kpi_scope_columns() }},
        sum(case when is_in_universe then 1 else 0 end) as n_target_physicians
    from {{ ref('mart_physician_period') }}
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end']) }}
),

scoped as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        product_id,
        {{ kpi_scope_columns() }},
        sum(delivered_contacts) as delivered_contacts,
        sum(effective_contacts) as effective_contacts,
        sum(n_delivered_physicians) as n_delivered_physicians,
        sum(n_reached_physicians) as n_reached_physicians,
        sum(emails_sent) as emails_sent,
        sum(emails_delivered) as emails_delivered,
        sum(n_emailed_physicians) as n_emailed_physicians,
        sum(n_email_recipients) as n_email_recipients,
        sum(n_clicking_physicians) as n_clicking_physicians,
        sum(n_open_readable_physicians) as n_open_readable_physicians,
        sum(n_opening_physicians) as n_opening_physicians,
        sum(n_pushed_physicians) as n_pushed_physicians,
        sum(n_over_contacted_physicians) as n_over_contacted_physicians
    from placed
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end', 'channel_id', 'product_id']) }}
),

{# How often each reached physician was contacted, as a histogram: medians by counting, without sorting rows. #}
frequency_histogram as (
    select
        period_type,
        period_start,
        channel_id,
        times,
        {{ kpi_scope_columns() }},
        sum(n_reached_physicians) as physicians
    from placed
    where times > 0 and n_reached_physicians > 0
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'channel_id', 'times']) }}
),

frequency_cumulated as (
    select
        frequency_histogram.*,
        sum(physicians) over (
            partition by scope_type, scope_id, period_type, period_start, channel_id
            order by times
            rows between unbounded preceding and current row
        ) as up_to_here,
        sum(physicians) over (partition by scope_type, scope_id, period_type, period_start, channel_id) as everyone
    from frequency_histogram
),

frequency as (
    select
        scope_type,
        scope_id,
        period_type,
        period_start,
        channel_id,
        '' as any_product,
        (
            min(case when up_to_here >= floor((everyone + 1) / cast(2 as double)) then times end)
            + min(case when up_to_here >= floor((everyone + 2) / cast(2 as double)) then times end)
        ) / cast(2 as double) as frequency_median,
        min(case when up_to_here >= ceil(everyone * cast(0.9 as double)) then times end) as frequency_p90,
        min(
            case
                when
                    up_to_here >= greatest(1, round((everyone - {{ kpi_z() }} * sqrt(everyone)) / 2)) then times
            end
        ) as frequency_median_low,
        min(
            case
                when
                    up_to_here >= least(everyone, round(1 + (everyone + {{ kpi_z() }} * sqrt(everyone)) / 2))
                    then times
            end
        ) as frequency_median_high
    from frequency_cumulated
    group by scope_type, scope_id, period_type, period_start, channel_id
),

{# A channel that reached nobody here is an answer too. #}
wanted as (
    select
        universe.scope_type,
        universe.scope_id,
        universe.period_type,
        universe.period_start,
        channels.channel_id,
        cast(null as {{ dbt.type_string() }}) as product_id
    from universe
    cross join (select distinct channel_id from counted_frequencies where channel_id is not null) as channels
    union
    select scope_type, scope_id, period_type, period_start, channel_id, product_id
    from scoped
),

cells as (
    select
        universe.scope_type,
        universe.scope_id,
        universe.parent_scope_id,
        universe.period_type,
        universe.period_start,
        universe.period_end,
        wanted.channel_id,
        wanted.product_id,
        universe.n_target_physicians,
        coalesce(scoped.n_reached_physicians, 0) as n_reached_physicians,
        case when scoped.product_id is null then scoped.n_reached_physicians end as n_frequency_physicians,
        frequency.frequency_median,
        frequency.frequency_median_low,
        frequency.frequency_median_high,
        frequency.frequency_p90,
        case when scoped.channel_id is not null then scoped.n_delivered_physicians end as n_delivered_physicians,
        case when scoped.channel_id is not null then scoped.delivered_contacts end as delivered_contacts,
        case when scoped.channel_id is not null then scoped.effective_contacts end as effective_contacts,
        case when scoped.emails_sent > 0 then scoped.n_emailed_physicians end as n_emailed_physicians,
        case when scoped.emails_sent > 0 then scoped.emails_sent end as emails_sent,
        case when scoped.emails_sent > 0 then scoped.emails_delivered end as emails_delivered,
        case when scoped.emails_sent > 0 then scoped.n_email_recipients end as n_email_recipients,
        case when scoped.emails_sent > 0 then scoped.n_clicking_physicians end as n_clicking_physicians,
        case when scoped.emails_sent > 0 then scoped.n_open_readable_physicians end as n_open_readable_physicians,
        case when scoped.emails_sent > 0 then scoped.n_opening_physicians end as n_opening_physicians,
        case when scoped.channel_id is null then scoped.n_pushed_physicians end as n_pushed_physicians,
        case when scoped.channel_id is null then scoped.n_over_contacted_physicians end as n_over_contacted_physicians
    from wanted
    inner join universe
        on
            wanted.scope_type = universe.scope_type
            and coalesce(wanted.scope_id, '') = coalesce(universe.scope_id, '')
            and wanted.period_type = universe.period_type
            and wanted.period_start = universe.period_start
    left join scoped
        on
            wanted.scope_type = scoped.scope_type
            and coalesce(wanted.scope_id, '') = coalesce(scoped.scope_id, '')
            and wanted.period_type = scoped.period_type
            and wanted.period_start = scoped.period_start
            and coalesce(wanted.channel_id, '') = coalesce(scoped.channel_id, '')
            and coalesce(wanted.product_id, '') = coalesce(scoped.product_id, '')
    left join frequency
        on
            wanted.scope_type = frequency.scope_type
            and wanted.scope_id = frequency.scope_id
            and wanted.period_type = frequency.period_type
            and wanted.period_start = frequency.period_start
            and coalesce(wanted.channel_id, '') = coalesce(frequency.channel_id, '')
            and coalesce(wanted.product_id, '') = frequency.any_product
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'channel_id', 'product_id'],
    additive='product_id',
    repeated={'n_target_physicians': ['channel_id', 'product_id']},
    bases={
        'n_target_physicians': ['n_reached_physicians'],
        'n_frequency_physicians': ['frequency_median', 'frequency_median_low', 'frequency_median_high', 'frequency_p90'],
        'n_delivered_physicians': ['delivered_contacts', 'effective_contacts'],
        'n_emailed_physicians': ['emails_sent', 'emails_delivered'],
        'n_email_recipients': ['n_clicking_physicians'],
        'n_open_readable_physicians': ['n_opening_physicians'],
        'n_pushed_physicians': ['n_over_contacted_physicians'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    channel_id,
    product_id,
    cast(n_target_physicians as bigint) as n_target_physicians,
    n_target_physicians_suppressed,
    cast(n_reached_physicians as bigint) as n_reached_physicians,
    cast(n_frequency_physicians as bigint) as n_frequency_physicians,
    n_frequency_physicians_suppressed,
    cast(frequency_median as double) as frequency_median,
    cast(frequency_median_low as double) as frequency_median_low,
    cast(frequency_median_high as double) as frequency_median_high,
    cast(frequency_p90 as double) as frequency_p90,
    cast(n_delivered_physicians as bigint) as n_delivered_physicians,
    n_delivered_physicians_suppressed,
    cast(delivered_contacts as bigint) as delivered_contacts,
    cast(effective_contacts as bigint) as effective_contacts,
    cast(n_emailed_physicians as bigint) as n_emailed_physicians,
    n_emailed_physicians_suppressed,
    cast(emails_sent as bigint) as emails_sent,
    cast(emails_delivered as bigint) as emails_delivered,
    cast(n_email_recipients as bigint) as n_email_recipients,
    n_email_recipients_suppressed,
    cast(n_clicking_physicians as bigint) as n_clicking_physicians,
    cast(n_open_readable_physicians as bigint) as n_open_readable_physicians,
    n_open_readable_physicians_suppressed,
    cast(n_opening_physicians as bigint) as n_opening_physicians,
    cast(n_pushed_physicians as bigint) as n_pushed_physicians,
    n_pushed_physicians_suppressed,
    cast(n_over_contacted_physicians as bigint) as n_over_contacted_physicians
from protected

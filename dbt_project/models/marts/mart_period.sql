with

{# The master may reach further back than the logs: no number for a month before the first contact on record. #}
first_contact as (
    select min(month_end) as month_end
    from {{ ref('fct_physician_contact_month') }}
    where contacts > 0
),

months as (
    select distinct
        physician_month.month_end,
        cast(date_trunc('month', physician_month.month_end) as date) as month_start
    from {{ ref('fct_physician_month') }} as physician_month
    inner join first_contact
        on physician_month.month_end >= first_contact.month_end
    where physician_month.month_end <= {{ as_of() }}
),

lengths as (
    select
        'month' as period_type,
        1 as months_long
    union all
    select
        'quarter' as period_type,
        3 as months_long
    union all
    select
        'half' as period_type,
        6 as months_long
    union all
    select
        'fiscal_year' as period_type,
        12 as months_long
),

month_places as (
    select
        months.month_end,
        months.month_start,
        lengths.period_type,
        lengths.months_long,
        cast(
            (extract(month from months.month_start) - {{ var('fiscal_start_month') }} + 12) % 12 as integer
        ) as months_into_year
    from months
    cross join lengths
),

starts as (
    select
        period_type,
        months_long,
        month_end,
        {{ add_months('month_start', '-(months_into_year % months_long)') }} as period_start,
        {{ add_months('month_start', '-months_into_year') }} as fiscal_year_start
    from month_places
),

complete as (
    select
        period_type,
        months_long,
        period_start,
        fiscal_year_start,
        max(month_end) as period_end
    from starts
    group by period_type, months_long, period_start, fiscal_year_start
    having count(*) = months_long
),

named as (
    select
        complete.*,
        cast(extract(year from fiscal_year_start) as integer) as fiscal_year,
        cast(extract(month from period_start) as integer) as start_month,
        max(period_start) over (partition by period_type) as last_start
    from complete
)

select
    period_type,
    period_start,
    period_end,
    {{ add_months('period_start', '-months_long') }} as previous_period_start,
    {{ add_days('period_start', '-1') }} as day_before_start,
    fiscal_year,
    case period_type
        when 'month' then
            cast(extract(year from period_start) as {{ dbt.type_string() }})
            || '年' || cast(start_month as {{ dbt.type_string() }}) || '月'
        when 'quarter' then
            cast(fiscal_year as {{ dbt.type_string() }}) || '年度 第'
            || cast(
                cast(floor(((start_month - {{ var('fiscal_start_month') }} + 12) % 12) / 3) as integer) + 1
                as {{ dbt.type_string() }}
            )
            || '四半期'
        when 'half' then
            cast(fiscal_year as {{ dbt.type_string() }}) || '年度'
            || case when period_start = fiscal_year_start then '上期' else '下期' end
        else cast(fiscal_year as {{ dbt.type_string() }}) || '年度'
    end as label_ja,
    period_start = last_start as is_latest
from named

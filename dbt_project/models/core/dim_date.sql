with digit as (
    {% for n in range(10) %}
    select {{ n }} as n
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

day_number as (
    select ones.n + 10 * tens.n + 100 * hundreds.n + 1000 * thousands.n as n
    from digit as ones
    cross join digit as tens
    cross join digit as hundreds
    cross join digit as thousands
),

day as (
    select {{ add_days("cast('2015-01-01' as date)", 'n') }} as date_on
    from day_number
    where {{ add_days("cast('2015-01-01' as date)", 'n') }} <= cast('2035-12-31' as date)
),

described as (
    select
        day.date_on,
        cast(date_trunc('month', day.date_on) as date) as month_start,
        last_day(day.date_on) as month_end,
        {{ add_months('day.date_on', 1 - var('fiscal_start_month') | int) }} as fiscal_day,
        mod({{ days_between("cast('2000-01-03' as date)", 'day.date_on') }}, 7) + 1 as day_of_week,
        holiday.name_ja as holiday_name_ja,
        closing.name_ja as closing_name_ja
    from day
    left join {{ ref('japanese_holiday') }} as holiday
        on day.date_on = holiday.date_on
    left join {{ ref('company_closing_day') }} as closing
        on
            extract(month from day.date_on) = closing.month
            and extract(day from day.date_on) = closing.day
),

counted as (
    select
        described.*,
        cast(extract(year from fiscal_day) as integer) as fiscal_year,
        cast(extract(month from fiscal_day) as integer) as fiscal_month,
        day_of_week <= 5 and holiday_name_ja is null and closing_name_ja is null as is_business_day
    from described
)

select
    date_on,
    month_start,
    month_end,
    fiscal_year,
    cast(fiscal_year as {{ dbt.type_string() }}) || case when fiscal_month <= 6 then 'H1' else 'H2' end as fiscal_half,
    cast(fiscal_year as {{ dbt.type_string() }}) || case
        when fiscal_month <= 3 then 'Q1'
        when fiscal_month <= 6 then 'Q2'
        when fiscal_month <= 9 then 'Q3'
        else 'Q4'
    end as fiscal_quarter,
    cast(day_of_week as integer) as day_of_week,
    holiday_name_ja is not null as is_holiday,
    coalesce(holiday_name_ja, closing_name_ja) as holiday_name_ja,
    is_business_day,
    cast(sum(case when is_business_day then 1 else 0 end) over (order by date_on) as integer) as business_day_number,
    cast(extract(year from date_on) as {{ dbt.type_string() }}) || '年'
    || cast(extract(month from date_on) as {{ dbt.type_string() }}) || '月' as month_label_ja
from counted

{#-
    Days until half of the cases are over (Kaplan-Meier), per scope and period, where some have not ended yet: those
    stay in as a waiting time not yet over. Emits the CTEs `days` … `medians`.

    cases    CTE with one row per case and the columns of kpi_scope_sets, period_type and period_start
    waited   its column with whole days, until the end or until the case was last seen open
    ended    its column with 1 for a case that has ended, 0 for one that has not

    `medians` has days_median with its 95 % interval (log-log, as scipy.stats.ecdf) and days_p90; each is null while
    fewer cases than that have ended. The share still waiting after each day is the product of (1 - ended / waiting).
    The product is a sum of logarithms; a day on which all that wait are over ends it at zero.
-#}
{% macro kpi_median_days(cases, waited, ended) %}
days as (
    select
        period_type,
        period_start,
        {{ waited }} as days_waited,
        {{ kpi_scope_columns(with_mr=false) }},
        cast(count(*) as double) as ended_or_censored,
        cast(sum({{ ended }}) as double) as ended
    from {{ cases }}
    group by {{ kpi_scope_sets(['period_type', 'period_start', waited], with_mr=false) }}
),

at_risk as (
    select
        days.*,
        sum(ended_or_censored) over (
            partition by scope_type, scope_id, period_type, period_start
            order by days_waited desc
            rows between unbounded preceding and current row
        ) as waiting
    from days
),

log_survival as (
    select
        at_risk.*,
        sum(case when ended < waiting then ln(1 - ended / waiting) else 0 end) over (
            partition by scope_type, scope_id, period_type, period_start
            order by days_waited
            rows between unbounded preceding and current row
        ) as log_share_waiting,
        sum(case when ended < waiting then ended / (waiting * (waiting - ended)) else 0 end) over (
            partition by scope_type, scope_id, period_type, period_start
            order by days_waited
            rows between unbounded preceding and current row
        ) as greenwood,
        sum(case when ended = waiting then 1 else 0 end) over (
            partition by scope_type, scope_id, period_type, period_start
            order by days_waited
            rows between unbounded preceding and current row
        ) as all_ended
    from at_risk
),

survival as (
    select
        log_survival.*,
        case when all_ended > 0 then cast(0 as double) else exp(log_share_waiting) end as share_waiting,
        case
            when all_ended > 0 then cast(0 as double)
            when log_share_waiting = 0 then cast(1 as double)
            else exp(log_share_waiting * exp({{ kpi_z() }} * sqrt(greenwood) / -log_share_waiting))
        end as share_waiting_low,
        case
            when all_ended > 0 then cast(0 as double)
            when log_share_waiting = 0 then cast(1 as double)
            else exp(log_share_waiting * exp(-{{ kpi_z() }} * sqrt(greenwood) / -log_share_waiting))
        end as share_waiting_high
    from log_survival
),

medians as (
    select
        scope_type,
        scope_id,
        period_type,
        period_start,
        min(case when share_waiting <= 0.5 + 1e-9 then days_waited end) as days_median,
        min(case when share_waiting_low <= 0.5 + 1e-9 then days_waited end) as days_median_low,
        min(case when share_waiting_high <= 0.5 + 1e-9 then days_waited end) as days_median_high,
        min(case when share_waiting <= 0.1 + 1e-9 then days_waited end) as days_p90
    from survival
    group by scope_type, scope_id, period_type, period_start
)
{%- endmacro %}

{#-
    Days until half of the cases are over (Kaplan-Meier), where some have not ended yet: those stay in as a waiting
    time not yet over. Emits the CTEs `at_risk` … `medians`, without a comma at the end.

    days      CTE with the columns of `groups`, days_waited, and per day ended_or_censored (cases seen until that day)
              and ended (those of them that ended on it), both as double
    groups    columns that tell one curve from another

    `medians` has one row per group: ended, days_median with its 95 % interval (log-log, as scipy.stats.ecdf) and
    days_p90; each is null while fewer cases than that have ended. The share still waiting after each day is the
    product of (1 - ended / waiting). The product is a sum of logarithms; a day on which all that wait are over ends
    it at zero. The interval's exponent is ±z · sqrt(Greenwood's sum) / |ln S|.
-#}
{% macro kpi_median_days(days, groups) -%}
{%- set by_group = groups | join(', ') -%}
at_risk as (
    select
        {{ days }}.*,
        sum(ended_or_censored) over (
            partition by {{ by_group }}
            order by days_waited desc
            rows between unbounded preceding and current row
        ) as waiting
    from {{ days }}
),

log_survival as (
    select
        at_risk.*,
        sum(case when ended < waiting then ln(1 - ended / waiting) else 0 end) over (
            partition by {{ by_group }}
            order by days_waited
            rows between unbounded preceding and current row
        ) as log_share_waiting,
        sum(case when ended < waiting then ended / (waiting * (waiting - ended)) else 0 end) over (
            partition by {{ by_group }}
            order by days_waited
            rows between unbounded preceding and current row
        ) as greenwood,
        sum(case when ended = waiting then 1 else 0 end) over (
            partition by {{ by_group }}
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
        {{ by_group }},
        sum(ended) as ended,
        min(case when share_waiting <= 0.5 + 1e-9 then days_waited end) as days_median,
        min(case when share_waiting_low <= 0.5 + 1e-9 then days_waited end) as days_median_low,
        min(case when share_waiting_high <= 0.5 + 1e-9 then days_waited end) as days_median_high,
        min(case when share_waiting <= 0.1 + 1e-9 then days_waited end) as days_p90
    from survival
    group by {{ by_group }}
)
{%- endmacro %}

{#-
    How long something took, with what still waits kept in (Kaplan-Meier): the share still waiting after each day is
    the product of (1 - ended / waiting). The product is a sum of logarithms; a day on which all that wait end makes
    it zero. The interval is log-log: S exp(±z · sqrt(Greenwood's sum) / |ln S|) in the exponent.

    days      name of a CTE with the scope and period columns, days_waited, ended_or_censored and answered (doubles):
              per day how many were seen until then, and how many of them ended on it
    groups    columns that tell one curve from another
    prefix    of the columns made: <prefix>_median, _median_low, _median_high (95 %), _p90, in days; null while fewer
              have ended

    Emits the CTE `medians`, one row per group.
-#}
{% macro kpi_waiting_medians(days, groups, prefix) %}
    at_risk as (
        select
            {{ days }}.*,
            sum(ended_or_censored) over (
                partition by {{ groups | join(', ') }}
                order by days_waited desc
                rows between unbounded preceding and current row
            ) as waiting
        from {{ days }}
    ),

    log_survival as (
        select
            at_risk.*,
            sum(case when answered < waiting then ln(1 - answered / waiting) else 0 end) over (
                partition by {{ groups | join(', ') }}
                order by days_waited
                rows between unbounded preceding and current row
            ) as log_share_waiting,
            sum(case when answered < waiting then answered / (waiting * (waiting - answered)) else 0 end) over (
                partition by {{ groups | join(', ') }}
                order by days_waited
                rows between unbounded preceding and current row
            ) as greenwood,
            sum(case when answered = waiting then 1 else 0 end) over (
                partition by {{ groups | join(', ') }}
                order by days_waited
                rows between unbounded preceding and current row
            ) as all_answered
        from at_risk
    ),

    survival as (
        select
            log_survival.*,
            case when all_answered > 0 then cast(0 as double) else exp(log_share_waiting) end as share_waiting,
            case
                when all_answered > 0 then cast(0 as double)
                when log_share_waiting = 0 then cast(1 as double)
                else exp(log_share_waiting * exp({{ kpi_z() }} * sqrt(greenwood) / -log_share_waiting))
            end as share_waiting_low,
            case
                when all_answered > 0 then cast(0 as double)
                when log_share_waiting = 0 then cast(1 as double)
                else exp(log_share_waiting * exp(-{{ kpi_z() }} * sqrt(greenwood) / -log_share_waiting))
            end as share_waiting_high
        from log_survival
    ),

    medians as (
        select
            {{ groups | join(', ') }},
            min(case when share_waiting <= 0.5 + 1e-9 then days_waited end) as {{ prefix }}_median,
            min(case when share_waiting_low <= 0.5 + 1e-9 then days_waited end) as {{ prefix }}_median_low,
            min(case when share_waiting_high <= 0.5 + 1e-9 then days_waited end) as {{ prefix }}_median_high,
            min(case when share_waiting <= 0.1 + 1e-9 then days_waited end) as {{ prefix }}_p90
        from survival
        group by {{ groups | join(', ') }}
    )
{%- endmacro %}

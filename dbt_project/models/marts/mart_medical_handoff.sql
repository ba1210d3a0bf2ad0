-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

offices as (
    select
        office.organization_id as office_id,
        branch.organization_id as branch_id
    from {{ ref('dim_organization') }} as office
    left join {{ ref('dim_organization') }} as branch
        on office.parent_organization_key = branch.organization_key
    where office.level = 'office'
),

{# An inquiry that is still open has waited at least until as_of: it stays in, as a waiting time not yet ended. In
   business days: nobody answers in Golden Week. #}
inquiries as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        inquiry.inquiry_key,
        inquiry.physician_key,
        inquiry.office_id,
        offices.branch_id,
        inquiry.waited_business_days as days_waited,
        case when inquiry.is_open then 0 else 1 end as is_answered,
        case
            when inquiry.is_from_mr and not inquiry.is_open and inquiry.notified_within_2_business_days is not null
                then 1
            else 0
        end as is_answered_from_mr,
        case
            when inquiry.is_from_mr and not inquiry.is_open and inquiry.notified_within_2_business_days then 1
            else 0
        end as is_loop_closed,
        case when inquiry.is_answered_in_time is not null then 1 else 0 end as is_due,
        case when inquiry.is_answered_in_time then 1 else 0 end as is_answered_in_time
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_medical_inquiry') }} as inquiry
        on inquiry.received_on between mart_period.period_start and mart_period.period_end
    left join offices
        on inquiry.office_id = offices.office_id
),

counts as (
    select
        period_type,
        period_start,
        period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        count(*) as inquiries,
        sum(is_answered) as answered,
        count(distinct coalesce(physician_key, inquiry_key)) as n_physicians,
        count(distinct case when is_answered_from_mr = 1 then coalesce(physician_key, inquiry_key) end)
            as n_physicians_answered_from_mr,
        sum(is_answered_from_mr) as answered_from_mr,
        sum(is_loop_closed) as loops_closed,
        count(distinct case when is_due = 1 then coalesce(physician_key, inquiry_key) end) as n_physicians_answer_due,
        sum(is_due) as answers_due,
        sum(is_answered_in_time) as answered_in_time
    from inquiries
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end'], with_mr=false) }}
),

days as (
    select
        period_type,
        period_start,
        days_waited,
        {{ kpi_scope_columns(with_mr=false) }},
        cast(count(*) as double) as ended_or_censored,
        cast(sum(is_answered) as double) as ended
    from inquiries
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'days_waited'], with_mr=false) }}
),

{{ kpi_median_days('days', ['scope_type', 'scope_id', 'period_type', 'period_start']) }},

cells as (
    select
        counts.*,
        medians.days_median as handoff_days_median,
        medians.days_median_low as handoff_days_median_low,
        medians.days_median_high as handoff_days_median_high,
        medians.days_p90 as handoff_days_p90
    from counts
    inner join medians
        on
            counts.scope_type = medians.scope_type
            and coalesce(counts.scope_id, '') = coalesce(medians.scope_id, '')
            and counts.period_type = medians.period_type
            and counts.period_start = medians.period_start
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_physicians': [
            'inquiries', 'answered', 'handoff_days_median', 'handoff_days_median_low', 'handoff_days_median_high',
            'handoff_days_p90'
        ],
        'n_physicians_answered_from_mr': ['answered_from_mr', 'loops_closed'],
        'n_physicians_answer_due': ['answers_due', 'answered_in_time'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_physicians as bigint) as n_physicians,
    n_physicians_suppressed,
    cast(inquiries as bigint) as inquiries,
    cast(answered as bigint) as answered,
    cast(inquiries - answered as bigint) as still_open,
    cast(handoff_days_median as double) as handoff_days_median,
    cast(handoff_days_median_low as double) as handoff_days_median_low,
    cast(handoff_days_median_high as double) as handoff_days_median_high,
    cast(handoff_days_p90 as double) as handoff_days_p90,
    cast(n_physicians_answered_from_mr as bigint) as n_physicians_answered_from_mr,
    n_physicians_answered_from_mr_suppressed,
    cast(answered_from_mr as bigint) as answered_from_mr,
    cast(loops_closed as bigint) as loops_closed,
    cast(n_physicians_answer_due as bigint) as n_physicians_answer_due,
    n_physicians_answer_due_suppressed,
    cast(answers_due as bigint) as answers_due,
    cast(answered_in_time as bigint) as answered_in_time
from protected

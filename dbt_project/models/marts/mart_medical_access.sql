-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
{#- What the guideline asks to record of an answer: what it is called here → the column that says whether it is there. #}
{%- set record_fields = {
    'requester': 'gl_has_requester',
    'request_text': 'gl_has_request_text',
    'date': 'gl_has_date',
    'provider': 'gl_has_provider',
    'material': 'gl_has_material',
    'evidence': 'gl_has_evidence',
    'negative_data': 'gl_states_negative_data',
    'unapproved': 'gl_states_unapproved',
} %}
{%- set missing = [] %}
{%- for field in record_fields %}{% do missing.append('answers_without_' ~ field) %}{% endfor %}
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

{# What a representative may not answer: inquiries beyond the label. One that is still open has waited at least until
   as_of and stays in, as a waiting time not yet ended. #}
inquiries as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        coalesce(inquiry.physician_key, inquiry.inquiry_key) as person,
        offices.branch_id,
        inquiry.waited_business_days as days_waited,
        case when inquiry.is_open then 0 else 1 end as is_answered,
        case when not inquiry.is_open and inquiry.gl_record_complete then 1 else 0 end as is_recorded,
        {%- for field, column in record_fields.items() %}
        case when not inquiry.is_open then inquiry.{{ column }} end as {{ column }},
        {%- endfor %}
        case when not inquiry.is_unsolicited then 1 else 0 end as is_solicited,
        case when inquiry.is_unsolicited is null then 1 else 0 end as is_solicitation_unknown,
        case when inquiry.is_accepted_in_time is not null then 1 else 0 end as is_due,
        case when inquiry.is_accepted_in_time then 1 else 0 end as is_accepted_in_time,
        case when inquiry.completes_burst then 1 else 0 end as completes_burst
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_medical_inquiry') }} as inquiry
        on inquiry.received_on between mart_period.period_start and mart_period.period_end
    left join offices
        on inquiry.office_id = offices.office_id
    where inquiry.category = 'off_label'
),

{# Company and branch only: the number of such inquiries of one office would say of whom they are. #}
counts as (
    select
        period_type,
        period_start,
        period_end,
        case when grouping(branch_id) = 0 then 'branch' else 'company' end as scope_type,
        case when grouping(branch_id) = 0 then branch_id else 'company' end as scope_id,
        'company' as parent_scope_id,
        count(*) as inquiries,
        sum(is_answered) as answered,
        sum(completes_burst) as burst_flags,
        sum(is_solicited) as inquiries_solicited,
        sum(is_solicitation_unknown) as inquiries_solicitation_unknown,
        count(distinct person) as n_physicians,
        count(distinct case when is_due = 1 then person end) as n_physicians_due,
        sum(is_due) as inquiries_due,
        sum(is_accepted_in_time) as accepted_in_time,
        count(distinct case when is_answered = 1 then person end) as n_physicians_answered,
        sum(is_answered) as answers,
        sum(is_recorded) as answers_recorded,
        {#- Null, not none, where no answer's record tells the field. #}
        {%- for field, column in record_fields.items() %}
        sum(case when {{ column }} then 0 when not {{ column }} then 1 end) as answers_without_{{ field }},
        {%- endfor %}
        sum(
            case
                when
                    is_answered = 1
                    and ({% for column in record_fields.values() %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %})
                    then 1
                else 0
            end
        ) as answers_fields_unknown
    from inquiries
    group by grouping sets (
        (period_type, period_start, period_end),
        (period_type, period_start, period_end, branch_id)
    )
),

days as (
    select
        period_type,
        period_start,
        days_waited,
        case when grouping(branch_id) = 0 then 'branch' else 'company' end as scope_type,
        case when grouping(branch_id) = 0 then branch_id else 'company' end as scope_id,
        cast(count(*) as double) as ended_or_censored,
        cast(sum(is_answered) as double) as ended
    from inquiries
    group by grouping sets (
        (period_type, period_start, days_waited),
        (period_type, period_start, days_waited, branch_id)
    )
),

{{ kpi_median_days('days', ['scope_type', 'scope_id', 'period_type', 'period_start']) }},

cells as (
    select
        counts.*,
        medians.days_median as answer_days_median,
        medians.days_median_low as answer_days_median_low,
        medians.days_median_high as answer_days_median_high
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
            'inquiries', 'answered', 'burst_flags', 'inquiries_solicited', 'inquiries_solicitation_unknown',
            'answer_days_median', 'answer_days_median_low', 'answer_days_median_high'
        ],
        'n_physicians_due': ['inquiries_due', 'accepted_in_time'],
        'n_physicians_answered': ['answers', 'answers_recorded', 'answers_fields_unknown'] + missing,
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
    cast(burst_flags as bigint) as burst_flags,
    cast(inquiries_solicited as bigint) as inquiries_solicited,
    cast(inquiries_solicitation_unknown as bigint) as inquiries_solicitation_unknown,
    cast(answer_days_median as double) as answer_days_median,
    cast(answer_days_median_low as double) as answer_days_median_low,
    cast(answer_days_median_high as double) as answer_days_median_high,
    cast(n_physicians_due as bigint) as n_physicians_due,
    n_physicians_due_suppressed,
    cast(inquiries_due as bigint) as inquiries_due,
    cast(accepted_in_time as bigint) as accepted_in_time,
    cast(n_physicians_answered as bigint) as n_physicians_answered,
    n_physicians_answered_suppressed,
    cast(answers as bigint) as answers,
    cast(answers_recorded as bigint) as answers_recorded,
    {%- for column in missing %}
    cast({{ column }} as bigint) as {{ column }},
    {%- endfor %}
    cast(answers_fields_unknown as bigint) as answers_fields_unknown
from protected

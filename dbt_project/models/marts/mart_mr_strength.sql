-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

setting as (
    select * from {{ rows_in_force('need_setting') }} as in_force
),

{# A request is counted once per need, on its first day; where both a representative and a log heard it, as heard by
   the representative. An inquiry to Medical is a request that reached the company without a
   representative; nothing else of it is known here. #}
signals as (
    select
        need.physician_key,
        last_day(need.signalled_on) as month_end,
        case when need.is_first_in_episode and need.topic_id is not null then 1 else 0 end as is_first,
        case when need.is_first_in_episode and need.topic_id is not null and need.learned_by = 'mr' then 1 else 0 end
            as is_first_by_mr,
        case
            when need.learned_by = 'inquiry' then 1
            when need.has_request and row_number() over request_of_need = 1 then 1
            else 0
        end as is_request,
        case
            when need.has_request and row_number() over request_of_need = 1
                then max(case when need.learned_by = 'mr' then 1 else 0 end) over (
                    partition by
                        need.physician_key, need.topic_id, need.product_id, need.episode_opened_on, need.has_request
                )
            else 0
        end as is_request_by_mr,
        case when need.answered_on is not null then 1 else 0 end as is_answered,
        {{ days_between(
            'need.signalled_on',
            'least(coalesce(need.answered_on, need.open_until), ' ~ as_of() ~ ')'
        ) }} as days_waited
    from {{ ref('fct_need_signal') }} as need
    window request_of_need as (
        partition by need.physician_key, need.topic_id, need.product_id, need.episode_opened_on, need.has_request
        order by need.signalled_on, need.learned_by
    )
),

signals_in_period as (
    select
        mart_period.period_type,
        mart_period.period_start,
        signals.*
    from {{ ref('mart_period') }} as mart_period
    inner join signals
        on signals.month_end between mart_period.period_start and mart_period.period_end
),

by_physician as (
    select
        period_type,
        period_start,
        physician_key,
        sum(is_first) as first_needs,
        sum(is_first_by_mr) as first_needs_by_mr,
        sum(is_request) as requests,
        sum(is_request_by_mr) as requests_by_mr
    from signals_in_period
    group by period_type, period_start, physician_key
),

dialogues as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        sum(contact.mr_dialogues) as dialogues,
        sum(contact.mr_dialogues_recorded) as dialogues_recorded
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_aimed_contact_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.mr_dialogues > 0
    group by mart_period.period_type, mart_period.period_start, contact.physician_key
),

{# A team is its representatives: physicians without one stand in no team. Each physician has one representative, so
   that five representatives are five physicians at least, and protecting the former protects the latter. #}
counts as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        count(distinct case when by_physician.first_needs > 0 then physician.employee_key end) as n_mr_with_need,
        sum(case when by_physician.first_needs > 0 then 1 else 0 end) as n_physicians_with_need,
        sum(coalesce(by_physician.first_needs, 0)) as first_needs,
        sum(coalesce(by_physician.first_needs_by_mr, 0)) as first_needs_by_mr,
        count(distinct case when by_physician.first_needs_by_mr > 0 then physician.employee_key end)
            as n_mr_with_learned_need,
        count(distinct case when by_physician.requests > 0 then physician.employee_key end) as n_mr_with_request,
        sum(case when by_physician.requests > 0 then 1 else 0 end) as n_physicians_with_request,
        sum(coalesce(by_physician.requests, 0)) as requests,
        sum(coalesce(by_physician.requests_by_mr, 0)) as requests_by_mr,
        count(distinct case when dialogues.dialogues > 0 then physician.employee_key end) as n_mr_with_dialogue,
        sum(coalesce(dialogues.dialogues, 0)) as dialogues,
        sum(coalesce(dialogues.dialogues_recorded, 0)) as dialogues_recorded
    from {{ ref('mart_physician_period') }} as physician
    left join by_physician
        on
            physician.period_type = by_physician.period_type
            and physician.period_start = by_physician.period_start
            and physician.physician_key = by_physician.physician_key
    left join dialogues
        on
            physician.period_type = dialogues.period_type
            and physician.period_start = dialogues.period_start
            and physician.physician_key = dialogues.physician_key
    where physician.employee_key is not null
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

{# The days from a need that a representative learned first to its answer. Needs without an answer yet have waited at
   least until now: they stay in, as a wait not yet ended. #}
days as (
    select
        signal.period_type,
        signal.period_start,
        signal.days_waited,
        {{ kpi_scope_columns(with_mr=false) }},
        cast(count(*) as double) as ended_or_censored,
        cast(sum(signal.is_answered) as double) as ended
    from signals_in_period as signal
    inner join {{ ref('mart_physician_period') }} as physician
        on
            signal.period_type = physician.period_type
            and signal.period_start = physician.period_start
            and signal.physician_key = physician.physician_key
    where signal.is_first_by_mr = 1 and physician.employee_key is not null
    group by {{ kpi_scope_sets(['signal.period_type', 'signal.period_start', 'signal.days_waited'], with_mr=false) }}
),

{{ kpi_median_days('days', ['scope_type', 'scope_id', 'period_type', 'period_start']) }},

cells as (
    select
        counts.*,
        coalesce(medians.ended, 0) as first_needs_by_mr_answered,
        medians.days_median as days_to_answer_median
    from counts
    left join medians
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
        'n_mr_with_need': ['n_physicians_with_need', 'first_needs', 'first_needs_by_mr'],
        'n_mr_with_learned_need': ['first_needs_by_mr_answered', 'days_to_answer_median'],
        'n_mr_with_request': ['n_physicians_with_request', 'requests', 'requests_by_mr'],
        'n_mr_with_dialogue': ['dialogues', 'dialogues_recorded'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_mr_with_need as bigint) as n_mr_with_need,
    n_mr_with_need_suppressed,
    cast(n_physicians_with_need as bigint) as n_physicians_with_need,
    n_mr_with_need_suppressed as n_physicians_with_need_suppressed,
    cast(first_needs as bigint) as first_needs,
    cast(first_needs_by_mr as bigint) as first_needs_by_mr,
    cast(n_mr_with_learned_need as bigint) as n_mr_with_learned_need,
    n_mr_with_learned_need_suppressed,
    cast(first_needs_by_mr_answered as bigint) as first_needs_by_mr_answered,
    cast(
        case when first_needs_by_mr >= setting.min_signals then days_to_answer_median end as double
    ) as days_to_answer_median,
    cast(n_mr_with_request as bigint) as n_mr_with_request,
    n_mr_with_request_suppressed,
    cast(n_physicians_with_request as bigint) as n_physicians_with_request,
    n_mr_with_request_suppressed as n_physicians_with_request_suppressed,
    cast(requests as bigint) as requests,
    cast(requests_by_mr as bigint) as requests_by_mr,
    cast(n_mr_with_dialogue as bigint) as n_mr_with_dialogue,
    n_mr_with_dialogue_suppressed,
    cast(dialogues as bigint) as dialogues,
    cast(dialogues_recorded as bigint) as dialogues_recorded
from protected
cross join setting

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
{%- set shares = [
    ('n_physicians_informed_in_time', 'n_physicians_with_safety_notice', 'n_physicians_with_safety_notice'),
    ('proper_use_questions_answered', 'proper_use_questions', 'n_physicians_with_proper_use_question'),
    ('material_requests_fulfilled', 'material_requests', 'n_physicians_with_material_request'),
] %}
with

{# Everything counts in the period in which it began, once its time has passed. #}
safety_of_month as (
    select
        physician_key,
        last_day(issued_on) as month_end,
        count(*) as safety_deliveries,
        sum(case when is_delivered_in_time then 1 else 0 end) as safety_deliveries_in_time,
        0 as proper_use_questions,
        0 as proper_use_questions_answered,
        0 as material_requests,
        0 as material_requests_fulfilled
    from {{ ref('fct_safety_notice_physician') }}
    where is_delivered_in_time is not null
    group by physician_key, last_day(issued_on)
),

{# A need shown in two ways, to a representative and online, is one question and one request, begun when it was first
   asked; what answered it is the same. #}
question as (
    select
        need.*,
        row_number() over (
            partition by need.physician_key, need.topic_id, need.product_id, need.episode_opened_on
            order by need.signalled_on, need.learned_by
        ) as place
    from {{ ref('fct_need_signal') }} as need
    inner join {{ ref('dim_topic') }} as topic
        on need.topic_id = topic.topic_id
    where need.has_question and topic.info_class in ('proper_use', 'safety')
),

request as (
    select
        need.*,
        row_number() over (
            partition by need.physician_key, need.topic_id, need.product_id, need.episode_opened_on
            order by need.signalled_on, need.learned_by
        ) as place
    from {{ ref('fct_need_signal') }} as need
    where need.has_request and need.topic_id is not null
),

needs_of_month as (
    select
        physician_key,
        last_day(signalled_on) as month_end,
        0 as safety_deliveries,
        0 as safety_deliveries_in_time,
        count(*) as proper_use_questions,
        sum(case when is_answered_within_30d then 1 else 0 end) as proper_use_questions_answered,
        0 as material_requests,
        0 as material_requests_fulfilled
    from question
    where place = 1 and is_answered_within_30d is not null
    group by physician_key, last_day(signalled_on)
    union all
    select
        physician_key,
        last_day(signalled_on) as month_end,
        0 as safety_deliveries,
        0 as safety_deliveries_in_time,
        0 as proper_use_questions,
        0 as proper_use_questions_answered,
        count(*) as material_requests,
        sum(case when is_answered_within_30d then 1 else 0 end) as material_requests_fulfilled
    from request
    where place = 1 and is_answered_within_30d is not null
    group by physician_key, last_day(signalled_on)
),

gathered as (
    select * from safety_of_month
    union all
    select * from needs_of_month
),

by_physician as (
    select
        mart_period.period_type,
        mart_period.period_start,
        gathered.physician_key,
        sum(gathered.safety_deliveries) as safety_deliveries,
        sum(gathered.safety_deliveries_in_time) as safety_deliveries_in_time,
        sum(gathered.proper_use_questions) as proper_use_questions,
        sum(gathered.proper_use_questions_answered) as proper_use_questions_answered,
        sum(gathered.material_requests) as material_requests,
        sum(gathered.material_requests_fulfilled) as material_requests_fulfilled
    from {{ ref('mart_period') }} as mart_period
    inner join gathered
        on gathered.month_end between mart_period.period_start and mart_period.period_end
    group by mart_period.period_type, mart_period.period_start, gathered.physician_key
),

scoped as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when by_physician.safety_deliveries > 0 then 1 else 0 end) as n_physicians_with_safety_notice,
        {#- Informed is who had every notice in time: a physician counts once, however many concern him (H10). #}
        sum(case when by_physician.safety_deliveries = by_physician.safety_deliveries_in_time
            and by_physician.safety_deliveries > 0 then 1 else 0 end) as n_physicians_informed_in_time,
        sum(coalesce(by_physician.safety_deliveries, 0)) as safety_deliveries,
        sum(coalesce(by_physician.safety_deliveries_in_time, 0)) as safety_deliveries_in_time,
        sum(case when by_physician.proper_use_questions > 0 then 1 else 0 end) as n_physicians_with_proper_use_question,
        sum(coalesce(by_physician.proper_use_questions, 0)) as proper_use_questions,
        sum(coalesce(by_physician.proper_use_questions_answered, 0)) as proper_use_questions_answered,
        sum(case when by_physician.material_requests > 0 then 1 else 0 end) as n_physicians_with_material_request,
        sum(coalesce(by_physician.material_requests, 0)) as material_requests,
        sum(coalesce(by_physician.material_requests_fulfilled, 0)) as material_requests_fulfilled
    from {{ ref('mart_physician_period') }} as physician
    left join by_physician
        on
            physician.period_type = by_physician.period_type
            and physician.period_start = by_physician.period_start
            and physician.physician_key = by_physician.physician_key
    group by {{ kpi_scope_sets(
        ['physician.period_type', 'physician.period_start', 'physician.period_end'], with_mr=false
    ) }}
),

{{ kpi_protected(
    cells='scoped',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_physicians_with_safety_notice': [
            'n_physicians_informed_in_time', 'safety_deliveries', 'safety_deliveries_in_time'
        ],
        'n_physicians_with_proper_use_question': ['proper_use_questions', 'proper_use_questions_answered'],
        'n_physicians_with_material_request': ['material_requests', 'material_requests_fulfilled'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_physicians_with_safety_notice as bigint) as n_physicians_with_safety_notice,
    n_physicians_with_safety_notice_suppressed,
    cast(n_physicians_informed_in_time as bigint) as n_physicians_informed_in_time,
    cast(safety_deliveries as bigint) as safety_deliveries,
    cast(safety_deliveries_in_time as bigint) as safety_deliveries_in_time,
    cast(n_physicians_with_proper_use_question as bigint) as n_physicians_with_proper_use_question,
    n_physicians_with_proper_use_question_suppressed,
    cast(proper_use_questions as bigint) as proper_use_questions,
    cast(proper_use_questions_answered as bigint) as proper_use_questions_answered,
    cast(n_physicians_with_material_request as bigint) as n_physicians_with_material_request,
    n_physicians_with_material_request_suppressed,
    cast(material_requests as bigint) as material_requests,
    cast(material_requests_fulfilled as bigint) as material_requests_fulfilled,
    {#- Of fewer than ten physicians only the counts are shown (H2). #}
    {%- for part, whole, physicians in shares %}
    {{ kpi_rate_columns(part ~ '_rate', part, whole, physicians) }}{{ ',' if not loop.last }}
    {%- endfor %}
from protected

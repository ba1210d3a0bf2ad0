-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
{%- set scales = {'effort': ('ces', 1, 7), 'convenience': ('convenience', 0, 10), 'interest': ('interest', 0, 10)} %}
{%- set shares = {
    'csat': ('csat', 'csat_top2', 'satisfied_from'),
    'usefulness': ('usefulness', 'usefulness_top', 'useful_from'),
    'topic_usefulness': ('topic_usefulness', 'topic_usefulness_top', 'useful_from'),
} %}
{%- set keys = ['period_type', 'period_start', 'period_end', 'channel_id', 'phase_id', 'breakdown'] %}
with

{# The phase is the physician's for the product he was asked about, at the end of the month before he answered: his
   answer cannot have set it. #}
answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        answer.physician_key,
        answer.item_id,
        answer.subject_id,
        answer.channel_id,
        phase.phase_id,
        answer.score,
        answer.responded_on,
        answer.response_key
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    left join {{ ref('fct_journey_phase') }} as phase
        on
            answer.physician_key = phase.physician_key
            and answer.product_id = phase.product_id
            and phase.snapshot_on = {{ add_days("cast(date_trunc('month', answer.responded_on) as date)", '-1') }}
    where
        answer.physician_key is not null
        and answer.score is not null
        and answer.item_id in ('csat', 'nps', 'usefulness', 'ces', 'convenience', 'interest', 'topic_usefulness')
),

levels as (
    select
        period_type, period_start, physician_key, item_id, score, responded_on, response_key,
        null as channel_id, null as phase_id, null as breakdown
    from answers
    where item_id in ('csat', 'nps', 'usefulness', 'ces')
    union all
    select
        period_type, period_start, physician_key, item_id, score, responded_on, response_key,
        null as channel_id, phase_id, null as breakdown
    from answers
    where item_id in ('csat', 'nps', 'usefulness', 'ces') and phase_id is not null
    union all
    select
        period_type, period_start, physician_key, item_id, score, responded_on, response_key,
        channel_id, null as phase_id, null as breakdown
    from answers
    where item_id <> 'topic_usefulness' and channel_id is not null
    union all
    select
        period_type, period_start, physician_key, item_id, score, responded_on, response_key,
        null as channel_id, null as phase_id, 'topic=' || subject_id as breakdown
    from answers
    where item_id = 'topic_usefulness' and subject_id is not null
),

last_answers as (
    select
        levels.*,
        {{ answer_recency('levels', ['item_id', 'channel_id', 'phase_id', 'breakdown'], period='levels') }} as recency
    from levels
),

answered as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        physician.employee_key,
        physician.office_id,
        physician.branch_id,
        last_answers.channel_id,
        last_answers.phase_id,
        last_answers.breakdown,
        last_answers.item_id,
        cast(last_answers.score as double) as score
    from last_answers
    inner join {{ ref('mart_physician_period') }} as physician
        on
            last_answers.period_type = physician.period_type
            and last_answers.period_start = physician.period_start
            and last_answers.physician_key = physician.physician_key
    where last_answers.recency = 1
),

{# What nobody was asked in a row stays null there: it is no count of nobody. #}
counted as (
    select
        answered.period_type,
        answered.period_start,
        answered.period_end,
        answered.channel_id,
        answered.phase_id,
        answered.breakdown,
        {{ kpi_scope_columns(with_mr=false) }},
        {%- for name, (item, top, threshold) in shares.items() %}
        sum(case when item_id = '{{ item }}' then 1 end) as n_{{ name }},
        sum(case when item_id = '{{ item }}' then case when score >= rule.{{ threshold }} then 1 else 0 end end) as n_{{ top }},
        {%- endfor %}
        {%- for name, (item, lowest, highest) in scales.items() %}
        sum(case when item_id = '{{ item }}' then 1 end) as n_{{ name }},
        sum(case when item_id = '{{ item }}' then score end) as {{ name }}_sum,
        sum(case when item_id = '{{ item }}' then score * score end) as {{ name }}_sum_of_squares,
        {%- endfor %}
        sum(case when item_id = 'nps' then 1 end) as n_nps,
        sum(case when item_id = 'nps' then case when score >= rule.promoter_from then 1 else 0 end end) as n_promoters,
        sum(
            case
                when item_id = 'nps'
                    then case when score > rule.detractor_to and score < rule.promoter_from then 1 else 0 end
            end
        ) as n_passives,
        sum(case when item_id = 'nps' then case when score <= rule.detractor_to then 1 else 0 end end) as n_detractors,
        max(rule.minimum_mean) as minimum_mean,
        max(rule.minimum_score) as minimum_score
    from answered
    cross join {{ rows_in_force('survey_setting') }} as rule
    group by {{ kpi_scope_sets([
        'answered.period_type', 'answered.period_start', 'answered.period_end', 'answered.channel_id',
        'answered.phase_id', 'answered.breakdown'
    ], with_mr=false) }}
),

means as (
    select
        counted.*,
        {%- for name in scales %}
        {{ kpi_rate(name ~ '_sum', 'n_' ~ name) }} as {{ name }}_all_mean,
        {{ kpi_rate(name ~ '_sum_of_squares', 'n_' ~ name) }} as {{ name }}_mean_of_squares,
        {%- endfor %}
        {{ kpi_rate('n_promoters', 'n_nps') }} as share_promoters,
        {{ kpi_rate('n_detractors', 'n_nps') }} as share_detractors
    from counted
),

cells as (
    select
        means.*,
        {%- for name, (item, lowest, highest) in scales.items() %}
        case when n_{{ name }} >= minimum_mean then {{ name }}_all_mean end as {{ name }}_mean,
        case
            when n_{{ name }} >= minimum_mean
                then {{ kpi_mean_low('n_' ~ name, name ~ '_all_mean', name ~ '_mean_of_squares', lowest) }}
        end as {{ name }}_mean_low,
        case
            when n_{{ name }} >= minimum_mean
                then {{ kpi_mean_high('n_' ~ name, name ~ '_all_mean', name ~ '_mean_of_squares', highest) }}
        end as {{ name }}_mean_high,
        {%- endfor %}
        {%- for name, (item, top, threshold) in shares.items() %}
        case when n_{{ name }} >= minimum_mean then {{ kpi_rate('n_' ~ top, 'n_' ~ name) }} end as {{ top }}_rate,
        case when n_{{ name }} >= minimum_mean then {{ kpi_wilson_low('n_' ~ top, 'n_' ~ name) }} end
            as {{ top }}_rate_low,
        case when n_{{ name }} >= minimum_mean then {{ kpi_wilson_high('n_' ~ top, 'n_' ~ name) }} end
            as {{ top }}_rate_high,
        {%- endfor %}
        case when n_nps >= minimum_score then 100 * (share_promoters - share_detractors) end as nps,
        case when n_nps >= minimum_score then {{ kpi_score_low('n_promoters', 'n_detractors', 'n_nps') }} end as nps_low,
        case when n_nps >= minimum_score then {{ kpi_score_high('n_promoters', 'n_detractors', 'n_nps') }} end as nps_high
    from means
),

{%- set bases = {} -%}
{%- for name, (item, top, threshold) in shares.items() -%}
    {%- do bases.update({'n_' ~ name: ['n_' ~ top, top ~ '_rate', top ~ '_rate_low', top ~ '_rate_high']}) -%}
{%- endfor -%}
{%- for name in scales -%}
    {%- do bases.update({'n_' ~ name: [name ~ '_mean', name ~ '_mean_low', name ~ '_mean_high']}) -%}
{%- endfor -%}
{%- do bases.update({'n_nps': ['n_promoters', 'n_passives', 'n_detractors', 'nps', 'nps_low', 'nps_high']}) %}

{{ kpi_protected(cells='cells', keys=keys, additive='phase_id', bases=bases) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    channel_id,
    phase_id,
    breakdown,
    {%- for name, (item, top, threshold) in shares.items() %}
    cast(n_{{ name }} as bigint) as n_{{ name }},
    n_{{ name }}_suppressed,
    cast(n_{{ top }} as bigint) as n_{{ top }},
    cast({{ top }}_rate as double) as {{ top }}_rate,
    cast({{ top }}_rate_low as double) as {{ top }}_rate_low,
    cast({{ top }}_rate_high as double) as {{ top }}_rate_high,
    {%- endfor %}
    cast(n_nps as bigint) as n_nps,
    n_nps_suppressed,
    cast(n_promoters as bigint) as n_promoters,
    cast(n_passives as bigint) as n_passives,
    cast(n_detractors as bigint) as n_detractors,
    cast(nps as double) as nps,
    cast(nps_low as double) as nps_low,
    cast(nps_high as double) as nps_high,
    {%- for name in scales %}
    cast(n_{{ name }} as bigint) as n_{{ name }},
    n_{{ name }}_suppressed,
    cast({{ name }}_mean as double) as {{ name }}_mean,
    cast({{ name }}_mean_low as double) as {{ name }}_mean_low,
    cast({{ name }}_mean_high as double) as {{ name }}_mean_high{{ ',' if not loop.last }}
    {%- endfor %}
from protected

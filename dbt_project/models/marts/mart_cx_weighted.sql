{%- set measures = ['csat_top2_rate', 'usefulness_top_rate', 'nps'] -%}
{%- set items = {'csat_top2_rate': 'csat', 'usefulness_top_rate': 'usefulness', 'nps': 'nps'} -%}
with rule as (
    select * from {{ rows_in_force('survey_setting') }} as setting
),

answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        answer.physician_key,
        answer.item_id,
        answer.score,
        {{ answer_recency('answer', ['item_id']) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    where
        answer.physician_key is not null
        and answer.score is not null
        and answer.item_id in ('csat', 'usefulness', 'nps')
),

population as (
    select
        period_type,
        period_start,
        period_end,
        physician_key,
        coalesce(specialty_group, 'unknown') || '|' || coalesce(practice_type, 'unknown') as stratum
    from {{ ref('mart_physician_period') }}
    where is_in_universe
),

stratum_sizes as (
    select
        period_type,
        period_start,
        period_end,
        stratum,
        count(*) as physicians
    from population
    group by period_type, period_start, period_end, stratum
),

stratum_answers as (
    select
        population.period_type,
        population.period_start,
        population.stratum,
        answers.item_id,
        count(*) as answers,
        sum(
            case
                when answers.item_id = 'csat' and answers.score >= rule.satisfied_from then 1
                when answers.item_id = 'usefulness' and answers.score >= rule.useful_from then 1
                when answers.item_id = 'nps' and answers.score >= rule.promoter_from then 1
                else 0
            end
        ) as good,
        sum(case when answers.item_id = 'nps' and answers.score <= rule.detractor_to then 1 else 0 end) as bad
    from population
    inner join answers
        on
            population.period_type = answers.period_type
            and population.period_start = answers.period_start
            and population.physician_key = answers.physician_key
    cross join rule
    where answers.recency = 1
    group by population.period_type, population.period_start, population.stratum, answers.item_id
),

items as (
    select 'csat' as item_id
    union all
    select 'usefulness' as item_id
    union all
    select 'nps' as item_id
),

{# A stratum with few answers stands for nobody alone: small ones are one stratum together, the empty ones among
   them, as long as that one has enough answers. #}
joined as (
    select
        sizes.period_type,
        sizes.period_start,
        sizes.period_end,
        items.item_id,
        case
            when coalesce(counted.answers, 0) >= rule.minimum_stratum then sizes.stratum else 'small strata'
        end as stratum,
        cast(sum(sizes.physicians) as double) as physicians,
        cast(sum(coalesce(counted.answers, 0)) as double) as answers,
        cast(sum(coalesce(counted.good, 0)) as double) as good,
        cast(sum(coalesce(counted.bad, 0)) as double) as bad,
        max(rule.minimum_stratum) as minimum_stratum
    from stratum_sizes as sizes
    cross join items
    cross join rule
    left join stratum_answers as counted
        on
            sizes.period_type = counted.period_type
            and sizes.period_start = counted.period_start
            and sizes.stratum = counted.stratum
            and items.item_id = counted.item_id
    group by
        sizes.period_type,
        sizes.period_start,
        sizes.period_end,
        items.item_id,
        case when coalesce(counted.answers, 0) >= rule.minimum_stratum then sizes.stratum else 'small strata' end
),

totals as (
    select
        period_type,
        period_start,
        period_end,
        item_id,
        sum(physicians) as physicians,
        sum(case when answers >= minimum_stratum then physicians else 0 end) as covered,
        sum(answers) as answers,
        sum(good) as good,
        sum(bad) as bad
    from joined
    group by period_type, period_start, period_end, item_id
),

{# Shares weighted by how many target physicians each stratum holds, and the number of answers of a plain sample that
   would be as exact: 1 / Σ(W²/n) (Kish 1965). #}
weighted as (
    select
        totals.period_type,
        totals.period_start,
        totals.period_end,
        totals.item_id,
        totals.physicians,
        totals.covered,
        totals.answers,
        totals.good,
        totals.bad,
        count(joined.stratum) as strata,
        {#- Rounded where sums of weights would leave a share of exactly one at 0.9999999999999999, or would differ in the
           last digit from build to build. #}
        round(sum(joined.physicians / totals.covered * joined.good / joined.answers), 12) as good_share,
        round(sum(joined.physicians / totals.covered * joined.bad / joined.answers), 12) as bad_share,
        round(
            1 / sum(joined.physicians / totals.covered * joined.physicians / totals.covered / joined.answers), 10
        ) as effective_answers
    from totals
    left join joined
        on
            totals.period_type = joined.period_type
            and totals.period_start = joined.period_start
            and totals.item_id = joined.item_id
            and joined.answers >= joined.minimum_stratum
    group by
        totals.period_type,
        totals.period_start,
        totals.period_end,
        totals.item_id,
        totals.physicians,
        totals.covered,
        totals.answers,
        totals.good,
        totals.bad
),

{# Rates in percent, so that both lines and the score read alike. #}
valued as (
    select
        weighted.*,
        case
            when item_id = 'nps' then 100 * {{ kpi_rate('good - bad', 'answers') }}
            else 100 * {{ kpi_rate('good', 'answers') }}
        end as plain,
        case
            when item_id = 'nps' then {{ kpi_score_low('good', 'bad', 'answers') }}
            else 100 * {{ kpi_wilson_low('good', 'answers') }}
        end as plain_low,
        case
            when item_id = 'nps' then {{ kpi_score_high('good', 'bad', 'answers') }}
            else 100 * {{ kpi_wilson_high('good', 'answers') }}
        end as plain_high,
        case when item_id = 'nps' then 100 * (good_share - bad_share) else 100 * good_share end as weighted_value,
        case
            when item_id = 'nps'
                then {{ kpi_score_low(
                    '(good_share * effective_answers)', '(bad_share * effective_answers)', 'effective_answers'
                ) }}
            else 100 * {{ kpi_wilson_low('(good_share * effective_answers)', 'effective_answers') }}
        end as weighted_low,
        case
            when item_id = 'nps'
                then {{ kpi_score_high(
                    '(good_share * effective_answers)', '(bad_share * effective_answers)', 'effective_answers'
                ) }}
            else 100 * {{ kpi_wilson_high('(good_share * effective_answers)', 'effective_answers') }}
        end as weighted_high
    from weighted
),

shown as (
    select
        valued.*,
        answers between 1 and {{ kpi_minimum_cell() }} - 1 as is_suppressed,
        answers >= case when item_id = 'nps' then rule.minimum_score else rule.minimum_mean end as is_enough,
        covered >= rule.minimum_coverage * physicians as is_covered
    from valued
    cross join rule
)

select
    'company' as scope_type,
    'company' as scope_id,
    period_type,
    period_start,
    period_end,
    cast(max(physicians) as bigint) as n_target_physicians,
    {%- for measure in measures %}
    {%- set item = items[measure] %}
    {%- set is_shown = "item_id = '" ~ item ~ "' and not is_suppressed and is_enough" %}
    cast(max(case when item_id = '{{ item }}' and not is_suppressed then answers end) as bigint) as n_{{ item }},
    max(case when item_id = '{{ item }}' and is_suppressed then 1 else 0 end) = 1 as n_{{ item }}_suppressed,
    cast(max(case when {{ is_shown }} then plain end) as double) as {{ measure }},
    cast(max(case when {{ is_shown }} then plain_low end) as double) as {{ measure }}_low,
    cast(max(case when {{ is_shown }} then plain_high end) as double) as {{ measure }}_high,
    cast(max(case when item_id = '{{ item }}' then covered end) as bigint) as n_{{ item }}_represented,
    cast(max(case when item_id = '{{ item }}' then strata end) as bigint) as n_{{ item }}_strata,
    cast(max(case when {{ is_shown }} then effective_answers end) as double) as {{ item }}_effective_answers,
    cast(max(case when {{ is_shown }} and is_covered then weighted_value end) as double) as {{ measure }}_weighted,
    cast(max(case when {{ is_shown }} and is_covered then weighted_low end) as double) as {{ measure }}_weighted_low,
    cast(max(case when {{ is_shown }} and is_covered then weighted_high end) as double)
        as {{ measure }}_weighted_high{{ ',' if not loop.last }}
    {%- endfor %}
from shown
group by period_type, period_start, period_end

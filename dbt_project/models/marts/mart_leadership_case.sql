{#- Of whom each is asked, and in words: who never agreed to be written to has nothing to decline. -#}
{%- set outcomes = {
    'pull': ['', '自分から情報を取りに来ました', ''],
    'opt_out': ['consented_', '配信を断りました', '同意していた先生のうち、'],
} -%}
with

counted as (
    select
        *,
        n_physicians is null as n_physicians_suppressed,
        least(n_satisfied, n_not_satisfied) as n_smaller_side,
        least(n_consented_satisfied, n_consented_not_satisfied) as n_consented_smaller_side
    from {{ source('estimates', 'satisfaction') }}
),

judged as (
    select
        counted.*,
        {%- for outcome, (asked, words, condition) in outcomes.items() %}
        {{ kpi_judge(
            outcome ~ '_difference', outcome ~ '_difference_low', outcome ~ '_difference_high', 'meaningful_difference',
            'n_' ~ asked ~ 'satisfied', 'n_' ~ asked ~ 'not_satisfied', '30'
        ) }} as {{ outcome }}_judgement,
        {%- endfor %}
        case
            when alpha is null or n_alpha < 30 then 'cannot_tell'
            when alpha < min_reliability then 'not_reliable'
            when alpha_low < min_reliability then 'cannot_tell'
            else 'reliable_enough'
        end as index_verdict
    from counted
)

select
    'company' as scope_type,
    'company' as scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_physicians as bigint) as n_physicians,
    n_physicians_suppressed,
    cast(n_satisfied as bigint) as n_satisfied,
    cast(n_not_satisfied as bigint) as n_not_satisfied,
    cast(n_smaller_side as bigint) as n_smaller_side,
    cast(n_consented_satisfied as bigint) as n_consented_satisfied,
    cast(n_consented_not_satisfied as bigint) as n_consented_not_satisfied,
    {%- for outcome, (asked, words, condition) in outcomes.items() %}
    cast({{ outcome }}_satisfied as bigint) as {{ outcome }}_satisfied,
    cast({{ outcome }}_not_satisfied as bigint) as {{ outcome }}_not_satisfied,
    cast(case when n_{{ asked }}smaller_side >= {{ kpi_least_counted() }} then 100 * {{ outcome }}_difference end as double)
        as {{ outcome }}_difference,
    cast(case when n_{{ asked }}smaller_side >= {{ kpi_least_counted() }} then 100 * {{ outcome }}_difference_low end as double)
        as {{ outcome }}_difference_low,
    cast(case when n_{{ asked }}smaller_side >= {{ kpi_least_counted() }} then 100 * {{ outcome }}_difference_high end as double)
        as {{ outcome }}_difference_high,
    cast(
        100 * {{ kpi_minimum_detectable(outcome ~ '_difference_low', outcome ~ '_difference_high') }} as double
    ) as {{ outcome }}_minimum_detectable_difference,
    case {{ outcome }}_judgement
        when 'improved' then 'more_with_satisfaction'
        when 'worsened' then 'less_with_satisfaction'
        when 'unchanged' then 'no_difference'
        else 'cannot_tell'
    end as {{ outcome }}_verdict,
    case
        when {{ outcome }}_judgement = 'cannot_tell' then '判断できません'
        else
            '次の四半期に{{ words }}：{{ condition }}満足した先生100人中'
            || cast(
                cast(round(100 * {{ kpi_rate(outcome ~ '_satisfied', 'n_' ~ asked ~ 'satisfied') }}) as integer)
                as {{ dbt.type_string() }}
            )
            || '人、そうでない先生100人中'
            || cast(
                cast(round(100 * {{ kpi_rate(outcome ~ '_not_satisfied', 'n_' ~ asked ~ 'not_satisfied') }}) as integer)
                as {{ dbt.type_string() }}
            )
            || '人。一緒に見られた数で、満足が原因とは言えません'
    end as {{ outcome }}_words,
    {%- endfor %}
    cast(n_alpha as bigint) as n_alpha,
    cast(case when n_alpha >= {{ kpi_least_counted() }} then alpha end as double) as alpha,
    cast(case when n_alpha >= {{ kpi_least_counted() }} then alpha_low end as double) as alpha_low,
    cast(case when n_alpha >= {{ kpi_least_counted() }} then alpha_high end as double) as alpha_high,
    cast(n_retest as bigint) as n_retest,
    cast(case when n_retest >= {{ kpi_least_counted() }} then retest end as double) as retest,
    cast(case when n_retest >= {{ kpi_least_counted() }} then retest_low end as double) as retest_low,
    cast(case when n_retest >= {{ kpi_least_counted() }} then retest_high end as double) as retest_high,
    index_verdict,
    case index_verdict
        when 'reliable_enough' then '満足度の3つの質問は、まとめて1つの指標にできます'
        when 'not_reliable' then '満足度の3つの質問は、まとめて1つの指標にできません。1つずつ見てください'
        else '判断できません'
    end as index_words,
    '満足が先生の行動を変えたとは言えません。売上との関係は調べていません。回答しなかった先生のことは分かりません'
        as must_not_conclude,
    'E2' as evidence_level,
    cast(min_reliability as double) as min_reliability,
    cast(100 * meaningful_difference as double) as meaningful_difference,
    rule_version
from judged

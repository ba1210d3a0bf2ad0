{%- set segmentations = ['specialty_group', 'practice_type'] -%}
with rule as (
    select * from {{ rows_in_force('survey_setting') }} as setting
),

answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        answer.physician_key,
        answer.item_id,
        answer.subject_id,
        cast(answer.score as double) as score,
        {{ answer_recency('answer', ['item_id', 'subject_id']) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    where
        answer.physician_key is not null
        and answer.score is not null
        and answer.item_id in ('mr_importance', 'mr_satisfaction', 'csat')
),

rated as (
    select
        period_type,
        period_start,
        physician_key,
        subject_id as element_id,
        max(case when item_id = 'mr_importance' then score end) as importance,
        max(case when item_id = 'mr_satisfaction' then score end) as satisfaction
    from answers
    where recency = 1 and item_id <> 'csat'
    group by period_type, period_start, physician_key, subject_id
),

overall as (
    select
        period_type,
        period_start,
        physician_key,
        score as csat
    from answers
    where recency = 1 and item_id = 'csat'
),

{# Every physician once per way of dividing: by specialty, by practice. #}
placed as (
    {% for segmentation in segmentations %}
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        '{{ segmentation }}' as segment_type,
        coalesce(physician.{{ segmentation }}, 'unknown') as segment_id,
        item.element_id,
        rated.importance,
        rated.satisfaction,
        case when rated.satisfaction is not null then overall.csat end as csat
    from rated
    inner join {{ rows_in_force('mr_expectation_item') }} as item
        on rated.element_id = item.element_id
    inner join {{ ref('mart_physician_period') }} as physician
        on
            rated.period_type = physician.period_type
            and rated.period_start = physician.period_start
            and rated.physician_key = physician.physician_key
    left join overall
        on
            rated.period_type = overall.period_type
            and rated.period_start = overall.period_start
            and rated.physician_key = overall.physician_key
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

scoped as (
    select
        'company' as scope_type,
        'company' as scope_id,
        placed.*
    from placed
    union all
    select
        'segment' as scope_type,
        segment_id as scope_id,
        placed.*
    from placed
),

counted as (
    select
        scope_type,
        scope_id,
        'company' as parent_scope_id,
        period_type,
        period_start,
        period_end,
        segment_type,
        element_id,
        count(importance) as n_importance,
        avg(importance) as importance_mean,
        avg(importance * importance) as importance_squares,
        count(satisfaction) as n_satisfaction,
        avg(satisfaction) as satisfaction_mean,
        avg(satisfaction * satisfaction) as satisfaction_squares,
        count(csat) as n_derived,
        {#- Answers that do not vary go together with nothing. Rounded where the order of the rows would show in the last
           digit. #}
        case
            when
                max(csat) > min(csat)
                and max(case when csat is not null then satisfaction end)
                > min(case when csat is not null then satisfaction end)
                then round(corr(satisfaction, csat), 10)
        end as derived_importance
    from scoped
    group by scope_type, scope_id, period_type, period_start, period_end, segment_type, element_id
),

{# No mean of fewer than the minimum, whatever the group. #}
cells as (
    select
        counted.scope_type,
        counted.scope_id,
        counted.parent_scope_id,
        counted.period_type,
        counted.period_start,
        counted.period_end,
        counted.segment_type,
        counted.element_id,
        counted.n_importance,
        counted.n_satisfaction,
        counted.n_derived,
        case when counted.n_importance >= rule.minimum_segment then counted.importance_mean end as importance_mean,
        case
            when counted.n_importance >= rule.minimum_segment
                then {{ kpi_mean_low('counted.n_importance', 'counted.importance_mean', 'counted.importance_squares', 0) }}
        end as importance_mean_low,
        case
            when counted.n_importance >= rule.minimum_segment
                then {{ kpi_mean_high('counted.n_importance', 'counted.importance_mean', 'counted.importance_squares', 10) }}
        end as importance_mean_high,
        case when counted.n_satisfaction >= rule.minimum_segment then counted.satisfaction_mean end
            as satisfaction_mean,
        case
            when counted.n_satisfaction >= rule.minimum_segment
                then
                    {{ kpi_mean_low(
                        'counted.n_satisfaction', 'counted.satisfaction_mean', 'counted.satisfaction_squares', 0
                    ) }}
        end as satisfaction_mean_low,
        case
            when counted.n_satisfaction >= rule.minimum_segment
                then
                    {{ kpi_mean_high(
                        'counted.n_satisfaction', 'counted.satisfaction_mean', 'counted.satisfaction_squares', 10
                    ) }}
        end as satisfaction_mean_high,
        case when counted.n_derived >= rule.minimum_segment then counted.derived_importance end as derived_importance,
        case
            when counted.n_derived >= rule.minimum_segment
                then {{ kpi_correlation_bound('counted.derived_importance', 'counted.n_derived', '-') }}
        end as derived_importance_low,
        case
            when counted.n_derived >= rule.minimum_segment
                then {{ kpi_correlation_bound('counted.derived_importance', 'counted.n_derived', '+') }}
        end as derived_importance_high
    from counted
    cross join rule
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'segment_type', 'element_id'],
    bases={
        'n_importance': ['importance_mean', 'importance_mean_low', 'importance_mean_high'],
        'n_satisfaction': ['satisfaction_mean', 'satisfaction_mean_low', 'satisfaction_mean_high'],
        'n_derived': ['derived_importance', 'derived_importance_low', 'derived_importance_high'],
    }
) }},

{# The lines between high and low: what the elements of the same group come to on average. #}
lined as (
    select
        protected.*,
        round(avg(importance_mean) over element_group, 10) as importance_line,
        round(avg(satisfaction_mean) over element_group, 10) as satisfaction_line
    from protected
    window element_group as (
        partition by scope_type, scope_id, period_type, period_start, segment_type
    )
),

{# An element whose interval reaches over a line has no side. #}
sided as (
    select
        lined.*,
        case
            when importance_mean_low > importance_line then 'high'
            when importance_mean_high < importance_line then 'low'
        end as importance_side,
        case
            when satisfaction_mean_low > satisfaction_line then 'high'
            when satisfaction_mean_high < satisfaction_line then 'low'
        end as satisfaction_side
    from lined
),

judged as (
    select
        sided.*,
        case
            when importance_side = 'high' and satisfaction_side = 'low' then 'improve'
            when importance_side = 'high' and satisfaction_side = 'high' then 'keep'
            when importance_side = 'low' and satisfaction_side = 'high' then 'enough'
            when importance_side = 'low' and satisfaction_side = 'low' then 'watch'
            else 'cannot_tell'
        end as quadrant
    from sided
)

select
    judged.segment_type,
    case when judged.scope_type = 'company' then 'all' else judged.scope_id end as segment_id,
    judged.period_type,
    judged.period_start,
    judged.period_end,
    judged.element_id,
    item.name_ja as element_name_ja,
    cast(judged.n_importance as bigint) as n_importance,
    judged.n_importance_suppressed,
    cast(judged.importance_mean as double) as importance_mean,
    cast(judged.importance_mean_low as double) as importance_mean_low,
    cast(judged.importance_mean_high as double) as importance_mean_high,
    cast(judged.importance_line as double) as importance_line,
    cast(judged.n_satisfaction as bigint) as n_satisfaction,
    judged.n_satisfaction_suppressed,
    cast(judged.satisfaction_mean as double) as satisfaction_mean,
    cast(judged.satisfaction_mean_low as double) as satisfaction_mean_low,
    cast(judged.satisfaction_mean_high as double) as satisfaction_mean_high,
    cast(judged.satisfaction_line as double) as satisfaction_line,
    cast(judged.n_derived as bigint) as n_derived,
    judged.n_derived_suppressed,
    cast(judged.derived_importance as double) as derived_importance,
    cast(judged.derived_importance_low as double) as derived_importance_low,
    cast(judged.derived_importance_high as double) as derived_importance_high,
    judged.quadrant,
    case judged.quadrant
        when 'improve' then '大切だが満足が低い。先に直すところ'
        when 'keep' then '大切で満足も高い。続けるところ'
        when 'enough' then '満足は高いが、大切さは低い。今のままでよいところ'
        when 'watch' then '大切さも満足も低い。急がないところ'
        else '判断できません'
    end as quadrant_ja
from judged
inner join {{ rows_in_force('mr_expectation_item') }} as item
    on judged.element_id = item.element_id

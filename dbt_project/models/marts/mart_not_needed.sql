-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

rule as (
    select * from {{ rows_in_force('sufficiency_rule') }} as in_force
),

{# An inquiry to Medical is no need to be met by a channel here, but who asked there did use one more. #}
needs_of_month as (
    select
        physician_key,
        last_day(signalled_on) as month_end,
        sum(case when topic_id is not null and is_answered_within_30d is not null then 1 else 0 end) as needs,
        sum(case when topic_id is not null and is_answered_within_30d then 1 else 0 end) as needs_answered,
        max(case when learned_by = 'inquiry' then 1 else 0 end) as has_inquiry
    from {{ ref('fct_need_signal') }}
    where is_first_in_episode
    group by physician_key, last_day(signalled_on)
),

needs as (
    select
        mart_period.period_type,
        mart_period.period_start,
        need.physician_key,
        sum(need.needs) as needs,
        sum(need.needs_answered) as needs_answered,
        max(need.has_inquiry) as has_inquiry
    from {{ ref('mart_period') }} as mart_period
    inner join needs_of_month as need
        on need.month_end between mart_period.period_start and mart_period.period_end
    group by mart_period.period_type, mart_period.period_start, need.physician_key
),

channels as (
    select
        mart_period.period_type,
        mart_period.period_start,
        contact.physician_key,
        count(distinct contact.channel_id) as channels
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on contact.month_end between mart_period.period_start and mart_period.period_end
    where contact.effective_contacts > 0 and contact.channel_id not in {{ kpi_medical_channels() }}
    group by mart_period.period_type, mart_period.period_start, contact.physician_key
),

answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        response.physician_key,
        response.score,
        {{ answer_recency('response', []) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as response
        on response.responded_on between mart_period.period_start and mart_period.period_end
    where response.item_id = 'csat' and response.physician_key is not null
),

physicians as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        physician.branch_id,
        physician.office_id,
        {{ kpi_segment_id('physician') }} as segment_id,
        case when answers.score is not null then 1 else 0 end as has_answer,
        case when needs.needs_answered >= rule.min_answered_share * needs.needs then 1 else 0 end as is_answered,
        case
            when coalesce(channels.channels, 0) + needs.has_inquiry <= rule.max_channels then 1 else 0
        end as is_single_channel,
        case when answers.score >= rule.min_csat then 1 else 0 end as is_satisfied
    from {{ ref('mart_physician_period') }} as physician
    cross join rule
    inner join needs
        on
            physician.period_type = needs.period_type
            and physician.period_start = needs.period_start
            and physician.physician_key = needs.physician_key
    left join channels
        on
            physician.period_type = channels.period_type
            and physician.period_start = channels.period_start
            and physician.physician_key = channels.physician_key
    left join answers
        on
            physician.period_type = answers.period_type
            and physician.period_start = answers.period_start
            and physician.physician_key = answers.physician_key
            and answers.recency = 1
    where needs.needs > 0
),

scoped as (
    select
        period_type,
        period_start,
        period_end,
        {{ kpi_scope_columns(with_mr=false, with_segment=true) }},
        count(*) as n_physicians_with_need,
        sum(has_answer) as physicians_with_csat,
        sum(is_answered) as physicians_needs_answered,
        sum(is_single_channel) as physicians_single_channel,
        sum(is_answered * is_single_channel * is_satisfied) as physicians_sufficed
    from physicians
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end'], with_mr=false, with_segment=true) }}
),

{{ kpi_protected(
    cells='scoped',
    keys=['period_type', 'period_start', 'period_end'],
    bases={
        'n_physicians_with_need': [
            'physicians_with_csat', 'physicians_needs_answered', 'physicians_single_channel', 'physicians_sufficed'
        ],
    }
) }},

rated as (
    select
        protected.*,
        rule.min_physicians,
        rule.min_share,
        rule.rule_version,
        case
            when protected.n_physicians_with_need >= 10
                then {{ kpi_rate('protected.physicians_sufficed', 'protected.n_physicians_with_need') }}
        end as sufficed_rate,
        case
            when protected.n_physicians_with_need >= 10
                then {{ kpi_wilson_low('protected.physicians_sufficed', 'protected.n_physicians_with_need') }}
        end as sufficed_low,
        case
            when protected.n_physicians_with_need >= 10
                then {{ kpi_wilson_high('protected.physicians_sufficed', 'protected.n_physicians_with_need') }}
        end as sufficed_high
    from protected
    cross join rule
)

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    cast(n_physicians_with_need as bigint) as n_physicians_with_need,
    n_physicians_with_need_suppressed,
    cast(physicians_with_csat as bigint) as physicians_with_csat,
    cast(physicians_needs_answered as bigint) as physicians_needs_answered,
    cast(physicians_single_channel as bigint) as physicians_single_channel,
    cast(physicians_sufficed as bigint) as physicians_sufficed,
    cast(sufficed_rate as double) as sufficed_rate,
    cast(sufficed_low as double) as sufficed_low,
    cast(sufficed_high as double) as sufficed_high,
    'E1' as evidence_level,
    case
        when n_physicians_with_need >= min_physicians and sufficed_low >= min_share then 'single_channel_enough'
        else 'cannot_tell'
    end as verdict,
    case
        when n_physicians_with_need_suppressed
            then '先生の人数が少なく、個人が分かるおそれがあるため、判断できません'
        when n_physicians_with_need < min_physicians
            then
                '知りたいことがあった先生が'
                || cast(min_physicians as {{ dbt.type_string() }})
                || '人に満たないため、判断できません'
        when sufficed_low >= min_share
            then 'ひとつの手段だけで、知りたいことに答えが届き、満足していた先生の割合が、基準を確かに超えていました'
        when sufficed_rate >= min_share then '偶然の幅が大きく、判断できません'
        else 'ひとつの手段だけで足りたと確かめられた先生が少なく、判断できません'
    end as verdict_reason,
    rule_version
from rated

-- What representatives answered to suggestions judges the rules, never a representative: a suggestion belongs to a
-- moment only where it names the act that opened it, and went to the representative for whom it opened, while it was
-- open. A moment counts once, by the first answer that is a judgement.
with signal as (
    select
        suggestion.suggestion_key,
        suggestion.physician_key,
        suggestion.employee_key,
        suggestion.posted_on,
        suggestion.action_taken,
        coalesce(suggestion.dismiss_reason_id, '') as dismiss_reason_id,
        act.source,
        act.depth,
        act.product_id,
        act.occurred_on
    from {{ ref('fct_suggestion') }} as suggestion
    inner join {{ ref('fct_touchpoint') }} as act
        on suggestion.signal_touchpoint_key = act.touchpoint_key
    where suggestion.physician_key is not null and suggestion.employee_key is not null
),

suggested as (
    select
        moment.moment_id,
        moment.physician_key,
        moment.employee_key,
        answer.is_useful,
        row_number() over (
            partition by moment.moment_key
            order by case when answer.is_useful is null then 1 else 0 end, signal.posted_on, signal.suggestion_key
        ) as place
    from {{ ref('dim_moment') }} as rule
    inner join {{ ref('moment_judgement_rule') }} as matching
        on rule.rule_version = matching.rule_version and rule.trigger_kind = matching.trigger_kind
    inner join {{ ref('fct_moment') }} as moment
        on rule.moment_id = moment.moment_id
    inner join signal
        on
            moment.physician_key = signal.physician_key
            and moment.employee_key = signal.employee_key
            and moment.opened_on = signal.occurred_on
            and coalesce(matching.signal_source, signal.source) = signal.source
            and matching.min_signal_depth <= signal.depth
            and moment.expires_on >= signal.posted_on
    left join {{ ref('moment_judgement_answer') }} as answer
        on
            rule.rule_version = answer.rule_version
            and signal.action_taken = answer.action_taken
            and signal.dismiss_reason_id = coalesce(answer.dismiss_reason_id, '')
    where moment.is_opened and (moment.product_id is null or moment.product_id = signal.product_id)
),

judgements as (
    select
        moment_id,
        count(*) as moments_suggested,
        count(is_useful) as judged,
        sum(case when is_useful then 1 else 0 end) as judged_useful,
        count(distinct case when is_useful is not null then physician_key end) as n_physicians_judged,
        count(distinct case when is_useful is not null then employee_key end) as n_mrs_judging
    from suggested
    where place = 1
    group by moment_id
),

counts as (
    select
        moment_id,
        count(distinct physician_key) as n_physicians,
        count(*) as moments_triggered,
        sum(case when is_opened then 1 else 0 end) as moments_opened,
        sum(case when not_opened_reason = 'over_cap' then 1 else 0 end) as moments_over_cap
    from {{ ref('fct_moment') }}
    group by moment_id
),

judgeable as (
    select distinct
        rule_version,
        trigger_kind
    from {{ ref('moment_judgement_rule') }}
),

{# What fewer than five representatives judged would show what each of them said. #}
protected as (
    select
        rule.moment_id,
        rule.name_ja,
        rule.window_days,
        rule.max_opened_per_mr_week,
        rule.min_precision,
        rule.min_judged,
        rule.rule_version,
        judgeable.trigger_kind is not null as is_judgeable,
        coalesce(counts.n_physicians between 1 and {{ kpi_minimum_cell() }} - 1, false) as is_withheld,
        coalesce(
            counts.n_physicians between 1 and {{ kpi_minimum_cell() }} - 1
            or judgements.n_physicians_judged between 1 and {{ kpi_minimum_cell() }} - 1
            or judgements.n_mrs_judging between 1 and {{ kpi_minimum_cell() }} - 1,
            false
        ) as is_judgement_withheld,
        coalesce(counts.n_physicians, 0) as n_physicians,
        coalesce(counts.moments_triggered, 0) as moments_triggered,
        coalesce(counts.moments_opened, 0) as moments_opened,
        coalesce(counts.moments_over_cap, 0) as moments_over_cap,
        coalesce(judgements.moments_suggested, 0) as moments_suggested,
        coalesce(judgements.judged, 0) as judged,
        coalesce(judgements.judged_useful, 0) as judged_useful
    from {{ ref('dim_moment') }} as rule
    left join counts
        on rule.moment_id = counts.moment_id
    left join judgements
        on rule.moment_id = judgements.moment_id
    left join judgeable
        on rule.rule_version = judgeable.rule_version and rule.trigger_kind = judgeable.trigger_kind
),

estimated as (
    select
        protected.*,
        not is_judgement_withheld and judged >= min_judged as is_enough,
        {{ kpi_rate('judged_useful', 'judged') }} as share_useful,
        {{ kpi_wilson_low('judged_useful', 'judged') }} as share_low,
        {{ kpi_wilson_high('judged_useful', 'judged') }} as share_high
    from protected
),

{# A share below the limit by chance retires nothing: the whole interval must lie below it. #}
ruled as (
    select
        estimated.*,
        case
            when not is_enough then 'cannot_tell'
            when share_high < min_precision then 'retired'
            when share_low >= min_precision then 'kept'
            else 'cannot_tell'
        end as verdict
    from estimated
)

select
    moment_id,
    name_ja,
    cast(window_days as bigint) as window_days,
    cast(max_opened_per_mr_week as bigint) as max_opened_per_mr_week,
    cast(case when not is_withheld then n_physicians end as bigint) as n_physicians,
    is_withheld,
    cast(case when not is_withheld then moments_triggered end as bigint) as moments_triggered,
    cast(case when not is_withheld then moments_opened end as bigint) as moments_opened,
    cast(case when not is_withheld then moments_over_cap end as bigint) as moments_over_cap,
    is_judgeable,
    is_judgement_withheld,
    cast(case when not is_judgement_withheld then moments_suggested end as bigint) as moments_suggested,
    cast(case when not is_judgement_withheld then judged end as bigint) as judged,
    cast(case when not is_judgement_withheld then judged_useful end as bigint) as judged_useful,
    cast(case when is_enough then share_useful end as double) as precision_rate,
    cast(case when is_enough then share_low end as double) as precision_low,
    cast(case when is_enough then share_high end as double) as precision_high,
    cast(min_precision as double) as min_precision,
    cast(min_judged as bigint) as min_judged,
    verdict,
    case verdict when 'kept' then '続ける' when 'retired' then 'やめる' else '判断できません' end as verdict_ja,
    case
        when verdict = 'retired' then '役に立ったという声が基準より少ないと言えるため、次の版でやめます'
        when verdict = 'kept' then '役に立ったという声が基準に届いていると言えます'
        when not is_judgeable then 'この場面に対する担当者の返答の記録がないため、判断できません'
        when is_judgement_withheld then '声を出した人が少なく、個人が分かるおそれがあるため、出していません'
        when not is_enough
            then
                '役に立ったかどうかの声が'
                || cast(min_judged as {{ dbt.type_string() }})
                || '件に満たないため、判断できません'
        else '声の割合の幅が基準をまたぐため、判断できません。今は続けます'
    end as verdict_reason,
    'E1' as evidence_level,
    rule_version
from ruled

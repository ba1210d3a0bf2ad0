with

counts as (
    select
        moment_id,
        count(distinct physician_key) as n_physicians,
        count(*) as moments_triggered,
        sum(case when is_opened then 1 else 0 end) as moments_opened,
        sum(case when not_opened_reason = 'over_cap' then 1 else 0 end) as moments_over_cap,
        sum(case when judged_useful is not null then 1 else 0 end) as judged,
        sum(case when judged_useful then 1 else 0 end) as judged_useful
    from {{ ref('fct_moment') }}
    group by moment_id
),

protected as (
    select
        rule.moment_id,
        rule.name_ja,
        rule.window_days,
        rule.max_opened_per_mr_week,
        rule.min_precision,
        rule.min_judged,
        rule.rule_version,
        coalesce(counts.n_physicians between 1 and {{ kpi_minimum_cell() }} - 1, false) as is_withheld,
        coalesce(counts.n_physicians, 0) as n_physicians,
        coalesce(counts.moments_triggered, 0) as moments_triggered,
        coalesce(counts.moments_opened, 0) as moments_opened,
        coalesce(counts.moments_over_cap, 0) as moments_over_cap,
        coalesce(counts.judged, 0) as judged,
        coalesce(counts.judged_useful, 0) as judged_useful
    from {{ ref('dim_moment') }} as rule
    left join counts
        on rule.moment_id = counts.moment_id
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
    cast(case when not is_withheld then judged end as bigint) as judged,
    cast(case when not is_withheld then judged_useful end as bigint) as judged_useful,
    cast(case when not is_withheld and judged >= min_judged then {{ kpi_rate('judged_useful', 'judged') }} end as double)
        as precision_rate,
    cast(
        case when not is_withheld and judged >= min_judged then {{ kpi_wilson_low('judged_useful', 'judged') }} end
        as double
    ) as precision_low,
    cast(
        case when not is_withheld and judged >= min_judged then {{ kpi_wilson_high('judged_useful', 'judged') }} end
        as double
    ) as precision_high,
    case
        when judged < min_judged then 'cannot_tell'
        when {{ kpi_rate('judged_useful', 'judged') }} < min_precision then 'retired'
        else 'kept'
    end as verdict,
    case
        when judged < min_judged
            then
                '役に立ったかどうかの声が'
                || cast(min_judged as {{ dbt.type_string() }})
                || '件に満たないため、判断できません'
        when {{ kpi_rate('judged_useful', 'judged') }} < min_precision
            then '役に立ったという声が基準より少ないため、使うのをやめます'
        else '役に立ったという声が基準に届いています'
    end as verdict_reason,
    rule_version
from protected

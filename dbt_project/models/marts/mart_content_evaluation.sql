with rule as (
    select * from {{ rows_in_force('content_rule') }} as in_force
),

by_physician as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id,
        content_use.physician_key,
        sum(content_use.judged_exposures) as judged_exposures,
        max(case when content_use.has_reaction then 1 else 0 end) as has_reaction,
        max(case when content_use.has_next_step then 1 else 0 end) as has_next_step,
        max(case when content_use.has_negative then 1 else 0 end) as has_negative
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_content_use_month') }} as content_use
        on content_use.month_end between mart_period.period_start and mart_period.period_end
    where content_use.physician_key is not null
    group by
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id,
        content_use.physician_key
),

representatives as (
    {{ kpi_mrs_in_post(ref('mart_period'), ['period_type', 'period_start']) }}
),

staff as (
    select
        period_type,
        period_start,
        count(*) as n_mrs
    from representatives
    group by period_type, period_start
),

users as (
    select
        representatives.period_type,
        representatives.period_start,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id,
        count(distinct representatives.employee_key) as n_mrs_using
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_content_use_month') }} as content_use
        on content_use.month_end between mart_period.period_start and mart_period.period_end
    inner join representatives
        on
            mart_period.period_type = representatives.period_type
            and mart_period.period_start = representatives.period_start
            and content_use.employee_key = representatives.employee_key
    where content_use.role_id = 'mr'
    group by
        representatives.period_type,
        representatives.period_start,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id
),

counted as (
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        by_physician.period_type,
        by_physician.period_start,
        by_physician.period_end,
        by_physician.content_key,
        by_physician.content_version_key,
        by_physician.channel_id,
        coalesce(max(users.n_mrs_using), 0) as n_mrs_using,
        sum(case when by_physician.judged_exposures > 0 then 1 else 0 end) as n_exposed,
        sum(by_physician.has_reaction) as n_reacted,
        sum(by_physician.has_next_step) as n_next_step,
        sum(by_physician.has_negative) as n_negative
    from by_physician
    left join users
        on
            by_physician.period_type = users.period_type
            and by_physician.period_start = users.period_start
            and by_physician.content_key = users.content_key
            and by_physician.content_version_key is not distinct from users.content_version_key
            and by_physician.channel_id = users.channel_id
    group by
        by_physician.period_type,
        by_physician.period_start,
        by_physician.period_end,
        by_physician.content_key,
        by_physician.content_version_key,
        by_physician.channel_id
),

-- The portfolio a content is measured against: what the same channel showed, each with enough physicians.
ranked as (
    select
        counted.period_type,
        counted.period_start,
        counted.channel_id,
        {{ kpi_rate('counted.n_reacted', 'counted.n_exposed') }} as reaction_rate,
        row_number() over (
            partition by counted.period_type, counted.period_start, counted.channel_id
            order by
                {{ kpi_rate('counted.n_reacted', 'counted.n_exposed') }},
                counted.content_key,
                counted.content_version_key
        ) as place,
        count(*) over (
            partition by counted.period_type, counted.period_start, counted.channel_id
        ) as contents
    from counted
    cross join rule
    where counted.n_exposed >= rule.label_min_exposed
),

portfolio as (
    select
        period_type,
        period_start,
        channel_id,
        max(contents) as portfolio_contents,
        avg(
            case when place in (cast(floor((contents + 1) / 2) as bigint), cast(floor(contents / 2) as bigint) + 1)
                then reaction_rate
            end
        ) as portfolio_median
    from ranked
    group by period_type, period_start, channel_id
),

{{ kpi_protected(
    cells='counted',
    keys=['period_type', 'period_start', 'period_end', 'content_key', 'content_version_key', 'channel_id'],
    bases={'n_mrs_using': [], 'n_exposed': ['n_reacted', 'n_next_step', 'n_negative']}
) }},

-- A decision stands for some time: one made long before the period says nothing about it any more.
decided as (
    select
        mart_period.period_type,
        mart_period.period_start,
        decision.material_number,
        decision.content_version,
        decision.decision,
        decision.decided_on,
        decision.department,
        decision.is_result_observable,
        {%- for column in ('n_exposed_before', 'n_exposed_after') %}
        case when decision.{{ column }} = 0 or decision.{{ column }} >= {{ kpi_minimum_cell() }} then decision.{{ column }} end
            as {{ column }}_decision,
        {%- endfor %}
        case when decision.n_exposed_before >= {{ kpi_minimum_cell() }} then decision.n_reacted_before end
            as n_reacted_before_decision,
        case when decision.n_exposed_after >= {{ kpi_minimum_cell() }} then decision.n_reacted_after end
            as n_reacted_after_decision,
        row_number() over (
            partition by
                mart_period.period_type,
                mart_period.period_start,
                decision.material_number,
                decision.content_version
            order by decision.decided_on desc, decision.decision_key
        ) as recency
    from {{ ref('mart_period') }} as mart_period
    cross join rule
    inner join {{ ref('fct_decision') }} as decision
        on
            decision.decided_on <= mart_period.period_end
            and decision.decided_on > {{ add_days('mart_period.period_end', '-rule.decision_valid_days') }}
),

measured as (
    select
        protected.*,
        rule.label_min_exposed,
        rule.median_min_contents,
        rule.rule_version,
        coalesce(portfolio.portfolio_contents, 0) as portfolio_contents,
        portfolio.portfolio_median,
        {{ kpi_rate('protected.n_reacted', 'protected.n_exposed') }} as reaction_rate,
        {{ kpi_wilson_low('protected.n_reacted', 'protected.n_exposed') }} as reaction_low,
        {{ kpi_wilson_high('protected.n_reacted', 'protected.n_exposed') }} as reaction_high,
        {{ kpi_rate('protected.n_next_step', 'protected.n_exposed') }} as next_step_rate,
        {{ kpi_wilson_low('protected.n_next_step', 'protected.n_exposed') }} as next_step_low,
        {{ kpi_wilson_high('protected.n_next_step', 'protected.n_exposed') }} as next_step_high
    from protected
    cross join rule
    left join portfolio
        on
            protected.period_type = portfolio.period_type
            and protected.period_start = portfolio.period_start
            and protected.channel_id = portfolio.channel_id
),

labelled as (
    select
        measured.*,
        coalesce(n_exposed >= label_min_exposed, false) as is_evaluated,
        case
            when coalesce(n_exposed, 0) < label_min_exposed then 'undecided'
            when portfolio_contents < median_min_contents then 'undecided'
            when reaction_low > portfolio_median then 'keep'
            when reaction_high < portfolio_median then 'improve'
            else 'undecided'
        end as label
    from measured
)

select
    labelled.scope_type,
    labelled.scope_id,
    labelled.period_type,
    labelled.period_start,
    labelled.period_end,
    labelled.content_key,
    labelled.content_version_key,
    labelled.channel_id,
    content.content_id,
    version.content_version,
    coalesce(version.title, content.title) as title,
    coalesce(version.product_id, content.product_id) as product_id,
    coalesce(version.topic_id, content.topic_id) as topic_id,
    version.info_class,
    cast(labelled.n_mrs_using as bigint) as n_mrs_using,
    labelled.n_mrs_using_suppressed,
    cast(case when coalesce(version.may_mr_use, true) then coalesce(staff.n_mrs, 0) else 0 end as bigint)
        as n_mrs_entitled,
    cast(labelled.n_exposed as bigint) as n_exposed,
    labelled.n_exposed_suppressed,
    cast(labelled.n_reacted as bigint) as n_reacted,
    case when labelled.is_evaluated then labelled.reaction_rate end as reaction_rate,
    case when labelled.is_evaluated then labelled.reaction_low end as reaction_low,
    case when labelled.is_evaluated then labelled.reaction_high end as reaction_high,
    cast(labelled.n_next_step as bigint) as n_next_step,
    case when labelled.is_evaluated then labelled.next_step_rate end as next_step_rate,
    case when labelled.is_evaluated then labelled.next_step_low end as next_step_low,
    case when labelled.is_evaluated then labelled.next_step_high end as next_step_high,
    cast(labelled.n_negative as bigint) as n_negative,
    cast(labelled.portfolio_contents as bigint) as portfolio_contents,
    labelled.portfolio_median,
    labelled.is_evaluated,
    labelled.label,
    case labelled.label when 'keep' then '残す' when 'improve' then '直す' else '判断保留' end as label_ja,
    case
        when labelled.n_exposed_suppressed then '先生の人数が少なく、個人が分かるおそれがあるため、判断しません'
        when not labelled.is_evaluated then '見た先生が足りないため、判断できません'
        when labelled.portfolio_contents < labelled.median_min_contents
            then '同じ手段で比べられる資材が足りないため、判断できません'
        when labelled.label = 'keep' then '反応した先生の割合が、同じ手段の資材の真ん中より高いと見られます'
        when labelled.label = 'improve' and version.is_never_retired
            then '反応した先生の割合は真ん中より低いと見られますが、必要な情報のため、やめる対象にはしません'
        when labelled.label = 'improve' then '反応した先生の割合が、同じ手段の資材の真ん中より低いと見られます'
        else '同じ手段の資材の真ん中との差は、偶然でも起こる大きさです'
    end as label_reason_ja,
    not coalesce(version.is_never_retired, false) as may_be_retired,
    decided.decision,
    decided.decided_on,
    decided.department as decided_by,
    decided.is_result_observable,
    cast(decided.n_exposed_before_decision as bigint) as n_exposed_before_decision,
    cast(decided.n_reacted_before_decision as bigint) as n_reacted_before_decision,
    cast(decided.n_exposed_after_decision as bigint) as n_exposed_after_decision,
    cast(decided.n_reacted_after_decision as bigint) as n_reacted_after_decision,
    decided.decision is not null as has_decision,
    coalesce(decided.decision = 'retire' and version.is_never_retired, false) as is_decision_against_rule,
    'E1' as evidence_level,
    labelled.rule_version
from labelled
inner join {{ ref('dim_content') }} as content
    on labelled.content_key = content.content_key
left join {{ ref('dim_content_version') }} as version
    on labelled.content_version_key = version.content_version_key
left join staff
    on
        labelled.period_type = staff.period_type
        and labelled.period_start = staff.period_start
left join decided
    on
        labelled.period_type = decided.period_type
        and labelled.period_start = decided.period_start
        and version.material_number = decided.material_number
        and version.content_version = decided.content_version
        and decided.recency = 1

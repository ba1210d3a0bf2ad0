-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

rule as (
    select * from {{ rows_in_force('register_rule') }} as in_force
),

placed as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        story.office_id,
        branch.organization_id as branch_id,
        story.outcome_kind,
        case when story.is_publishable then 1 else 0 end as is_published,
        case when success.story_id is not null then 1 else 0 end as is_case,
        case when success.has_evidence then 1 else 0 end as has_evidence,
        case when success.n_reused_offices > 0 then 1 else 0 end as is_reused
    from {{ ref('fct_story') }} as story
    inner join {{ ref('mart_period') }} as mart_period
        on story.written_on between mart_period.period_start and mart_period.period_end
    left join {{ ref('dim_organization') }} as office
        on story.office_id = office.organization_id and office.level = 'office'
    left join {{ ref('dim_organization') }} as branch
        on office.parent_organization_key = branch.organization_key and branch.level = 'branch'
    left join {{ ref('mart_success_case') }} as success
        on story.story_id = success.story_id
),

counted as (
    select
        period_type,
        period_start,
        period_end,
        {{ kpi_scope_columns(with_mr=false) }},
        count(*) as n_stories,
        {%- for kind in ['positive', 'neutral', 'negative'] %}
        sum(case when outcome_kind = '{{ kind }}' then 1 else 0 end) as n_{{ kind }},
        sum(case when outcome_kind = '{{ kind }}' then is_published else 0 end) as n_published_{{ kind }},
        {%- endfor %}
        sum(is_published) as n_published,
        sum(is_case) as n_cases,
        sum(has_evidence) as n_cases_with_evidence,
        sum(is_reused) as n_cases_reused
    from placed
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end'], with_mr=false) }}
)

select
    counted.scope_type,
    counted.scope_id,
    counted.period_type,
    counted.period_start,
    counted.period_end,
    cast(counted.n_stories as bigint) as n_stories,
    cast(counted.n_positive as bigint) as n_positive,
    cast(counted.n_neutral as bigint) as n_neutral,
    cast(counted.n_negative as bigint) as n_negative,
    cast(counted.n_published as bigint) as n_published,
    cast(counted.n_published_positive as bigint) as n_published_positive,
    cast(counted.n_published_neutral as bigint) as n_published_neutral,
    cast(counted.n_published_negative as bigint) as n_published_negative,
    {{ register_balance(
        'counted.n_stories', 'counted.n_published',
        [('counted.n_positive', 'counted.n_published_positive'), ('counted.n_neutral', 'counted.n_published_neutral'),
            ('counted.n_negative', 'counted.n_published_negative')],
        'rule.balance_points'
    ) }} as balance_state,
    cast(counted.n_cases as bigint) as n_cases,
    cast(counted.n_cases_with_evidence as bigint) as n_cases_with_evidence,
    cast(counted.n_cases_reused as bigint) as n_cases_reused
from counted
cross join rule
where counted.scope_id is not null

with

rule as (
    select * from {{ rows_in_force('register_rule') }} as in_force
),

cases as (
    select * from {{ ref('fct_story') }}
    where is_publishable and outcome_kind = 'positive'
),

{# The last whole month before the story was written: what the records say of the time it tells about. #}
observed_month as (
    select
        cases.story_id,
        max(mart_period.period_end) as period_end
    from cases
    inner join {{ ref('mart_period') }} as mart_period
        on mart_period.period_type = 'month' and mart_period.period_end < cases.written_on
    group by cases.story_id
),

{# Numbers that are published anyway, with the small ones already withheld: a story may not show more. #}
moves as (
    select
        scope_type,
        scope_id,
        product_id,
        period_start,
        period_end,
        n_at_start,
        n_at_start_suppressed,
        n_moved_forward
    from {{ ref('mart_journey') }}
    where
        period_type = 'month' and scope_type in ('office', 'company')
        and product_id is not null and phase_id is null
),

{# Every story counts as an attempt, shown or not: for each success it must be said how many did not succeed. #}
attempts as (
    select
        coalesce(product_id, '') as product,
        coalesce(theme, '') as theme,
        count(*) as n_stories,
        sum(case when outcome_kind <> 'positive' then 1 else 0 end) as n_without_success
    from {{ ref('fct_story') }}
    group by coalesce(product_id, ''), coalesce(theme, '')
),

offices as (
    select count(*) as n_offices
    from {{ ref('dim_organization') }}
    where level = 'office'
),

judged as (
    select
        cases.*,
        observed_month.period_end,
        own.period_start as observed_from,
        own.n_at_start as own_at_start,
        own.n_moved_forward as own_moved,
        company.n_at_start as company_at_start,
        company.n_moved_forward as company_moved,
        case
            when cases.product_id is null then 'no_product'
            when observed_month.period_end is null then 'no_records'
            when own.n_at_start_suppressed then 'suppressed'
            when own.n_at_start is null then 'no_records'
            when own.n_at_start < rule.evidence_min_physicians then 'too_few'
            else 'attached'
        end as evidence_state
    from cases
    cross join rule
    left join observed_month
        on cases.story_id = observed_month.story_id
    left join moves as own
        on
            own.scope_type = 'office'
            and cases.office_id = own.scope_id
            and cases.product_id = own.product_id
            and observed_month.period_end = own.period_end
    left join moves as company
        on
            company.scope_type = 'company'
            and cases.product_id = company.product_id
            and observed_month.period_end = company.period_end
)

select
    judged.story_id,
    judged.written_on,
    judged.office_id,
    judged.product_id,
    judged.theme,
    judged.initiative_id,
    judged.context,
    judged.action,
    judged.result,
    judged.conditions,
    judged.evidence_state,
    judged.evidence_state = 'attached' as has_evidence,
    case when judged.evidence_state = 'attached' then 'E1' else 'E0' end as evidence_level,
    case when judged.evidence_state = 'attached' then judged.observed_from end as observed_period_start,
    case when judged.evidence_state = 'attached' then judged.period_end end as observed_period_end,
    cast(case when judged.evidence_state = 'attached' then judged.own_at_start end as bigint) as n_at_start,
    cast(case when judged.evidence_state = 'attached' then judged.own_moved end as bigint) as n_moved_forward,
    cast(case when judged.evidence_state = 'attached' then judged.company_at_start end as bigint)
        as company_n_at_start,
    cast(case when judged.evidence_state = 'attached' then judged.company_moved end as bigint)
        as company_n_moved_forward,
    cast(attempts.n_stories - 1 as bigint) as n_similar_stories,
    cast(attempts.n_without_success as bigint) as n_similar_stories_without_success,
    cast(judged.n_similar_attempts as bigint) as n_reported_attempts,
    cast(judged.n_similar_without_success as bigint) as n_reported_attempts_without_success,
    cast(judged.n_reused_offices as bigint) as n_reused_offices,
    cast(greatest(offices.n_offices - 1, 0) as bigint) as n_other_offices
from judged
inner join attempts
    on coalesce(judged.product_id, '') = attempts.product and coalesce(judged.theme, '') = attempts.theme
cross join offices

with

rule as (
    select * from {{ rows_in_force('register_rule') }} as in_force
)

select
    'company' as scope_type,
    'company' as scope_id,
    mart_period.period_type,
    mart_period.period_start,
    mart_period.period_end,
    count(*) as n_initiatives,
    count(initiative.n_field_mrs_before_approval) as n_with_record,
    cast(
        sum(case when initiative.n_field_mrs_before_approval >= rule.co_planned_min_field_mrs then 1 else 0 end)
        as bigint
    ) as n_co_planned,
    cast(sum(case when initiative.named_outcome is not null then 1 else 0 end) as bigint) as n_with_named_outcome,
    cast(sum(case when initiative.design in ('randomised', 'staggered') then 1 else 0 end) as bigint)
        as n_with_design,
    cast(sum(case when initiative.is_easy_product then 1 else 0 end) as bigint) as n_on_easy_products
from {{ ref('dim_initiative') }} as initiative
inner join {{ ref('mart_period') }} as mart_period
    on initiative.approved_on between mart_period.period_start and mart_period.period_end
cross join rule
group by mart_period.period_type, mart_period.period_start, mart_period.period_end

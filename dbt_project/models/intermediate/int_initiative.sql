-- Every initiative of the register, its answers as codes. A plan without a day of approval is not approved yet.
select
    initiative.initiative_id,
    initiative.batch_id,
    initiative.name_ja,
    product.product_id,
    initiative.kind,
    initiative.planning_departments,
    initiative.n_field_mrs_before_approval,
    initiative.approved_on,
    initiative.starts_on,
    initiative.ends_on,
    design.meaning as design,
    initiative.selection_reason,
    initiative.is_easy_product,
    initiative.named_outcome,
    initiative.comparison,
    nullif({{ plain_list('initiative.willing_offices') }}, '') as willing_offices,
    {{ listed_count('initiative.willing_offices') }} as n_willing_offices,
    initiative.has_event_in_window,
    cast(null as {{ dbt.type_string() }}) as reject_reason
from {{ ref('stg_initiative') }} as initiative
left join {{ ref('int_product_name') }} as product
    on initiative.product_name = product.called
left join {{ ref('register_answer') }} as design
    on initiative.design_answer = design.answer and design.question = 'design'

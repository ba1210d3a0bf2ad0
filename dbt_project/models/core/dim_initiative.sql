select
    initiative.initiative_id,
    initiative.name_ja,
    initiative.product_id,
    initiative.kind,
    initiative.planning_departments,
    cast(initiative.n_field_mrs_before_approval as integer) as n_field_mrs_before_approval,
    initiative.approved_on,
    initiative.starts_on,
    initiative.ends_on,
    initiative.design,
    design.highest_evidence_level,
    initiative.selection_reason,
    initiative.is_easy_product,
    initiative.named_outcome,
    initiative.comparison,
    initiative.willing_offices,
    cast(initiative.n_willing_offices as integer) as n_willing_offices,
    initiative.has_event_in_window
from {{ ref('int_initiative') }} as initiative
left join {{ ref('initiative_design') }} as design
    on initiative.design = design.design
where initiative.reject_reason is null

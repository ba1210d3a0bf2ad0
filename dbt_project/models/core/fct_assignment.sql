-- As first recorded, before the start: who changes arm later stays where chance or the plan put him.
select
    {{ surrogate_key(["'assignment'", 'assignment.initiative_id', 'assignment.unit_type', 'assignment.unit_reference']) }}
        as assignment_key,
    assignment.initiative_id,
    assignment.unit_type,
    case when assignment.unit_type = 'physician' then assignment.physician_key else assignment.unit_reference end
        as unit_id,
    assignment.physician_key,
    case
        when assignment.unit_type = 'office' then {{ organization_key("'office'", 'assignment.unit_reference') }}
    end as organization_key,
    assignment.arm,
    assignment.assigned_on,
    assignment.starts_on,
    coalesce(assignment.assigned_on <= coalesce(assignment.starts_on, initiative.starts_on), false)
        as is_assigned_before_start,
    assignment.is_arm_changed,
    initiative.design
from {{ ref('int_initiative_assignment') }} as assignment
left join {{ ref('int_initiative') }} as initiative
    on assignment.initiative_id = initiative.initiative_id
where assignment.reject_reason is null

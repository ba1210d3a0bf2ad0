-- Every row of the assignment lists. The first record of a unit counts: who was moved to another arm later is analysed
-- as he was assigned. A row that names no unit or no arm cannot be read.
with named as (
    select
        assignment.*,
        unit.meaning as unit_type,
        arm.meaning as arm,
        case
            when unit.meaning = 'physician' then assignment.physician_code
            when unit.meaning = 'office' then assignment.office_code
        end as unit_reference
    from {{ ref('stg_initiative_assignment') }} as assignment
    left join {{ ref('register_answer') }} as unit
        on assignment.unit_answer = unit.answer and unit.question = 'unit'
    left join {{ ref('register_answer') }} as arm
        on assignment.arm_answer = arm.answer and arm.question = 'arm'
),

readable as (
    select
        named.*,
        unit_reference is not null and arm is not null as is_readable
    from named
),

ranked as (
    select
        readable.*,
        row_number() over unit_records as record_number,
        min(arm) over (partition by is_readable, initiative_id, unit_type, unit_reference) as lowest_arm,
        max(arm) over (partition by is_readable, initiative_id, unit_type, unit_reference) as highest_arm
    from readable
    window unit_records as (
        partition by is_readable, initiative_id, unit_type, unit_reference
        order by recorded_at asc nulls last, batch_delivered_at asc, landing_id asc, row_number asc
    )
),

physician_code as (
    select
        reference,
        physician_key,
        valid_from,
        valid_to
    from {{ ref('int_identity') }}
    where reference_type = 'dcf_code'
)

select
    ranked.batch_id,
    ranked.initiative_id,
    ranked.unit_type,
    ranked.unit_reference,
    identity.physician_key,
    ranked.arm,
    ranked.lowest_arm <> ranked.highest_arm as is_arm_changed,
    coalesce(ranked.assigned_on, ranked.batch_delivered_on) as assigned_on,
    ranked.starts_on,
    case
        when {{ is_use_stopped('identity.physician_key') }} then 'use_stopped'
        when not ranked.is_readable then 'unparseable'
        when ranked.record_number > 1 then 'duplicate'
    end as reject_reason
from ranked
left join physician_code as identity
    on
        case when ranked.unit_type = 'physician' then ranked.unit_reference end = identity.reference
        and coalesce(ranked.assigned_on, ranked.batch_delivered_on) >= identity.valid_from
        and coalesce(ranked.assigned_on, ranked.batch_delivered_on) < identity.valid_to
left join {{ ref('int_stopped_reference') }} as stopped
    on
        case when ranked.unit_type = 'physician' then ranked.unit_reference end = stopped.reference
        and stopped.reference_type = 'dcf_code'

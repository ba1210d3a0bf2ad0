with landed as (
    {{ landed('initiative_assignment') }}
)

select
    initiative_id,
    unit as unit_answer,
    physician_code,
    office_code,
    arm as arm_answer,
    assigned_on,
    starts_on,
    recorded_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

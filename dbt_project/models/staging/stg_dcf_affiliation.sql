with landed as (
    {{ landed('dcf_affiliation', 'snapshot') }}
)

select
    physician_code,
    facility_code,
    is_primary,
    department_code,
    position_code,
    started_on,
    ended_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed

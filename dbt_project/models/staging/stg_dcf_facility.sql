with landed as (
    {{ landed('dcf_facility', 'snapshot') }}
)

select
    facility_code,
    facility_name,
    prefecture_code,
    municipality_code,
    beds,
    management_type_code,
    opened_on,
    insurance_code,
    deletion_reason,
    updated_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed

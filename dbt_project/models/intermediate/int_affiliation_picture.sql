select
    {{ surrogate_key(['physician_code', 'facility_code', 'started_on']) }} as affiliation_id,
    physician_code,
    facility_code,
    is_primary,
    department_code,
    position_code,
    started_on,
    ended_on,
    batch_delivered_on,
    batch_delivered_at,
    landing_id,
    row_number
from {{ ref('stg_dcf_affiliation') }}

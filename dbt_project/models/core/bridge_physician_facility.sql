select
    physician_key,
    facility_key,
    valid_from,
    valid_to,
    is_primary,
    weight,
    department_code
from {{ ref('int_affiliation_period') }}

-- An employee's assignments over all time: contacts before the first known one count for it.
select
    user_id,
    employee_key,
    case
        when row_number() over (partition by user_id order by valid_from) = 1 then cast('1900-01-01' as date)
        else valid_from
    end as valid_from,
    valid_to,
    role,
    territory_id,
    is_active,
    office_code,
    branch_code,
    case
        when office_code is not null then {{ organization_key("'office'", 'office_code') }}
        when branch_code is not null then {{ organization_key("'branch'", 'branch_code') }}
        else {{ organization_key("'company'", "'company'") }}
    end as organization_key
from {{ ref('int_user_version') }}

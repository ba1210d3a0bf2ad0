with employee_of_user as (
    select
        user_id,
        max(employee_key) as employee_key
    from {{ ref('int_user_version') }}
    group by user_id
)

select
    {{ surrogate_key(['version.user_id', 'version.valid_from']) }} as employee_version_key,
    version.employee_key,
    version.user_id,
    version.valid_from,
    version.valid_to,
    version.is_current,
    version.role,
    version.role_profile,
    version.territory_id,
    case
        when version.office_code is not null then {{ organization_key("'office'", 'version.office_code') }}
        when version.branch_code is not null then {{ organization_key("'branch'", 'version.branch_code') }}
        else {{ organization_key("'company'", "'company'") }}
    end as organization_key,
    manager.employee_key as manager_employee_key,
    version.name_token,
    version.is_active
from {{ ref('int_user_version') }} as version
left join employee_of_user as manager
    on version.manager_id = manager.user_id

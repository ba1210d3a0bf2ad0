with landed as (
    {{ landed('crm_user', 'append') }}
)

select
    id as user_id,
    is_deleted,
    system_modstamp,
    name_token,
    employee_number,
    is_active,
    manager_id,
    role,
    role_profile,
    territory,
    office_code,
    office_name,
    branch_code,
    branch_name,
    effective_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed

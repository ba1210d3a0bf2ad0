-- One version per user and assignment start; what the CRM wrote last about an assignment counts.
with ranked as (
    select
        stg_user.*,
        coalesce(stg_user.effective_on, cast('1900-01-01' as date)) as starts_on,
        row_number() over (
            partition by stg_user.user_id, coalesce(stg_user.effective_on, cast('1900-01-01' as date))
            order by
                stg_user.system_modstamp desc nulls last,
                stg_user.batch_delivered_at desc,
                stg_user.landing_id desc,
                stg_user.row_number desc
        ) as place
    from {{ ref('stg_crm_user') }} as stg_user
),

numbered as (
    select
        ranked.*,
        max(employee_number) over (partition by user_id) as known_employee_number
    from ranked
    where place = 1
)

select
    user_id,
    {{ surrogate_key(["'employee'", 'coalesce(known_employee_number, user_id)']) }} as employee_key,
    starts_on as valid_from,
    coalesce(
        lead(starts_on) over (partition by user_id order by starts_on),
        cast('9999-12-31' as date)
    ) as valid_to,
    starts_on <= {{ as_of() }}
    and coalesce(
        lead(starts_on) over (partition by user_id order by starts_on) > {{ as_of() }}, true
    ) as is_current,
    role,
    role_profile,
    territory as territory_id,
    office_code,
    office_name,
    branch_code,
    branch_name,
    manager_id,
    name_token,
    coalesce(is_active, true) and not coalesce(is_deleted, false) as is_active
from numbered

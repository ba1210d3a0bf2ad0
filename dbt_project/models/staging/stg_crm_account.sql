with landed as (
    {{ landed('crm_account', 'append') }}
)

select
    id as account_id,
    is_deleted,
    system_modstamp,
    master_record_id,
    is_person_account,
    email_token,
    external_id,
    specialty,
    territory,
    email_opt_type,
    is_target,
    member_id,
    created_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed

select
    account_id,
    is_deleted,
    system_modstamp,
    master_record_id,
    is_person_account,
    email_token,
    external_id,
    -- The CRM writes a physician's territories as ';T001;'; the first one is the representative's.
    nullif(split_part(trim(both ';' from territory), ';', 1), '') as territory_id,
    is_target,
    member_id,
    row_number() over (
        partition by account_id
        order by system_modstamp desc nulls last, batch_delivered_at desc, landing_id desc, row_number desc
    ) as recency,
    row_number() over (
        partition by account_id
        order by system_modstamp asc nulls first, batch_delivered_at asc, landing_id asc, row_number asc
    ) as version_number,
    {{ local_date('created_at') }} as created_on,
    {{ local_date('system_modstamp') }} as changed_on
from {{ ref('stg_crm_account') }}

-- A merged account points at the one that survived it, and that one may have been merged again: three steps.
with current_account as (
    select * from {{ ref('int_account_version') }}
    where recency = 1
),

followed as (
    select
        account.account_id,
        coalesce(
            third.master_record_id, second.master_record_id, account.master_record_id, account.account_id
        ) as surviving_account_id
    from current_account as account
    left join current_account as second
        on account.master_record_id = second.account_id
    left join current_account as third
        on second.master_record_id = third.account_id
),

trial as (
    select distinct account.external_id
    from current_account as account
    inner join {{ rows_in_force('test_account_rule') }} as rule
        on account.external_id like rule.external_id_pattern
),

master as (
    select distinct physician_code from {{ ref('stg_dcf_physician') }}
),

-- A physician whose data may not be used any more has no key, so none of the accounts has it; and an account that
-- carries his code does not get another's key by being merged.
known as (
    select physician_code from master
    where {{ physician_key('physician_code') }} not in (select physician_key from {{ ref('int_stopped_physician') }})
)

select
    followed.account_id,
    followed.surviving_account_id,
    own.is_person_account,
    own.is_deleted,
    survivor.external_id as physician_code,
    trial.external_id is not null as is_test,
    case
        when known.physician_code is not null and stopped.physician_key is null
            then {{ physician_key('known.physician_code') }}
    end as physician_key
from followed
inner join current_account as own
    on followed.account_id = own.account_id
left join current_account as survivor
    on followed.surviving_account_id = survivor.account_id
left join trial
    on survivor.external_id = trial.external_id
left join known
    on survivor.external_id = known.physician_code
left join {{ ref('int_stopped_physician') }} as stopped
    on {{ physician_key('own.external_id') }} = stopped.physician_key

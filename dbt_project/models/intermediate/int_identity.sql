-- Every reference that the masters know, and the physician it stands for: null rather than a wrong one.
with account as (
    select * from {{ ref('int_account') }}
    where is_person_account is null or is_person_account
),

candidate as (
    select distinct
        'dcf_code' as reference_type,
        physician_code as reference,
        {{ physician_key('physician_code') }} as physician_key,
        physician_code as person
    from {{ ref('stg_dcf_physician') }}
    union all
    select
        'crm_account_id' as reference_type,
        account_id as reference,
        physician_key,
        surviving_account_id as person
    from account
    union all
    select
        'member_id' as reference_type,
        member_id as reference,
        physician_key,
        surviving_account_id as person
    from account
    where member_id is not null
    union all
    select
        'email_token' as reference_type,
        email_token as reference,
        physician_key,
        surviving_account_id as person
    from account
    where email_token is not null
),

-- Two accounts of one physician are one person; two accounts without a physician are two.
counted as (
    select
        reference_type,
        reference,
        count(distinct coalesce(physician_key, person)) as persons,
        max(physician_key) as physician_key
    from candidate
    group by reference_type, reference
)

select
    counted.reference_type,
    counted.reference,
    case when counted.persons = 1 then counted.physician_key end as physician_key,
    case
        when counted.persons > 1 then 'ambiguous'
        when counted.physician_key is null then 'unmatched'
        else rule.method
    end as method,
    case when counted.persons = 1 and counted.physician_key is not null then rule.confidence else 0.0 end as confidence,
    counted.persons > 1 as is_ambiguous
from counted
inner join {{ ref('identity_rule') }} as rule
    on counted.reference_type = rule.reference_type

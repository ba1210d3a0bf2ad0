-- Every reference that the masters know, and the physician it stood for and when: null rather than a wrong one. An
-- address belongs to whom the CRM gave it on that day, so that neither a change nor a new owner rewrites the past.
-- What only stood for a physician whose data may not be used any more is no reference at all.
with account as (
    select * from {{ ref('int_account') }}
    where is_person_account is null or is_person_account
),

version as (
    select
        version.account_id,
        account.physician_key,
        account.surviving_account_id,
        version.version_number,
        version.member_id,
        version.email_token,
        case
            when version.version_number = 1
                then least(coalesce(version.created_on, cast('1900-01-01' as date)), version.changed_on)
            else version.changed_on
        end as begins_on
    from {{ ref('int_account_version') }} as version
    inner join account
        on version.account_id = account.account_id
),

said as (
    {% for reference_type in ['member_id', 'email_token'] %}
    select
        '{{ reference_type }}' as reference_type,
        {{ reference_type }} as reference,
        account_id,
        physician_key,
        surviving_account_id,
        version_number,
        begins_on,
        lag({{ reference_type }}) over (partition by account_id order by version_number) as earlier_reference
    from version
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A version that only says again what the one before it said begins nothing.
changed as (
    select
        said.*,
        coalesce(
            lead(begins_on) over (partition by reference_type, account_id order by version_number),
            cast('9999-12-31' as date)
        ) as ends_on
    from said
    where version_number = 1 or reference is distinct from earlier_reference
),

-- Whoever held a reference first may have held it before the CRM knew.
held as (
    select
        reference_type,
        reference,
        physician_key,
        surviving_account_id as person,
        case
            when begins_on = min(begins_on) over (partition by reference_type, reference)
                then cast('1900-01-01' as date)
            else begins_on
        end as valid_from,
        ends_on as valid_to
    from changed
    where reference is not null and begins_on < ends_on
),

boundary as (
    select
        reference_type,
        reference,
        valid_from as boundary_on
    from held
    union
    select
        reference_type,
        reference,
        valid_to as boundary_on
    from held
    union
    select
        reference_type,
        reference,
        cast('9999-12-31' as date) as boundary_on
    from held
),

stretch as (
    select
        reference_type,
        reference,
        boundary_on as valid_from,
        lead(boundary_on) over (partition by reference_type, reference order by boundary_on) as valid_to
    from boundary
),

-- Two accounts of one physician are one person; two accounts without a physician are two.
counted as (
    select
        stretch.reference_type,
        stretch.reference,
        stretch.valid_from,
        count(distinct coalesce(held.physician_key, held.person)) as persons,
        max(held.physician_key) as physician_key
    from stretch
    left join held
        on
            stretch.reference_type = held.reference_type
            and stretch.reference = held.reference
            and stretch.valid_from >= held.valid_from
            and stretch.valid_to <= held.valid_to
    where stretch.valid_to is not null
    group by stretch.reference_type, stretch.reference, stretch.valid_from
),

-- The masters' own keys stand for one person for ever.
gathered as (
    select * from counted
    union all
    select
        'dcf_code' as reference_type,
        physician_code as reference,
        cast('1900-01-01' as date) as valid_from,
        1 as persons,
        {{ physician_key('physician_code') }} as physician_key
    from (select distinct physician_code from {{ ref('stg_dcf_physician') }}) as master
    where {{ physician_key('physician_code') }} not in (select physician_key from {{ ref('int_stopped_physician') }})
    union all
    select
        'crm_account_id' as reference_type,
        account_id as reference,
        cast('1900-01-01' as date) as valid_from,
        1 as persons,
        physician_key
    from account
),

judged as (
    select
        gathered.reference_type,
        gathered.reference,
        gathered.valid_from,
        case when gathered.persons = 1 then gathered.physician_key end as physician_key,
        case
            when gathered.persons > 1 then 'ambiguous'
            when gathered.physician_key is null then 'unmatched'
            else rule.method
        end as method,
        case when gathered.persons = 1 and gathered.physician_key is not null then rule.confidence else 0.0 end
            as confidence,
        gathered.persons > 1 as is_ambiguous
    from gathered
    inner join {{ ref('identity_rule') }} as rule
        on gathered.reference_type = rule.reference_type
),

compared as (
    select
        judged.*,
        lag(method) over (partition by reference_type, reference order by valid_from) as earlier_method,
        lag(physician_key) over (partition by reference_type, reference order by valid_from) as earlier_physician_key
    from judged
),

stood as (
    select
        reference_type,
        reference,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by reference_type, reference order by valid_from),
            cast('9999-12-31' as date)
        ) as valid_to,
        physician_key,
        method,
        confidence,
        is_ambiguous
    from compared
    where earlier_method is null or earlier_method <> method or physician_key is distinct from earlier_physician_key
)

select
    stood.reference_type,
    stood.reference,
    stood.valid_from,
    stood.valid_to,
    stood.physician_key,
    stood.method,
    stood.confidence,
    stood.is_ambiguous
from stood
left join {{ ref('int_stopped_reference') }} as stopped
    on stood.reference_type = stopped.reference_type and stood.reference = stopped.reference
where not ({{ is_use_stopped('stood.physician_key') }})

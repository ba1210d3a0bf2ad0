-- By what any source ever called a physician whose data may not be used any more: codes, accounts and those merged
-- with them, and every member id and address that one of these accounts had in any version. A row is left out when it
-- names one of these and no other physician is known behind it: see the macro is_use_stopped.
{% set coded = {
    'stg_dcf_physician': 'physician_code',
    'stg_dcf_affiliation': 'physician_code',
    'int_account_version': 'external_id',
    'portal': 'physician_code',
    'stg_initiative_assignment': 'physician_code',
} %}
-- Every delivery of the portals, replaced ones too: nothing has to be ranked here.
with portal as (
    {{ landed('portal_delivery') | indent(4) }}
),

code as (
    {% for model, column in coded.items() %}
    select
        named.{{ column }} as reference,
        stopped.physician_key
    from {{ 'portal' if model == 'portal' else ref(model) }} as named
    inner join {{ ref('int_stopped_physician') }} as stopped
        on {{ physician_key('named.' ~ column) }} = stopped.physician_key
    {{ 'union' if not loop.last }}
    {% endfor %}
),

person as (
    select distinct
        account.surviving_account_id,
        code.physician_key
    from code
    inner join {{ ref('int_account_version') }} as version
        on code.reference = version.external_id
    inner join {{ ref('int_account') }} as account
        on version.account_id = account.account_id
),

held as (
    select
        account.account_id,
        version.member_id,
        version.email_token,
        person.physician_key
    from person
    inner join {{ ref('int_account') }} as account
        on person.surviving_account_id = account.surviving_account_id
    inner join {{ ref('int_account_version') }} as version
        on account.account_id = version.account_id
),

named as (
    select
        'dcf_code' as reference_type,
        reference,
        physician_key
    from code
    union all
    select
        'crm_account_id' as reference_type,
        surviving_account_id as reference,
        physician_key
    from person
    union all
    select
        'crm_account_id' as reference_type,
        account_id as reference,
        physician_key
    from held
    {% for reference_type in ['member_id', 'email_token'] %}
    union all
    select
        '{{ reference_type }}' as reference_type,
        {{ reference_type }} as reference,
        physician_key
    from held
    where {{ reference_type }} is not null
    {% endfor %}
    union all
    -- A portal's own number for a person means nothing at another vendor's.
    select
        'portal_member_id' as reference_type,
        portal.vendor || ':' || portal.portal_member_id as reference,
        code.physician_key
    from portal
    inner join code
        on portal.physician_code = code.reference
    where portal.portal_member_id is not null
)

select
    reference_type,
    reference,
    min(physician_key) as physician_key
from named
group by reference_type, reference

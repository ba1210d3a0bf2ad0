-- The masters' own references, and every reference a log used, found or not, and when.
with master as (
    select distinct
        case when reference_type = 'dcf_code' then 'dcf_physician' else 'crm_account' end as source,
        reference_type,
        reference
    from {{ ref('int_identity') }}
),

used as (
    select distinct
        source,
        physician_reference_type as reference_type,
        physician_reference as reference
    from {{ ref('fct_touchpoint') }}
    where physician_reference is not null
    union
    select distinct
        'survey_qualtrics' as source,
        reference_type,
        reference
    from {{ ref('int_survey_response') }}
    where reject_reason is null
),

gathered as (
    select * from master
    union all
    select * from used
)

select
    gathered.source,
    gathered.reference_type,
    gathered.reference,
    coalesce(identity.valid_from, cast('1900-01-01' as date)) as valid_from,
    coalesce(identity.valid_to, cast('9999-12-31' as date)) as valid_to,
    identity.physician_key,
    coalesce(identity.method, 'unmatched') as method,
    cast(coalesce(identity.confidence, 0.0) as double) as confidence,
    coalesce(identity.is_ambiguous, false) as is_ambiguous,
    case
        when identity.physician_key is not null
            then
                {{ link_id(
                    'gathered.source', 'gathered.reference_type', 'gathered.reference', 'identity.valid_from',
                    'identity.physician_key'
                ) }}
    end as link_id
from gathered
left join {{ ref('int_identity') }} as identity
    on gathered.reference_type = identity.reference_type and gathered.reference = identity.reference

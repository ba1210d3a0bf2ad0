select
    story_id,
    written_on,
    office_id,
    {{ organization_key("'office'", 'office_id') }} as organization_key,
    product_id,
    theme,
    initiative_id,
    outcome_kind,
    cast(n_similar_attempts as integer) as n_similar_attempts,
    cast(n_similar_without_success as integer) as n_similar_without_success,
    is_masked,
    has_consent,
    is_safety_checked,
    seems_to_name_somebody,
    approved_on,
    is_publishable,
    context,
    action,
    result,
    conditions,
    cast(greatest(n_reused_offices, 0) as integer) as n_reused_offices
from {{ ref('int_story') }}
where reject_reason is null

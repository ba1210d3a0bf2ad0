-- Contents that only Medical may use, and versions of others that only Medical may use, are not here.
with content as (
    select
        content_id,
        content_key,
        material_number
    from {{ ref('dim_content') }}
)

select
    {{ surrogate_key(["'content_version'", 'content.content_id', 'version.content_version']) }} as content_version_key,
    content.content_key,
    content.content_id,
    version.material_number,
    version.content_version,
    version.title,
    version.approval_number,
    version.product_id,
    version.topic_id,
    version.indication,
    version.audience,
    version.allowed_roles,
    version.may_mr_use,
    version.may_hq_use,
    version.may_medical_use,
    version.info_class,
    version.is_never_retired,
    version.approved_on as valid_from,
    case
        when version.expires_on is null then cast('9999-12-31' as date)
        else {{ add_days('version.expires_on', '1') }}
    end as valid_to,
    version.in_force_to as superseded_on
from {{ ref('int_content_version') }} as version
inner join content
    on version.material_number = content.material_number
where version.approved_on is not null and coalesce(version.may_mr_use or version.may_hq_use, true)

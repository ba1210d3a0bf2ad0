-- The approval register as it says now. A version without a day of approval is still being reviewed: nobody may use
-- it. A version is in force from its approval until a later one is approved, whatever their last days.
with registered as (
    select
        approval.material_number,
        regexp_replace(approval.content_version, '[.]0$', '') as content_version,
        approval.title,
        approval.approval_number,
        approval.approved_on,
        approval.expires_on,
        audience.audience,
        audience.allowed_roles,
        audience.may_mr_use,
        audience.may_hq_use,
        audience.may_medical_use,
        info_class.info_class,
        info_class.is_never_retired,
        product.product_id,
        approval.indication,
        topic.topic_id,
        row_number() over (
            partition by approval.material_number, regexp_replace(approval.content_version, '[.]0$', '')
            order by approval.updated_on desc, approval.content_version
        ) as place
    from {{ ref('stg_content_approval') }} as approval
    left join (
        select
            audience_word,
            max(audience) as audience,
            case max(audience) when 'mr' then 'mr,hq' when 'medical' then 'medical' else 'mr,hq,medical' end
                as allowed_roles,
            max(case when role_id = 'mr' then 1 else 0 end) = 1 as may_mr_use,
            max(case when role_id = 'hq' then 1 else 0 end) = 1 as may_hq_use,
            max(case when role_id = 'medical' then 1 else 0 end) = 1 as may_medical_use
        from {{ ref('content_audience') }}
        group by audience_word
    ) as audience
        on approval.audience = audience.audience_word
    left join {{ ref('content_info_class') }} as info_class
        on approval.info_class_word = info_class.info_class_word
    left join {{ ref('int_product_name') }} as product
        on approval.product_name = product.called
    left join {{ ref('topic') }} as topic
        on approval.topic_name = topic.name_ja
)

select
    material_number,
    content_version,
    title,
    approval_number,
    approved_on,
    expires_on,
    audience,
    allowed_roles,
    may_mr_use,
    may_hq_use,
    may_medical_use,
    info_class,
    is_never_retired,
    product_id,
    indication,
    topic_id,
    approved_on as in_force_from,
    case
        when approved_on is not null then coalesce(
            lead(approved_on) over (
                partition by material_number, case when approved_on is null then 0 else 1 end
                order by approved_on, content_version
            ),
            cast('9999-12-31' as date)
        )
    end as in_force_to
from registered
where place = 1

-- What a log calls a content, and which document of the approval register it is. The same page in two decks is one
-- document, so its uses add up. A template keeps the id that e-mails name it by.
with registered as (
    select
        material_number,
        max(case when may_mr_use or may_hq_use then 1 else 0 end) as is_for_others,
        max(case when may_medical_use then 1 else 0 end) as is_for_medical,
        max(product_id) as product_id
    from {{ ref('int_content_version') }}
    group by material_number
),

known as (
    select
        crm.key_message_id as logged_id,
        case
            when crm.object_type = 'Key_Message_vod' then coalesce(crm.vault_doc_id, crm.key_message_id)
            else crm.key_message_id
        end as content_id,
        crm.vault_doc_id as material_number,
        'crm_key_message' as source,
        crm.name as title,
        crm.presentation_id,
        coalesce(crm.is_training, false) as is_training,
        product.product_id
    from {{ ref('stg_crm_key_message') }} as crm
    left join {{ ref('int_product_name') }} as product
        on crm.crm_product_id = product.called
    where not coalesce(crm.is_deleted, false)
    union all
    select
        registered.material_number as logged_id,
        registered.material_number as content_id,
        registered.material_number,
        'content_approval' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        cast(null as {{ dbt.type_string() }}) as presentation_id,
        false as is_training,
        registered.product_id
    from registered
    where not exists (
        select 1
        from {{ ref('stg_crm_key_message') }} as crm
        where crm.vault_doc_id = registered.material_number and crm.object_type <> 'Key_Message_vod'
    )
)

select
    known.logged_id,
    known.content_id,
    {{ content_key('known.content_id') }} as content_key,
    known.material_number,
    known.source,
    known.title,
    known.presentation_id,
    known.is_training,
    coalesce(known.product_id, registered.product_id) as product_id,
    registered.material_number is not null as is_registered,
    coalesce(registered.is_for_others = 1, false) as is_for_others,
    coalesce(registered.is_for_medical = 1 and registered.is_for_others = 0, false) as is_medical_only
from known
left join registered
    on known.material_number = registered.material_number

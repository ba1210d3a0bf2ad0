-- Every current page shown in a call with what keeps it out of the star. A presentation for training is not shown to
-- physicians.
with used as (
    select distinct call_key_message_id
    from {{ ref('int_call_key_message_use') }}
),

stopped as (
    select call_id
    from {{ ref('int_call') }}
    where reject_reason = 'use_stopped'
)

select
    page.call_key_message_id,
    page.batch_id,
    page.call_id,
    page.key_message_id,
    coalesce(material.content_id, page.key_message_id) as content_id,
    {{ content_key('coalesce(material.content_id, page.key_message_id)') }} as content_key,
    regexp_replace(page.slide_version, '[.]0$', '') as content_version,
    coalesce(product.product_id, material.product_id) as product_id,
    page.started_at,
    page.duration_seconds,
    case when lower(page.reaction) in ('positive', 'neutral', 'negative') then lower(page.reaction) end as mr_reaction,
    page.display_order,
    case
        when used.call_key_message_id is null and stopped.call_id is not null then 'use_stopped'
        when coalesce(page.is_deleted, false) then 'deleted_in_source'
        when coalesce(material.is_training, false) then 'out_of_scope'
        when page.key_message_id is null then 'unparseable'
        when used.call_key_message_id is null then 'out_of_scope'
    end as reject_reason
from {{ ref('stg_crm_call_key_message') }} as page
left join {{ ref('int_content_material') }} as material
    on page.key_message_id = material.logged_id
left join {{ ref('int_product_name') }} as product
    on page.crm_product_id = product.called
left join used
    on page.call_key_message_id = used.call_key_message_id
left join stopped
    on page.call_id = stopped.call_id

-- What a content is about, as the portal's and the webinars' files and the approval register say it; where they
-- disagree, nothing.
with said as (
    select
        portal.content_id,
        product.product_id,
        portal.topic_id
    from {{ ref('stg_portal_delivery') }} as portal
    left join {{ ref('int_product_name') }} as product
        on portal.product_name = product.called
    where portal.content_id is not null
    union
    select
        content_id,
        product_id,
        cast(null as {{ dbt.type_string() }}) as topic_id
    from {{ ref('int_webinar_segment') }}
    where content_id is not null
    union
    select
        material.logged_id as content_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        version.topic_id
    from {{ ref('int_content_material') }} as material
    inner join {{ ref('int_content_version') }} as version
        on material.material_number = version.material_number
    -- What only Medical may use tells nobody else its topic.
    where version.topic_id is not null and coalesce(version.may_mr_use or version.may_hq_use, true)
)

select
    content_id,
    case when count(distinct product_id) = 1 then max(product_id) end as product_id,
    case when count(distinct topic_id) = 1 then max(topic_id) end as topic_id
from said
group by content_id

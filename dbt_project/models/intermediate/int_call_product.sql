-- The products of each call; an attendee's own row without details takes those of the group's header.
with detail as (
    select
        stg_detail.call_detail_id,
        stg_detail.batch_id,
        stg_detail.call_id,
        product.product_id,
        coalesce(stg_detail.is_deleted, false) as is_deleted,
        row_number() over (
            partition by stg_detail.call_id
            order by stg_detail.priority nulls last, stg_detail.call_detail_id
        ) as place_in_call,
        row_number() over (
            partition by stg_detail.call_id, coalesce(stg_detail.is_deleted, false), product.product_id
            order by stg_detail.priority nulls last, stg_detail.call_detail_id
        ) as place
    from {{ ref('stg_crm_call_detail') }} as stg_detail
    left join {{ ref('int_product_name') }} as product
        on stg_detail.crm_product_id = product.called
)

select
    detail.call_detail_id,
    detail.batch_id,
    detail.call_id,
    detail.product_id,
    detail.place_in_call,
    case
        when detail.is_deleted then 'deleted_in_source'
        when detail.product_id is null then 'out_of_scope'
        when detail.place > 1 then 'duplicate'
    end as reject_reason
from detail

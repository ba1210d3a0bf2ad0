-- The products of each call; an attendee's own row without details takes those of the group's header. Their places
-- count what stays only: what was deleted or is not known was not the first thing talked about.
with detail as (
    select
        stg_detail.call_detail_id,
        stg_detail.batch_id,
        stg_detail.call_id,
        stg_detail.priority,
        product.product_id,
        case
            when coalesce(stg_detail.is_deleted, false) then 'deleted_in_source'
            when product.product_id is null then 'out_of_scope'
            when
                row_number() over (
                    partition by stg_detail.call_id, coalesce(stg_detail.is_deleted, false), product.product_id
                    order by stg_detail.priority nulls last, stg_detail.call_detail_id
                ) > 1
            then 'duplicate'
        end as reject_reason
    from {{ ref('stg_crm_call_detail') }} as stg_detail
    left join {{ ref('int_product_name') }} as product
        on stg_detail.crm_product_id = product.called
)

select
    call_detail_id,
    batch_id,
    call_id,
    product_id,
    case
        when reject_reason is null
        then row_number() over (
            partition by call_id, case when reject_reason is null then 1 else 0 end
            order by priority nulls last, call_detail_id
        )
    end as place_in_call,
    reject_reason
from detail

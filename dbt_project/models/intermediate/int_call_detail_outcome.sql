-- A detail is in the star when a call that is in the star took its product from it.
with used as (
    select distinct
        detail_call_id,
        product_id
    from {{ ref('int_call_touched_product') }}
)

select
    detail.batch_id,
    detail.call_detail_id,
    coalesce(detail.reject_reason, case when used.product_id is null then 'out_of_scope' end) as reject_reason
from {{ ref('int_call_product') }} as detail
left join used
    on detail.call_id = used.detail_call_id and detail.product_id = used.product_id

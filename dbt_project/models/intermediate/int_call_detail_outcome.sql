-- A detail is in the star when a call that is in the star took its product from it. One of a call that may not be used
-- goes with its call, unless the call is a group's and others of the group took it.
with used as (
    select distinct
        detail_call_id,
        product_id
    from {{ ref('int_call_touched_product') }}
),

stopped as (
    select call_id
    from {{ ref('int_call') }}
    where reject_reason = 'use_stopped'
)

select
    detail.batch_id,
    detail.call_detail_id,
    case
        when used.product_id is null and stopped.call_id is not null then 'use_stopped'
        when detail.reject_reason is not null then detail.reject_reason
        when used.product_id is null then 'out_of_scope'
    end as reject_reason
from {{ ref('int_call_product') }} as detail
left join used
    on detail.call_id = used.detail_call_id and detail.product_id = used.product_id
left join stopped
    on detail.call_id = stopped.call_id

with landed as (
    {{ landed('crm_call_detail', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as call_detail_id,
    is_deleted,
    system_modstamp,
    call_id,
    product_id as crm_product_id,
    priority,
    type as detail_type,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

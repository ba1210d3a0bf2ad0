with landed as (
    {{ landed('crm_product', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as crm_product_id,
    is_deleted,
    system_modstamp,
    name,
    product_type,
    parent_product_id,
    external_id as product_id,
    is_company_product,
    therapeutic_area,
    yj_code,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

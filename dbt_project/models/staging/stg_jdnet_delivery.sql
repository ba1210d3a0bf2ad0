with landed as (
    {{ landed(
        'jdnet_delivery',
        'latest_by_key',
        ['wholesaler_code', 'wholesaler_branch', 'slip_number', 'line_number'],
        'created_on'
    ) }}
)

select
    wholesaler_code,
    wholesaler_branch,
    wholesaler_unit,
    delivered_to_code,
    slip_on,
    slip_number,
    transaction_type,
    unified_product_code,
    product_name,
    delivered_to_name,
    delivered_to_address,
    quantity,
    line_number,
    created_on,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

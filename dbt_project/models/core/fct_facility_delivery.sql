-- Context only: goods that reached a place, days or weeks before or after any prescription, are no physician's act and
-- no result of anybody's contact. Nothing joins them to a physician, and no mart reads them as a result.
select
    delivery_key,
    batch_id,
    wholesaler_code,
    slip_number,
    line_number,
    slip_on,
    created_on,
    delivered_to_code,
    facility_key,
    product_id,
    transaction_class,
    quantity
from {{ ref('int_facility_delivery') }}
where reject_reason is null

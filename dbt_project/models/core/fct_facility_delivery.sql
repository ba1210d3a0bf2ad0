-- Context only: goods that reached a place, days or weeks before or after any prescription, are no physician's act and
-- no result of anybody's contact. Nothing joins them to a physician, and no mart reads them as a result.
select
    delivery.delivery_key,
    delivery.batch_id,
    delivery.wholesaler_code,
    delivery.slip_number,
    delivery.line_number,
    delivery.slip_on,
    delivery.created_on,
    delivery.delivered_to_code,
    facility.facility_key,
    delivery.product_id,
    delivery.transaction_class,
    delivery.quantity
from {{ ref('int_facility_delivery') }} as delivery
left join {{ ref('dim_facility') }} as facility
    on
        delivery.delivered_to_code = facility.facility_code
        and delivery.slip_on >= facility.valid_from
        and delivery.slip_on < facility.valid_to
where delivery.reject_reason is null

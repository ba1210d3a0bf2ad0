-- Every current line of a wholesaler's slip with what keeps it out of the star. The place is where the goods
-- went, a facility of the master or a pharmacy that no master has: never who prescribed.
select
    {{ surrogate_key([
        "'jdnet_delivery'",
        'delivery.wholesaler_code',
        'delivery.wholesaler_branch',
        'delivery.slip_number',
        'delivery.line_number'
    ]) }} as delivery_key,
    delivery.batch_id,
    delivery.wholesaler_code,
    delivery.wholesaler_branch,
    delivery.slip_number,
    delivery.line_number,
    delivery.slip_on,
    delivery.created_on,
    delivery.delivered_to_code,
    product.product_id,
    kind.transaction_class,
    delivery.quantity,
    case
        when kind.transaction_class = 'cancelled' then 'deleted_in_source'
        when product.product_id is null then 'out_of_scope'
        when kind.transaction_class is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_jdnet_delivery') }} as delivery
left join {{ ref('unified_product') }} as product
    on delivery.unified_product_code = product.unified_product_code
left join {{ ref('jdnet_transaction') }} as kind
    on delivery.transaction_type = kind.transaction_type

with landed as (
    {{ landed('crm_call_key_message', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as call_key_message_id,
    is_deleted,
    system_modstamp,
    call_id,
    key_message_id,
    product_id as crm_product_id,
    reaction,
    duration_seconds,
    started_at,
    presentation_id,
    slide_version,
    display_order,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

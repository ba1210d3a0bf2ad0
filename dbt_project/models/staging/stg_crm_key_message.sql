with landed as (
    {{ landed('crm_key_message', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as key_message_id,
    is_deleted,
    system_modstamp,
    name,
    object_type,
    vault_doc_id,
    presentation_id,
    content_version,
    starts_on,
    ends_on,
    category,
    language,
    is_training,
    product_id as crm_product_id,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

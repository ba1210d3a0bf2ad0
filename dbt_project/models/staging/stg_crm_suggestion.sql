with landed as (
    {{ landed('crm_suggestion', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as suggestion_id,
    is_deleted,
    system_modstamp,
    account_id,
    owner_id,
    record_type,
    suggested_channel,
    product_id as crm_product_id,
    topic_id,
    signal_record_id,
    posted_on,
    expires_on,
    actioned,
    marked_complete,
    dismissed,
    dismiss_reason,
    feedback_at,
    call_id,
    created_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

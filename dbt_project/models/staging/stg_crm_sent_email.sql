with landed as (
    {{ landed('crm_sent_email', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as sent_email_id,
    is_deleted,
    system_modstamp,
    account_id,
    template_id,
    sent_at,
    status,
    product_id as crm_product_id,
    user_id,
    owner_id,
    call_id,
    sender_department,
    topic_id,
    survey_wave,
    created_at,
    link_count,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

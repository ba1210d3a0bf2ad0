with landed as (
    {{ landed('crm_consent', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as consent_id,
    is_deleted,
    system_modstamp,
    account_id,
    channel as consent_channel,
    opt_type,
    captured_at,
    expires_on,
    consent_type,
    product_id as crm_product_id,
    preferred_channel,
    preference_topic,
    entered_by,
    text_version,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

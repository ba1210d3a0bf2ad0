with landed as (
    {{ landed('crm_multichannel_activity', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as activity_id,
    is_deleted,
    system_modstamp,
    account_id,
    record_type,
    started_at,
    duration_seconds,
    session_id,
    url,
    lower(site) as site,
    referring_site,
    sent_email_id,
    call_id,
    external_id,
    primary_key_text,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    first_delivered_at
from landed
where recency = 1

{#- A table: read three times by int_email_activity. -#}
{{ config(materialized='table') }}
with landed as (
    {{ landed('crm_email_activity', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as activity_id,
    is_deleted,
    system_modstamp,
    sent_email_id,
    activity_at,
    event_type,
    click_url,
    user_agent,
    client_name,
    device_type,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on,
    first_delivered_at
from landed
where recency = 1

{#- A table: read by calls and by what they followed. -#}
{{ config(materialized='table') }}
with landed as (
    {{ landed('crm_call', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as call_id,
    is_deleted,
    system_modstamp,
    account_id,
    call_date,
    call_datetime,
    status,
    parent_call_id,
    is_parent_call,
    attendee_type,
    territory,
    user_id,
    owner_id,
    duration_minutes,
    channel as call_channel,
    reaction,
    request as is_request,
    question_recorded,
    usage_statement,
    topic_id,
    followed_record_id,
    created_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

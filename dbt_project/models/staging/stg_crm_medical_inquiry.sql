with landed as (
    {{ landed('crm_medical_inquiry', 'latest_by_key', ['id'], 'system_modstamp') }}
)

select
    id as inquiry_id,
    is_deleted,
    system_modstamp,
    account_id,
    product_name,
    delivery_method,
    status,
    call_id,
    owner_id,
    assigned_user_id,
    fulfillment_status,
    category,
    topic_id,
    is_unsolicited,
    gl_record_complete,
    gl_has_requester,
    gl_has_request_text,
    gl_has_date,
    gl_has_provider,
    gl_has_material,
    gl_has_evidence,
    gl_states_negative_data,
    gl_states_unapproved,
    received_at,
    handed_off_at,
    accepted_at,
    answered_at,
    mr_notified_at,
    created_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

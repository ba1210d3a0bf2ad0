-- Every current inquiry with what keeps it out of the star. One raised in a group's call names the group's record: its
-- call is then the one that the asking physician has in it.
with attendee as (
    select
        call.parent_call_id,
        account.physician_key,
        min(call.call_id) as call_id
    from {{ ref('int_call') }} as call
    inner join {{ ref('int_account') }} as account
        on call.account_id = account.account_id
    where call.reject_reason is null and call.parent_call_id is not null
    group by call.parent_call_id, account.physician_key
)

select
    inquiry.inquiry_id,
    inquiry.batch_id,
    inquiry.account_id,
    coalesce(inquiry.received_at, inquiry.created_at) as received_at,
    product.product_id,
    coalesce(lower(inquiry.category), 'unknown') as category,
    inquiry.topic_id,
    coalesce(attendee.call_id, inquiry.call_id) as call_id,
    inquiry.owner_id,
    inquiry.handed_off_at,
    inquiry.accepted_at,
    inquiry.answered_at,
    inquiry.mr_notified_at,
    inquiry.is_unsolicited,
    inquiry.gl_record_complete,
    inquiry.gl_has_requester,
    inquiry.gl_has_request_text,
    inquiry.gl_has_date,
    inquiry.gl_has_provider,
    inquiry.gl_has_material,
    inquiry.gl_has_evidence,
    inquiry.gl_states_negative_data,
    inquiry.gl_states_unapproved,
    inquiry.gl_has_requester
    and inquiry.gl_has_request_text
    and inquiry.gl_has_date
    and inquiry.gl_has_provider
    and inquiry.gl_has_material
    and inquiry.gl_has_evidence
    and inquiry.gl_states_negative_data
    and inquiry.gl_states_unapproved as has_all_gl_fields,
    case
        when {{ is_use_stopped('account.physician_key') }} then 'use_stopped'
        when coalesce(inquiry.is_deleted, false) then 'deleted_in_source'
        when account.is_test then 'test_record'
        when inquiry.account_id is null then 'anonymous'
        when inquiry.received_at is null and inquiry.created_at is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_medical_inquiry') }} as inquiry
left join {{ ref('int_product_name') }} as product
    on inquiry.product_name = product.called
left join {{ ref('int_account') }} as account
    on inquiry.account_id = account.account_id
left join {{ ref('int_stopped_reference') }} as stopped
    on inquiry.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'
left join attendee
    on inquiry.call_id = attendee.parent_call_id and account.physician_key = attendee.physician_key

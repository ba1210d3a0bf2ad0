-- Every current e-mail with what keeps it out of the star. An e-mail without an account is the stub to which the
-- CRM moves the events of a physician who objected to tracking.
select
    email.sent_email_id,
    email.batch_id,
    email.account_id,
    email.template_id,
    coalesce(email.sent_at, email.created_at) as sent_at,
    email.status,
    product.product_id,
    coalesce(email.user_id, email.owner_id) as user_id,
    case when lower(email.sender_department) = 'mr' then 'mr_email' else 'hq_email' end as channel_id,
    coalesce(lower(email.sender_department), 'hq') as sender_department,
    email.topic_id,
    email.survey_wave,
    email.link_count,
    email.call_id,
    case
        when {{ is_use_stopped('account.physician_key') }} then 'use_stopped'
        when coalesce(email.is_deleted, false) then 'deleted_in_source'
        when
            coalesce(email.status, '') in ('Saved_vod', 'Scheduled_vod', 'Pending_vod', 'Group_vod')
        then 'out_of_scope'
        when account.is_test then 'test_record'
        when email.account_id is null then 'opted_out_of_tracking'
        when email.sent_at is null and email.created_at is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_sent_email') }} as email
left join {{ ref('int_product_name') }} as product
    on email.crm_product_id = product.called
left join {{ ref('int_account') }} as account
    on email.account_id = account.account_id
left join {{ ref('int_stopped_reference') }} as stopped
    on email.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'

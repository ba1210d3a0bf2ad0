-- Every current suggestion with what keeps it out of the star, and what the representative answered: done or marked
-- as done, or dismissed. A reason that is not on the list is a reason all the same.
select
    suggestion.suggestion_id,
    suggestion.batch_id,
    suggestion.account_id,
    account.physician_key,
    suggestion.owner_id as user_id,
    case suggestion.record_type when 'Call_vod' then 'contact' when 'Email_vod' then 'email' else 'notice' end
        as suggested_action,
    channel.channel_id as suggested_channel_id,
    product.product_id,
    suggestion.topic_id,
    suggestion.signal_record_id,
    coalesce(suggestion.posted_on, {{ local_date('suggestion.created_at') }}) as posted_on,
    suggestion.expires_on,
    suggestion.feedback_at,
    case
        when suggestion.actioned > 0 or suggestion.marked_complete > 0 then 'acted'
        when suggestion.dismissed > 0 then 'dismissed'
        when suggestion.expires_on < {{ as_of() }} then 'expired'
        else 'open'
    end as action_taken,
    case
        when
            coalesce(suggestion.actioned, 0) = 0
            and coalesce(suggestion.marked_complete, 0) = 0
            and suggestion.dismissed > 0
            and suggestion.dismiss_reason is not null
            then coalesce(reason.dismiss_reason_id, 'other')
    end as dismiss_reason_id,
    case
        when {{ is_use_stopped('account.physician_key') }} then 'use_stopped'
        when coalesce(suggestion.is_deleted, false) then 'deleted_in_source'
        when not coalesce(account.is_person_account, true) then 'out_of_scope'
        when account.is_test then 'test_record'
        when suggestion.account_id is null then 'anonymous'
        when suggestion.posted_on is null and suggestion.created_at is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_suggestion') }} as suggestion
left join {{ ref('suggestion_channel') }} as channel
    on lower(suggestion.suggested_channel) = channel.suggested_channel
left join {{ ref('suggestion_dismiss_reason') }} as reason
    on suggestion.dismiss_reason = reason.reason
left join {{ ref('int_product_name') }} as product
    on suggestion.crm_product_id = product.called
left join {{ ref('int_account') }} as account
    on suggestion.account_id = account.account_id
left join {{ ref('int_stopped_reference') }} as stopped
    on suggestion.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'

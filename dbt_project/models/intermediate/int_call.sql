-- Every current call with what keeps it out of the star, if anything does. What the caller was on the day of the
-- call says whose contact it was: who has moved to Medical since still made his earlier visits as a representative.
with child as (
    select distinct parent_call_id
    from {{ ref('stg_crm_call') }}
    where parent_call_id is not null and not coalesce(is_deleted, false)
)

select
    call.call_id,
    call.batch_id,
    call.account_id,
    coalesce(call.call_date, {{ local_date('call.call_datetime') }}) as occurred_on,
    case
        when call.call_datetime is not null and {{ local_date('call.call_datetime') }} = coalesce(
            call.call_date, {{ local_date('call.call_datetime') }}
        ) then call.call_datetime
        else {{ from_tokyo('call.call_date') }}
    end as occurred_at,
    case
        when call.call_datetime is not null and {{ local_date('call.call_datetime') }} = coalesce(
            call.call_date, {{ local_date('call.call_datetime') }}
        ) then 'minute'
        else 'day'
    end as time_precision,
    coalesce(by_role.channel_id, for_all.channel_id, 'mr_visit') as channel_id,
    caller.role as caller_role,
    coalesce(call.user_id, call.owner_id) as user_id,
    call.parent_call_id,
    call.attendee_type,
    call.duration_minutes,
    case when lower(call.reaction) in ('positive', 'neutral', 'negative', 'question') then lower(call.reaction) end
        as reaction,
    coalesce(call.is_request, false) as is_request,
    coalesce(call.question_recorded, false) or lower(coalesce(call.reaction, '')) = 'question' as is_question,
    case when lower(call.usage_statement) in ('trial', 'continued', 'stopped') then lower(call.usage_statement) end
        as usage_statement,
    call.topic_id,
    call.followed_record_id,
    case
        when {{ is_use_stopped('account.physician_key') }} then 'use_stopped'
        when coalesce(call.is_deleted, false) then 'deleted_in_source'
        when coalesce(call.status, '') not in ('Submitted_vod', 'Submitted_vod__c') then 'out_of_scope'
        when child.parent_call_id is not null then 'out_of_scope'
        when not coalesce(account.is_person_account, true) then 'out_of_scope'
        when account.is_test then 'test_record'
        when call.account_id is null then 'anonymous'
        when call.call_date is null and call.call_datetime is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_call') }} as call
left join child
    on call.call_id = child.parent_call_id
left join {{ ref('int_account') }} as account
    on call.account_id = account.account_id
left join {{ ref('int_stopped_reference') }} as stopped
    on call.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'
left join {{ ref('int_employee_period') }} as caller
    on
        coalesce(call.user_id, call.owner_id) = caller.user_id
        and coalesce(call.call_date, {{ local_date('call.call_datetime') }}) >= caller.valid_from
        and coalesce(call.call_date, {{ local_date('call.call_datetime') }}) < caller.valid_to
left join {{ ref('call_channel') }} as by_role
    on call.call_channel = by_role.call_channel and caller.role = by_role.employee_role
left join {{ ref('call_channel') }} as for_all
    on call.call_channel = for_all.call_channel and for_all.employee_role = 'any'

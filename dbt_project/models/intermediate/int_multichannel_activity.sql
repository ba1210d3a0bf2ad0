-- Every current session with what keeps it out of the star. A session that names a call or an e-mail is a part of that
-- contact, or goes the way of it; only a session on a site of the rule's list that names neither is a contact.
with call as (
    select
        call_id,
        reject_reason
    from {{ ref('int_call') }}
),

-- A group's header is no contact itself, but its attendees are.
group_header as (
    select distinct parent_call_id
    from {{ ref('int_call') }}
    where reject_reason is null and parent_call_id is not null
),

email as (
    select
        sent_email_id,
        reject_reason
    from {{ ref('int_sent_email') }}
),

known as (
    select
        session.*,
        account.physician_key,
        account.is_person_account,
        account.is_test,
        {{ is_use_stopped('account.physician_key') }} as is_use_stopped,
        rule.channel_id,
        rule.rule_version,
        coalesce(session.call_id, session.sent_email_id) is not null as is_part_of_contact,
        row_number() over (
            partition by
                session.primary_key_text,
                session.account_id,
                coalesce(session.is_deleted, false),
                coalesce(session.call_id, session.sent_email_id) is null
            order by session.started_at nulls last, session.activity_id
        ) as copy_number
    from {{ ref('stg_crm_multichannel_activity') }} as session
    left join {{ ref('int_account') }} as account
        on session.account_id = account.account_id
    left join {{ ref('int_stopped_reference') }} as stopped
        on session.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'
    left join {{ rows_in_force('session_channel') }} as rule
        on session.record_type = rule.record_type and session.site = rule.site
),

open_session as (
    select
        activity_id,
        physician_key,
        session_id,
        external_id,
        started_at
    from known
    where channel_id is not null and not is_part_of_contact
),

refused as (
    select distinct open_session.activity_id
    from open_session
    inner join {{ ref('int_consent_interval') }} as refusal
        on
            open_session.physician_key = refusal.physician_key
            and refusal.consent_channel = 'web_tracking'
            and refusal.consent_state = 'opted_out'
            and open_session.started_at >= refusal.valid_from
            and open_session.started_at < refusal.valid_to
),

-- Two systems tell of the same contact only where they share a key: the own site's session, or the portal's delivery.
told_elsewhere as (
    select open_session.activity_id
    from open_session
    inner join {{ ref('int_web_event') }} as event
        on
            open_session.session_id = event.domain_session_id
            and open_session.physician_key = event.physician_key
    where event.reject_reason is null
    union
    select open_session.activity_id
    from open_session
    inner join {{ ref('int_portal_row') }} as portal
        on
            open_session.external_id = portal.source_record_id
            and open_session.physician_key = portal.physician_key
    where portal.reject_reason is null and not portal.is_aggregated
)

select
    known.activity_id,
    known.batch_id,
    known.first_delivered_at,
    known.account_id,
    known.physician_key,
    known.call_id,
    known.sent_email_id,
    known.site,
    known.started_at,
    known.duration_seconds,
    {{ text_match('known.url', '(C[0-9]{3,})') }} as content_id,
    {{ text_match('upper(known.url)', '(PRD-[A-Z])') }} as named_product_id,
    known.channel_id,
    known.rule_version,
    case
        when known.is_use_stopped then 'use_stopped'
        when coalesce(known.is_deleted, false) then 'deleted_in_source'
        when not coalesce(known.is_person_account, true) then 'out_of_scope'
        when known.is_test then 'test_record'
        when known.call_id is not null then
            case
                when call.call_id is null then 'out_of_scope'
                when call.reject_reason is null or group_header.parent_call_id is not null then 'part_of_contact'
                else call.reject_reason
            end
        when known.sent_email_id is not null then
            case
                when email.sent_email_id is null then 'out_of_scope'
                else coalesce(email.reject_reason, 'part_of_contact')
            end
        when known.channel_id is null then 'out_of_scope'
        when known.account_id is null then 'anonymous'
        when known.started_at is null then 'unparseable'
        when known.primary_key_text is not null and known.copy_number > 1 then 'duplicate'
        when refused.activity_id is not null then 'opted_out_of_tracking'
        when told_elsewhere.activity_id is not null then 'duplicate'
    end as reject_reason
from known
left join call
    on known.call_id = call.call_id
left join group_header
    on known.call_id = group_header.parent_call_id
left join email
    on known.sent_email_id = email.sent_email_id
left join refused
    on known.activity_id = refused.activity_id
left join told_elsewhere
    on known.activity_id = told_elsewhere.activity_id

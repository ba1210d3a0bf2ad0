-- The contact that a call report or a suggestion names as its reason: an e-mail or what was done with it, a webinar,
-- a page of the own site. One per record, and never of a physician who is known to be another.
with link as (
    select
        'call' as record_kind,
        call.call_id as record_id,
        call.followed_record_id,
        account.physician_key
    from {{ ref('int_call') }} as call
    inner join {{ ref('int_account') }} as account
        on call.account_id = account.account_id
    where call.followed_record_id is not null and call.reject_reason is null
    union all
    select
        'suggestion' as record_kind,
        suggestion_id as record_id,
        signal_record_id as followed_record_id,
        physician_key
    from {{ ref('int_suggestion') }}
    where signal_record_id is not null and reject_reason is null
),

email as (
    select
        link.record_kind,
        link.record_id,
        email.touchpoint_key
    from link
    inner join {{ ref('int_touchpoint__crm_sent_email') }} as email
        on link.followed_record_id = email.source_record_id
    inner join {{ ref('int_account') }} as recipient
        on email.physician_reference = recipient.account_id
    where coalesce(link.physician_key = recipient.physician_key, true)
),

activity as (
    select
        link.record_kind,
        link.record_id,
        email.touchpoint_key
    from link
    inner join {{ ref('stg_crm_email_activity') }} as stg_activity
        on link.followed_record_id = stg_activity.activity_id
    inner join {{ ref('int_touchpoint__crm_sent_email') }} as email
        on stg_activity.sent_email_id = email.source_record_id
    inner join {{ ref('int_account') }} as recipient
        on email.physician_reference = recipient.account_id
    where coalesce(link.physician_key = recipient.physician_key, true)
),

webinar as (
    select
        link.record_kind,
        link.record_id,
        webinar.touchpoint_key
    from link
    inner join {{ ref('int_webinar_attendance') }} as attendance
        on link.followed_record_id = attendance.meeting_id and link.physician_key = attendance.physician_key
    inner join {{ ref('int_touchpoint__webinar_zoom') }} as webinar
        on attendance.attendance_id = webinar.source_record_id
),

web as (
    select
        link.record_kind,
        link.record_id,
        web.touchpoint_key
    from link
    inner join {{ ref('int_web_event') }} as event
        on link.followed_record_id = event.event_id and event.reject_reason is null
    inner join {{ ref('int_touchpoint__web_snowplow') }} as web
        on event.web_contact_id = web.source_record_id
    where coalesce(link.physician_key = event.physician_key, true)
),

found as (
    select * from email
    union all
    select * from activity
    union all
    select * from webinar
    union all
    select * from web
)

select
    record_kind,
    record_id,
    min(touchpoint_key) as touchpoint_key
from found
group by record_kind, record_id

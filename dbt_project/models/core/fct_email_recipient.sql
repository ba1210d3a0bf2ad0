select
    email.sent_email_id,
    touchpoint.touchpoint_key,
    touchpoint.physician_key,
    touchpoint.channel_id,
    touchpoint.initiator,
    touchpoint.product_id,
    case when email.sender_department <> 'medical' then email.template_id end as template_id,
    touchpoint.occurred_on as sent_on,
    last_day(touchpoint.occurred_on) as month_end,
    email.status is null or email.status not in ('Dropped_vod', 'Failed_vod') as is_sent,
    coalesce(outcome.is_delivered, false) as is_delivered,
    outcome.is_human_clicked,
    outcome.is_bot_clicked,
    outcome.is_opened,
    outcome.is_privacy_proxy_open,
    outcome.is_unsubscribed,
    outcome.is_marked_spam,
    touchpoint.consent_state,
    touchpoint.consent_state = 'opted_out' as is_after_opt_out,
    email.survey_wave
from {{ ref('int_sent_email') }} as email
inner join {{ ref('int_email_outcome') }} as outcome
    on email.sent_email_id = outcome.sent_email_id
inner join {{ ref('fct_touchpoint') }} as touchpoint
    on email.sent_email_id = touchpoint.source_record_id and touchpoint.source = 'crm_sent_email'

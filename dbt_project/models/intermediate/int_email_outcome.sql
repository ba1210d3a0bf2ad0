-- What became of each e-mail. A bounce is final only where nothing was delivered within the time to resolve it.
with activity as (
    select
        sent_email_id,
        min(case when email_event = 'delivered' then activity_at end) as delivered_at,
        max(case when email_event in ('opened', 'clicked', 'viewed', 'downloaded') then 1 else 0 end) = 1 as was_used,
        max(case when email_event = 'opened' and not is_privacy_proxy then 1 else 0 end) = 1 as is_opened,
        max(case when email_event = 'opened' and is_privacy_proxy then 1 else 0 end) = 1 as is_privacy_proxy_open,
        max(case when email_event = 'unsubscribed' then 1 else 0 end) = 1 as is_unsubscribed,
        max(case when email_event = 'marked_spam' then 1 else 0 end) = 1 as is_marked_spam
    from {{ ref('int_email_activity') }}
    where reject_reason is null
    group by sent_email_id
),

click as (
    select
        sent_email_id,
        max(case when is_human then 1 else 0 end) = 1 as is_human_clicked,
        max(case when is_human then 0 else 1 end) = 1 as is_bot_clicked,
        min(case when is_human then clicked_at end) as first_human_click_at,
        min(case when is_human then greatest(first_delivered_at, clicked_at) end) as human_click_visible_at
    from {{ ref('int_email_click') }}
    group by sent_email_id
)

select
    email.sent_email_id,
    email.status not in ('Bounced_vod', 'Dropped_vod', 'Failed_vod')
    and (
        email.status = 'Delivered_vod'
        or activity.delivered_at is not null
        or coalesce(activity.was_used, false)
        or coalesce(activity.is_unsubscribed, false)
    ) as is_delivered,
    coalesce(activity.is_opened, false) as is_opened,
    coalesce(activity.is_privacy_proxy_open, false) as is_privacy_proxy_open,
    coalesce(activity.is_unsubscribed, false) as is_unsubscribed,
    coalesce(activity.is_marked_spam, false) as is_marked_spam,
    coalesce(click.is_human_clicked, false) as is_human_clicked,
    coalesce(click.is_bot_clicked, false) as is_bot_clicked,
    click.first_human_click_at,
    click.human_click_visible_at
from {{ ref('int_sent_email') }} as email
left join activity
    on email.sent_email_id = activity.sent_email_id
left join click
    on email.sent_email_id = click.sent_email_id
where email.reject_reason is null

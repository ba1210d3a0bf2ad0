-- What became of each e-mail. A bounce is final only where nothing arrived within the time to resolve it. The CRM knows
-- one kind of bounce: what came back for good is what nothing followed.
with rule as (
    select * from {{ rows_in_force('bounce_rule') }} as in_force
),

activity as (
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

bounce as (
    select
        activity_id,
        sent_email_id,
        activity_at as bounced_at
    from {{ ref('int_email_activity') }}
    where reject_reason is null and email_event = 'bounced'
),

-- Bounces are few, and so are the arrivals that follow one.
arrival as (
    select
        bounce.activity_id,
        min(event.activity_at) as arrived_at
    from bounce
    inner join {{ ref('int_email_activity') }} as event
        on bounce.sent_email_id = event.sent_email_id and bounce.bounced_at < event.activity_at
    where
        event.reject_reason is null
        and event.email_event in ('delivered', 'opened', 'clicked', 'viewed', 'downloaded', 'unsubscribed')
    group by bounce.activity_id
),

returned as (
    select
        bounce.sent_email_id,
        max(
            case
                when
                    {{ epoch_seconds('arrival.arrived_at') }}
                    <= {{ epoch_seconds('bounce.bounced_at') }} + 3600 * rule.resolve_hours
                then 0
                else 1
            end
        ) = 1 as is_final
    from bounce
    cross join rule
    left join arrival
        on bounce.activity_id = arrival.activity_id
    group by bounce.sent_email_id
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
    coalesce(email.status, '') not in ('Dropped_vod', 'Failed_vod')
    and not coalesce(returned.is_final, coalesce(email.status, '') = 'Bounced_vod')
    and (
        coalesce(email.status, '') = 'Delivered_vod'
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
left join returned
    on email.sent_email_id = returned.sent_email_id
left join click
    on email.sent_email_id = click.sent_email_id
where email.reject_reason is null

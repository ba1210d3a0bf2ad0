-- Each click, judged: a person's, or a machine's by one of the rules of the version in force.
with rule as (
    select * from {{ rows_in_force('bot_rule') }} as in_force
),

delivery as (
    select
        sent_email_id,
        min(activity_at) as delivered_at
    from {{ ref('int_email_activity') }}
    where email_event = 'delivered' and reject_reason is null
    group by sent_email_id
),

click as (
    select
        activity.activity_id,
        activity.sent_email_id,
        activity.activity_at,
        activity.first_delivered_at,
        activity.is_bot_agent,
        activity.is_hidden_link,
        {{ epoch_seconds('activity.activity_at') }} as clicked_second,
        {{ epoch_seconds('coalesce(delivery.delivered_at, email.sent_at)') }} as delivered_second,
        email.link_count,
        activity.click_url
    from {{ ref('int_email_activity') }} as activity
    inner join {{ ref('int_sent_email') }} as email
        on activity.sent_email_id = email.sent_email_id
    left join delivery
        on activity.sent_email_id = delivery.sent_email_id
    where activity.email_event = 'clicked' and activity.reject_reason is null
),

-- A burst begins at a click that is followed, within the window, by clicks on most of the mail's links.
burst as (
    select
        earlier.sent_email_id,
        earlier.clicked_second as began_second
    from click as earlier
    cross join rule
    inner join click as later
        on
            earlier.sent_email_id = later.sent_email_id
            and later.clicked_second between earlier.clicked_second and earlier.clicked_second + rule.burst_seconds
    where earlier.link_count >= rule.burst_min_links
    group by earlier.sent_email_id, earlier.clicked_second, earlier.link_count, rule.burst_share_of_links
    having count(distinct later.click_url) >= rule.burst_share_of_links * earlier.link_count
),

in_burst as (
    select distinct click.activity_id
    from click
    cross join rule
    inner join burst
        on
            click.sent_email_id = burst.sent_email_id
            and click.clicked_second between burst.began_second and burst.began_second + rule.burst_seconds
),

reasoned as (
    select
        click.activity_id,
        click.sent_email_id,
        click.activity_at,
        click.first_delivered_at,
        rule.rule_version,
        case
            when click.is_hidden_link then 'hidden_link'
            when click.is_bot_agent then 'user_agent'
            when click.clicked_second - click.delivered_second < rule.min_seconds_after_delivery then 'too_fast'
            when in_burst.activity_id is not null then 'burst'
        end as bot_reason
    from click
    cross join rule
    left join in_burst
        on click.activity_id = in_burst.activity_id
)

select
    activity_id,
    sent_email_id,
    activity_at as clicked_at,
    first_delivered_at,
    bot_reason,
    bot_reason is null as is_human,
    rule_version
from reasoned

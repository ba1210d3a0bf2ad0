-- Each click, judged: a person's, or a machine's by one of the rules of the version in force.
with rule as (
    select * from {{ ref('bot_rule') }}
    where rule_version = (select max(rule_version) from {{ ref('bot_rule') }})
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
        activity.is_bot_agent,
        activity.is_hidden_link,
        {{ epoch_seconds('activity.activity_at') }} as clicked_second,
        {{ epoch_seconds('coalesce(delivery.delivered_at, email.sent_at)') }} as delivered_second,
        email.link_count,
        row_number() over (
            partition by activity.sent_email_id, activity.click_url
            order by activity.activity_at, activity.activity_id
        ) = 1 as is_first_of_link
    from {{ ref('int_email_activity') }} as activity
    inner join {{ ref('int_sent_email') }} as email
        on activity.sent_email_id = email.sent_email_id
    left join delivery
        on activity.sent_email_id = delivery.sent_email_id
    where activity.email_event = 'clicked' and activity.reject_reason is null
),

-- A burst begins at a click that is followed, within the window, by first clicks on most of the mail's links.
counted as (
    select
        click.*,
        sum(case when is_first_of_link then 1 else 0 end) over (
            partition by sent_email_id
            order by clicked_second
            range between current row and {{ rule_number('bot_rule', 'burst_seconds') }} following
        ) as links_in_window
    from click
),

started as (
    select
        counted.*,
        rule.rule_version,
        rule.min_seconds_after_delivery,
        case
            when
                counted.link_count >= rule.burst_min_links
                and counted.links_in_window >= rule.burst_share_of_links * counted.link_count
                then 1
            else 0
        end as starts_burst
    from counted
    cross join rule
),

judged as (
    select
        started.*,
        max(starts_burst) over (
            partition by sent_email_id
            order by clicked_second
            range between {{ rule_number('bot_rule', 'burst_seconds') }} preceding and current row
        ) = 1 as is_in_burst
    from started
)

select
    activity_id,
    sent_email_id,
    activity_at as clicked_at,
    case
        when is_hidden_link then 'hidden_link'
        when is_bot_agent then 'user_agent'
        when clicked_second - delivered_second < min_seconds_after_delivery then 'too_fast'
        when is_in_burst then 'burst'
    end as bot_reason,
    not (
        is_hidden_link
        or is_bot_agent
        or coalesce(clicked_second - delivered_second < min_seconds_after_delivery, false)
        or is_in_burst
    ) as is_human,
    rule_version
from judged

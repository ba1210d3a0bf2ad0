-- Every current e-mail event with the verdicts that need only the event itself: which client, which link. The lists
-- of clients and links belong to the version of the rule on clicks that is in force.
with rule as (
    select rule_version from {{ rows_in_force('bot_rule') }} as in_force
),

bot as (
    select listed.pattern
    from {{ ref('bot_user_agent') }} as listed
    inner join rule
        on listed.rule_version = rule.rule_version
),

proxy as (
    select listed.pattern
    from {{ ref('privacy_proxy_user_agent') }} as listed
    inner join rule
        on listed.rule_version = rule.rule_version
),

hidden_link as (
    select listed.pattern
    from {{ ref('hidden_link') }} as listed
    inner join rule
        on listed.rule_version = rule.rule_version
),

agent as (
    select distinct
        user_agent,
        client_name
    from {{ ref('stg_crm_email_activity') }}
),

judged_agent as (
    select
        agent.user_agent,
        agent.client_name,
        max(case when bot.pattern is null then 0 else 1 end) = 1 as is_bot_agent,
        max(case when proxy.pattern is null then 0 else 1 end) = 1 as is_privacy_proxy
    from agent
    left join bot
        on lower(agent.user_agent) like bot.pattern
    left join proxy
        on lower(agent.user_agent) like proxy.pattern or lower(agent.client_name) like proxy.pattern
    group by agent.user_agent, agent.client_name
),

link as (
    select distinct click_url
    from {{ ref('stg_crm_email_activity') }}
    where click_url is not null
),

hidden as (
    select link.click_url
    from link
    where exists (
        select 1 from hidden_link
        where lower(link.click_url) like hidden_link.pattern
    )
)

select
    activity.activity_id,
    activity.batch_id,
    activity.sent_email_id,
    activity.activity_at,
    activity.first_delivered_at,
    kind.email_event,
    activity.click_url,
    coalesce(judged_agent.is_bot_agent, false) as is_bot_agent,
    coalesce(judged_agent.is_privacy_proxy, false) as is_privacy_proxy,
    hidden.click_url is not null as is_hidden_link,
    email.reject_reason is null and email.sent_email_id is not null as has_email,
    case
        when coalesce(activity.is_deleted, false) then 'deleted_in_source'
        when kind.email_event is null or activity.activity_at is null then 'unparseable'
        when email.sent_email_id is null then 'anonymous'
        when email.reject_reason is not null then email.reject_reason
    end as reject_reason
from {{ ref('stg_crm_email_activity') }} as activity
left join judged_agent
    on
        activity.user_agent is not distinct from judged_agent.user_agent
        and activity.client_name is not distinct from judged_agent.client_name
left join hidden
    on activity.click_url = hidden.click_url
left join {{ ref('email_event_type') }} as kind
    on activity.event_type = kind.event_type
left join {{ ref('int_sent_email') }} as email
    on activity.sent_email_id = email.sent_email_id

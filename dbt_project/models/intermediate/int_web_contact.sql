-- One session of a member with one content. Time is what lies between its events, each pause cut at the idle
-- limit, or what the page itself measured, whichever is more.
with rule as (
    select * from {{ rows_in_force('engagement_rule') }} as in_force
),

paced as (
    select
        event.*,
        {{ epoch_seconds('event.occurred_at') }} - lag({{ epoch_seconds('event.occurred_at') }}) over (
            partition by event.web_contact_id
            order by event.occurred_at, event.event_id
        ) as pause_seconds
    from {{ ref('int_web_event') }} as event
    where event.reject_reason is null
),

summed as (
    select
        paced.web_contact_id,
        max(paced.member_id) as member_id,
        max(paced.physician_key) as physician_key,
        max(paced.content_id) as content_id,
        max(paced.product_id) as named_product_id,
        max(paced.batch_id) as batch_id,
        max(paced.first_delivered_at) as first_delivered_at,
        min(paced.occurred_at) as started_at,
        greatest(
            sum(least(coalesce(paced.pause_seconds, 0), rule.web_idle_cut_seconds)),
            sum(case when paced.action = 'view' then coalesce(paced.se_value, 0) else 0 end)
        ) as active_seconds,
        max(case when paced.action = 'search' then 1 else 0 end) = 1 as has_search,
        max(case when paced.action = 'download' then 1 else 0 end) = 1 as has_download
    from paced
    cross join rule
    group by paced.web_contact_id
)

select
    summed.*,
    {{ local_date('summed.started_at') }} as occurred_on,
    coalesce(summed.named_product_id, content.product_id) as product_id,
    content.topic_id
from summed
left join {{ ref('int_content_subject') }} as content
    on summed.content_id = content.content_id

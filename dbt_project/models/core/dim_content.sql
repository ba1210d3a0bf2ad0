-- Medical's own letters are no content for others. The same content on two channels is one content; channel_id is null then.
with used as (
    select
        content_id,
        'portal_delivery' as source,
        content_title as title,
        'portal' as channel_id,
        sent_on as used_on
    from {{ ref('int_portal_row') }}
    union all
    select
        content_id,
        'webinar_zoom' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        'webinar' as channel_id,
        {{ local_date('joined_at') }} as used_on
    from {{ ref('int_webinar_segment') }}
    union all
    select
        content_id,
        'web_snowplow' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        'owned_web' as channel_id,
        occurred_on as used_on
    from {{ ref('int_web_contact') }}
    union all
    select
        template_id as content_id,
        'crm_sent_email' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        channel_id,
        {{ local_date('sent_at') }} as used_on
    from {{ ref('int_sent_email') }}
    where sender_department <> 'medical'
),

summed as (
    select
        content_id,
        min(source) as source,
        max(title) as title,
        case when count(distinct channel_id) = 1 then max(channel_id) end as channel_id,
        min(used_on) as first_seen_on,
        max(used_on) as last_seen_on
    from used
    where content_id is not null
    group by content_id
)

select
    {{ content_key('summed.content_id') }} as content_key,
    summed.content_id,
    summed.source,
    summed.title,
    subject.product_id,
    summed.channel_id,
    summed.first_seen_on,
    summed.last_seen_on
from summed
left join {{ ref('int_content_subject') }} as subject
    on summed.content_id = subject.content_id

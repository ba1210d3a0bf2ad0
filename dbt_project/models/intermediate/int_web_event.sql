-- Every event of the own site with what keeps it out of the star, and the contact it belongs to: one session of a
-- member with one content. A page without content belongs to the session's first content.
with
-- Most events come once. Only those that came again are ranked.
copy as (
    select
        event.landing_id,
        event.row_number,
        min(event.first_delivered_at) over (partition by event.event_id, event.event_fingerprint) as first_delivered_at,
        row_number() over (
            partition by event.event_id, event.event_fingerprint
            order by event.batch_delivered_at, event.landing_id, event.row_number
        ) as copy_number
    from {{ ref('stg_web_snowplow') }} as event
    inner join (
        select
            event_id,
            event_fingerprint
        from {{ ref('stg_web_snowplow') }}
        group by event_id, event_fingerprint
        having count(*) > 1
    ) as repeated
        on
            event.event_id is not distinct from repeated.event_id
            and event.event_fingerprint is not distinct from repeated.event_fingerprint
),

ranked as (
    select
        event.event_id,
        event.batch_id,
        event.batch_delivered_at,
        coalesce(copy.first_delivered_at, event.first_delivered_at) as first_delivered_at,
        coalesce(event.derived_at, event.collector_at) as occurred_at,
        event.app_id,
        event.member_id,
        event.domain_session_id,
        coalesce(
            {{ text_match('event.page_urlpath', '(C[0-9]{3,})') }},
            {{ text_match('event.se_label', '(C[0-9]{3,})') }}
        ) as content_id,
        coalesce(
            {{ text_match('upper(event.page_urlpath)', '(PRD-[A-Z])') }},
            {{ text_match('upper(event.se_label)', '(PRD-[A-Z])') }}
        ) as product_id,
        case
            when lower(event.se_action) in ('search', 'download', 'view') then lower(event.se_action)
            when lower(event.se_category) in ('search', 'download') then lower(event.se_category)
            else 'page'
        end as action,
        event.se_value,
        coalesce(copy.copy_number, 1) as copy_number
    from {{ ref('stg_web_snowplow') }} as event
    left join copy
        on event.landing_id = copy.landing_id and event.row_number = copy.row_number
),

judged as (
    select
        ranked.*,
        identity.physician_key,
        case
            when {{ is_use_stopped('identity.physician_key') }} then 'use_stopped'
            when ranked.copy_number > 1 then 'duplicate'
            when lower(ranked.app_id) like '%test%' or lower(ranked.app_id) like '%staging%' then 'test_record'
            when ranked.occurred_at is null or ranked.domain_session_id is null then 'unparseable'
            when ranked.member_id is null then 'anonymous'
            when refusal.physician_key is not null then 'opted_out_of_tracking'
        end as reject_reason
    from ranked
    left join {{ ref('int_identity') }} as identity
        on
            ranked.member_id = identity.reference
            and identity.reference_type = 'member_id'
            and {{ local_date('ranked.occurred_at') }} >= identity.valid_from
            and {{ local_date('ranked.occurred_at') }} < identity.valid_to
    left join {{ ref('int_stopped_reference') }} as stopped
        on ranked.member_id = stopped.reference and stopped.reference_type = 'member_id'
    left join {{ ref('int_consent_interval') }} as refusal
        on
            identity.physician_key = refusal.physician_key
            and refusal.consent_channel = 'web_tracking'
            and refusal.consent_state = 'opted_out'
            and ranked.occurred_at >= refusal.valid_from
            and ranked.occurred_at < refusal.valid_to
),

first_content as (
    select
        domain_session_id,
        member_id,
        content_id,
        row_number() over (partition by domain_session_id, member_id order by occurred_at, event_id) as place
    from judged
    where reject_reason is null and content_id is not null
),

placed as (
    select
        judged.*,
        coalesce(judged.content_id, first_content.content_id) as contact_content_id
    from judged
    left join first_content
        on
            judged.domain_session_id = first_content.domain_session_id
            and judged.member_id = first_content.member_id
            and first_content.place = 1
    where judged.reject_reason is null
)

select
    event_id,
    batch_id,
    batch_delivered_at,
    first_delivered_at,
    occurred_at,
    member_id,
    physician_key,
    domain_session_id,
    {{ surrogate_key(['domain_session_id', 'member_id', 'contact_content_id']) }} as web_contact_id,
    contact_content_id as content_id,
    product_id,
    action,
    se_value,
    reject_reason
from placed
union all
select
    event_id,
    batch_id,
    batch_delivered_at,
    first_delivered_at,
    occurred_at,
    member_id,
    physician_key,
    domain_session_id,
    cast(null as {{ dbt.type_string() }}) as web_contact_id,
    content_id,
    product_id,
    action,
    se_value,
    reject_reason
from judged
where reject_reason is not null

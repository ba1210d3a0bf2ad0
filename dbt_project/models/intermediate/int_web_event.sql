-- Every event of the own site with what keeps it out of the star, and the contact it belongs to: one session of a
-- member with one content. A page without content belongs to the session's first content.
with ranked as (
    select
        event.event_id,
        event.batch_id,
        event.batch_delivered_at,
        min(event.first_delivered_at) over (partition by event.event_id, event.event_fingerprint) as first_delivered_at,
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
        row_number() over (
            partition by event.event_id, event.event_fingerprint
            order by event.batch_delivered_at, event.landing_id, event.row_number
        ) as copy_number
    from {{ ref('stg_web_snowplow') }} as event
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

placed as (
    select
        judged.*,
        coalesce(
            content_id,
            first_value(content_id ignore nulls) over (
                partition by domain_session_id, member_id
                order by occurred_at, event_id
                rows between unbounded preceding and unbounded following
            )
        ) as contact_content_id
    from judged
    where reject_reason is null
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

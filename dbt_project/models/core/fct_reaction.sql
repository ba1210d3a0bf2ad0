-- Opens are here too, but only for reference: nothing counts an open as a reaction.
with email as (
    select
        activity.activity_id,
        activity.sent_email_id,
        activity.activity_at as occurred_at,
        activity.email_event as reaction_type,
        click.is_human,
        cast(null as {{ dbt.type_string() }}) as valence,
        click.rule_version
    from {{ ref('int_email_activity') }} as activity
    left join {{ ref('int_email_click') }} as click
        on activity.activity_id = click.activity_id
    where activity.reject_reason is null and activity.email_event = 'clicked'
    union all
    -- Apart from the clicks, which alone need the join: opens are four times as many.
    select
        activity_id,
        sent_email_id,
        activity_at as occurred_at,
        email_event as reaction_type,
        not is_privacy_proxy and not is_bot_agent as is_human,
        case when email_event in ('unsubscribed', 'marked_spam') then 'negative' end as valence,
        cast(null as {{ dbt.type_string() }}) as rule_version
    from {{ ref('int_email_activity') }}
    where
        reject_reason is null
        and email_event in ('opened', 'viewed', 'downloaded', 'unsubscribed', 'marked_spam', 'preferences_modified')
),

call as (
    select
        call_id as source_record_id,
        'request' as reaction_type,
        cast(null as {{ dbt.type_string() }}) as valence
    from {{ ref('int_call') }}
    where reject_reason is null and is_request
    union all
    select
        call_id as source_record_id,
        'question' as reaction_type,
        cast(null as {{ dbt.type_string() }}) as valence
    from {{ ref('int_call') }}
    where reject_reason is null and is_question
    union all
    select
        call_id as source_record_id,
        'impression' as reaction_type,
        reaction as valence
    from {{ ref('int_call') }}
    where reject_reason is null and reaction in ('positive', 'neutral', 'negative')
),

portal as (
    select
        source_record_id,
        'answer' as reaction_type
    from {{ ref('int_portal_row') }}
    where reject_reason is null and not is_aggregated and reaction is not null
),

web as (
    select
        web_contact_id as source_record_id,
        event_id,
        occurred_at,
        action as reaction_type
    from {{ ref('int_web_event') }}
    where reject_reason is null and action in ('search', 'download')
),

gathered as (
    select
        'crm_sent_email' as source,
        sent_email_id as source_record_id,
        activity_id as record,
        occurred_at,
        reaction_type,
        valence,
        'observed' as reaction_source,
        coalesce(is_human, true) as is_human,
        rule_version
    from email
    union all
    select
        'crm_call' as source,
        source_record_id,
        reaction_type as record,
        cast(null as timestamp with time zone) as occurred_at,
        reaction_type,
        valence,
        'mr_judged' as reaction_source,
        true as is_human,
        cast(null as {{ dbt.type_string() }}) as rule_version
    from call
    union all
    select
        'portal_delivery' as source,
        source_record_id,
        reaction_type as record,
        cast(null as timestamp with time zone) as occurred_at,
        reaction_type,
        cast(null as {{ dbt.type_string() }}) as valence,
        'observed' as reaction_source,
        true as is_human,
        cast(null as {{ dbt.type_string() }}) as rule_version
    from portal
    union all
    select
        'web_snowplow' as source,
        source_record_id,
        event_id as record,
        occurred_at,
        reaction_type,
        cast(null as {{ dbt.type_string() }}) as valence,
        'observed' as reaction_source,
        true as is_human,
        cast(null as {{ dbt.type_string() }}) as rule_version
    from web
)

select
    {{ surrogate_key(['touchpoint.touchpoint_key', 'gathered.record']) }} as reaction_key,
    touchpoint.touchpoint_key,
    touchpoint.physician_key,
    coalesce(gathered.occurred_at, touchpoint.occurred_at) as occurred_at,
    coalesce({{ local_date('gathered.occurred_at') }}, touchpoint.occurred_on) as occurred_on,
    touchpoint.channel_id,
    touchpoint.product_id,
    gathered.reaction_type,
    gathered.valence,
    gathered.reaction_source,
    gathered.is_human,
    gathered.rule_version
from gathered
inner join {{ ref('fct_touchpoint') }} as touchpoint
    on
        gathered.source = touchpoint.source
        and gathered.source_record_id = touchpoint.source_record_id

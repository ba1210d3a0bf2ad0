-- The same content on two channels is one content; channel_id is null then. What only Medical may use or has used is
-- not here, nor is training: their names would reach readers who may not use them. A content that the register does
-- not grant to others is here only once others have used it. Totals without a physician name no content.
with used as (
    select
        content_id,
        'portal_delivery' as source,
        case when not is_aggregated then content_title end as title,
        'portal' as channel_id,
        sent_on as used_on
    from {{ ref('int_portal_row') }}
    where reject_reason is distinct from 'use_stopped'
    union all
    select
        content_id,
        'webinar_zoom' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        'webinar' as channel_id,
        {{ local_date('joined_at') }} as used_on
    from {{ ref('int_webinar_segment') }}
    where reject_reason is distinct from 'use_stopped'
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
    where sender_department <> 'medical' and reject_reason is distinct from 'use_stopped'
    union all
    select
        page.content_id,
        'crm_call_key_message' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        call.channel_id,
        call.occurred_on as used_on
    from {{ ref('int_call_key_message') }} as page
    inner join {{ ref('int_call_key_message_use') }} as shown
        on page.call_key_message_id = shown.call_key_message_id
    inner join {{ ref('int_call') }} as call
        on shown.call_id = call.call_id
    where
        call.channel_id <> 'msl_visit'
        and coalesce(call.caller_role, '') not in ('MSL', 'Medical')
    union all
    select
        content_id,
        'crm_multichannel_activity' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        channel_id,
        {{ local_date('started_at') }} as used_on
    from {{ ref('int_multichannel_activity') }}
    where reject_reason is null
    union all
    select
        page.content_id,
        'crm_multichannel_activity_line' as source,
        cast(null as {{ dbt.type_string() }}) as title,
        call.channel_id,
        call.occurred_on as used_on
    from {{ ref('int_multichannel_activity_line') }} as page
    inner join {{ ref('int_call') }} as call
        on page.call_id = call.call_id
    where
        page.reject_reason is null
        and call.channel_id <> 'msl_visit'
        and coalesce(call.caller_role, '') not in ('MSL', 'Medical')
),

material as (
    select
        content_id,
        min(source) as source,
        max(title) as title,
        max(material_number) as material_number,
        max(product_id) as product_id,
        max(case when is_medical_only or is_training then 1 else 0 end) as is_withheld
    from {{ ref('int_content_material') }}
    group by content_id
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
),

everything as (
    select content_id from summed
    union
    select content_id from {{ ref('int_content_material') }}
    where is_for_others
),

version_in_force as (
    select *
    from {{ ref('int_content_version') }}
    where
        in_force_from <= {{ as_of() }}
        and in_force_to > {{ as_of() }}
        and coalesce(may_mr_use or may_hq_use, true)
)

select
    {{ content_key('everything.content_id') }} as content_key,
    everything.content_id,
    coalesce(summed.source, material.source) as source,
    coalesce(summed.title, version_in_force.title, material.title) as title,
    coalesce(subject.product_id, version_in_force.product_id, material.product_id) as product_id,
    summed.channel_id,
    summed.first_seen_on,
    summed.last_seen_on,
    material.material_number,
    coalesce(version_in_force.topic_id, subject.topic_id) as topic_id,
    version_in_force.content_version,
    version_in_force.approval_number,
    version_in_force.indication,
    version_in_force.audience,
    version_in_force.allowed_roles,
    version_in_force.info_class,
    version_in_force.is_never_retired,
    version_in_force.approved_on as valid_from,
    case
        when version_in_force.content_version is null then cast(null as date)
        when version_in_force.expires_on is null then cast('9999-12-31' as date)
        else {{ add_days('version_in_force.expires_on', '1') }}
    end as valid_to
from everything
left join summed
    on everything.content_id = summed.content_id
left join material
    on everything.content_id = material.content_id
left join version_in_force
    on material.material_number = version_in_force.material_number
left join {{ ref('int_content_subject') }} as subject
    on everything.content_id = subject.content_id
where coalesce(material.is_withheld, 0) = 0

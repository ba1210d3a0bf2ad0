-- A use is a content at a contact: a page shown in a call, or a contact whose log names its content. Which version an
-- e-mail, a portal or a webinar showed no log says: it is the one in force on that day.
with rule as (
    select * from {{ rows_in_force('content_rule') }} as in_force
),

call_contact as (
    select
        source_record_id as call_id,
        min(touchpoint_key) as touchpoint_key,
        min(occurred_at) as occurred_at,
        min(occurred_on) as occurred_on,
        min(physician_key) as physician_key,
        min(employee_key) as employee_key,
        min(channel_id) as channel_id,
        min(direction) as direction,
        min(initiator) as initiator,
        max(depth) as depth
    from {{ ref('fct_touchpoint') }}
    where source = 'crm_call'
    group by source_record_id
),

material as (
    select
        content_key,
        max(material_number) as material_number,
        max(product_id) as product_id,
        max(case when is_registered then 1 else 0 end) as is_registered,
        max(case when is_training then 1 else 0 end) as is_training
    from {{ ref('int_content_material') }}
    group by content_key
),

subject as (
    select
        material_number,
        max(topic_id) as topic_id,
        max(product_id) as product_id
    from {{ ref('int_content_version') }}
    group by material_number
),

-- Pages of a session within a call that has no list of its own.
session_page as (
    select
        call_id,
        content_key,
        min(activity_line_id) as source_record_id,
        max(product_id) as product_id,
        cast(sum(duration_seconds) as bigint) as logged_seconds
    from {{ ref('int_multichannel_activity_line') }}
    where reject_reason is null and call_id is not null
    group by call_id, content_key
),

used as (
    select
        'crm_call_key_message' as source,
        page.call_key_message_id as source_record_id,
        call_contact.touchpoint_key,
        page.content_key,
        page.content_version as logged_version,
        call_contact.physician_key,
        call_contact.employee_key,
        call_contact.channel_id,
        call_contact.direction,
        call_contact.initiator,
        case
            when {{ local_date('page.started_at') }} = call_contact.occurred_on then page.started_at
            else call_contact.occurred_at
        end as used_at,
        call_contact.occurred_on as used_on,
        page.product_id,
        cast(null as {{ dbt.type_string() }}) as topic_id,
        page.duration_seconds as logged_seconds,
        call_contact.depth,
        page.mr_reaction
    from {{ ref('int_call_key_message') }} as page
    inner join {{ ref('int_call_key_message_use') }} as shown
        on page.call_key_message_id = shown.call_key_message_id
    inner join call_contact
        on shown.call_id = call_contact.call_id
    where page.reject_reason is null
    union all
    select
        source,
        source_record_id,
        touchpoint_key,
        content_key,
        cast(null as {{ dbt.type_string() }}) as logged_version,
        physician_key,
        employee_key,
        channel_id,
        direction,
        initiator,
        occurred_at as used_at,
        occurred_on as used_on,
        product_id,
        topic_id,
        cast(null as bigint) as logged_seconds,
        depth,
        cast(null as {{ dbt.type_string() }}) as mr_reaction
    from {{ ref('fct_touchpoint') }}
    where content_key is not null and source <> 'crm_call'
    union all
    select
        'crm_multichannel_activity_line' as source,
        page.source_record_id,
        call_contact.touchpoint_key,
        page.content_key,
        cast(null as {{ dbt.type_string() }}) as logged_version,
        call_contact.physician_key,
        call_contact.employee_key,
        call_contact.channel_id,
        call_contact.direction,
        call_contact.initiator,
        call_contact.occurred_at as used_at,
        call_contact.occurred_on as used_on,
        page.product_id,
        cast(null as {{ dbt.type_string() }}) as topic_id,
        page.logged_seconds,
        call_contact.depth,
        cast(null as {{ dbt.type_string() }}) as mr_reaction
    from session_page as page
    inner join call_contact
        on page.call_id = call_contact.call_id
),

placed as (
    select
        {{ surrogate_key(["used.source", "used.source_record_id", "used.touchpoint_key"]) }} as content_use_key,
        used.source,
        used.source_record_id,
        used.touchpoint_key,
        used.content_key,
        used.logged_version,
        used.physician_key,
        used.employee_key,
        used.channel_id,
        used.direction,
        case
            when used.initiator = 'medical' or used.channel_id = 'msl_visit' then 'medical'
            when channel.is_mr_channel and used.initiator = 'mr' then 'mr'
            else 'hq'
        end as role_id,
        used.used_at,
        used.used_on,
        coalesce(used.product_id, material.product_id, subject.product_id) as product_id,
        coalesce(used.topic_id, subject.topic_id) as topic_id,
        used.logged_seconds,
        used.depth,
        used.mr_reaction,
        material.material_number,
        coalesce(material.is_registered, 0) as is_registered,
        case when used.logged_version is null then used.content_key end as content_key_without_version
    from used
    inner join {{ ref('channel') }} as channel
        on used.channel_id = channel.channel_id
    left join material
        on used.content_key = material.content_key
    left join subject
        on material.material_number = subject.material_number
    where coalesce(material.is_training, 0) = 0
),

known_version as (
    select
        material.content_key,
        material.content_id,
        version.*
    from {{ ref('int_content_version') }} as version
    inner join (
        select distinct content_key, content_id, material_number from {{ ref('int_content_material') }}
    ) as material
        on version.material_number = material.material_number
),

versioned as (
    select
        placed.*,
        coalesce(named.content_version, current_version.content_version) as content_version,
        case when placed.logged_version is not null then named.approved_on else current_version.approved_on end
            as approved_on,
        case when placed.logged_version is not null then named.expires_on else current_version.expires_on end
            as expires_on,
        case placed.role_id
            when 'mr' then coalesce(named.may_mr_use, current_version.may_mr_use)
            when 'hq' then coalesce(named.may_hq_use, current_version.may_hq_use)
            else coalesce(named.may_medical_use, current_version.may_medical_use)
        end as is_role_allowed,
        coalesce(named.content_id, current_version.content_id) as version_content_id
    from placed
    left join known_version as named
        on
            placed.content_key = named.content_key
            and placed.logged_version = named.content_version
    left join known_version as current_version
        on
            placed.content_key_without_version = current_version.content_key
            and placed.used_on >= current_version.in_force_from
            and placed.used_on < current_version.in_force_to
),

-- What the same physician did afterwards about the same product and topic, once per day and kind.
reaction as (
    select distinct
        reaction.touchpoint_key,
        reaction.physician_key,
        touchpoint.product_id,
        touchpoint.topic_id,
        touchpoint.occurred_on as contacted_on,
        reaction.occurred_on,
        case
            when reaction.reaction_type = 'request' then 'next_step'
            when kind.counts_as = 'negative' or (kind.counts_as is not null and reaction.valence = 'negative')
                then 'negative'
            else kind.counts_as
        end as counts_as
    from {{ ref('fct_reaction') }} as reaction
    inner join {{ ref('fct_touchpoint') }} as touchpoint
        on reaction.touchpoint_key = touchpoint.touchpoint_key
    left join {{ ref('content_reaction_type') }} as kind
        on case when reaction.reaction_source = 'observed' then reaction.reaction_type end = kind.reaction_type
    where
        reaction.is_human
        and reaction.physician_key is not null
        and reaction.channel_id not in {{ kpi_medical_channels() }}
        and (kind.counts_as is not null or reaction.reaction_type = 'request')
),

signal as (
    select
        physician_key,
        product_id,
        topic_id,
        occurred_on,
        counts_as
    from reaction
    where counts_as in ('reaction', 'next_step') and product_id is not null and topic_id is not null
    union
    select
        physician_key,
        product_id,
        topic_id,
        occurred_on,
        'next_step' as counts_as
    from {{ ref('fct_touchpoint') }}
    where
        direction = 'pull'
        and channel_id not in {{ kpi_medical_channels() }}
        and initiator <> 'medical'
        and physician_key is not null
        and product_id is not null
        and topic_id is not null
),

-- The first answer to the very contact.
answer as (
    select
        reaction.touchpoint_key,
        min(case when reaction.counts_as = 'reaction' then reaction.occurred_on end) as reaction_on,
        min(case when reaction.counts_as = 'negative' then reaction.occurred_on end) as negative_on
    from reaction
    cross join rule
    where
        reaction.counts_as in ('reaction', 'negative')
        and reaction.occurred_on >= reaction.contacted_on
        and reaction.occurred_on <= {{ add_days('reaction.contacted_on', 'rule.response_window_days') }}
    group by reaction.touchpoint_key
),

-- Each signal answers the uses since the signal before it: so every use finds its next one, and no other.
next_signal as (
    select
        physician_key,
        product_id,
        topic_id,
        counts_as,
        occurred_on,
        coalesce(
            lag(occurred_on) over (
                partition by physician_key, product_id, topic_id, counts_as order by occurred_on
            ),
            cast('0001-01-01' as date)
        ) as earlier_on
    from signal
),

next_reaction as (
    select * from next_signal where counts_as = 'reaction'
),

next_step as (
    select * from next_signal where counts_as = 'next_step'
),

register as (
    select count(*) as versions from {{ ref('int_content_version') }}
)

select
    versioned.content_use_key,
    versioned.source,
    versioned.source_record_id,
    versioned.touchpoint_key,
    versioned.content_key,
    case
        when versioned.approved_on is not null
            then {{ surrogate_key(["'content_version'", 'versioned.version_content_id', 'versioned.content_version']) }}
    end as content_version_key,
    coalesce(versioned.content_version, versioned.logged_version) as content_version,
    versioned.physician_key,
    versioned.employee_key,
    versioned.role_id,
    versioned.channel_id,
    versioned.direction,
    versioned.used_at,
    versioned.used_on,
    last_day(versioned.used_on) as month_end,
    versioned.product_id,
    versioned.topic_id,
    cast(versioned.logged_seconds as integer) as logged_seconds,
    cast(
        case
            when versioned.logged_seconds > rule.idle_cut_seconds then rule.idle_cut_seconds
            else versioned.logged_seconds
        end as integer
    ) as seconds,
    coalesce(versioned.logged_seconds > rule.idle_cut_seconds, false) as is_idle_cut,
    versioned.depth >= 1 as is_exposed,
    versioned.mr_reaction,
    case
        when register.versions = 0 then 'unknown'
        when versioned.material_number is null then 'unknown'
        when versioned.is_registered = 0 then 'unapproved'
        when versioned.approved_on is null then 'unapproved'
        when versioned.used_on < versioned.approved_on then 'unapproved'
        when versioned.used_on > versioned.expires_on then 'expired'
        when versioned.is_role_allowed is null then 'unknown'
        when not versioned.is_role_allowed then 'out_of_role'
        else 'valid'
    end as validity,
    case
        when answer.reaction_on <= next_reaction.occurred_on then answer.reaction_on
        else coalesce(next_reaction.occurred_on, answer.reaction_on)
    end as reaction_on,
    answer.negative_on,
    next_step.occurred_on as next_step_on,
    {{ add_days('versioned.used_on', 'rule.response_window_days') }} <= {{ as_of() }} as is_response_over,
    rule.rule_version
from versioned
cross join rule
cross join register
left join answer
    on versioned.touchpoint_key = answer.touchpoint_key
left join next_reaction
    on
        versioned.physician_key = next_reaction.physician_key
        and versioned.product_id = next_reaction.product_id
        and versioned.topic_id = next_reaction.topic_id
        and versioned.used_on >= next_reaction.earlier_on
        and versioned.used_on < next_reaction.occurred_on
        and {{ add_days('versioned.used_on', 'rule.response_window_days') }} >= next_reaction.occurred_on
left join next_step
    on
        versioned.physician_key = next_step.physician_key
        and versioned.product_id = next_step.product_id
        and versioned.topic_id = next_step.topic_id
        and versioned.used_on >= next_step.earlier_on
        and versioned.used_on < next_step.occurred_on
        and {{ add_days('versioned.used_on', 'rule.response_window_days') }} >= next_step.occurred_on

{{ config(materialized="view") }}

-- The touchpoint event contract. A new channel is one adapter and one line of the list below.
{% set adapters = [
    'int_touchpoint__crm_call',
    'int_touchpoint__crm_sent_email',
    'int_touchpoint__crm_medical_inquiry',
    'int_touchpoint__webinar_zoom',
    'int_touchpoint__portal_delivery',
    'int_touchpoint__web_snowplow',
    'int_touchpoint__crm_multichannel_activity',
] %}
with event as (
    {% for adapter in adapters %}
    select
        {{ touchpoint_event_columns() }}
    from {{ ref(adapter) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

employee as (
    select
        user_id,
        employee_key,
        valid_from,
        valid_to,
        organization_key
    from {{ ref('int_employee_period') }}
)

select
    event.touchpoint_key,
    event.source,
    event.source_record_id,
    event.batch_id,
    event.occurred_at,
    event.occurred_on,
    event.time_precision,
    event.visible_at,
    event.physician_reference,
    event.physician_reference_type,
    identity.physician_key,
    place.facility_key,
    employee.employee_key,
    employee.organization_key,
    event.channel_id,
    event.direction,
    event.initiator,
    case when event.is_orchestrated then employee.employee_key end as orchestrated_by,
    event.follows_touchpoint_key,
    event.depth,
    event.product_id,
    event.topic_id,
    {{ content_key('event.content_id') }} as content_key,
    event.info_class,
    case
        when consent_rule.consent_channel is null then 'not_required'
        else coalesce(consent.consent_state, 'unknown')
    end as consent_state,
    event.is_planned,
    event.routed_to_medical,
    event.duration_seconds,
    event.attributes
from event
left join {{ ref('int_identity') }} as identity
    on
        event.physician_reference = identity.reference
        and event.physician_reference_type = identity.reference_type
        and event.occurred_on >= identity.valid_from
        and event.occurred_on < identity.valid_to
left join {{ ref('int_affiliation_period') }} as place
    on
        identity.physician_key = place.physician_key
        and place.is_primary
        and event.occurred_on >= place.valid_from
        and event.occurred_on < place.valid_to
left join employee
    on
        event.user_id = employee.user_id
        and event.occurred_on >= employee.valid_from
        and event.occurred_on < employee.valid_to
left join {{ ref('channel_consent_rule') }} as consent_rule
    on event.channel_id = consent_rule.channel_id
left join {{ ref('int_consent_interval') }} as consent
    on
        identity.physician_key = consent.physician_key
        and consent_rule.consent_channel = consent.consent_channel
        and event.occurred_at >= consent.valid_from
        and event.occurred_at < consent.valid_to

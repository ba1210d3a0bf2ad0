select
    {{ surrogate_key(["'crm_consent'", 'event.consent_id']) }} as consent_event_key,
    event.physician_key,
    event.consent_channel as channel_id,
    event.consent_state,
    event.captured_at,
    {{ local_date('event.captured_at') }} as captured_on,
    event.expires_on,
    event.is_physician_entered,
    no_contact.consent_channel is not null as is_about_representatives,
    'crm_consent' as source
from {{ ref('int_consent_event') }} as event
left join {{ ref('no_contact_consent') }} as no_contact
    on event.consent_channel = no_contact.consent_channel
where event.reject_reason is null and event.consent_state is not null

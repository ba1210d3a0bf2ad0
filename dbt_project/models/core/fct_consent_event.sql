select
    {{ surrogate_key(["'crm_consent'", 'consent_id']) }} as consent_event_key,
    physician_key,
    consent_channel as channel_id,
    consent_state,
    captured_at,
    {{ local_date('captured_at') }} as captured_on,
    expires_on,
    is_physician_entered,
    'crm_consent' as source
from {{ ref('int_consent_event') }}
where reject_reason is null and consent_state is not null

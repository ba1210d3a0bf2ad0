-- Consent as captured. A row of the CRM may be a consent for a channel, a stated preference, or both.
select
    consent.consent_id,
    consent.batch_id,
    consent.account_id,
    account.physician_key,
    consent.consent_channel,
    opt.consent_state,
    consent.captured_at,
    consent.expires_on,
    lower(coalesce(consent.entered_by, 'physician')) = 'physician' as is_physician_entered,
    coalesce(answer.channel_id, channel.channel_id) as preferred_channel_id,
    consent.preference_topic,
    case
        when {{ is_use_stopped('account.physician_key') }} then 'use_stopped'
        when coalesce(consent.is_deleted, false) then 'deleted_in_source'
        when account.is_test then 'test_record'
        when consent.account_id is null then 'anonymous'
        when consent.captured_at is null then 'unparseable'
        when opt.consent_state is null and coalesce(answer.channel_id, channel.channel_id) is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_consent') }} as consent
left join {{ ref('consent_opt_type') }} as opt
    on consent.opt_type = opt.opt_type
left join {{ ref('preferred_channel_answer') }} as answer
    on consent.preferred_channel = answer.answer
left join {{ ref('channel') }} as channel
    on consent.preferred_channel = channel.channel_id
left join {{ ref('int_account') }} as account
    on consent.account_id = account.account_id
left join {{ ref('int_stopped_reference') }} as stopped
    on consent.account_id = stopped.reference and stopped.reference_type = 'crm_account_id'

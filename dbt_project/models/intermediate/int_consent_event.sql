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
    consent.preferred_channel,
    consent.preference_topic,
    case
        when coalesce(consent.is_deleted, false) then 'deleted_in_source'
        when consent.account_id is null then 'anonymous'
        when consent.captured_at is null or (opt.consent_state is null and consent.preferred_channel is null)
            then 'unparseable'
    end as reject_reason
from {{ ref('stg_crm_consent') }} as consent
left join {{ ref('consent_opt_type') }} as opt
    on consent.opt_type = opt.opt_type
left join {{ ref('int_account') }} as account
    on consent.account_id = account.account_id

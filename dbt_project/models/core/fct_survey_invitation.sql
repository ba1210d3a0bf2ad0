with response as (
    select distinct
        physician_key,
        wave
    from {{ ref('int_survey_response') }}
    where reject_reason is null and physician_key is not null
)

select
    {{ surrogate_key(['invitation.physician_key', 'invitation.wave']) }} as invitation_key,
    invitation.physician_key,
    invitation.wave,
    invitation.invited_on,
    invitation.is_delivered,
    response.physician_key is not null as has_response
from {{ ref('int_survey_invitation') }} as invitation
left join response
    on invitation.physician_key = response.physician_key and invitation.wave = response.wave

-- One row per physician and wave that was invited by e-mail, however often.
select
    account.physician_key,
    email.survey_wave as wave,
    min({{ local_date('email.sent_at') }}) as invited_on,
    max(case when outcome.is_delivered then 1 else 0 end) = 1 as is_delivered,
    max(case when email.channel_id = 'mr_email' then 1 else 0 end) = 1 as is_mr_sent
from {{ ref('int_sent_email') }} as email
inner join {{ ref('int_email_outcome') }} as outcome
    on email.sent_email_id = outcome.sent_email_id
inner join {{ ref('int_account') }} as account
    on email.account_id = account.account_id
where
    email.survey_wave is not null
    and account.physician_key is not null
group by account.physician_key, email.survey_wave

-- A physician counts once per template and month, however often it was sent to him. Opens stand here for reference
-- only: whoever reads mail through a privacy proxy cannot be seen opening it, and is counted apart.
with months as (
    select
        period_type,
        period_start,
        period_end
    from {{ ref('mart_period') }}
    where period_type = 'month'
),

{# Neither Medical's letters nor invitations to surveys. What only Medical may use keeps its name to itself: null. #}
emails as (
    select
        months.period_type,
        months.period_start,
        months.period_end,
        email.channel_id,
        content.content_id as template_id,
        email.physician_key,
        {{ email_flags('email') }},
        case when email.is_delivered and email.is_bot_clicked then 1 else 0 end as clicked_by_machine,
        case when email.is_privacy_proxy_open then 1 else 0 end as read_through_proxy,
        case when email.is_unsubscribed or email.is_marked_spam then 1 else 0 end as refused
    from months
    inner join {{ ref('fct_email_recipient') }} as email
        on months.period_end = email.month_end
    left join {{ ref('dim_content') }} as content
        on email.template_id = content.content_id
    where
        email.template_id is not null
        and email.physician_key is not null
        and email.initiator <> 'medical'
        and email.survey_wave is null
),

recipients as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        template_id,
        physician_key,
        sum(sent) as sent,
        sum(delivered) as delivered,
        max(clicked) as clicked,
        max(clicked_by_machine) as clicked_by_machine,
        max(delivered_readable) as readable,
        max(opened) as opened,
        max(read_through_proxy) as read_through_proxy,
        max(refused) as refused
    from emails
    group by period_type, period_start, period_end, channel_id, template_id, physician_key
),

cells as (
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        period_type,
        period_start,
        period_end,
        channel_id,
        template_id,
        sum(case when sent > 0 then 1 else 0 end) as n_emailed_physicians,
        sum(sent) as emails_sent,
        sum(delivered) as emails_delivered,
        sum(case when delivered > 0 then 1 else 0 end) as n_email_recipients,
        sum(clicked) as n_clicking_physicians,
        sum(clicked_by_machine) as n_machine_clicked_physicians,
        sum(refused) as n_refusing_physicians,
        sum(readable) as n_open_readable_physicians,
        sum(opened) as n_opening_physicians,
        sum(read_through_proxy) as n_privacy_proxy_physicians
    from recipients
    group by period_type, period_start, period_end, channel_id, template_id
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'channel_id', 'template_id'],
    bases={
        'n_emailed_physicians': ['emails_sent', 'emails_delivered'],
        'n_email_recipients': [
            'n_clicking_physicians', 'n_machine_clicked_physicians', 'n_refusing_physicians',
            'n_open_readable_physicians', 'n_opening_physicians', 'n_privacy_proxy_physicians',
        ],
    }
) }}

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    protected.channel_id,
    protected.template_id,
    content.title as template_title,
    content.product_id,
    content.topic_id,
    cast(protected.n_emailed_physicians as bigint) as n_emailed_physicians,
    protected.n_emailed_physicians_suppressed,
    cast(protected.emails_sent as bigint) as emails_sent,
    cast(protected.emails_delivered as bigint) as emails_delivered,
    cast(protected.n_email_recipients as bigint) as n_email_recipients,
    protected.n_email_recipients_suppressed,
    cast(protected.n_clicking_physicians as bigint) as n_clicking_physicians,
    {{ kpi_rate_columns('click_rate', 'protected.n_clicking_physicians', 'protected.n_email_recipients') }},
    cast(protected.n_machine_clicked_physicians as bigint) as n_machine_clicked_physicians,
    cast(protected.n_refusing_physicians as bigint) as n_refusing_physicians,
    cast(protected.n_open_readable_physicians as bigint) as n_open_readable_physicians,
    cast(protected.n_opening_physicians as bigint) as n_opening_physicians,
    cast(protected.n_privacy_proxy_physicians as bigint) as n_privacy_proxy_physicians
from protected
left join {{ ref('dim_content') }} as content
    on protected.template_id = content.content_id

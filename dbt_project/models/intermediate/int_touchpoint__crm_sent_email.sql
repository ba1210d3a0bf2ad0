{{ config(materialized='view') }}

-- What Medical writes about stays with Medical: the e-mail is counted, its product, topic and template are not told,
-- nor can they be found from the key.
with told as (
    select
        email.*,
        case when sender_department <> 'medical' then product_id end as told_product_id,
        case when sender_department <> 'medical' then topic_id end as told_topic_id,
        case when sender_department <> 'medical' then template_id end as told_template_id
    from {{ ref('int_sent_email') }} as email
    where reject_reason is null
)

select
    {{ touchpoint_key(
        "'crm_sent_email'",
        'email.sent_email_id',
        'email.account_id',
        'coalesce(email.told_product_id, ' ~ told_topic('email.told_topic_id') ~ ')'
    ) }} as touchpoint_key,
    'crm_sent_email' as source,
    email.sent_email_id as source_record_id,
    email.batch_id,
    email.sent_at as occurred_at,
    {{ local_date('email.sent_at') }} as occurred_on,
    'second' as time_precision,
    outcome.human_click_visible_at as visible_at,
    email.account_id as physician_reference,
    'crm_account_id' as physician_reference_type,
    email.user_id,
    email.channel_id,
    'push' as direction,
    case email.sender_department when 'mr' then 'mr' when 'medical' then 'medical' else 'hq' end as initiator,
    false as is_orchestrated,
    cast(null as {{ dbt.type_string() }}) as follows_touchpoint_key,
    case
        when outcome.is_human_clicked then 2
        when outcome.is_delivered then 1
        else 0
    end as depth,
    email.told_product_id as product_id,
    {{ told_topic('email.told_topic_id') }} as topic_id,
    email.told_template_id as content_id,
    case
        when email.sender_department = 'medical' then 'non_promotional_medical'
        else coalesce(topic.info_class, 'promotional')
    end as info_class,
    false as is_planned,
    false as routed_to_medical,
    cast(null as integer) as duration_seconds,
    cast(null as {{ dbt.type_string() }}) as attributes
from told as email
inner join {{ ref('int_email_outcome') }} as outcome
    on email.sent_email_id = outcome.sent_email_id
left join {{ ref('topic') }} as topic
    on email.told_topic_id = topic.topic_id

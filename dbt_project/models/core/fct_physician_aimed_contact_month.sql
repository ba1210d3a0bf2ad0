-- Of the contacts that the company began, how many came while the physician had an open need, and how many were on
-- its topic; of the representatives' contacts, how many fell into an open moment. A contact is one source record,
-- whatever the number of its products. Medical's is left out.
with contact as (
    {{ contacts_without_medical(
        ['physician_key', 'source', 'source_record_id', 'occurred_on', 'topic_id', 'product_id', 'depth'],
        {
            'is_push': "touchpoint.direction = 'push'",
            'is_dialogue':
                "touchpoint.source = 'crm_call' and touchpoint.initiator = 'mr' and touchpoint.depth >= 2",
        }
    ) }}
),

need as (
    select
        physician_key,
        topic_id,
        product_id,
        signalled_on,
        open_until
    from {{ ref('fct_need_signal') }}
    where is_first_in_episode and topic_id is not null
),

-- Stretches of time in which any need of the physician was open.
covered as (
    select
        need.*,
        max(open_until) over (
            partition by physician_key
            order by signalled_on, open_until
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from need
),

stretched as (
    select
        covered.*,
        sum(case when covered_until is null or signalled_on > covered_until then 1 else 0 end) over (
            partition by physician_key
            order by signalled_on, open_until
            rows between unbounded preceding and current row
        ) as stretch
    from covered
),

in_need as (
    select
        physician_key,
        min(signalled_on) as opened_on,
        max(open_until) as open_until
    from stretched
    group by physician_key, stretch
),

push_in_need as (
    select distinct
        contact.source,
        contact.source_record_id,
        contact.physician_key
    from contact
    inner join in_need
        on
            contact.physician_key = in_need.physician_key
            and contact.occurred_on > in_need.opened_on
            and contact.occurred_on <= in_need.open_until
    where contact.is_push
),

push_on_topic as (
    select distinct
        contact.source,
        contact.source_record_id,
        contact.physician_key
    from contact
    inner join need
        on
            contact.physician_key = need.physician_key
            and contact.topic_id = need.topic_id
            and contact.occurred_on > need.signalled_on
            and contact.occurred_on <= need.open_until
    where
        contact.is_push
        and (contact.product_id is null or need.product_id is null or contact.product_id = need.product_id)
),

in_moment as (
    select distinct
        contact.source,
        contact.source_record_id,
        contact.physician_key
    from contact
    inner join {{ ref('fct_moment') }} as moment
        on
            contact.physician_key = moment.physician_key
            and contact.occurred_on > moment.opened_on
            and contact.occurred_on <= moment.expires_on
    where
        contact.is_mr_contact
        and moment.is_opened
        and (contact.product_id is null or moment.product_id is null or contact.product_id = moment.product_id)
),

record as (
    select
        physician_key,
        source,
        source_record_id,
        last_day(min(occurred_on)) as month_end,
        max(case when topic_id is not null then 1 else 0 end) as has_topic,
        max(case when is_push then 1 else 0 end) as is_push,
        max(case when is_mr_contact then 1 else 0 end) as is_mr_contact,
        max(case when is_dialogue then 1 else 0 end) as is_dialogue,
        max(case when is_dialogue and topic_id is not null and depth >= 3 then 1 else 0 end) as is_recorded
    from contact
    where is_push or is_mr_contact or is_dialogue
    group by physician_key, source, source_record_id
)

select
    record.physician_key,
    record.month_end,
    cast(sum(record.is_push) as integer) as push_contacts,
    cast(sum(case when push_in_need.physician_key is not null and record.has_topic = 1 then 1 else 0 end) as integer)
        as push_contacts_in_need,
    cast(sum(case when push_in_need.physician_key is not null and record.has_topic = 0 then 1 else 0 end) as integer)
        as push_contacts_in_need_without_topic,
    cast(sum(case when push_on_topic.physician_key is not null then 1 else 0 end) as integer)
        as push_contacts_on_needed_topic,
    cast(sum(record.is_mr_contact) as integer) as mr_contacts,
    cast(sum(case when in_moment.physician_key is not null then 1 else 0 end) as integer) as mr_contacts_in_moment,
    cast(sum(record.is_dialogue) as integer) as mr_dialogues,
    cast(sum(record.is_recorded) as integer) as mr_dialogues_recorded
from record
left join push_in_need
    on
        record.source = push_in_need.source
        and record.source_record_id = push_in_need.source_record_id
        and record.physician_key = push_in_need.physician_key
left join push_on_topic
    on
        record.source = push_on_topic.source
        and record.source_record_id = push_on_topic.source_record_id
        and record.physician_key = push_on_topic.physician_key
left join in_moment
    on
        record.source = in_moment.source
        and record.source_record_id = in_moment.source_record_id
        and record.physician_key = in_moment.physician_key
group by record.physician_key, record.month_end

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

moment as (
    select
        physician_key,
        product_id,
        opened_on,
        expires_on
    from {{ ref('fct_moment') }}
    where is_opened
),

-- Each contact beside what was open on its day. The joins compare columns only: an `or` in them would compare every
-- contact with every need. A record beside several needs or moments stands there several times, and is gathered below.
placed as (
    select
        contact.physician_key,
        contact.source,
        contact.source_record_id,
        contact.occurred_on,
        contact.topic_id,
        contact.depth,
        contact.is_push,
        contact.is_mr_contact,
        contact.is_dialogue,
        contact.is_push and in_need.physician_key is not null as is_in_need,
        contact.is_push
        and need.physician_key is not null
        and (contact.product_id is null or need.product_id is null or contact.product_id = need.product_id)
            as is_on_topic,
        contact.is_mr_contact
        and moment.physician_key is not null
        and (contact.product_id is null or moment.product_id is null or contact.product_id = moment.product_id)
            as is_in_moment
    from contact
    left join in_need
        on
            contact.physician_key = in_need.physician_key
            and contact.occurred_on > in_need.opened_on
            and contact.occurred_on <= in_need.open_until
    left join need
        on
            contact.physician_key = need.physician_key
            and contact.topic_id = need.topic_id
            and contact.occurred_on > need.signalled_on
            and contact.occurred_on <= need.open_until
    left join moment
        on
            contact.physician_key = moment.physician_key
            and contact.occurred_on > moment.opened_on
            and contact.occurred_on <= moment.expires_on
    where contact.is_push or contact.is_mr_contact or contact.is_dialogue
),

record as (
    select
        physician_key,
        last_day(min(occurred_on)) as month_end,
        max(case when topic_id is not null then 1 else 0 end) as has_topic,
        max(case when is_push then 1 else 0 end) as is_push,
        max(case when is_mr_contact then 1 else 0 end) as is_mr_contact,
        max(case when is_dialogue then 1 else 0 end) as is_dialogue,
        max(case when is_dialogue and topic_id is not null and depth >= 3 then 1 else 0 end) as is_recorded,
        max(case when is_in_need then 1 else 0 end) as is_in_need,
        max(case when is_on_topic then 1 else 0 end) as is_on_topic,
        max(case when is_in_moment then 1 else 0 end) as is_in_moment
    from placed
    group by physician_key, source, source_record_id
)

select
    physician_key,
    month_end,
    cast(sum(is_push) as integer) as push_contacts,
    cast(sum(case when is_in_need = 1 and has_topic = 1 then 1 else 0 end) as integer) as push_contacts_in_need,
    cast(sum(case when is_in_need = 1 and has_topic = 0 then 1 else 0 end) as integer)
        as push_contacts_in_need_without_topic,
    cast(sum(is_on_topic) as integer) as push_contacts_on_needed_topic,
    cast(sum(is_mr_contact) as integer) as mr_contacts,
    cast(sum(is_in_moment) as integer) as mr_contacts_in_moment,
    cast(sum(is_dialogue) as integer) as mr_dialogues,
    cast(sum(is_recorded) as integer) as mr_dialogues_recorded
from record
group by physician_key, month_end

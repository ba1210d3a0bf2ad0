-- Contacts that the company began, by what they were about. One source record is one contact; Medical's is left out.
with record as (
    select
        physician_key,
        channel_id,
        source,
        source_record_id,
        min(occurred_on) as occurred_on,
        max(topic_id) as topic_id,
        min(direction) as direction
    from {{ ref('fct_touchpoint') }}
    where physician_key is not null and initiator <> 'medical'
    group by physician_key, channel_id, source, source_record_id
)

select
    physician_key,
    channel_id,
    topic_id,
    last_day(occurred_on) as month_end,
    cast(count(*) as integer) as push_contacts
from record
where direction = 'push'
group by physician_key, channel_id, topic_id, last_day(occurred_on)

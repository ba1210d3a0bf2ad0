-- A contact is one source record, however many products it was about; what Medical began is a contact, but no push.
-- The window of 30 days may begin in the month before. Only a window that ends with a push contact counts, or a month
-- in which a physician only asked would answer for the pushes of the month before.
with contact as (
    select
        physician_key,
        source,
        source_record_id,
        min(occurred_on) as occurred_on,
        max(case when direction = 'push' and initiator <> 'medical' and depth >= 1 then 1 else 0 end) as is_push
    from {{ ref('fct_touchpoint') }}
    where physician_key is not null
    group by physician_key, source, source_record_id
),

day as (
    select
        physician_key,
        occurred_on,
        count(*) as contacts,
        sum(is_push) as push_contacts
    from contact
    group by physician_key, occurred_on
),

rolled as (
    select
        day.*,
        sum(push_contacts) over (
            partition by physician_key
            order by {{ days_between("cast('2000-01-01' as date)", 'occurred_on') }}
            range between 29 preceding and current row
        ) as push_contacts_30d
    from day
)

select
    physician_key,
    last_day(occurred_on) as month_end,
    cast(sum(contacts) as integer) as contacts,
    cast(sum(push_contacts) as integer) as push_contacts,
    cast(coalesce(max(case when push_contacts > 0 then push_contacts_30d end), 0) as integer) as max_push_contacts_30d
from rolled
group by physician_key, last_day(occurred_on)

-- A contact about two products counts once for each: never add up products. fct_physician_channel_month counts it once.
select
    physician_key,
    channel_id,
    product_id,
    last_day(occurred_on) as month_end,
    cast(count(*) as integer) as contacts,
    cast(sum(case when depth >= 1 then 1 else 0 end) as integer) as delivered_contacts,
    cast(sum(case when depth >= 2 then 1 else 0 end) as integer) as effective_contacts
from {{ ref('fct_touchpoint') }}
where physician_key is not null and initiator <> 'medical'
group by physician_key, channel_id, product_id, last_day(occurred_on)

-- A contact about two products counts once for each: never add up products. fct_physician_channel_month counts it once.
-- Of the months of a longer period, the one without an earlier delivered contact in it counts the physician: so months
-- add up to physicians, and nobody has to bring a physician's months together again.
with contact_month as (
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
)

select
    contact_month.*,
    max(case when delivered_contacts > 0 then month_end end) over (
        partition by physician_key, channel_id, product_id
        order by month_end
        rows between unbounded preceding and 1 preceding
    ) as previous_delivered_month_end
from contact_month

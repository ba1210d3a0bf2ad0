-- A contact about two products counts once for each. A push contact honours a choice when its channel is the one
-- the physician last named within a year before it, and no objection stood against it. The join compares columns
-- only: an `or` in it would compare every contact with every preference.
with preference as (
    select
        physician_key,
        recorded_on,
        channel_ids,
        coalesce(
            lead(recorded_on) over (partition by physician_key order by recorded_on), cast('9999-12-31' as date)
        ) as next_recorded_on
    from {{ ref('int_preference_day') }}
),

contact as (
    select
        touchpoint.touchpoint_key,
        touchpoint.physician_key,
        touchpoint.channel_id,
        touchpoint.product_id,
        last_day(touchpoint.occurred_on) as month_end,
        touchpoint.direction,
        touchpoint.depth,
        touchpoint.direction = 'push' and preference.physician_key is not null as has_choice,
        touchpoint.direction = 'push'
        and preference.physician_key is not null
        and touchpoint.consent_state <> 'opted_out'
        and preference.channel_ids like '%;' || touchpoint.channel_id || ';%' as honours_choice
    from {{ ref('fct_touchpoint') }} as touchpoint
    left join preference
        on
            touchpoint.physician_key = preference.physician_key
            and touchpoint.occurred_on > preference.recorded_on
            and touchpoint.occurred_on <= {{ add_days('preference.recorded_on', 365) }}
            and touchpoint.occurred_on <= preference.next_recorded_on
    where touchpoint.physician_key is not null
)

select
    physician_key,
    channel_id,
    product_id,
    month_end,
    cast(count(*) as integer) as contacts,
    cast(sum(case when direction = 'push' then 1 else 0 end) as integer) as push_contacts,
    cast(sum(case when depth >= 1 then 1 else 0 end) as integer) as delivered_contacts,
    cast(sum(case when depth >= 2 then 1 else 0 end) as integer) as effective_contacts,
    cast(sum(case when depth >= 3 then 1 else 0 end) as integer) as two_way_contacts,
    cast(sum(case when depth >= 4 then 1 else 0 end) as integer) as request_contacts,
    cast(sum(case when has_choice then 1 else 0 end) as integer) as push_contacts_with_choice,
    cast(sum(case when honours_choice then 1 else 0 end) as integer) as push_contacts_honouring_choice
from contact
group by physician_key, channel_id, product_id, month_end

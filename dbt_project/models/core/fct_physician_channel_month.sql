-- A contact is one source record, however many products it was about, at its greatest depth. What Medical began is no
-- promotion and is left out, on whatever channel. A push contact honours a choice when the physician last named its
-- channel within a year before it, or has allowed it, and no objection stood against it. What he said of the contact's
-- topic decides; where he said nothing of it, what he said of all. The joins compare columns only: an `or` in them
-- would compare every contact with every preference.
with preference as (
    select
        stated.physician_key,
        stated.topic_id,
        stated.recorded_on,
        stated.channel_ids,
        {{ add_days('stated.recorded_on', 'rule.stated_valid_days') }} as last_valid_on,
        coalesce(
            lead(stated.recorded_on) over (
                partition by stated.physician_key, stated.topic_id
                order by stated.recorded_on
            ),
            cast('9999-12-31' as date)
        ) as next_recorded_on
    from {{ ref('int_preference_day') }} as stated
    cross join {{ rows_in_force('preference_rule') }} as rule
),

general as (
    select * from preference
    where topic_id is null
),

record as (
    select
        physician_key,
        channel_id,
        source,
        source_record_id,
        min(occurred_on) as occurred_on,
        max(depth) as depth,
        max(topic_id) as topic_id,
        min(direction) as direction,
        min(consent_state) as consent_state
    from {{ ref('fct_touchpoint') }}
    where physician_key is not null and initiator <> 'medical'
    group by physician_key, channel_id, source, source_record_id
),

contact as (
    select
        record.physician_key,
        record.channel_id,
        last_day(record.occurred_on) as month_end,
        record.direction,
        record.depth,
        record.direction = 'push' and coalesce(of_topic.physician_key, general.physician_key) is not null as has_choice,
        record.direction = 'push'
        and coalesce(of_topic.physician_key, general.physician_key) is not null
        and record.consent_state <> 'opted_out'
        and (
            record.consent_state = 'opted_in'
            or coalesce(of_topic.channel_ids, general.channel_ids) like '%;' || record.channel_id || ';%'
        ) as honours_choice
    from record
    left join preference as of_topic
        on
            record.physician_key = of_topic.physician_key
            and record.topic_id = of_topic.topic_id
            and record.occurred_on > of_topic.recorded_on
            and record.occurred_on <= of_topic.last_valid_on
            and record.occurred_on <= of_topic.next_recorded_on
    left join general
        on
            record.physician_key = general.physician_key
            and record.occurred_on > general.recorded_on
            and record.occurred_on <= general.last_valid_on
            and record.occurred_on <= general.next_recorded_on
)

select
    physician_key,
    channel_id,
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
group by physician_key, channel_id, month_end

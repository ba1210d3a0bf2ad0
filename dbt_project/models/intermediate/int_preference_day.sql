-- The channels a physician named on one day for one topic or for all, as ';mr_email;webinar;'. What a representative entered counts only where
-- the physician's own word of the year before is missing: nobody sets the answer he is measured by.
with stated as (
    select
        physician_key,
        topic_id,
        recorded_on,
        channel_id,
        preference_source <> 'mr_entered' as is_own_word,
        max(case when preference_source <> 'mr_entered' then recorded_on end) over (
            partition by physician_key, topic_id
            order by recorded_on
            range between unbounded preceding and current row
        ) as own_word_on
    from {{ ref('int_stated_preference') }}
    where physician_key is not null
),

named as (
    select distinct
        stated.physician_key,
        stated.topic_id,
        stated.recorded_on,
        stated.channel_id
    from stated
    cross join {{ rows_in_force('preference_rule') }} as rule
    where
        stated.is_own_word
        or stated.own_word_on is null
        or stated.own_word_on < {{ add_days('stated.recorded_on', '-rule.stated_valid_days') }}
)

select
    physician_key,
    topic_id,
    recorded_on,
    ';' || {{ dbt.listagg('channel_id', "';'", 'order by channel_id') }} || ';' as channel_ids
from named
group by physician_key, topic_id, recorded_on

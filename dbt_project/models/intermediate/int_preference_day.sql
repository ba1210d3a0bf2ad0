-- The channels a physician named on one day for one topic or for all, as ';mr_email;webinar;'. What a representative entered counts only where
-- the physician's own word of the year before is missing: nobody sets the answer he is measured by.
with stated as (
    select
        preference.physician_key,
        preference.topic_id,
        preference.recorded_on,
        preference.channel_id,
        preference.preference_source <> 'mr_entered' as is_own_word,
        {{ add_days('preference.recorded_on', '-rule.stated_valid_days') }} as own_word_since,
        max(case when preference.preference_source <> 'mr_entered' then preference.recorded_on end) over (
            partition by preference.physician_key, preference.topic_id
            order by preference.recorded_on
            range between unbounded preceding and current row
        ) as own_word_on
    from {{ ref('int_stated_preference') }} as preference
    cross join {{ rows_in_force('preference_rule') }} as rule
    where preference.physician_key is not null
),

named as (
    select distinct
        physician_key,
        topic_id,
        recorded_on,
        channel_id
    from stated
    where is_own_word or own_word_on is null or own_word_on < own_word_since
)

select
    physician_key,
    topic_id,
    recorded_on,
    ';' || {{ dbt.listagg('channel_id', "';'", 'order by channel_id') }} || ';' as channel_ids
from named
group by physician_key, topic_id, recorded_on

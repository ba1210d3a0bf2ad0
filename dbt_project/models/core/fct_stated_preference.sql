-- Rank 1 is what the physician said last, by source and topic.
select
    {{ surrogate_key(['preference_source', 'record']) }} as preference_key,
    physician_key,
    recorded_on,
    channel_id,
    topic_id,
    preference_source,
    cast(row_number() over (
        partition by physician_key, preference_source, topic_id
        order by recorded_on desc, record desc
    ) as integer) as rank
from {{ ref('int_stated_preference') }}

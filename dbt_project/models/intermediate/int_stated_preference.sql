-- Which channels a physician said they want, for one topic or for all, and when. Kept apart by who wrote it down.
-- What they said of a topic beyond the label is Medical's.
select
    consent.consent_id as record,
    consent.physician_key,
    {{ local_date('consent.captured_at') }} as recorded_on,
    consent.preferred_channel_id as channel_id,
    consent.preference_topic as topic_id,
    case when consent.is_physician_entered then 'consent_form' else 'mr_entered' end as preference_source
from {{ ref('int_consent_event') }} as consent
left join {{ ref('topic') }} as topic
    on consent.preference_topic = topic.topic_id
where
    consent.reject_reason is null
    and consent.preferred_channel_id is not null
    and not coalesce(topic.is_off_label, false)
union all
select
    response_id as record,
    physician_key,
    {{ local_date('answered_at') }} as recorded_on,
    preferred_channel_id as channel_id,
    cast(null as {{ dbt.type_string() }}) as topic_id,
    'survey' as preference_source
from {{ ref('int_survey_response') }}
where reject_reason is null and preferred_channel_id is not null

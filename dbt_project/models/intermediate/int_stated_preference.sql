-- Which channels a physician said they want, and when. Kept apart by who wrote it down.
select
    consent_id as record,
    physician_key,
    {{ local_date('captured_at') }} as recorded_on,
    preferred_channel_id as channel_id,
    preference_topic as topic_id,
    case when is_physician_entered then 'consent_form' else 'mr_entered' end as preference_source
from {{ ref('int_consent_event') }}
where reject_reason is null and preferred_channel_id is not null
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

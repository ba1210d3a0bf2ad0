-- Every current event of a session with what keeps it out of the star. What was shown in a call the call's own list of
-- pages says; only where that list is empty do the session's pages stand for it.
with listed as (
    select distinct call_id
    from {{ ref('int_call_key_message_use') }}
),

call as (
    select call_id
    from {{ ref('int_call') }}
    where reject_reason is null
)

select
    line.activity_line_id,
    line.batch_id,
    line.first_delivered_at,
    line.activity_id,
    call.call_id,
    line.occurred_at,
    coalesce(line.duration_seconds, line.video_viewed_seconds) as duration_seconds,
    coalesce(kind.is_completion, false)
    or coalesce(line.video_length_seconds > 0 and line.video_last_second >= line.video_length_seconds, false)
        as is_completion,
    coalesce(material.content_id, line.key_message_id) as content_id,
    {{ content_key('coalesce(material.content_id, line.key_message_id)') }} as content_key,
    material.product_id,
    case
        when coalesce(line.is_deleted, false) then 'deleted_in_source'
        when session.activity_id is null then 'out_of_scope'
        when coalesce(material.is_training, false) then 'out_of_scope'
        when session.reject_reason = 'part_of_contact' and call.call_id is not null and line.key_message_id is not null
            then case when listed.call_id is not null then 'duplicate' end
        else session.reject_reason
    end as reject_reason
from {{ ref('stg_crm_multichannel_activity_line') }} as line
left join {{ ref('int_multichannel_activity') }} as session
    on line.activity_id = session.activity_id
left join call
    on session.call_id = call.call_id
left join listed
    on session.call_id = listed.call_id
left join {{ ref('int_content_material') }} as material
    on line.key_message_id = material.logged_id
left join {{ rows_in_force('session_event') }} as kind
    on line.event_type = kind.event_type

-- Every stay in a webinar with what keeps it out of the star. The title carries product and content.
with ranked as (
    select
        segment.*,
        row_number() over (
            partition by segment.meeting_id, segment.email_token, segment.joined_at, segment.left_at
            order by segment.row_number
        ) as copy_number
    from {{ ref('stg_webinar_zoom') }} as segment
)

select
    {{ surrogate_key(['ranked.meeting_id', 'ranked.email_token']) }} as attendance_id,
    ranked.meeting_id,
    ranked.batch_id,
    ranked.batch_delivered_at,
    ranked.first_delivered_at,
    ranked.email_token,
    ranked.meeting_start_at,
    ranked.meeting_end_at,
    ranked.joined_at,
    ranked.left_at,
    {{ text_match('ranked.topic', '(PRD-[A-Z])') }} as product_id,
    {{ text_match('ranked.topic', '#(C[0-9]+)') }} as content_id,
    identity.physician_key,
    case
        when {{ is_use_stopped('identity.physician_key') }} then 'use_stopped'
        when ranked.email_token is null then 'anonymous'
        when ranked.joined_at is null or ranked.left_at is null or ranked.left_at < ranked.joined_at then 'unparseable'
        when ranked.copy_number > 1 then 'duplicate'
    end as reject_reason
from ranked
left join {{ ref('int_identity') }} as identity
    on
        ranked.email_token = identity.reference
        and identity.reference_type = 'email_token'
        and {{ local_date('ranked.joined_at') }} >= identity.valid_from
        and {{ local_date('ranked.joined_at') }} < identity.valid_to
left join {{ ref('int_stopped_reference') }} as stopped
    on ranked.email_token = stopped.reference and stopped.reference_type = 'email_token'

-- Stays of one participant in one webinar, merged: time spent twice on two devices counts once.
with stay as (
    select
        segment.*,
        {{ epoch_seconds('joined_at') }} as joined_second,
        {{ epoch_seconds('left_at') }} as left_second
    from {{ ref('int_webinar_segment') }} as segment
    where reject_reason is null
),

covered as (
    select
        stay.*,
        max(left_second) over (
            partition by attendance_id
            order by joined_second, left_second
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from stay
)

select
    attendance_id,
    max(meeting_id) as meeting_id,
    max(batch_id) as batch_id,
    min(first_delivered_at) as first_delivered_at,
    max(email_token) as email_token,
    max(physician_key) as physician_key,
    max(product_id) as product_id,
    max(content_id) as content_id,
    min(joined_at) as joined_at,
    max({{ epoch_seconds('meeting_end_at') }} - {{ epoch_seconds('meeting_start_at') }}) as running_seconds,
    sum(
        case
            when covered_until is null or covered_until <= joined_second then left_second - joined_second
            when covered_until < left_second then left_second - covered_until
            else 0
        end
    ) as attended_seconds,
    count(*) as stays
from covered
group by attendance_id

-- Whom a safety notice concerns: who was in the notice's phase of use, or a higher one, on a month end within the
-- time before it. Delivered by any contact on safety of that product that arrived; who delivered it does not matter.
with notice as (
    select
        notice.notice_id,
        notice.product_id,
        notice.issued_on,
        {{ add_days('notice.issued_on', 'notice.deliver_within_days') }} as due_on,
        {{ add_days('notice.issued_on', '-notice.used_within_days') }} as used_since,
        phase.rank as concerned_rank
    from {{ ref('safety_notice') }} as notice
    inner join {{ ref('journey_phase') }} as phase
        on notice.concerned_phase_id = phase.phase_id
    where notice.issued_on <= {{ as_of() }}
),

concerned as (
    select distinct
        notice.notice_id,
        notice.product_id,
        notice.issued_on,
        notice.due_on,
        snapshot.physician_key
    from notice
    inner join {{ ref('fct_journey_phase') }} as snapshot
        on
            notice.product_id = snapshot.product_id
            and snapshot.month_end < notice.issued_on
            and snapshot.month_end >= notice.used_since
    inner join {{ ref('journey_phase') }} as phase
        on snapshot.phase_id = phase.phase_id
    where phase.rank >= notice.concerned_rank
),

delivery as (
    select
        concerned.notice_id,
        concerned.physician_key,
        min(contact.occurred_on) as delivered_on
    from concerned
    inner join {{ ref('fct_touchpoint') }} as contact
        on
            concerned.physician_key = contact.physician_key
            and concerned.product_id = contact.product_id
            and contact.occurred_on >= concerned.issued_on
    where
        contact.info_class = 'safety'
        and contact.depth >= 1
        and contact.initiator <> 'medical'
        and contact.channel_id not in {{ kpi_medical_channels() }}
        and contact.occurred_on <= {{ as_of() }}
    group by concerned.notice_id, concerned.physician_key
)

select
    concerned.notice_id,
    concerned.physician_key,
    concerned.product_id,
    concerned.issued_on,
    concerned.due_on,
    delivery.delivered_on,
    case when concerned.due_on <= {{ as_of() }} then coalesce(delivery.delivered_on <= concerned.due_on, false) end
        as is_delivered_in_time
from concerned
left join delivery
    on concerned.notice_id = delivery.notice_id and concerned.physician_key = delivery.physician_key

-- Every current response with what keeps it out of the star. The member id says who answered; without one, the
-- address the invitation went to.
with referred as (
    select
        response.*,
        case
            when response.external_reference is not null then 'member_id'
            when response.recipient_email_token is not null then 'email_token'
        end as reference_type,
        coalesce(response.external_reference, response.recipient_email_token) as reference,
        coalesce(response.recorded_at, response.ended_at, response.started_at) as answered_at
    from {{ ref('stg_survey_qualtrics') }} as response
)

select
    referred.response_id,
    referred.batch_id,
    referred.reference_type,
    referred.reference,
    identity.physician_key,
    referred.wave,
    referred.answered_at,
    coalesce(product.product_id, referred.product_id) as product_id,
    coalesce(asked_channel.channel_id, referred.channel) as channel_id,
    coalesce(lower(referred.distribution_channel) = 'mr', false) as is_mr_sent,
    referred.csat,
    referred.nps,
    referred.usefulness,
    referred.ces,
    coalesce(wanted_answer.channel_id, wanted.channel_id) as preferred_channel_id,
    stage.usage_stage,
    stage.evidence_kind,
    meeting_wish_answer.meeting_wish,
    visit_recall_answer.visit_recall,
    {% for column in survey_question_columns() -%}
    referred.{{ column }},
    {% endfor -%}
    case
        when
            {{ is_use_stopped('identity.physician_key', 'stopped_member') }}
            or {{ is_use_stopped('identity.physician_key', 'stopped_address') }}
            then 'use_stopped'
        when lower(referred.status) in ('spam', '8', 'survey preview', '1', 'test') then 'test_record'
        when not coalesce(referred.is_finished, true) then 'out_of_scope'
        when referred.answered_at is null then 'unparseable'
        when coalesce(referred.external_reference, referred.recipient_email_token) is null then 'anonymous'
        when
            referred.csat is null
            and referred.nps is null
            and referred.usefulness is null
            and referred.ces is null
            and coalesce(wanted_answer.channel_id, wanted.channel_id) is null
            and stage.usage_stage is null
            and meeting_wish_answer.meeting_wish is null
            and visit_recall_answer.visit_recall is null
            and coalesce(referred.{{ survey_question_columns() | join(', referred.') }}) is null
        then 'out_of_scope'
    end as reject_reason
from referred
left join {{ ref('int_identity') }} as identity
    on
        referred.reference = identity.reference
        and referred.reference_type = identity.reference_type
        and {{ local_date('referred.answered_at') }} >= identity.valid_from
        and {{ local_date('referred.answered_at') }} < identity.valid_to
-- Whoever it was by the member id: the address is one more way to know him.
left join {{ ref('int_stopped_reference') }} as stopped_member
    on referred.external_reference = stopped_member.reference and stopped_member.reference_type = 'member_id'
left join {{ ref('int_stopped_reference') }} as stopped_address
    on
        referred.recipient_email_token = stopped_address.reference
        and stopped_address.reference_type = 'email_token'
left join {{ ref('int_product_name') }} as product
    on referred.product_id = product.called
left join {{ ref('preferred_channel_answer') }} as asked_channel
    on referred.channel = asked_channel.answer
left join {{ ref('preferred_channel_answer') }} as wanted_answer
    on referred.preferred_channel = wanted_answer.answer
left join {{ ref('channel') }} as wanted
    on referred.preferred_channel = wanted.channel_id
left join {{ ref('usage_stage') }} as stage
    on referred.usage_stage = stage.answer_ja
left join {{ rows_in_force('meeting_wish_answer') }} as meeting_wish_answer
    on referred.meeting_wish = meeting_wish_answer.answer
left join {{ rows_in_force('visit_recall_answer') }} as visit_recall_answer
    on referred.visit_recall = visit_recall_answer.answer

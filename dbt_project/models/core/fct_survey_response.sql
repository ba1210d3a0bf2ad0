with answer as (
    {% for item in ['csat', 'nps', 'usefulness', 'ces'] %}
    select
        response.*,
        '{{ item }}' as item_id,
        cast({{ item }} as integer) as score,
        cast(null as {{ dbt.type_string() }}) as answer_code
    from {{ ref('int_survey_response') }} as response
    where {{ item }} is not null
    union all
    {% endfor %}
    select
        response.*,
        'preferred_channel' as item_id,
        cast(null as integer) as score,
        preferred_channel_id as answer_code
    from {{ ref('int_survey_response') }} as response
    where preferred_channel_id is not null
    union all
    select
        response.*,
        'usage_stage' as item_id,
        cast(null as integer) as score,
        usage_stage as answer_code
    from {{ ref('int_survey_response') }} as response
    where usage_stage is not null
)

select
    {{ surrogate_key(['answer.response_id', 'answer.item_id']) }} as response_key,
    answer.response_id,
    answer.physician_key,
    answer.wave,
    {{ local_date('answer.answered_at') }} as responded_on,
    'own_cx_survey' as instrument_id,
    answer.item_id,
    answer.score,
    answer.answer_code,
    answer.product_id,
    answer.channel_id,
    answer.is_mr_sent or coalesce(invitation.is_mr_sent, false) as is_mr_sent
from answer
left join {{ ref('int_survey_invitation') }} as invitation
    on answer.physician_key = invitation.physician_key and answer.wave = invitation.wave
where answer.reject_reason is null

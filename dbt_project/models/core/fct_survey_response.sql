with answer as (
    {% for item in ['csat', 'nps', 'usefulness', 'ces'] %}
    select
        response_id,
        '{{ item }}' as item_id,
        cast(null as {{ dbt.type_string() }}) as subject_id,
        channel_id,
        cast({{ item }} as integer) as score,
        cast(null as {{ dbt.type_string() }}) as answer_code
    from {{ ref('int_survey_response') }}
    where {{ item }} is not null
    union all
    {% endfor %}
    {% for item, column in {
        'preferred_channel': 'preferred_channel_id', 'usage_stage': 'usage_stage', 'meeting_wish': 'meeting_wish',
        'visit_recall': 'visit_recall'
    }.items() %}
    select
        response_id,
        '{{ item }}' as item_id,
        cast(null as {{ dbt.type_string() }}) as subject_id,
        channel_id,
        cast(null as integer) as score,
        {{ column }} as answer_code
    from {{ ref('int_survey_response') }}
    where {{ column }} is not null
    union all
    {% endfor %}
    select
        response_id,
        item_id,
        subject_id,
        channel_id,
        cast(score as integer) as score,
        cast(null as {{ dbt.type_string() }}) as answer_code
    from {{ ref('int_survey_answer') }}
)

select
    {{ surrogate_key(['response.response_id', "answer.item_id || coalesce(':' || answer.subject_id, '')"]) }}
        as response_key,
    response.response_id,
    response.physician_key,
    response.wave,
    {{ local_date('response.answered_at') }} as responded_on,
    'own_cx_survey' as instrument_id,
    answer.item_id,
    answer.subject_id,
    answer.score,
    answer.answer_code,
    response.product_id,
    answer.channel_id,
    response.is_mr_sent or coalesce(invitation.is_mr_sent, false) as is_mr_sent
from answer
inner join {{ ref('int_survey_response') }} as response
    on answer.response_id = response.response_id
left join {{ ref('int_survey_invitation') }} as invitation
    on response.physician_key = invitation.physician_key and response.wave = invitation.wave
where response.reject_reason is null

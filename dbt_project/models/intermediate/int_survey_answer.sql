-- One row per response and question about one subject among several; what nobody answered is no row.
with answered as (
    select
        response.response_id,
        question.item_id,
        question.subject_id,
        question.channel_id,
        case question.answer_column
            {% for column in survey_question_columns() -%}
            when '{{ column }}' then response.{{ column }}
            {% endfor -%}
        end as score
    from {{ ref('int_survey_response') }} as response
    cross join {{ rows_in_force('survey_question') }} as question
)

select
    response_id,
    item_id,
    subject_id,
    channel_id,
    score
from answered
where score is not null

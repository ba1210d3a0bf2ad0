-- One row per response and question about one subject among several; what nobody answered is no row.
with answered as (
    {% for column in survey_question_columns() %}
    select
        response_id,
        '{{ column }}' as answer_column,
        {{ column }} as score
    from {{ ref('int_survey_response') }}
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    answered.response_id,
    question.item_id,
    question.subject_id,
    question.channel_id,
    answered.score
from answered
inner join {{ rows_in_force('survey_question') }} as question
    on answered.answer_column = question.answer_column

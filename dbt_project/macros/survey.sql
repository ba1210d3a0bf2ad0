{#- The survey's columns with a score about one subject among several; what each is about is in survey_question. -#}
{% macro survey_question_columns() -%}
    {{ return([
        'convenience_mr_visit',
        'convenience_mr_email',
        'convenience_owned_web',
        'convenience_webinar',
        'convenience_portal',
        'interest_mr_visit',
        'interest_mr_email',
        'interest_owned_web',
        'interest_webinar',
        'interest_portal',
        'usefulness_t_dose',
        'usefulness_t_safe',
        'usefulness_t_ptype',
        'usefulness_t_evid',
        'usefulness_t_guide',
        'importance_context_first',
        'importance_knowledge',
        'importance_quick_reply',
        'importance_safety_first',
        'importance_balanced',
        'importance_right_frequency',
        'importance_right_channel',
        'importance_local_knowledge',
        'satisfaction_context_first',
        'satisfaction_knowledge',
        'satisfaction_quick_reply',
        'satisfaction_safety_first',
        'satisfaction_balanced',
        'satisfaction_right_frequency',
        'satisfaction_right_channel',
        'satisfaction_local_knowledge',
        'want_face_to_face',
        'want_remote_meeting',
        'want_email_information',
        'want_safety_information',
        'want_evidence',
        'want_meeting',
    ]) }}
{%- endmacro %}

{#-
    Which of a physician's answers to one question in one period counts: his last (H10), which is 1. `answer` is the
    relation with the answer, `question` its columns that tell the questions apart, `period` the relation with the period.
-#}
{% macro answer_recency(answer, question, period='mart_period') -%}
    row_number() over (
        partition by
            {{ period }}.period_type,
            {{ period }}.period_start,
            {{ answer }}.physician_key
            {%- for column in question %},
            {{ answer }}.{{ column }}
            {%- endfor %}
        order by {{ answer }}.responded_on desc, {{ answer }}.response_key desc
    )
{%- endmacro %}

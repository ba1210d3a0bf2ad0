select
    {{ surrogate_key(["'crm_suggestion'", 'suggestion.suggestion_id']) }} as suggestion_key,
    suggestion.suggestion_id,
    suggestion.batch_id,
    suggestion.physician_key,
    employee.employee_key,
    employee.office_code as office_id,
    suggestion.suggested_action,
    suggestion.suggested_channel_id,
    suggestion.product_id,
    suggestion.topic_id,
    suggestion.posted_on,
    suggestion.expires_on,
    suggestion.feedback_at,
    suggestion.action_taken,
    suggestion.dismiss_reason_id,
    suggestion.action_taken = 'acted' or suggestion.dismiss_reason_id is not null as is_handled,
    signal.touchpoint_key as signal_touchpoint_key
from {{ ref('int_suggestion') }} as suggestion
left join {{ ref('int_employee_period') }} as employee
    on
        suggestion.user_id = employee.user_id
        and suggestion.posted_on >= employee.valid_from
        and suggestion.posted_on < employee.valid_to
left join {{ ref('int_named_touchpoint') }} as signal
    on suggestion.suggestion_id = signal.record_id and signal.record_kind = 'suggestion'
where suggestion.reject_reason is null

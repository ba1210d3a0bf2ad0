with rule as (
    select * from {{ rows_in_force('content_rule') }} as in_force
)

select
    {{ surrogate_key(["'content_decision'", 'decision.material_number', 'decision.content_version', 'decision.decided_on']) }}
        as decision_key,
    'content' as decision_about,
    decision.material_number,
    decision.content_version,
    decision.decision,
    decision.decided_on,
    decision.department,
    {{ add_days('decision.decided_on', 'rule.decision_result_days') }} as result_due_on,
    {{ add_days('decision.decided_on', 'rule.decision_result_days') }} <= {{ as_of() }} as is_result_observable,
    rule.rule_version
from {{ ref('int_content_decision') }} as decision
cross join rule
where decision.reject_reason is null

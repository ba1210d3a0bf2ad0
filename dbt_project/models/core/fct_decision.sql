-- The result of a decision is what physicians did with the content in as many days before and after it, counted once
-- per physician. The day itself is in neither. Uses whose time to react is not over say nothing yet.
with rule as (
    select * from {{ rows_in_force('content_rule') }} as in_force
),

decision as (
    select
        {{ surrogate_key([
            "'content_decision'", 'decision.material_number', 'decision.content_version', 'decision.decided_on'
        ]) }} as decision_key,
        decision.material_number,
        decision.content_version,
        decision.decision,
        decision.decided_on,
        decision.department,
        {{ add_days('decision.decided_on', '-rule.decision_result_days') }} as looked_at_from,
        {{ add_days('decision.decided_on', 'rule.decision_result_days') }} as result_due_on,
        {{ add_days('decision.decided_on', 'rule.decision_result_days') }} <= {{ as_of() }} as is_result_observable,
        rule.rule_version
    from {{ ref('int_content_decision') }} as decision
    cross join rule
    where decision.reject_reason is null
),

used as (
    select
        decision.decision_key,
        content_use.physician_key,
        content_use.used_on > decision.decided_on as is_after,
        max(case when content_use.reaction_on is not null then 1 else 0 end) as has_reaction
    from {{ ref('fct_content_use') }} as content_use
    inner join {{ ref('dim_content_version') }} as version
        on content_use.content_version_key = version.content_version_key
    inner join decision
        on
            version.material_number = decision.material_number
            and content_use.used_on between decision.looked_at_from and decision.result_due_on
    where
        content_use.is_exposed
        and content_use.is_response_over
        and content_use.physician_key is not null
        and content_use.role_id <> 'medical'
        and content_use.used_on <> decision.decided_on
    group by decision.decision_key, content_use.physician_key, content_use.used_on > decision.decided_on
),

counted as (
    select
        decision_key,
        sum(case when is_after then 0 else 1 end) as n_exposed_before,
        sum(case when is_after then 0 else has_reaction end) as n_reacted_before,
        sum(case when is_after then 1 else 0 end) as n_exposed_after,
        sum(case when is_after then has_reaction else 0 end) as n_reacted_after
    from used
    group by decision_key
)

select
    decision.decision_key,
    'content' as decision_about,
    decision.material_number,
    decision.content_version,
    decision.decision,
    decision.decided_on,
    decision.department,
    decision.result_due_on,
    decision.is_result_observable,
    cast(coalesce(counted.n_exposed_before, 0) as integer) as n_exposed_before,
    cast(coalesce(counted.n_reacted_before, 0) as integer) as n_reacted_before,
    case when decision.is_result_observable then cast(coalesce(counted.n_exposed_after, 0) as integer) end
        as n_exposed_after,
    case when decision.is_result_observable then cast(coalesce(counted.n_reacted_after, 0) as integer) end
        as n_reacted_after,
    decision.rule_version
from decision
left join counted
    on decision.decision_key = counted.decision_key

-- What a physician fetched on his own is a reaction by itself: among those whom a content reached are only contacts
-- that the company began.
with by_physician as (
    select
        mart_period.period_type,
        mart_period.period_start,
        content_use.physician_key,
        sum(content_use.judged_exposures) as judged_exposures,
        max(case when content_use.has_reaction then 1 else 0 end) as has_reaction,
        max(case when content_use.has_next_step then 1 else 0 end) as has_next_step,
        max(case when content_use.has_negative then 1 else 0 end) as has_negative
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_content_use_month') }} as content_use
        on content_use.month_end between mart_period.period_start and mart_period.period_end
    where content_use.physician_key is not null and content_use.direction = 'push'
    group by mart_period.period_type, mart_period.period_start, content_use.physician_key
),

physicians as (
    select
        period_type,
        period_start,
        sum(case when judged_exposures > 0 then 1 else 0 end) as n_exposed,
        sum(has_reaction) as n_reacted,
        sum(has_next_step) as n_next_step,
        sum(has_negative) as n_negative
    from by_physician
    group by period_type, period_start
),

representatives as (
    {{ kpi_mrs_in_post(ref('mart_period'), ['period_type', 'period_start']) }}
),

using_representatives as (
    select distinct
        mart_period.period_type,
        mart_period.period_start,
        content_use.employee_key
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_content_use_month') }} as content_use
        on content_use.month_end between mart_period.period_start and mart_period.period_end
    where content_use.role_id = 'mr' and content_use.employee_key is not null
),

staff as (
    select
        representatives.period_type,
        representatives.period_start,
        count(*) as n_mrs_entitled,
        count(using_representatives.employee_key) as n_mrs_using
    from representatives
    left join using_representatives
        on
            representatives.period_type = using_representatives.period_type
            and representatives.period_start = using_representatives.period_start
            and representatives.employee_key = using_representatives.employee_key
    group by representatives.period_type, representatives.period_start
),

-- How a content stands is known month by month; a longer period ends as its last month does.
standing as (
    select
        mart_period.period_type,
        mart_period.period_start,
        sum(case when content.is_valid then 1 else 0 end) as n_valid_contents,
        sum(case when content.is_valid and content.is_new then 1 else 0 end) as n_new_contents,
        count(content.is_rarely_used) as n_judgeable_contents,
        sum(case when content.is_rarely_used then 1 else 0 end) as n_rarely_used,
        sum(case when content.is_rarely_used and content.uses_in_window = 0 then 1 else 0 end) as n_never_used
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('mart_content') }} as content
        on mart_period.period_end = content.period_end and content.channel_id is null
    group by mart_period.period_type, mart_period.period_start
),

evaluated as (
    select
        period_type,
        period_start,
        coalesce(content_version_key, content_key) as evaluated_key,
        max(case when has_decision then 1 else 0 end) as has_decision,
        max(case when is_decision_against_rule then 1 else 0 end) as is_decision_against_rule
    from {{ ref('mart_content_evaluation') }}
    where is_evaluated
    group by period_type, period_start, coalesce(content_version_key, content_key)
),

evaluations as (
    select
        period_type,
        period_start,
        count(*) as n_evaluated,
        sum(has_decision) as n_decided,
        sum(is_decision_against_rule) as n_decided_against_rule
    from evaluated
    group by period_type, period_start
),

counted as (
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        coalesce(standing.n_valid_contents, 0) as n_valid_contents,
        coalesce(standing.n_new_contents, 0) as n_new_contents,
        coalesce(standing.n_judgeable_contents, 0) as n_judgeable_contents,
        coalesce(standing.n_rarely_used, 0) as n_rarely_used,
        coalesce(standing.n_never_used, 0) as n_never_used,
        coalesce(staff.n_mrs_entitled, 0) as n_mrs_entitled,
        coalesce(staff.n_mrs_using, 0) as n_mrs_using,
        coalesce(physicians.n_exposed, 0) as n_exposed,
        coalesce(physicians.n_reacted, 0) as n_reacted,
        coalesce(physicians.n_next_step, 0) as n_next_step,
        coalesce(physicians.n_negative, 0) as n_negative,
        coalesce(evaluations.n_evaluated, 0) as n_evaluated,
        coalesce(evaluations.n_decided, 0) as n_decided,
        coalesce(evaluations.n_decided_against_rule, 0) as n_decided_against_rule
    from {{ ref('mart_period') }} as mart_period
    left join physicians
        on
            mart_period.period_type = physicians.period_type
            and mart_period.period_start = physicians.period_start
    left join staff
        on
            mart_period.period_type = staff.period_type
            and mart_period.period_start = staff.period_start
    left join standing
        on
            mart_period.period_type = standing.period_type
            and mart_period.period_start = standing.period_start
    left join evaluations
        on
            mart_period.period_type = evaluations.period_type
            and mart_period.period_start = evaluations.period_start
),

{{ kpi_protected(
    cells='counted',
    keys=['period_type', 'period_start', 'period_end'],
    bases={'n_mrs_entitled': ['n_mrs_using'], 'n_exposed': ['n_reacted', 'n_next_step', 'n_negative']}
) }}

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    cast(counted.n_valid_contents as bigint) as n_valid_contents,
    cast(counted.n_new_contents as bigint) as n_new_contents,
    cast(counted.n_judgeable_contents as bigint) as n_judgeable_contents,
    cast(counted.n_rarely_used as bigint) as n_rarely_used,
    cast(counted.n_never_used as bigint) as n_never_used,
    cast(protected.n_mrs_entitled as bigint) as n_mrs_entitled,
    protected.n_mrs_entitled_suppressed,
    cast(protected.n_mrs_using as bigint) as n_mrs_using,
    cast(protected.n_exposed as bigint) as n_exposed,
    protected.n_exposed_suppressed,
    cast(protected.n_reacted as bigint) as n_reacted,
    cast(protected.n_next_step as bigint) as n_next_step,
    cast(protected.n_negative as bigint) as n_negative,
    cast(counted.n_evaluated as bigint) as n_evaluated,
    cast(counted.n_decided as bigint) as n_decided,
    cast(counted.n_decided_against_rule as bigint) as n_decided_against_rule
from protected
inner join counted
    on
        protected.period_type = counted.period_type
        and protected.period_start = counted.period_start

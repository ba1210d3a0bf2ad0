-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets, and so mistakes the indentation. #}
with

answers as (
    select
        mart_period.period_type,
        mart_period.period_start,
        answer.physician_key,
        answer.item_id,
        answer.channel_id,
        answer.product_id,
        answer.score,
        answer.is_mr_sent,
        answer.responded_on,
        answer.response_key
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    where
        answer.physician_key is not null
        and answer.score is not null
        and answer.item_id in ('csat', 'nps', 'usefulness')
),

levels as (
    select
        period_type, period_start, physician_key, item_id, score, is_mr_sent, responded_on, response_key,
        null as channel_id, null as product_id
    from answers
    union all
    select
        period_type, period_start, physician_key, item_id, score, is_mr_sent, responded_on, response_key,
        channel_id, null as product_id
    from answers
    where channel_id is not null
    union all
    select
        period_type, period_start, physician_key, item_id, score, is_mr_sent, responded_on, response_key,
        null as channel_id, product_id
    from answers
    where product_id is not null
),

last_answers as (
    select
        levels.*,
        {{ answer_recency('levels', ['item_id', 'channel_id', 'product_id'], period='levels') }} as recency
    from levels
),

answered as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        physician.employee_key,
        physician.office_id,
        physician.branch_id,
        last_answers.channel_id,
        last_answers.product_id,
        last_answers.item_id,
        cast(last_answers.score as double) as score,
        case when last_answers.is_mr_sent then 1 else 0 end as is_mr_sent
    from last_answers
    inner join {{ ref('mart_physician_period') }} as physician
        on
            last_answers.period_type = physician.period_type
            and last_answers.period_start = physician.period_start
            and last_answers.physician_key = physician.physician_key
    where last_answers.recency = 1
),

answer_counts as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        product_id,
        {{ kpi_scope_columns() }},
        sum(case when item_id = 'csat' then 1 else 0 end) as n_csat,
        sum(case when item_id = 'csat' and score >= rule.satisfied_from then 1 else 0 end) as n_csat_top2,
        sum(case when item_id = 'usefulness' then 1 else 0 end) as n_usefulness,
        sum(case when item_id = 'usefulness' and score >= rule.useful_from then 1 else 0 end) as n_usefulness_top,
        sum(case when item_id = 'nps' then 1 else 0 end) as n_nps,
        sum(case when item_id = 'nps' and score >= rule.promoter_from then 1 else 0 end) as n_promoters,
        sum(
            case when item_id = 'nps' and score > rule.detractor_to and score < rule.promoter_from then 1 else 0 end
        ) as n_passives,
        sum(case when item_id = 'nps' and score <= rule.detractor_to then 1 else 0 end) as n_detractors,
        sum(case when item_id = 'csat' then is_mr_sent else 0 end) as n_csat_mr_sent
    from answered
    cross join {{ rows_in_force('survey_setting') }} as rule
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end', 'channel_id', 'product_id']) }}
),

invited as (
    select
        mart_period.period_type,
        mart_period.period_start,
        invitation.physician_key,
        max(case when invitation.has_response then 1 else 0 end) as has_response
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_invitation') }} as invitation
        on invitation.invited_on between mart_period.period_start and mart_period.period_end
    where invitation.is_delivered and invitation.physician_key is not null
    group by mart_period.period_type, mart_period.period_start, invitation.physician_key
),

invitation_counts as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        {{ kpi_scope_columns() }},
        count(*) as n_invited,
        sum(invited.has_response) as n_responded
    from invited
    inner join {{ ref('mart_physician_period') }} as physician
        on
            invited.period_type = physician.period_type
            and invited.period_start = physician.period_start
            and invited.physician_key = physician.physician_key
    group by {{ kpi_scope_sets(['physician.period_type', 'physician.period_start', 'physician.period_end']) }}
),

measures as (
    select
        scope_type, scope_id, parent_scope_id, period_type, period_start, period_end, channel_id, product_id,
        n_csat, n_csat_top2, n_usefulness, n_usefulness_top, n_nps, n_promoters, n_passives, n_detractors,
        n_csat_mr_sent,
        null as n_invited, null as n_responded
    from answer_counts
    union all
    select
        scope_type, scope_id, parent_scope_id, period_type, period_start, period_end,
        null as channel_id, null as product_id,
        null as n_csat, null as n_csat_top2, null as n_usefulness, null as n_usefulness_top,
        null as n_nps, null as n_promoters, null as n_passives, null as n_detractors,
        null as n_csat_mr_sent,
        n_invited, n_responded
    from invitation_counts
),

combined as (
    select
        scope_type,
        scope_id,
        max(parent_scope_id) as parent_scope_id,
        period_type,
        period_start,
        period_end,
        channel_id,
        product_id,
        sum(n_csat) as n_csat,
        sum(n_csat_top2) as n_csat_top2,
        sum(n_csat_mr_sent) as n_csat_mr_sent,
        sum(n_usefulness) as n_usefulness,
        sum(n_usefulness_top) as n_usefulness_top,
        sum(n_nps) as n_nps,
        cast(sum(n_promoters) as double) as n_promoters,
        cast(sum(n_passives) as double) as n_passives,
        cast(sum(n_detractors) as double) as n_detractors,
        sum(n_invited) as n_invited,
        sum(n_responded) as n_responded
    from measures
    group by scope_type, scope_id, period_type, period_start, period_end, channel_id, product_id
),

{# NPS = 100(p - d); with few answers only the distribution (H4). #}
cells as (
    select
        combined.*,
        case when n_nps >= rule.minimum_score then 100 * (n_promoters - n_detractors) / n_nps end as nps,
        case when n_nps >= rule.minimum_score then {{ kpi_score_low('n_promoters', 'n_detractors', 'n_nps') }} end
            as nps_low,
        case when n_nps >= rule.minimum_score then {{ kpi_score_high('n_promoters', 'n_detractors', 'n_nps') }} end
            as nps_high
    from combined
    cross join {{ rows_in_force('survey_setting') }} as rule
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'channel_id', 'product_id'],
    bases={
        'n_csat': ['n_csat_top2', 'n_csat_mr_sent'],
        'n_usefulness': ['n_usefulness_top'],
        'n_nps': ['n_promoters', 'n_passives', 'n_detractors', 'nps', 'nps_low', 'nps_high'],
        'n_invited': ['n_responded'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    channel_id,
    product_id,
    cast(n_csat as bigint) as n_csat,
    n_csat_suppressed,
    cast(n_csat_top2 as bigint) as n_csat_top2,
    cast(n_csat_mr_sent as bigint) as n_csat_mr_sent,
    cast(n_usefulness as bigint) as n_usefulness,
    n_usefulness_suppressed,
    cast(n_usefulness_top as bigint) as n_usefulness_top,
    cast(n_nps as bigint) as n_nps,
    n_nps_suppressed,
    cast(n_promoters as bigint) as n_promoters,
    cast(n_passives as bigint) as n_passives,
    cast(n_detractors as bigint) as n_detractors,
    cast(nps as double) as nps,
    cast(nps_low as double) as nps_low,
    cast(nps_high as double) as nps_high,
    cast(n_invited as bigint) as n_invited,
    n_invited_suppressed,
    cast(n_responded as bigint) as n_responded
from protected

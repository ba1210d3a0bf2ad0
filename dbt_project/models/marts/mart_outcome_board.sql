{#- Nothing is counted here: every cell is a KPI's published value, protected and judged where it is declared. -#}
with items as (
    select * from {{ rows_in_force('outcome_board_item') }} as item
),

published as (
    select *
    from {{ ref('fct_kpi_value') }}
    where
        scope_type in ('company', 'branch', 'office')
        and channel_id is null
        and product_id is null
        and phase_id is null
        and breakdown is null
),

{# Of two versions of a KPI the newer is in force. #}
in_force as (
    select
        published.kpi_id,
        max(published.kpi_version) as kpi_version
    from published
    group by published.kpi_id
),

boards as (
    select distinct
        published.scope_type,
        published.scope_id,
        published.period_type,
        published.period_start,
        published.period_end
    from published
    inner join items
        on published.kpi_id = items.kpi_id
),

{# Who was asked and who answered stands beside every number that comes from a survey (H5). #}
responses as (
    select
        scope_type,
        scope_id,
        period_type,
        period_start,
        denominator as n_invited,
        numerator as n_responded
    from published
    where kpi_id = 'cx.response_rate'
)

select
    boards.scope_type,
    boards.scope_id,
    boards.period_type,
    boards.period_start,
    boards.period_end,
    items.outcome_id,
    items.name_ja as outcome_name_ja,
    items.kpi_id,
    published.numerator,
    published.denominator,
    published.value,
    published.ci_low,
    published.ci_high,
    published.n_physicians,
    published.evidence_level,
    case when items.is_survey then responses.n_invited end as n_invited,
    case when items.is_survey then responses.n_responded end as n_responded,
    published.verdict,
    coalesce(published.display_state, 'not_counted') as display_state,
    case
        when published.kpi_id is not null then published.reason
        when in_force.kpi_id is null then 'この数字は、まだ数えていません'
        else 'この期間に対象がありませんでした'
    end as reason,
    items.sort_order
from boards
cross join items
left join in_force
    on items.kpi_id = in_force.kpi_id
left join published
    on
        items.kpi_id = published.kpi_id
        and in_force.kpi_version = published.kpi_version
        and boards.scope_type = published.scope_type
        and boards.scope_id = published.scope_id
        and boards.period_type = published.period_type
        and boards.period_start = published.period_start
left join responses
    on
        boards.scope_type = responses.scope_type
        and boards.scope_id = responses.scope_id
        and boards.period_type = responses.period_type
        and boards.period_start = responses.period_start

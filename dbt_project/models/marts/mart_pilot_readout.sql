{#- A comparison needs as many on both sides (H2), and nobody is shown in a group of fewer physicians (H7). -#}
{%- set least_compared = 30 -%}
with

{# Every initiative of the register has a row: one that nobody could read out says why. #}
estimated as (
    select
        initiative.initiative_id,
        initiative.name_ja,
        initiative.product_id,
        coalesce(initiative.starts_on, readout.first_start_on) as starts_on,
        initiative.ends_on,
        initiative.named_outcome,
        initiative.comparison,
        coalesce(initiative.is_easy_product, false) as is_easy_product,
        coalesce(readout.design, 'none') as design,
        readout.compared_from,
        coalesce(readout.n_assigned_late > 0, false) as has_late_assignments,
        readout.n_assigned_treated,
        readout.n_assigned_control,
        readout.n_washed_out,
        readout.n_treated_elsewhere,
        readout.n_treated,
        readout.n_control,
        readout.n_clusters,
        readout.moved_treated,
        readout.rate_treated,
        readout.rate_without,
        readout.effect,
        readout.effect_low,
        readout.effect_high,
        readout.minimum_detectable_effect,
        readout.meaningful_effect,
        readout.p_value,
        readout.q_value,
        readout.n_tests,
        readout.e_value,
        readout.e_value_limit,
        readout.e_value_hidden,
        readout.pre_trend_p_value,
        coalesce(readout.failed_diagnostics, '') as failed_diagnostics,
        coalesce(readout.missing_diagnostics, '') as missing_diagnostics,
        readout.contacts_per_treated,
        readout.contacts_per_move,
        readout.over_contact_share,
        coalesce(readout.evidence_level, 'E1') as evidence_level,
        coalesce(readout.verdict, 'cannot_tell') as verdict,
        coalesce(readout.reason_ja, 'まだ計算していません') as reason_ja,
        readout.rule_version
    from {{ ref('dim_initiative') }} as initiative
    left join {{ source('estimates', 'pilot_readout') }} as readout
        on initiative.initiative_id = readout.initiative_id
),

protected as (
    select
        estimated.*,
        coalesce(
            n_treated between 1 and {{ kpi_minimum_cell() }} - 1
            or n_control between 1 and {{ kpi_minimum_cell() }} - 1
            or n_assigned_treated between 1 and {{ kpi_minimum_cell() }} - 1
            or n_assigned_control between 1 and {{ kpi_minimum_cell() }} - 1,
            false
        ) as n_treated_suppressed
    from estimated
),

shown as (
    select
        protected.*,
        coalesce(
            not n_treated_suppressed
            and effect is not null
            and n_treated >= {{ least_compared }} and n_control >= {{ least_compared }},
            false
        ) as is_compared
    from protected
)

select
    initiative_id,
    name_ja,
    product_id,
    starts_on,
    ends_on,
    design,
    is_easy_product,
    'further_on_after_90_days' as outcome,
    '始まる直前の月末に次の段階へ進める段階(P0〜P5)にいた先生のうち、90日後により先の段階にいた先生' as outcome_words,
    named_outcome,
    comparison,
    compared_from,
    has_late_assignments,
    n_treated_suppressed,
    {#- Assigned less compared would give away the few who were left out. #}
    cast(
        case
            when
                not n_treated_suppressed
                and not coalesce(n_assigned_treated - n_treated between 1 and {{ kpi_minimum_cell() }} - 1, false)
                then n_assigned_treated
        end as bigint
    ) as n_assigned_treated,
    cast(
        case
            when
                not n_treated_suppressed
                and not coalesce(n_assigned_control - n_control between 1 and {{ kpi_minimum_cell() }} - 1, false)
                then n_assigned_control
        end as bigint
    ) as n_assigned_control,
    cast(
        case
            when not n_treated_suppressed and not n_washed_out between 1 and {{ kpi_minimum_cell() }} - 1 then n_washed_out
        end as bigint
    ) as n_washed_out,
    {#- Nor may the few be told whom no other initiative treated. #}
    cast(
        case
            when
                not n_treated_suppressed
                and not n_treated_elsewhere between 1 and {{ kpi_minimum_cell() }} - 1
                and not n_assigned_treated + n_assigned_control - n_treated_elsewhere
                between 1 and {{ kpi_minimum_cell() }} - 1
                then n_treated_elsewhere
        end as bigint
    ) as n_treated_elsewhere,
    cast(case when not n_treated_suppressed then n_treated end as bigint) as n_treated,
    cast(case when not n_treated_suppressed then n_control end as bigint) as n_control,
    cast(case when not n_treated_suppressed then n_clusters end as bigint) as n_clusters,
    {{ kpi_contrast_columns() }},
    failed_diagnostics,
    missing_diagnostics,
    {#- The level of what is said: of a comparison that is not shown nothing is said but that it was counted. #}
    case when is_compared then evidence_level else 'E1' end as evidence_level,
    {{ kpi_contrast_verdict('n_treated_suppressed') }},
    rule_version
from shown

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

first_choices as (
    select
        snapshot_on,
        physician_key,
        channel_id
    from {{ ref('mart_channel_preference') }}
    where preference_rank = 1 and topic_id is null
),

channel_list as (
    select cast(count(*) as double) as channels
    from {{ ref('dim_channel') }}
    where channel_id not in {{ kpi_unchoosable_channels() }}
),

physicians as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        physician.branch_id,
        physician.office_id,
        {{ kpi_segment_id('physician') }} as segment_id,
        physician.career_band,
        first_choices.channel_id
    from {{ ref('mart_physician_period') }} as physician
    left join first_choices
        on
            physician.period_end = first_choices.snapshot_on
            and physician.physician_key = first_choices.physician_key
    where physician.is_in_universe
),

by_choice as (
    select
        period_type,
        period_start,
        period_end,
        {{ kpi_scope_columns(with_mr=false, with_segment=true) }},
        case when grouping(career_band) = 0 then 'career_band=' || career_band end as breakdown,
        channel_id,
        cast(count(*) as double) as physicians
    from physicians
    group by {{ kpi_scope_sets(
        ['period_type', 'period_start', 'period_end', 'channel_id'],
        with_mr=false, with_segment=true, segment_split='career_band'
    ) }}
),

known as (
    select
        by_choice.*,
        case when channel_id is not null then physicians else 0 end as known_physicians,
        sum(case when channel_id is not null then physicians else 0 end) over (
            partition by period_type, period_start, scope_type, scope_id, breakdown
        ) as all_known_physicians
    from by_choice
),

shares as (
    select
        known.*,
        case when known_physicians > 0 then known_physicians / all_known_physicians end as share
    from known
),

sums as (
    select
        scope_type,
        scope_id,
        max(parent_scope_id) as parent_scope_id,
        period_type,
        period_start,
        period_end,
        breakdown,
        sum(physicians) as n_target_physicians,
        sum(known_physicians) as n_known_physicians,
        count(share) as channels_chosen,
        -sum(share * ln(share)) as entropy,
        sum(share * ln(share) * ln(share)) as second_moment
    from shares
    group by scope_type, scope_id, period_type, period_start, period_end, breakdown
),

{# Where all chose the same, the observed spread is zero; the upper bound is then the entropy of 3 dissenters in n
   (rule of three), so that few answers do not look like certainty. #}
cells as (
    select
        sums.scope_type,
        sums.scope_id,
        sums.parent_scope_id,
        sums.period_type,
        sums.period_start,
        sums.period_end,
        sums.breakdown,
        sums.n_target_physicians,
        sums.n_known_physicians,
        sums.n_known_physicians as n_choosing_physicians,
        sums.entropy / ln(channel_list.channels) as diversity,
        greatest(
            cast(0 as double),
            (
                sums.entropy
                - {{ kpi_z() }} * sqrt(
                    greatest(cast(0 as double), sums.second_moment - sums.entropy * sums.entropy)
                    / sums.n_known_physicians
                )
            ) / ln(channel_list.channels)
        ) as diversity_low,
        case
            when sums.channels_chosen = 1 and sums.n_known_physicians > 6
                then
                    -(
                        3 / sums.n_known_physicians * ln(3 / sums.n_known_physicians)
                        + (1 - 3 / sums.n_known_physicians) * ln(1 - 3 / sums.n_known_physicians)
                    ) / ln(channel_list.channels)
            when sums.channels_chosen = 1 then ln(2) / ln(channel_list.channels)
            else least(
                cast(1 as double),
                (
                    sums.entropy
                    + {{ kpi_z() }} * sqrt(
                        greatest(cast(0 as double), sums.second_moment - sums.entropy * sums.entropy)
                        / sums.n_known_physicians
                    )
                ) / ln(channel_list.channels)
            )
        end as diversity_high
    from sums
    cross join channel_list
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'breakdown'],
    additive='breakdown',
    bases={
        'n_target_physicians': ['n_known_physicians'],
        'n_choosing_physicians': ['diversity', 'diversity_low', 'diversity_high'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    breakdown,
    cast(n_target_physicians as bigint) as n_target_physicians,
    n_target_physicians_suppressed,
    cast(n_known_physicians as bigint) as n_known_physicians,
    cast(n_choosing_physicians as bigint) as n_choosing_physicians,
    n_choosing_physicians_suppressed,
    cast(diversity as double) as diversity,
    cast(diversity_low as double) as diversity_low,
    cast(diversity_high as double) as diversity_high
from protected

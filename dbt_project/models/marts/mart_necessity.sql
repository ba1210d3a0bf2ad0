with

estimated as (
    select
        necessity.*,
        segment.segment_type,
        segment.name_ja as segment_name,
        necessity.n_physicians between 1 and {{ kpi_minimum_cell() }} - 1 as is_small
    from {{ source('estimates', 'necessity') }} as necessity
    left join {{ ref('necessity_segment') }} as segment
        on necessity.segment_id = segment.segment_id and necessity.rule_version = segment.rule_version
    where necessity.channel_id not in {{ kpi_medical_channels() }}
),

whole as (
    select
        channel_id,
        n_physicians,
        n_treated_offered
    from estimated
    where segment_id = 'all'
),

{# What the whole has beside its segments of one type: physicians of no named one. #}
compared_with_whole as (
    select
        estimated.*,
        whole.n_physicians - sum(estimated.n_physicians) over of_type as n_physicians_beside,
        whole.n_treated_offered - sum(estimated.n_treated_offered) over of_type as n_offered_beside,
        {#- Physicians can be in several segments of a type, month by month: who was in one only is the rest of all. #}
        coalesce(whole.n_physicians - estimated.n_physicians between 1 and {{ kpi_minimum_cell() }} - 1, false)
            as leaves_few
    from estimated
    left join whole
        on estimated.channel_id = whole.channel_id
    window of_type as (partition by estimated.channel_id, estimated.segment_type)
),

{# The whole less the segments that are shown would give a hidden one away, or the few of no segment: then all segments
   of the type are hidden. #}
protected as (
    select
        compared_with_whole.*,
        case
            when segment_id = 'all' then is_small
            else
                coalesce(n_offered_beside > 0 and n_physicians_beside < {{ kpi_minimum_cell() }}, false)
                or max(case when is_small or leaves_few then 1 else 0 end) over (partition by channel_id, segment_type) = 1
        end as n_physicians_suppressed
    from compared_with_whole
),

{# A comparison needs as many on both sides (H2). #}
shown as (
    select
        protected.*,
        not protected.n_physicians_suppressed
        and protected.n_physicians >= rule.minimum_compared
        and protected.n_treated >= rule.minimum_compared
        and protected.n_control >= rule.minimum_compared as is_compared
    from protected
    cross join {{ rows_in_force('contrast_rule') }} as rule
)

select
    channel_id,
    segment_id,
    segment_type,
    segment_name,
    period_start,
    period_end,
    design,
    n_physicians_suppressed,
    cast(case when not n_physicians_suppressed then n_physicians end as bigint) as n_physicians,
    cast(case when not n_physicians_suppressed then n_treated_offered end as bigint) as n_treated_offered,
    cast(case when not n_physicians_suppressed then n_treated end as bigint) as n_treated,
    cast(case when not n_physicians_suppressed then n_control end as bigint) as n_control,
    cast(case when not n_physicians_suppressed then n_clusters end as bigint) as n_clusters,
    {{ kpi_contrast_columns() }},
    case when not n_physicians_suppressed then overlap_share end as overlap_share,
    case when is_compared then maximum_smd end as maximum_smd,
    n_pre_periods,
    case when is_compared then 100 * pre_trend_largest end as pre_trend_largest_per_100,
    case when is_compared then 100 * placebo_outcome_effect end as placebo_outcome_per_100,
    case when is_compared then 100 * placebo_outcome_low end as placebo_outcome_low_per_100,
    case when is_compared then 100 * placebo_outcome_high end as placebo_outcome_high_per_100,
    case when is_compared then 100 * placebo_date_effect end as placebo_date_per_100,
    case when is_compared then 100 * placebo_date_low end as placebo_date_low_per_100,
    case when is_compared then 100 * placebo_date_high end as placebo_date_high_per_100,
    failed_diagnostics,
    evidence_level,
    {{ kpi_contrast_verdict('n_physicians_suppressed') }},
    rule_version
from shown

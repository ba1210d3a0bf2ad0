-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# By physician first: signals of one physician that become visible together are followed together, so the physician,
   not the signal, is what the interval of the lift counts. #}
by_physician as (
    select
        mart_period.period_type,
        mart_period.period_start,
        signal.physician_key,
        signal.channel_id,
        sum(case when signal.is_counted then 1 else 0 end) as signals,
        sum(case when signal.is_counted then 0 else 1 end) as signals_left_out,
        sum(case when signal.is_followed then 1 else 0 end) as followed,
        sum(case when signal.is_followed_on_first_day then 1 else 0 end) as followed_on_first_day,
        sum(case when signal.is_linked and signal.is_followed then 1 else 0 end) as followed_by_link,
        sum(case when signal.is_dismissed_with_reason then 1 else 0 end) as dismissed_with_reason,
        sum(case when signal.is_handled then 1 else 0 end) as handled,
        max(case when signal.is_orchestrated then 1 else 0 end) as is_orchestrated,
        sum(coalesce(signal.chance_of_follow_up, 0)) as expected_followed,
        sum(coalesce(signal.chance_of_follow_up * (1 - signal.chance_of_follow_up), 0)) as coincidence_variance
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_digital_signal') }} as signal
        on signal.signal_on between mart_period.period_start and mart_period.period_end
    where signal.channel_id not in {{ kpi_medical_channels() }}
    group by grouping sets (
        (mart_period.period_type, mart_period.period_start, signal.physician_key),
        (mart_period.period_type, mart_period.period_start, signal.physician_key, signal.channel_id)
    )
),

placed as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        physician.branch_id,
        physician.office_id,
        by_physician.channel_id,
        coalesce(by_physician.signals, 0) as signals,
        coalesce(by_physician.signals_left_out, 0) as signals_left_out,
        coalesce(by_physician.followed, 0) as followed,
        coalesce(by_physician.followed_on_first_day, 0) as followed_on_first_day,
        coalesce(by_physician.followed_by_link, 0) as followed_by_link,
        coalesce(by_physician.dismissed_with_reason, 0) as dismissed_with_reason,
        coalesce(by_physician.handled, 0) as handled,
        coalesce(by_physician.is_orchestrated, 0) as is_orchestrated,
        coalesce(by_physician.expected_followed, 0) as expected_followed,
        coalesce(by_physician.coincidence_variance, 0) as coincidence_variance,
        coalesce(by_physician.followed - by_physician.expected_followed, 0) as excess
    from {{ ref('mart_physician_period') }} as physician
    left join by_physician
        on
            physician.period_type = by_physician.period_type
            and physician.period_start = by_physician.period_start
            and physician.physician_key = by_physician.physician_key
),

scoped as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        {{ kpi_scope_columns(with_mr=false) }},
        sum(case when signals > 0 then 1 else 0 end) as n_physicians,
        sum(case when signals_left_out > 0 then 1 else 0 end) as n_physicians_left_out,
        sum(is_orchestrated) as n_orchestrated_physicians,
        sum(signals) as signals,
        sum(signals_left_out) as signals_left_out,
        sum(followed) as followed,
        sum(followed_on_first_day) as followed_on_first_day,
        sum(followed_by_link) as followed_by_link,
        sum(dismissed_with_reason) as dismissed_with_reason,
        sum(handled) as handled,
        sum(expected_followed) as expected_followed,
        sum(coincidence_variance) as coincidence_variance,
        cast(sum(signals * signals) as double) as squared_signals,
        sum(excess * excess) as squared_excess,
        sum(excess * signals) as excess_by_signals
    from placed
    group by {{ kpi_scope_sets(['period_type', 'period_start', 'period_end', 'channel_id'], with_mr=false) }}
),

rated as (
    select
        scoped.*,
        {{ kpi_rate('expected_followed', 'signals') }} as expected_rate,
        {{ kpi_z() }} * {{ kpi_rate('sqrt(coincidence_variance)', 'signals') }} as expected_margin,
        {{ kpi_rate('followed - expected_followed', 'signals') }} as lift
    from scoped
),

{# The error of followed - expected as a ratio of sums over physicians, and never less than what redrawing every signal
   on its own would give. Nothing expected and nothing followed is no knowledge of the error: no interval. #}
measured as (
    select
        rated.*,
        case
            when n_physicians >= rule.minimum_clusters and (squared_excess > 0 or coincidence_variance > 0)
                then {{ kpi_t('(n_physicians - 1)') }} * sqrt(greatest(
                    (squared_excess - 2 * lift * excess_by_signals + lift * lift * squared_signals)
                    * n_physicians / (n_physicians - 1),
                    coincidence_variance
                )) / signals
        end as margin
    from rated
    cross join {{ rows_in_force('contrast_rule') }} as rule
),

cells as (
    select
        measured.*,
        greatest(expected_rate - expected_margin, 0) as expected_low,
        least(expected_rate + expected_margin, 1) as expected_high,
        case when margin is not null then lift end as lift_over_coincidence,
        lift - margin as lift_low,
        lift + margin as lift_high
    from measured
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'channel_id'],
    additive='channel_id',
    bases={
        'n_physicians': [
            'n_orchestrated_physicians', 'signals', 'followed', 'followed_on_first_day', 'followed_by_link',
            'dismissed_with_reason', 'handled', 'expected_followed', 'coincidence_variance', 'expected_rate',
            'expected_low', 'expected_high', 'lift_over_coincidence', 'lift_low', 'lift_high'
        ],
        'n_physicians_left_out': ['signals_left_out'],
    }
) }}

select
    scope_type,
    scope_id,
    period_type,
    period_start,
    period_end,
    channel_id,
    cast(n_physicians as bigint) as n_physicians,
    n_physicians_suppressed,
    cast(n_orchestrated_physicians as bigint) as n_orchestrated_physicians,
    cast(signals as bigint) as signals,
    cast(followed as bigint) as followed,
    cast(followed_on_first_day as bigint) as followed_on_first_day,
    cast(followed_by_link as bigint) as followed_by_link,
    cast(dismissed_with_reason as bigint) as dismissed_with_reason,
    cast(handled as bigint) as handled,
    cast(expected_followed as double) as expected_followed,
    cast(coincidence_variance as double) as coincidence_variance,
    cast(expected_rate as double) as expected_rate,
    cast(expected_low as double) as expected_low,
    cast(expected_high as double) as expected_high,
    cast(lift_over_coincidence as double) as lift,
    cast(lift_low as double) as lift_low,
    cast(lift_high as double) as lift_high,
    cast(n_physicians_left_out as bigint) as n_physicians_left_out,
    n_physicians_left_out_suppressed,
    cast(signals_left_out as bigint) as signals_left_out
from protected

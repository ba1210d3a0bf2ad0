with

rule as (
    select * from {{ rows_in_force('preference_rule') }} as in_force
),

snapshots as (
    select
        mart_period.period_end as snapshot_on,
        {{ add_months('mart_period.period_start', '1 - rule.revealed_months') }} as window_start,
        {{ add_days('mart_period.period_end', '-rule.stated_valid_days') }} as stated_since
    from {{ ref('mart_period') }} as mart_period
    cross join rule
    where mart_period.period_type = 'month'
),

window_months as (
    select
        snapshots.snapshot_on,
        months.month_end
    from snapshots
    inner join (select distinct month_end from {{ ref('fct_physician_channel_month') }}) as months
        on months.month_end between snapshots.window_start and snapshots.snapshot_on
),

choosable as (
    select channel_id
    from {{ ref('dim_channel') }}
    where channel_id not in {{ kpi_unchoosable_channels() }}
),

universe as (
    select
        physician_key,
        period_end as snapshot_on,
        specialty_group,
        is_in_universe
    from {{ ref('mart_physician_period') }}
    where period_type = 'month'
),

exposures as (
    select
        window_months.snapshot_on,
        contact.physician_key,
        contact.channel_id,
        sum(contact.delivered_contacts) as exposures,
        sum(contact.effective_contacts) as responses
    from window_months
    inner join {{ ref('fct_physician_channel_month') }} as contact
        on window_months.month_end = contact.month_end
    inner join choosable
        on contact.channel_id = choosable.channel_id
    group by window_months.snapshot_on, contact.physician_key, contact.channel_id
    having sum(contact.delivered_contacts) > 0
),

exposures_in_segment as (
    select
        exposures.snapshot_on,
        exposures.physician_key,
        exposures.channel_id,
        coalesce(universe.specialty_group, 'unknown') as specialty_group,
        cast(exposures.exposures as double) as exposures,
        cast(exposures.responses as double) as responses
    from exposures
    inner join universe
        on
            exposures.snapshot_on = universe.snapshot_on
            and exposures.physician_key = universe.physician_key
),

segment_sums as (
    select
        snapshot_on,
        channel_id,
        specialty_group,
        count(*) as physicians,
        sum(exposures) as exposures,
        sum(responses) as responses,
        sum(exposures * exposures) as sum_squared_exposures,
        {#- Of fixed-point numbers the sum is the same in whatever order they come. #}
        cast(sum(cast(responses * responses / exposures as decimal(38, 12))) as double) as sum_squares_over_exposures
    from exposures_in_segment
    group by snapshot_on, channel_id, specialty_group
),

segments as (
    select
        snapshot_on,
        channel_id,
        specialty_group,
        {{ kpi_rate('responses', 'exposures') }} as prior_mean,
        {{ kpi_prior_strength(
            'physicians', 'exposures', 'responses', 'sum_squared_exposures', 'sum_squares_over_exposures'
        ) }} as prior_strength
    from segment_sums
),

affinities as (
    select
        exposure.snapshot_on,
        exposure.physician_key,
        exposure.channel_id,
        exposure.exposures,
        exposure.responses,
        segments.prior_mean,
        segments.prior_strength,
        exposure.exposures + segments.prior_strength as posterior_total,
        {{ kpi_shrunk('exposure.responses', 'exposure.exposures', 'segments.prior_mean', 'segments.prior_strength') }}
            as affinity
    from exposures_in_segment as exposure
    inner join segments
        on
            exposure.snapshot_on = segments.snapshot_on
            and exposure.channel_id = segments.channel_id
            and exposure.specialty_group = segments.specialty_group
),

ranked_affinities as (
    select
        affinities.*,
        affinities.exposures >= rule.min_exposures as is_enough,
        case
            when affinities.exposures >= rule.min_exposures
            then row_number() over (
                partition by affinities.snapshot_on, affinities.physician_key
                order by
                    case when affinities.exposures >= rule.min_exposures then 0 else 1 end,
                    affinities.affinity desc,
                    affinities.channel_id
            )
        end as revealed_rank
    from affinities
    cross join rule
),

{# How surely the first channel is really first: one minus the chances of each other channel to be above it. A lower
   bound, so that a doubtful first place stays undetermined. With no other channel there is nothing to prefer. #}
first_places as (
    select
        leader.snapshot_on,
        leader.physician_key,
        greatest(
            cast(0 as double),
            1 - cast(
                sum(
                    cast(
                        1 - {{ kpi_beta_exceeds(
                            'leader.affinity', 'leader.posterior_total', 'rival.affinity', 'rival.posterior_total'
                        ) }} as decimal(18, 12)
                    )
                ) as double
            )
        ) as probability_first
    from ranked_affinities as leader
    inner join affinities as rival
        on
            leader.snapshot_on = rival.snapshot_on
            and leader.physician_key = rival.physician_key
            and leader.channel_id <> rival.channel_id
    where leader.revealed_rank = 1
    group by leader.snapshot_on, leader.physician_key
),

statements as (
    select
        snapshots.snapshot_on,
        stated.physician_key,
        stated.channel_id,
        stated.preference_source,
        stated.recorded_on,
        stated.topic_id,
        row_number() over (
            partition by snapshots.snapshot_on, stated.physician_key, stated.topic_id, stated.channel_id
            order by
                case when stated.preference_source = 'mr_entered' then 1 else 0 end,
                stated.recorded_on desc,
                coalesce(stated.rank, 1),
                stated.preference_key
        ) as recency,
        case when stated.preference_source = 'mr_entered' then 1 else 0 end as is_second_hand,
        coalesce(stated.rank, 1) as place_given,
        stated.preference_key
    from snapshots
    inner join {{ ref('fct_stated_preference') }} as stated
        on stated.recorded_on between snapshots.stated_since and snapshots.snapshot_on
    inner join choosable
        on stated.channel_id = choosable.channel_id
    where stated.physician_key is not null
),

{# What he said of one topic counts for that topic only; what he said of all stands beside what he shows. #}
ranked_statements as (
    select
        snapshot_on,
        physician_key,
        channel_id,
        preference_source,
        recorded_on,
        topic_id,
        row_number() over (
            partition by snapshot_on, physician_key, topic_id
            order by is_second_hand, recorded_on desc, place_given, preference_key
        ) as stated_rank
    from statements
    where recency = 1
),

general_statements as (
    select * from ranked_statements
    where topic_id is null
),

with_statement as (
    select
        snapshot_on,
        physician_key
    from general_statements
    where stated_rank = 1
),

stated_and_revealed as (
    select
        coalesce(revealed.snapshot_on, stated.snapshot_on) as snapshot_on,
        coalesce(revealed.physician_key, stated.physician_key) as physician_key,
        coalesce(revealed.channel_id, stated.channel_id) as channel_id,
        stated.stated_rank,
        stated.preference_source as stated_source,
        stated.recorded_on as stated_on,
        revealed.exposures,
        revealed.responses,
        revealed.prior_mean,
        revealed.prior_strength,
        case when revealed.is_enough then revealed.affinity end as affinity,
        revealed.revealed_rank
    from ranked_affinities as revealed
    full outer join general_statements as stated
        on
            revealed.snapshot_on = stated.snapshot_on
            and revealed.physician_key = stated.physician_key
            and revealed.channel_id = stated.channel_id
),

side_by_side as (
    select
        stated_and_revealed.*,
        universe.is_in_universe,
        first_places.probability_first,
        with_statement.physician_key is not null as has_stated
    from stated_and_revealed
    inner join universe
        on
            stated_and_revealed.snapshot_on = universe.snapshot_on
            and stated_and_revealed.physician_key = universe.physician_key
    left join first_places
        on
            stated_and_revealed.snapshot_on = first_places.snapshot_on
            and stated_and_revealed.physician_key = first_places.physician_key
    left join with_statement
        on
            stated_and_revealed.snapshot_on = with_statement.snapshot_on
            and stated_and_revealed.physician_key = with_statement.physician_key
),

judged as (
    select
        side_by_side.*,
        case
            when side_by_side.has_stated then 'stated'
            when side_by_side.probability_first >= rule.revealed_from then 'revealed'
            else 'undetermined'
        end as preference_basis
    from side_by_side
    cross join rule
)

select
    snapshot_on,
    physician_key,
    cast(null as {{ dbt.type_string() }}) as topic_id,
    channel_id,
    is_in_universe,
    cast(stated_rank as bigint) as stated_rank,
    stated_source,
    stated_on,
    cast(exposures as bigint) as exposures,
    cast(responses as bigint) as responses,
    cast(affinity as double) as affinity,
    cast(revealed_rank as bigint) as revealed_rank,
    cast(prior_mean as double) as prior_mean,
    cast(prior_strength as double) as prior_strength,
    cast(probability_first as double) as probability_first,
    preference_basis,
    cast(
        case preference_basis when 'stated' then stated_rank when 'revealed' then revealed_rank end as bigint
    ) as preference_rank
from judged
union all
select
    stated.snapshot_on,
    stated.physician_key,
    stated.topic_id,
    stated.channel_id,
    universe.is_in_universe,
    cast(stated.stated_rank as bigint) as stated_rank,
    stated.preference_source as stated_source,
    stated.recorded_on as stated_on,
    cast(null as bigint) as exposures,
    cast(null as bigint) as responses,
    cast(null as double) as affinity,
    cast(null as bigint) as revealed_rank,
    cast(null as double) as prior_mean,
    cast(null as double) as prior_strength,
    cast(null as double) as probability_first,
    'stated' as preference_basis,
    cast(stated.stated_rank as bigint) as preference_rank
from ranked_statements as stated
inner join universe
    on stated.snapshot_on = universe.snapshot_on and stated.physician_key = universe.physician_key
where stated.topic_id is not null

with

transitions as (
    select
        transition.physician_key,
        transition.product_id,
        transition.month_end as start_month_end,
        cast(date_trunc('month', transition.end_on) as date) as outcome_month_start,
        transition.from_phase_id,
        coalesce(physician_month.specialty_group, 'unknown') as specialty_group,
        coalesce(physician_month.practice_type, 'unknown') as practice_type,
        coalesce(physician_month.employee_key, 'unassigned') as cluster_id,
        case when transition.is_forward then 1 else 0 end as moved_forward
    from {{ ref('fct_journey_transition') }} as transition
    inner join {{ ref('fct_physician_month') }} as physician_month
        on
            transition.physician_key = physician_month.physician_key
            and transition.month_end = physician_month.month_end
    where transition.is_countable
),

{# Contacts of the three months before the month of the exposure: how busy the physician's relation already was. #}
prior_contacts as (
    select
        transitions.physician_key,
        transitions.start_month_end,
        sum(contact_month.contacts) as contacts
    from (select distinct physician_key, start_month_end from transitions) as transitions
    inner join {{ ref('fct_physician_contact_month') }} as contact_month
        on
            transitions.physician_key = contact_month.physician_key
            and contact_month.month_end < cast(date_trunc('month', transitions.start_month_end) as date)
            and contact_month.month_end
            >= {{ add_months("cast(date_trunc('month', transitions.start_month_end) as date)", '-3') }}
    group by transitions.physician_key, transitions.start_month_end
),

stratified as (
    select
        transitions.physician_key,
        transitions.product_id,
        transitions.start_month_end,
        transitions.outcome_month_start,
        transitions.cluster_id,
        transitions.moved_forward,
        transitions.product_id
        || '|' || transitions.from_phase_id
        || '|' || transitions.specialty_group
        || '|' || transitions.practice_type
        || '|' || band.band_id as stratum
    from transitions
    left join prior_contacts
        on
            transitions.physician_key = prior_contacts.physician_key
            and transitions.start_month_end = prior_contacts.start_month_end
    inner join {{ rows_in_force('contact_volume_band') }} as band
        on coalesce(prior_contacts.contacts, 0) between band.from_contacts and band.to_contacts
),

{# What a physician did online and a representative took up on another channel. It counts in the month of the
   representative's contact, for only then it was a sequence. #}
sequences as (
    select distinct
        physician_key,
        product_id,
        last_day({{ local_date('follow_up_at') }}) as month_end
    from {{ ref('fct_digital_signal') }}
    where is_orchestrated and channel_id not in {{ kpi_medical_channels() }}
),

exposures as (
    select distinct
        stratified.physician_key,
        stratified.product_id,
        stratified.start_month_end,
        contact.channel_id as exposure_id
    from stratified
    inner join {{ ref('fct_physician_channel_product_month') }} as contact
        on
            stratified.physician_key = contact.physician_key
            and stratified.start_month_end = contact.month_end
            and stratified.product_id = coalesce(contact.product_id, stratified.product_id)
    where contact.delivered_contacts > 0 and contact.channel_id not in {{ kpi_medical_channels() }}
    union all
    select
        stratified.physician_key,
        stratified.product_id,
        stratified.start_month_end,
        'orchestrated' as exposure_id
    from stratified
    inner join sequences
        on
            stratified.physician_key = sequences.physician_key
            and stratified.start_month_end = sequences.month_end
            and stratified.product_id = coalesce(sequences.product_id, stratified.product_id)
    group by stratified.physician_key, stratified.product_id, stratified.start_month_end
),

everyone as (
    select
        outcome_month_start,
        stratum,
        cluster_id,
        count(*) as starts,
        sum(moved_forward) as moved
    from stratified
    group by outcome_month_start, stratum, cluster_id
),

exposed as (
    select
        exposures.exposure_id,
        stratified.outcome_month_start,
        stratified.stratum,
        stratified.cluster_id,
        count(*) as starts,
        sum(stratified.moved_forward) as moved
    from stratified
    inner join exposures
        on
            stratified.physician_key = exposures.physician_key
            and stratified.product_id = exposures.product_id
            and stratified.start_month_end = exposures.start_month_end
    group by exposures.exposure_id, stratified.outcome_month_start, stratified.stratum, stratified.cluster_id
),

everyone_in_period as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        everyone.stratum,
        everyone.cluster_id,
        cast(sum(everyone.starts) as double) as starts,
        cast(sum(everyone.moved) as double) as moved
    from {{ ref('mart_period') }} as mart_period
    inner join everyone
        on everyone.outcome_month_start between mart_period.period_start and mart_period.period_end
    group by
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        everyone.stratum,
        everyone.cluster_id
),

exposed_in_period as (
    select
        mart_period.period_type,
        mart_period.period_start,
        exposed.exposure_id,
        exposed.stratum,
        exposed.cluster_id,
        cast(sum(exposed.starts) as double) as starts,
        cast(sum(exposed.moved) as double) as moved
    from {{ ref('mart_period') }} as mart_period
    inner join exposed
        on exposed.outcome_month_start between mart_period.period_start and mart_period.period_end
    group by
        mart_period.period_type,
        mart_period.period_start,
        exposed.exposure_id,
        exposed.stratum,
        exposed.cluster_id
),

stratum_of_everyone as (
    select
        period_type,
        period_start,
        period_end,
        stratum,
        sum(starts) as starts,
        sum(moved) as moved
    from everyone_in_period
    group by period_type, period_start, period_end, stratum
),

stratum_of_exposed as (
    select
        period_type,
        period_start,
        exposure_id,
        stratum,
        sum(starts) as starts,
        sum(moved) as moved
    from exposed_in_period
    group by period_type, period_start, exposure_id, stratum
),

{# Mantel-Haenszel weights: only strata with both sides can be compared. #}
comparable as (
    select
        everyone.period_type,
        everyone.period_start,
        everyone.period_end,
        exposed.exposure_id,
        everyone.stratum,
        everyone.starts as size,
        exposed.starts as n_exposed,
        everyone.starts - exposed.starts as n_unexposed,
        exposed.moved as moved_exposed,
        everyone.moved - exposed.moved as moved_unexposed,
        exposed.starts * (everyone.starts - exposed.starts) / everyone.starts as weight,
        exposed.starts / everyone.starts as share_exposed,
        exposed.moved / exposed.starts as rate_exposed,
        (everyone.moved - exposed.moved) / (everyone.starts - exposed.starts) as rate_unexposed,
        everyone.moved / everyone.starts as rate
    from stratum_of_exposed as exposed
    inner join stratum_of_everyone as everyone
        on
            exposed.period_type = everyone.period_type
            and exposed.period_start = everyone.period_start
            and exposed.stratum = everyone.stratum
    where everyone.starts > exposed.starts
),

{# A physician stands behind as many starts as there are months and products, on either side: how many different ones
   do is what a comparison rests on. One bit per exposure, for every start against every exposure would be too many. #}
places as (
    select
        exposure_id,
        cast(power(2, row_number() over (order by exposure_id) - 1) as bigint) as place_bit
    from (select distinct exposure_id from exposed) as exposures_seen
),

exposed_bits as (
    select
        exposures.physician_key,
        exposures.product_id,
        exposures.start_month_end,
        cast(sum(places.place_bit) as bigint) as exposed
    from exposures
    inner join places
        on exposures.exposure_id = places.exposure_id
    group by exposures.physician_key, exposures.product_id, exposures.start_month_end
),

{# Of every month of outcomes in every period. Equal keys only, for there are millions of starts. #}
comparable_bits as (
    select
        comparable.period_type,
        comparable.period_start,
        comparable.stratum,
        months.outcome_month_start,
        cast(sum(places.place_bit) as bigint) as compared
    from comparable
    inner join places
        on comparable.exposure_id = places.exposure_id
    inner join (select distinct outcome_month_start from everyone) as months
        on months.outcome_month_start between comparable.period_start and comparable.period_end
    group by
        comparable.period_type, comparable.period_start, comparable.stratum, months.outcome_month_start
),

physician_bits as (
    select
        comparable_bits.period_type,
        comparable_bits.period_start,
        stratified.physician_key,
        bit_or(comparable_bits.compared & coalesce(exposed_bits.exposed, 0)) as exposed,
        bit_or(
            comparable_bits.compared - (comparable_bits.compared & coalesce(exposed_bits.exposed, 0))
        ) as unexposed
    from stratified
    inner join comparable_bits
        on
            stratified.stratum = comparable_bits.stratum
            and stratified.outcome_month_start = comparable_bits.outcome_month_start
    left join exposed_bits
        on
            stratified.physician_key = exposed_bits.physician_key
            and stratified.product_id = exposed_bits.product_id
            and stratified.start_month_end = exposed_bits.start_month_end
    group by comparable_bits.period_type, comparable_bits.period_start, stratified.physician_key
),

different_physicians as (
    select
        physician_bits.period_type,
        physician_bits.period_start,
        places.exposure_id,
        sum(case when (physician_bits.exposed & places.place_bit) > 0 then 1 else 0 end) as n_physicians_exposed,
        sum(case when (physician_bits.unexposed & places.place_bit) > 0 then 1 else 0 end) as n_physicians_unexposed
    from physician_bits
    cross join places
    group by physician_bits.period_type, physician_bits.period_start, places.exposure_id
),

standardised as (
    select
        period_type,
        period_start,
        period_end,
        exposure_id,
        sum(n_exposed) as n_exposed,
        sum(n_unexposed) as n_unexposed,
        sum(weight) as weight,
        sum(weight * rate_exposed) / sum(weight) as rate_exposed,
        sum(weight * rate_unexposed) / sum(weight) as rate_unexposed
    from comparable
    group by period_type, period_start, period_end, exposure_id
),

{# What each stratum and one common difference lead to expect of an exposed and of an unexposed physician. Most strata
   hold one or two exposed physicians, who fit their own stratum's rate exactly: deviations from that would say "no
   error at all". N / (N - 1) makes up for the rate that each stratum estimates. #}
expected as (
    select
        comparable.period_type,
        comparable.period_start,
        comparable.exposure_id,
        comparable.stratum,
        comparable.share_exposed,
        comparable.rate
        + (standardised.rate_exposed - standardised.rate_unexposed) * (1 - comparable.share_exposed)
            as rate_exposed,
        comparable.rate
        - (standardised.rate_exposed - standardised.rate_unexposed) * comparable.share_exposed
            as rate_unexposed,
        sqrt(comparable.size / (comparable.size - 1)) as small_stratum_factor
    from comparable
    inner join standardised
        on
            comparable.period_type = standardised.period_type
            and comparable.period_start = standardised.period_start
            and comparable.exposure_id = standardised.exposure_id
),

{# Each physician's weighted deviation is
       exposed:    (1 - share_exposed) * (moved - rate_exposed)
       unexposed: -share_exposed * (moved - rate_unexposed)
   summed here as "everyone as if unexposed" plus what being exposed changes. #}
deviations as (
    select
        expected.period_type,
        expected.period_start,
        expected.exposure_id,
        everyone.cluster_id,
        -expected.small_stratum_factor * expected.share_exposed
        * (everyone.moved - everyone.starts * expected.rate_unexposed) as deviation
    from expected
    inner join everyone_in_period as everyone
        on
            expected.period_type = everyone.period_type
            and expected.period_start = everyone.period_start
            and expected.stratum = everyone.stratum
    union all
    select
        expected.period_type,
        expected.period_start,
        expected.exposure_id,
        exposed.cluster_id,
        expected.small_stratum_factor * (
            (1 - expected.share_exposed) * (exposed.moved - exposed.starts * expected.rate_exposed)
            + expected.share_exposed * (exposed.moved - exposed.starts * expected.rate_unexposed)
        ) as deviation
    from expected
    inner join exposed_in_period as exposed
        on
            expected.period_type = exposed.period_type
            and expected.period_start = exposed.period_start
            and expected.exposure_id = exposed.exposure_id
            and expected.stratum = exposed.stratum
),

{# A medical representative's physicians are one cluster: what they share (the representative) must not count as
   many independent observations. #}
by_cluster as (
    select
        period_type,
        period_start,
        exposure_id,
        cluster_id,
        sum(deviation) as deviation
    from deviations
    group by period_type, period_start, exposure_id, cluster_id
),

spread as (
    select
        period_type,
        period_start,
        exposure_id,
        count(*) as n_clusters,
        {#- With fewer representatives nothing can be said about how much they differ. #}
        case
            when count(*) >= max(rule.minimum_clusters)
                then sqrt(sum(deviation * deviation) * count(*) / (count(*) - 1))
        end as deviation
    from by_cluster
    cross join {{ rows_in_force('contrast_rule') }} as rule
    group by period_type, period_start, exposure_id
),

compared as (
    select
        standardised.period_type,
        standardised.period_start,
        standardised.period_end,
        standardised.exposure_id,
        standardised.n_exposed,
        standardised.n_unexposed,
        different_physicians.n_physicians_exposed,
        different_physicians.n_physicians_unexposed,
        standardised.rate_exposed,
        standardised.rate_unexposed,
        spread.n_clusters,
        {{ kpi_t('(spread.n_clusters - 1)') }} * spread.deviation / standardised.weight as half_width
    from standardised
    inner join spread
        on
            standardised.period_type = spread.period_type
            and standardised.period_start = spread.period_start
            and standardised.exposure_id = spread.exposure_id
    inner join different_physicians
        on
            standardised.period_type = different_physicians.period_type
            and standardised.period_start = different_physicians.period_start
            and standardised.exposure_id = different_physicians.exposure_id
),

{# Where all moved alike there is no spread to learn an error from (what is left of it is rounding): no interval. #}
differences as (
    select
        compared.*,
        rate_exposed - rate_unexposed as difference,
        case when half_width > 1e-9 then rate_exposed - rate_unexposed - half_width end as difference_low,
        case when half_width > 1e-9 then rate_exposed - rate_unexposed + half_width end as difference_high
    from compared
),

{# Never more physicians than starts: thirty different ones on either side are thirty of either. #}
judged as (
    select
        differences.*,
        differences.n_physicians_exposed >= rule.minimum_compared
        and differences.n_physicians_unexposed >= rule.minimum_compared as is_enough,
        {{ kpi_judge(
            'difference', 'difference_low', 'difference_high', 'rule.meaningful_difference', 'n_physicians_exposed',
            'n_physicians_unexposed', 'rule.minimum_compared'
        ) }} as judgement
    from differences
    cross join {{ rows_in_force('contrast_rule') }} as rule
)

select
    period_type,
    period_start,
    period_end,
    exposure_id,
    case when exposure_id <> 'orchestrated' then exposure_id end as channel_id,
    cast(
        case when n_physicians_exposed not between 1 and {{ kpi_minimum_cell() }} - 1 then n_physicians_exposed end
        as bigint
    ) as n_physicians_exposed,
    cast(
        case when n_physicians_unexposed not between 1 and {{ kpi_minimum_cell() }} - 1 then n_physicians_unexposed end
        as bigint
    ) as n_physicians_unexposed,
    cast(case when n_physicians_exposed not between 1 and {{ kpi_minimum_cell() }} - 1 then n_exposed end as bigint)
        as n_exposed,
    cast(case when n_physicians_unexposed not between 1 and {{ kpi_minimum_cell() }} - 1 then n_unexposed end as bigint)
        as n_unexposed,
    cast(n_clusters as bigint) as n_clusters,
    case when is_enough then cast(rate_exposed as double) end as rate_exposed,
    case when is_enough then cast(rate_unexposed as double) end as rate_unexposed,
    case when is_enough then cast(difference as double) end as difference,
    case when is_enough then cast(difference_low as double) end as difference_low,
    case when is_enough then cast(difference_high as double) end as difference_high,
    case
        when is_enough then cast({{ kpi_minimum_detectable('difference_low', 'difference_high') }} as double)
    end as minimum_detectable_difference,
    'E2' as evidence_level,
    case judgement
        when 'improved' then 'more_with_exposure'
        when 'worsened' then 'less_with_exposure'
        when 'unchanged' then 'no_difference'
        else 'cannot_tell'
    end as verdict
from judged

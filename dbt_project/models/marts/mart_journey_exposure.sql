with

transitions as (
    select
        transition.physician_key,
        transition.product_id,
        transition.month_end as start_month_end,
        {{ add_months("cast(date_trunc('month', transition.month_end) as date)", '3') }} as outcome_month_start,
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
    where
        transition.horizon_days = 90 and transition.is_countable
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
        || '|' || case
            when coalesce(prior_contacts.contacts, 0) = 0 then '0'
            when prior_contacts.contacts <= 3 then '1-3'
            when prior_contacts.contacts <= 9 then '4-9'
            when prior_contacts.contacts <= 18 then '10-18'
            else '19+'
        end as stratum
    from transitions
    left join prior_contacts
        on
            transitions.physician_key = prior_contacts.physician_key
            and transitions.start_month_end = prior_contacts.start_month_end
),

exposures as (
    select distinct
        stratified.physician_key,
        stratified.product_id,
        stratified.start_month_end,
        contact.channel_id
    from stratified
    inner join {{ ref('fct_physician_channel_product_month') }} as contact
        on
            stratified.physician_key = contact.physician_key
            and stratified.start_month_end = contact.month_end
            and stratified.product_id = coalesce(contact.product_id, stratified.product_id)
    where contact.delivered_contacts > 0 and contact.channel_id not in {{ kpi_medical_channels() }}
),

everyone as (
    select
        outcome_month_start,
        stratum,
        cluster_id,
        count(*) as physicians,
        sum(moved_forward) as moved
    from stratified
    group by outcome_month_start, stratum, cluster_id
),

exposed as (
    select
        exposures.channel_id,
        stratified.outcome_month_start,
        stratified.stratum,
        stratified.cluster_id,
        count(*) as physicians,
        sum(stratified.moved_forward) as moved
    from stratified
    inner join exposures
        on
            stratified.physician_key = exposures.physician_key
            and stratified.product_id = exposures.product_id
            and stratified.start_month_end = exposures.start_month_end
    group by exposures.channel_id, stratified.outcome_month_start, stratified.stratum, stratified.cluster_id
),

everyone_in_period as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        everyone.stratum,
        everyone.cluster_id,
        cast(sum(everyone.physicians) as double) as physicians,
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
        exposed.channel_id,
        exposed.stratum,
        exposed.cluster_id,
        cast(sum(exposed.physicians) as double) as physicians,
        cast(sum(exposed.moved) as double) as moved
    from {{ ref('mart_period') }} as mart_period
    inner join exposed
        on exposed.outcome_month_start between mart_period.period_start and mart_period.period_end
    group by
        mart_period.period_type,
        mart_period.period_start,
        exposed.channel_id,
        exposed.stratum,
        exposed.cluster_id
),

stratum_of_everyone as (
    select
        period_type,
        period_start,
        period_end,
        stratum,
        sum(physicians) as physicians,
        sum(moved) as moved
    from everyone_in_period
    group by period_type, period_start, period_end, stratum
),

stratum_of_exposed as (
    select
        period_type,
        period_start,
        channel_id,
        stratum,
        sum(physicians) as physicians,
        sum(moved) as moved
    from exposed_in_period
    group by period_type, period_start, channel_id, stratum
),

{# Mantel-Haenszel weights: only strata with physicians on both sides can be compared. #}
comparable as (
    select
        everyone.period_type,
        everyone.period_start,
        everyone.period_end,
        exposed.channel_id,
        everyone.stratum,
        everyone.physicians as size,
        exposed.physicians as n_exposed,
        everyone.physicians - exposed.physicians as n_unexposed,
        exposed.moved as moved_exposed,
        everyone.moved - exposed.moved as moved_unexposed,
        exposed.physicians * (everyone.physicians - exposed.physicians) / everyone.physicians as weight,
        exposed.physicians / everyone.physicians as share_exposed,
        exposed.moved / exposed.physicians as rate_exposed,
        (everyone.moved - exposed.moved) / (everyone.physicians - exposed.physicians) as rate_unexposed,
        everyone.moved / everyone.physicians as rate
    from stratum_of_exposed as exposed
    inner join stratum_of_everyone as everyone
        on
            exposed.period_type = everyone.period_type
            and exposed.period_start = everyone.period_start
            and exposed.stratum = everyone.stratum
    where everyone.physicians > exposed.physicians
),

standardised as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        sum(n_exposed) as n_exposed,
        sum(n_unexposed) as n_unexposed,
        sum(weight) as weight,
        sum(weight * rate_exposed) / sum(weight) as rate_exposed,
        sum(weight * rate_unexposed) / sum(weight) as rate_unexposed
    from comparable
    group by period_type, period_start, period_end, channel_id
),

{# What each stratum and one common difference lead to expect of an exposed and of an unexposed physician. Most strata
   hold one or two exposed physicians, who fit their own stratum's rate exactly: deviations from that would say "no
   error at all". N / (N - 1) makes up for the rate that each stratum estimates. #}
expected as (
    select
        comparable.period_type,
        comparable.period_start,
        comparable.channel_id,
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
            and comparable.channel_id = standardised.channel_id
),

{# Each physician's weighted deviation is
       exposed:    (1 - share_exposed) * (moved - rate_exposed)
       unexposed: -share_exposed * (moved - rate_unexposed)
   summed here as "everyone as if unexposed" plus what being exposed changes. #}
deviations as (
    select
        expected.period_type,
        expected.period_start,
        expected.channel_id,
        everyone.cluster_id,
        -expected.small_stratum_factor * expected.share_exposed
        * (everyone.moved - everyone.physicians * expected.rate_unexposed) as deviation
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
        expected.channel_id,
        exposed.cluster_id,
        expected.small_stratum_factor * (
            (1 - expected.share_exposed) * (exposed.moved - exposed.physicians * expected.rate_exposed)
            + expected.share_exposed * (exposed.moved - exposed.physicians * expected.rate_unexposed)
        ) as deviation
    from expected
    inner join exposed_in_period as exposed
        on
            expected.period_type = exposed.period_type
            and expected.period_start = exposed.period_start
            and expected.channel_id = exposed.channel_id
            and expected.stratum = exposed.stratum
),

{# A medical representative's physicians are one cluster: what they share (the representative) must not count as
   many independent observations. #}
by_cluster as (
    select
        period_type,
        period_start,
        channel_id,
        cluster_id,
        sum(deviation) as deviation
    from deviations
    group by period_type, period_start, channel_id, cluster_id
),

spread as (
    select
        period_type,
        period_start,
        channel_id,
        count(*) as n_clusters,
        {#- With fewer representatives nothing can be said about how much they differ. #}
        case
            when count(*) >= max(rule.minimum_clusters)
                then sqrt(sum(deviation * deviation) * count(*) / (count(*) - 1))
        end as deviation
    from by_cluster
    cross join {{ rows_in_force('contrast_rule') }} as rule
    group by period_type, period_start, channel_id
),

compared as (
    select
        standardised.period_type,
        standardised.period_start,
        standardised.period_end,
        standardised.channel_id,
        standardised.n_exposed,
        standardised.n_unexposed,
        standardised.rate_exposed,
        standardised.rate_unexposed,
        spread.n_clusters,
        spread.deviation / standardised.weight as standard_error
    from standardised
    inner join spread
        on
            standardised.period_type = spread.period_type
            and standardised.period_start = spread.period_start
            and standardised.channel_id = spread.channel_id
),

differences as (
    select
        compared.*,
        rate_exposed - rate_unexposed as difference,
        rate_exposed - rate_unexposed - {{ kpi_t('(n_clusters - 1)') }} * standard_error as difference_low,
        rate_exposed - rate_unexposed + {{ kpi_t('(n_clusters - 1)') }} * standard_error as difference_high
    from compared
),

judged as (
    select
        differences.*,
        differences.n_exposed >= rule.minimum_compared and differences.n_unexposed >= rule.minimum_compared as is_enough,
        {{ kpi_judge(
            'difference', 'difference_low', 'difference_high', 'rule.meaningful_difference', 'n_exposed', 'n_unexposed',
            'rule.minimum_compared'
        ) }} as judgement
    from differences
    cross join {{ rows_in_force('contrast_rule') }} as rule
)

select
    period_type,
    period_start,
    period_end,
    channel_id,
    cast(n_exposed as bigint) as n_exposed,
    cast(n_unexposed as bigint) as n_unexposed,
    cast(n_clusters as bigint) as n_clusters,
    case when is_enough then cast(rate_exposed as double) end as rate_exposed,
    case when is_enough then cast(rate_unexposed as double) end as rate_unexposed,
    case when is_enough then cast(difference as double) end as difference,
    case when is_enough then cast(difference_low as double) end as difference_low,
    case when is_enough then cast(difference_high as double) end as difference_high,
    cast({{ kpi_minimum_detectable('difference_low', 'difference_high') }} as double) as minimum_detectable_difference,
    'E2' as evidence_level,
    case judgement
        when 'improved' then 'more_with_exposure'
        when 'worsened' then 'less_with_exposure'
        when 'unchanged' then 'no_difference'
        else 'cannot_tell'
    end as verdict
from judged

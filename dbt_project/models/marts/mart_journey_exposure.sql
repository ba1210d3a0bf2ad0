{#- With fewer representatives nothing can be said about how much they differ. -#}
{%- set least_clusters = 5 -%}
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
        transition.horizon_days = 90
        and transition.is_start_observable
        and transition.is_observed_until_end
        and transition.from_phase_id not in ('P6', 'PX')
        and physician_month.is_target
        and physician_month.is_active
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
    inner join {{ ref('fct_physician_channel_month') }} as contact
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

channels as (
    select distinct channel_id
    from exposed
),

arms as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        channels.channel_id,
        everyone.stratum,
        everyone.cluster_id,
        sum(cast(coalesce(exposed.physicians, 0) as double)) as n_exposed,
        sum(cast(coalesce(exposed.moved, 0) as double)) as moved_exposed,
        sum(cast(everyone.physicians - coalesce(exposed.physicians, 0) as double)) as n_unexposed,
        sum(cast(everyone.moved - coalesce(exposed.moved, 0) as double)) as moved_unexposed
    from {{ ref('mart_period') }} as mart_period
    inner join everyone
        on everyone.outcome_month_start between mart_period.period_start and mart_period.period_end
    cross join channels
    left join exposed
        on
            channels.channel_id = exposed.channel_id
            and everyone.outcome_month_start = exposed.outcome_month_start
            and everyone.stratum = exposed.stratum
            and everyone.cluster_id = exposed.cluster_id
    group by
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        channels.channel_id,
        everyone.stratum,
        everyone.cluster_id
),

{# Mantel-Haenszel weights: only strata with physicians on both sides can be compared. #}
with_stratum as (
    select
        arms.*,
        sum(n_exposed) over (partition by period_type, period_start, channel_id, stratum) as stratum_exposed,
        sum(n_unexposed) over (partition by period_type, period_start, channel_id, stratum) as stratum_unexposed,
        sum(moved_exposed) over (partition by period_type, period_start, channel_id, stratum)
            as stratum_moved_exposed,
        sum(moved_unexposed) over (partition by period_type, period_start, channel_id, stratum)
            as stratum_moved_unexposed
    from arms
),

comparable as (
    select
        with_stratum.*,
        stratum_exposed + stratum_unexposed as stratum_size,
        (stratum_moved_exposed + stratum_moved_unexposed) / (stratum_exposed + stratum_unexposed) as stratum_rate,
        stratum_exposed * stratum_unexposed / (stratum_exposed + stratum_unexposed) as weight,
        stratum_moved_exposed / stratum_exposed as rate_exposed,
        stratum_moved_unexposed / stratum_unexposed as rate_unexposed
    from with_stratum
    where stratum_exposed > 0 and stratum_unexposed > 0
),

with_common_difference as (
    select
        comparable.*,
        sum(weight * (rate_exposed - rate_unexposed) * n_exposed / stratum_exposed)
            over (partition by period_type, period_start, channel_id)
        / sum(weight * n_exposed / stratum_exposed) over (partition by period_type, period_start, channel_id)
            as common_difference
    from comparable
),

{# A medical representative's physicians are one cluster: what they share (the representative) must not count as
   many independent observations. Each cluster's deviation from what its strata and one common difference lead to
   expect. Most strata hold one or two exposed physicians, who fit their own stratum's rate exactly: deviations from
   that would say "no error at all". N / (N - 1) makes up for the rate that each stratum estimates. #}
by_cluster as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        cluster_id,
        sum(n_exposed) as n_exposed,
        sum(n_unexposed) as n_unexposed,
        sum(moved_exposed) as moved_exposed,
        sum(moved_unexposed) as moved_unexposed,
        sum(weight * n_exposed / stratum_exposed) as weight_share,
        sum(weight * rate_exposed * n_exposed / stratum_exposed) as weighted_rate_exposed,
        sum(weight * rate_unexposed * n_exposed / stratum_exposed) as weighted_rate_unexposed,
        sum(
            sqrt(stratum_size / (stratum_size - 1)) * (
                weight / stratum_exposed * (
                    moved_exposed
                    - n_exposed * (stratum_rate + common_difference * stratum_unexposed / stratum_size)
                )
                - weight / stratum_unexposed * (
                    moved_unexposed
                    - n_unexposed * (stratum_rate - common_difference * stratum_exposed / stratum_size)
                )
            )
        ) as deviation
    from with_common_difference
    group by period_type, period_start, period_end, channel_id, cluster_id
),

compared as (
    select
        period_type,
        period_start,
        period_end,
        channel_id,
        sum(n_exposed) as n_exposed,
        sum(n_unexposed) as n_unexposed,
        sum(moved_exposed) as moved_exposed,
        sum(moved_unexposed) as moved_unexposed,
        count(*) as n_clusters,
        sum(weighted_rate_exposed) / sum(weight_share) as rate_exposed,
        sum(weighted_rate_unexposed) / sum(weight_share) as rate_unexposed,
        case
            when count(*) >= {{ least_clusters }}
                then
                    sqrt(sum(deviation * deviation) * count(*) / (count(*) - 1)) / sum(weight_share)
        end as standard_error
    from by_cluster
    group by period_type, period_start, period_end, channel_id
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
        {{ kpi_judge(
            'difference', 'difference_low', 'difference_high', "cast(0.03 as double)", 'n_exposed', 'n_unexposed', '30'
        ) }} as judgement
    from differences
)

select
    period_type,
    period_start,
    period_end,
    channel_id,
    cast(n_exposed as bigint) as n_exposed,
    cast(n_unexposed as bigint) as n_unexposed,
    cast(n_clusters as bigint) as n_clusters,
    case when n_exposed >= 30 and n_unexposed >= 30 then cast(rate_exposed as double) end as rate_exposed,
    case when n_exposed >= 30 and n_unexposed >= 30 then cast(rate_unexposed as double) end as rate_unexposed,
    case when n_exposed >= 30 and n_unexposed >= 30 then cast(difference as double) end as difference,
    case when n_exposed >= 30 and n_unexposed >= 30 then cast(difference_low as double) end as difference_low,
    case when n_exposed >= 30 and n_unexposed >= 30 then cast(difference_high as double) end as difference_high,
    cast({{ kpi_minimum_detectable('difference_low', 'difference_high') }} as double) as minimum_detectable_difference,
    'E2' as evidence_level,
    case judgement
        when 'improved' then 'more_with_exposure'
        when 'worsened' then 'less_with_exposure'
        when 'unchanged' then 'no_difference'
        else 'cannot_tell'
    end as verdict
from judged

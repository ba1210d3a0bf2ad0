{#- Which marts hold KPIs is known only when the registry is read; dbt must know the order of building before. -#}
-- depends_on: {{ ref('mart_channel_quality') }}
-- depends_on: {{ ref('mart_preference_diversity') }}
-- depends_on: {{ ref('mart_channel_fit') }}
-- depends_on: {{ ref('mart_journey') }}
-- depends_on: {{ ref('mart_cx') }}
-- depends_on: {{ ref('mart_cx_detail') }}
-- depends_on: {{ ref('mart_cx_weighted') }}
-- depends_on: {{ ref('mart_contact_burden') }}
-- depends_on: {{ ref('mart_medical_handoff') }}
-- depends_on: {{ ref('mart_story_set') }}
-- depends_on: {{ ref('mart_initiative_planning') }}
-- depends_on: {{ ref('mart_content_portfolio') }}
-- depends_on: {{ ref('mart_content_need') }}
-- depends_on: {{ ref('mart_orchestration') }}
-- depends_on: {{ ref('mart_choice_environment') }}
-- depends_on: {{ ref('mart_need_fit') }}
-- depends_on: {{ ref('mart_mr_strength') }}
-- depends_on: {{ ref('mart_moment') }}
-- depends_on: {{ ref('mart_leadership_case') }}
-- depends_on: {{ ref('mart_medical_access') }}
-- depends_on: {{ ref('mart_patient_contribution') }}
with

counted as (
    {%- if execute %}
    {%- for kpi in kpi_registry() %}
    {{ kpi_cells(kpi) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- endif %}
),

kpi_sources as (
    {%- if execute %}
    {%- for kpi in kpi_registry() %}
    {%- set last_kpi = loop.last %}
    {%- for source_name in kpi.sources + kpi.sources_if_present %}
    select
        {{ kpi_text(kpi.id) }} as kpi_id,
        {{ kpi.version }} as kpi_version,
        {{ kpi_text(source_name) }} as source,
        {{ 'true' if source_name in kpi.sources else 'false' }} as is_needed
    {{ 'union all' if not (loop.last and last_kpi) }}
    {%- endfor %}
    {%- endfor %}
    {%- endif %}
),

{# What the company does not have is no gap in a number that does without it. #}
counting_sources as (
    select
        kpi_sources.kpi_id,
        kpi_sources.kpi_version,
        kpi_sources.source,
        kpi_sources.is_needed and data_trust.last_delivered_on is null as is_lacking,
        data_trust.last_delivered_on,
        data_trust.covered_until,
        data_trust.rows_matched,
        data_trust.rows_to_match
    from kpi_sources
    left join {{ ref('mart_data_trust') }} as data_trust
        on kpi_sources.source = data_trust.source
    where kpi_sources.is_needed or data_trust.is_expected
),

{# A source has arrived for a period when something was delivered that can contain the period's end: for a log not
   before it, for a master young enough by its own promise. Without a source that it needs there is no number. #}
trust as (
    select
        counting_sources.kpi_id,
        counting_sources.kpi_version,
        mart_period.period_type,
        mart_period.period_start,
        case
            when max(case when counting_sources.is_lacking then 1 else 0 end) = 1 then cast(0 as double)
            else
                {{ kpi_rate(
                    'sum(case when counting_sources.covered_until >= mart_period.period_end then 1 else 0 end)',
                    'count(*)'
                ) }}
        end as share_arrived,
        {{ kpi_rate('sum(counting_sources.rows_matched)', 'sum(counting_sources.rows_to_match)') }} as share_matched,
        case
            when max(case when counting_sources.is_lacking then 1 else 0 end) = 0
                then min(counting_sources.last_delivered_on)
        end as delivered_until,
        {{ dbt.listagg(
            "case when counting_sources.covered_until is null"
            ~ " or counting_sources.covered_until < mart_period.period_end then counting_sources.source end",
            "';'",
            "order by counting_sources.source"
        ) }} as sources_not_arrived
    from counting_sources
    cross join {{ ref('mart_period') }} as mart_period
    group by
        counting_sources.kpi_id,
        counting_sources.kpi_version,
        mart_period.period_type,
        mart_period.period_start
),

{# Of all links together: a quarter's sample is too small to say it of each number's sources. #}
links as (
    select
        max(case when data_trust.source is null then data_trust.n_links_false end) as n_false,
        max(case when data_trust.source is null then data_trust.n_links_checked end) as n_checked,
        max(rule.min_links_checked) as min_checked,
        max(rule.max_false_rate) as max_false_rate
    from {{ rows_in_force('link_review_rule') }} as rule
    cross join {{ ref('mart_data_trust') }} as data_trust
),

trusted as (
    select
        counted.*,
        mart_period.previous_period_start,
        trust.delivered_until,
        trust.sources_not_arrived,
        {{ kpi_trust_mark('trust.share_arrived', 1, 0.5) }} as trust_arrival,
        {{ kpi_trust_linkage('trust.share_matched', 'links') }} as trust_linkage
    from counted
    cross join links
    inner join {{ ref('mart_period') }} as mart_period
        on
            counted.period_type = mart_period.period_type
            and counted.period_start = mart_period.period_start
    left join trust
        on
            counted.kpi_id = trust.kpi_id
            and counted.kpi_version = trust.kpi_version
            and counted.period_type = trust.period_type
            and counted.period_start = trust.period_start
),

displayed as (
    select
        trusted.*,
        {{ kpi_trust_count() }} as trust_count,
        {{ kpi_display_state() }} as display_state,
        {{ kpi_display_reason() }} as reason
    from trusted
),

with_previous as (
    select
        displayed.*,
        case when display_state in ('shown', 'reference') then 1 else 0 end as has_value,
        lag(period_start) over series as earlier_start,
        lag(display_state) over series as earlier_state,
        lag(trust_arrival) over series as earlier_arrival,
        lag(sample) over series as earlier_sample,
        lag(numerator) over series as earlier_numerator,
        lag(value) over series as earlier_value,
        lag(ci_low) over series as earlier_low,
        lag(ci_high) over series as earlier_high
    from displayed
    window series as (
        partition by
            kpi_id, kpi_version, period_type, scope_type, scope_id, channel_id, product_id, phase_id, breakdown
        order by period_start
    )
),

comparable as (
    select
        with_previous.*,
        coalesce(
            direction <> 'neutral'
            and display_state = 'shown'
            and earlier_state = 'shown'
            and trust_arrival = 'enough'
            and earlier_arrival = 'enough'
            and earlier_start = previous_period_start,
            false
        ) as is_comparable,
        coalesce(
            earlier_start = previous_period_start and earlier_state in ('shown', 'reference'), false
        ) as has_earlier_value
    from with_previous
),

differences as (
    select
        comparable.*,
        case when is_comparable then value - earlier_value end as difference,
        case when is_comparable then {{ kpi_difference_low('value', 'ci_low', 'earlier_value', 'earlier_high') }} end
            as difference_low,
        case when is_comparable then {{ kpi_difference_high('value', 'ci_high', 'earlier_value', 'earlier_low') }} end
            as difference_high
    from comparable
),

turned as (
    select
        differences.*,
        case when direction = 'lower_better' then -difference else difference end as improvement,
        case when direction = 'lower_better' then -difference_high else difference_low end as improvement_low,
        case when direction = 'lower_better' then -difference_low else difference_high end as improvement_high
    from differences
),

judged as (
    select
        turned.*,
        case
            when direction <> 'neutral'
                then {{ kpi_judge(
                    'improvement', 'improvement_low', 'improvement_high', 'meaningful_difference',
                    'sample', 'earlier_sample', '30'
                ) }}
        end as verdict
    from turned
)

select
    kpi_id,
    cast(kpi_version as integer) as kpi_version,
    period_type,
    period_start,
    period_end,
    scope_type,
    scope_id,
    channel_id,
    product_id,
    phase_id,
    breakdown,
    case when display_state in ('shown', 'reference', 'counts_only') then numerator end as numerator,
    case when display_state in ('shown', 'reference', 'counts_only') then sample end as denominator,
    case when has_value = 1 then value end as value,
    case when has_value = 1 then ci_low end as ci_low,
    case when has_value = 1 then ci_high end as ci_high,
    n_physicians,
    evidence_level,
    verdict,
    case
        when verdict is null then null
        when verdict = 'improved' then '偶然では説明しにくい、意味のある差でした'
        when verdict = 'worsened' then '偶然では説明しにくい、意味のある差でした'
        when verdict = 'unchanged' then '差があっても、意味のある大きさには届きません'
        when display_state <> 'shown' then 'この期間の数が足りないため、比べられません'
        when earlier_start is null or earlier_start <> previous_period_start then '比べる前の期間の記録がありません'
        when earlier_state <> 'shown' then '前の期間の数が足りないため、比べられません'
        when trust_arrival <> 'enough' or earlier_arrival <> 'enough'
            then '届いていない記録があるため、比べられません'
        when coalesce(sample, 0) < 30 or coalesce(earlier_sample, 0) < 30
            then '比べるには、両方の期間に30以上が必要です'
        else 'この差は偶然でも起こります'
    end as verdict_reason,
    case when has_earlier_value then earlier_value end as previous_value,
    case when has_earlier_value then earlier_numerator end as previous_numerator,
    case when has_earlier_value then earlier_sample end as previous_denominator,
    difference,
    difference_low,
    difference_high,
    {{ kpi_minimum_detectable('difference_low', 'difference_high') }} as minimum_detectable_difference,
    display_state,
    reason,
    trust_arrival,
    trust_linkage,
    trust_count,
    delivered_until,
    sources_not_arrived,
    {{ as_of() }} as as_of,
    '{{ var("config_version") }}' as config_version,
    '{{ var("release_id") }}' as release_id
from judged

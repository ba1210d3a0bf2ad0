{%- set fields = ['months_from_start', 'n_treated', 'n_control', 'effect', 'effect_low', 'effect_high'] -%}
with

{# What a subject is shown with in its own mart decides what its windows may show. #}
subject as (
    select
        'initiative' as subject_type,
        readout.initiative_id as subject_id,
        cast(null as {{ dbt.type_string() }}) as segment_id,
        cast(null as {{ dbt.type_string() }}) as segment_name,
        readout.design,
        readout.n_treated_suppressed,
        readout.benefit_per_100 is not null as is_subject_compared,
        readout.n_treated as n_treated_of_effect,
        readout.n_control as n_control_of_effect,
        readout.n_assigned_treated,
        readout.n_assigned_control,
        readout.meaningful_per_100,
        readout.evidence_level,
        readout.rule_version
    from {{ ref('mart_pilot_readout') }} as readout
    union all
    select
        'channel' as subject_type,
        necessity.channel_id as subject_id,
        necessity.segment_id,
        necessity.segment_name,
        necessity.design,
        necessity.n_physicians_suppressed as n_treated_suppressed,
        necessity.benefit_per_100 is not null as is_subject_compared,
        necessity.n_treated as n_treated_of_effect,
        necessity.n_control as n_control_of_effect,
        cast(null as bigint) as n_assigned_treated,
        cast(null as bigint) as n_assigned_control,
        necessity.meaningful_per_100,
        necessity.evidence_level,
        necessity.rule_version
    from {{ ref('mart_necessity') }} as necessity
),

recorded as (
    select
        'initiative' as subject_type,
        one.initiative_id as subject_id,
        cast(null as {{ dbt.type_string() }}) as segment_id,
        {%- for field in fields %}
        {{ field_of('one.record', field) }} as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ each_record(source('estimates', 'pilot_readout'), ['initiative_id'], 'periods') }} as one
    union all
    select
        'channel' as subject_type,
        one.channel_id as subject_id,
        one.segment_id,
        {%- for field in fields %}
        {{ field_of('one.record', field) }} as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ each_record(source('estimates', 'necessity'), ['channel_id', 'segment_id'], 'periods') }} as one
),

{# Four on a side of one window are a few people, whoever else the subject has. #}
protected as (
    select
        subject.*,
        recorded.months_from_start,
        recorded.n_treated,
        recorded.n_control,
        recorded.effect,
        recorded.effect_low,
        recorded.effect_high,
        subject.n_treated_suppressed
        or recorded.n_treated between 1 and {{ kpi_minimum_cell() }} - 1
        or recorded.n_control between 1 and {{ kpi_minimum_cell() }} - 1 as is_suppressed
    from recorded
    inner join subject
        on
            recorded.subject_type = subject.subject_type
            and recorded.subject_id = subject.subject_id
            and coalesce(recorded.segment_id, '') = coalesce(subject.segment_id, '')
),

{# Windows that differ by a few physicians, or from those assigned, would tell of the few: such a count is left out,
   unless it is that of the effect, which its own mart shows. #}
counted as (
    select
        protected.*,
        {%- for side in ['treated', 'control'] %}
        coalesce(protected.n_{{ side }} = protected.n_{{ side }}_of_effect, false)
        or (
            count(*) over (
                partition by protected.subject_type, protected.subject_id, protected.segment_id
                order by protected.n_{{ side }}
                range between {{ kpi_minimum_cell() }} - 1 preceding and 1 preceding
            ) = 0
            and count(*) over (
                partition by protected.subject_type, protected.subject_id, protected.segment_id
                order by protected.n_{{ side }}
                range between 1 following and {{ kpi_minimum_cell() }} - 1 following
            ) = 0
            and not coalesce(
                abs(protected.n_assigned_{{ side }} - protected.n_{{ side }}) between 1
                and {{ kpi_minimum_cell() }} - 1,
                false
            )
        ) as is_n_{{ side }}_shown,
        {%- endfor %}
        coalesce(
            not protected.is_suppressed
            and protected.is_subject_compared
            and protected.n_treated >= rule.minimum_compared
            and protected.n_control >= rule.minimum_compared,
            false
        ) as is_compared
    from protected
    cross join {{ rows_in_force('contrast_rule') }} as rule
)

select
    subject_type,
    subject_id,
    segment_id,
    segment_name,
    design,
    cast(months_from_start as bigint) as months_from_start,
    months_from_start < 0 as is_before,
    is_suppressed as n_treated_suppressed,
    cast(case when not is_suppressed and is_n_treated_shown then n_treated end as bigint) as n_treated,
    cast(case when not is_suppressed and is_n_control_shown then n_control end as bigint) as n_control,
    case when is_compared then 100 * effect end as difference_per_100,
    case when is_compared then 100 * effect_low end as difference_low_per_100,
    case when is_compared then 100 * effect_high end as difference_high_per_100,
    meaningful_per_100,
    case when is_compared then evidence_level else 'E1' end as evidence_level,
    rule_version
from counted

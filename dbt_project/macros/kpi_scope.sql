{#-
    Whose number it is. Numbers are counted for the company, each branch, office and medical representative in one
    pass with grouping sets over branch_id, office_id and employee_key: the physician's assignment at the end of the
    period, so that every physician stands in exactly one office, and an office's sum is the sum of its people.
-#}

{#-
    Grouping sets: `columns` at every level. Without `with_mr` no row per medical representative is made; with
    `with_segment` there is one per segment_id, over the whole company, and one for each value of `segment_split` in it.
-#}
{% macro kpi_scope_sets(columns, with_mr=true, with_segment=false, segment_split=none) -%}
    {%- set shared = columns | join(', ') -%}
    grouping sets (
        ({{ shared }}),
        ({{ shared }}, branch_id),
        ({{ shared }}, office_id)
        {%- if with_mr %},
        ({{ shared }}, employee_key)
        {%- endif %}
        {%- if with_segment %},
        ({{ shared }}, segment_id)
        {%- endif %}
        {%- if segment_split %},
        ({{ shared }}, segment_id, {{ segment_split }})
        {%- endif %}
    )
{%- endmacro %}

{#- The columns that name the scope, for a select grouped by kpi_scope_sets. parent_scope_id holds the siblings together. -#}
{% macro kpi_scope_columns(with_mr=true, with_segment=false) -%}
    case
        {%- if with_segment %}
        when grouping(segment_id) = 0 then 'segment'
        {%- endif %}
        {%- if with_mr %}
        when grouping(employee_key) = 0 then 'mr'
        {%- endif %}
        when grouping(office_id) = 0 then 'office'
        when grouping(branch_id) = 0 then 'branch'
        else 'company'
    end as scope_type,
    case
        {%- if with_segment %}
        when grouping(segment_id) = 0 then segment_id
        {%- endif %}
        {%- if with_mr %}
        when grouping(employee_key) = 0 then employee_key
        {%- endif %}
        when grouping(office_id) = 0 then office_id
        when grouping(branch_id) = 0 then branch_id
        else 'company'
    end as scope_id,
    case
        {%- if with_segment %}
        when grouping(segment_id) = 0 then 'company'
        {%- endif %}
        {%- if with_mr %}
        when grouping(employee_key) = 0 then max(office_id)
        {%- endif %}
        when grouping(office_id) = 0 then max(branch_id)
        else 'company'
    end as parent_scope_id
{%- endmacro %}

{#- A physician's segment: what he treats, and whether at a hospital or in his own practice. -#}
{% macro kpi_segment_id(physician) -%}
    coalesce({{ physician }}.specialty_group, 'unknown') || '|' || coalesce({{ physician }}.practice_type, 'unknown')
{%- endmacro %}

{#- Who is a medical representative at the end of a period: `keys` of the relation `periods`, and employee_key. -#}
{% macro kpi_mrs_in_post(periods, keys) -%}
    select distinct
        {%- for key in keys %}
        period.{{ key }},
        {%- endfor %}
        employee.employee_key
    from {{ periods }} as period
    inner join {{ ref('dim_employee') }} as employee
        on period.period_end >= employee.valid_from and period.period_end < employee.valid_to
    where employee.role = 'MR' and coalesce(employee.is_active, true)
{%- endmacro %}

{#-
    Channels of Medical. What a physician asks Medical, and whom Medical visits, is counted in mart_medical_handoff
    only, without content: it never stands beside promotional contacts, where it could become a target (R10).
-#}
{% macro kpi_medical_channels() -%}
    ('medical_inquiry', 'msl_visit')
{%- endmacro %}

{#-
    Channels among which a physician can choose how to be informed: a fixed list, so that the spread of choices does
    not grow when a channel is used for the first time. Asking the call centre or Medical is no such choice.
-#}
{% macro kpi_unchoosable_channels() -%}
    ('call_centre', 'medical_inquiry', 'msl_visit')
{%- endmacro %}

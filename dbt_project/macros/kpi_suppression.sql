{#-
    Small groups are not published (H7), decided once, here. Ends a mart: `with …, {{ kpi_protected(...) }} select …`.

    cells      name of the CTE with the counted cells: scope_type, scope_id, parent_scope_id, the period and the
               breakdown columns, the counts of physicians and the measures
    keys       period and breakdown columns that, with the scope, name a cell
    bases      {column with a count of physicians: [measures that are nulled with it]}
    additive   a breakdown whose cells add up to a published total within one scope (phase_id, product_id), or none

    Emits the CTE `protected` with the same columns, the small ones nulled, and per base a boolean
    `<base>_suppressed`. A cell of 1 to 4 physicians is suppressed. A cell of nobody is no disclosure and stays.
    Complementary: where exactly one of the cells that make up a published sum is suppressed (the children of one
    office, branch or company; the cells of an additive breakdown), the next smallest is suppressed too, so that it
    cannot be found by subtraction. Children are looked at again after the breakdown, because the second look can
    leave a lone one behind.
-#}
{#- Sorts cells by size, ties by name, as one text, so that all bases share one pass over each set of siblings. -#}
{% macro kpi_size_order(base, additive) -%}
    lpad(cast(cast({{ base }} as bigint) as {{ dbt.type_string() }}), 12, '0') || scope_id
    {%- if additive %} || coalesce({{ additive }}, ''){% endif %}
{%- endmacro %}

{% macro kpi_minimum_cell() -%} 5 {%- endmacro %}

{% macro kpi_protected(cells, keys, bases, additive=none) %}
    {%- set children = ['scope_type', 'parent_scope_id'] + keys -%}
    {%- set looks = [children] -%}
    {%- if additive -%}
        {%- set parts = ['scope_type', 'scope_id'] + (keys | reject('equalto', additive) | list)
            + ['case when ' ~ additive ~ ' is null then 0 else 1 end'] -%}
        {%- set looks = [children, parts, children] -%}
    {%- endif %}
    protection_0 as (
        select
            {{ cells }}.*,
            {%- for base in bases %}
            coalesce({{ base }} between 1 and {{ kpi_minimum_cell() }} - 1, false) as {{ base }}_suppressed_0
            {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ cells }}
    ),
    {%- for look in looks %}
    {%- set before = loop.index0 %}
    protection_{{ loop.index }} as (
        select
            looked_at.*,
            {%- for base in bases %}
            (
                {{ base }}_suppressed_{{ before }}
                or coalesce({{ base }}_lone_{{ before }} = 1 and {{ base }}_order_{{ before }} = {{ base }}_next_{{ before }}, false)
            ) as {{ base }}_suppressed_{{ before + 1 }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            select
                ordered.*,
                {%- for base in bases %}
                sum(case when {{ base }}_suppressed_{{ before }} then 1 else 0 end)
                    over (partition by {{ look | join(', ') }}) as {{ base }}_lone_{{ before }},
                min({{ base }}_order_{{ before }})
                    over (partition by {{ look | join(', ') }}) as {{ base }}_next_{{ before }}
                {{- ',' if not loop.last }}
                {%- endfor %}
            from (
                select
                    protection_{{ before }}.*,
                    {%- for base in bases %}
                    case
                        when {{ base }} > 0 and not {{ base }}_suppressed_{{ before }}
                            then {{ kpi_size_order(base, additive) }}
                    end as {{ base }}_order_{{ before }}
                    {{- ',' if not loop.last }}
                    {%- endfor %}
                from protection_{{ before }}
            ) as ordered
        ) as looked_at
    ),
    {%- endfor %}
    protected as (
        select
            scope_type,
            scope_id,
            parent_scope_id,
            {{ keys | join(', ') }}
            {%- for base, measures in bases.items() %}
            {%- set flag = base ~ '_suppressed_' ~ (looks | length) %},
            case when {{ flag }} then null else {{ base }} end as {{ base }},
            {{ flag }} as {{ base }}_suppressed
            {%- for measure in measures %},
            case when {{ flag }} then null else {{ measure }} end as {{ measure }}
            {%- endfor %}
            {%- endfor %}
        from protection_{{ looks | length }}
    )
{%- endmacro %}

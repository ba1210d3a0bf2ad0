{#- The rows of a versioned seed that are in force: those of the highest version. -#}
{% macro rows_in_force(seed) -%}
    (
        select *
        from {{ ref(seed) }}
        where rule_version = (select max(rule_version) from {{ ref(seed) }})
    )
{%- endmacro %}

{#- The rows of a versioned seed that are in force: those of the highest version. A version is a name and a number
    without leading zeros: of one name the longer text has the higher number. -#}
{% macro rows_in_force(seed) -%}
    (
        select *
        from {{ ref(seed) }}
        where rule_version = (
            select rule_version from {{ ref(seed) }}
            order by length(rule_version) desc, rule_version desc
            limit 1
        )
    )
{%- endmacro %}

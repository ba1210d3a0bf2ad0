{#-
    A number of a rule's newest version, at the time the SQL is written. Only for places where SQL takes literals,
    such as the frame of a window; elsewhere join the seed.
-#}
{% macro rule_number(seed, column) -%}
    {%- if execute -%}
        {%- set found = run_query(
            'select ' ~ column ~ ' from ' ~ ref(seed) ~ ' order by rule_version desc limit 1'
        ) -%}
        {{ return(found.columns[0].values()[0] | int) }}
    {%- endif -%}
    {{ return(1) }}
{%- endmacro %}

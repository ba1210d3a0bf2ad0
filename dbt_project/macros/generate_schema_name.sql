{#- A layer's schema is named after the layer, whoever builds it: readers query core.fct_touchpoint. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{#- The first group of a pattern in a text, null where it does not match. -#}
{% macro text_match(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

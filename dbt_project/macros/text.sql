{#- The first group of a pattern in a text, null where it does not match. -#}
{% macro text_match(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{#- How many entries a list written by people has: separated by ; （；） or a comma of either width; null for none. -#}
{% macro listed_count(list) -%}
    {%- set plain = "replace(replace(replace(replace(replace(" ~ list ~ ", '；', ';'), '、', ';'), ',', ';'), ' ', ''), '　', '')" -%}
    case
        when nullif({{ plain }}, '') is not null
            then length({{ plain }}) - length(replace({{ plain }}, ';', '')) + 1
                - case when {{ plain }} like '%;' then 1 else 0 end
    end
{%- endmacro %}

{#- The first group of a pattern in a text, null where it does not match. -#}
{% macro text_match(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{#- A list written by people with one separator, ;, and no blanks: they write ; （；） or a comma of either width. -#}
{% macro plain_list(list) -%}
    replace(replace(replace(replace(replace({{ list }}, '；', ';'), '、', ';'), ',', ';'), ' ', ''), '　', '')
{%- endmacro %}

{#- How many entries a list written by people has; null for none. -#}
{% macro listed_count(list) -%}
    {%- set plain = plain_list(list) -%}
    case
        when nullif({{ plain }}, '') is not null
            then length({{ plain }}) - length(replace({{ plain }}, ';', '')) + 1
                - case when {{ plain }} like '%;' then 1 else 0 end
    end
{%- endmacro %}

{#-
    Whether a text seems to name a person: kanji or katakana directly before 先生 or 医師 (佐藤先生). 担当の先生 and A先生 do
    not; 担当先生 does, and is held back until somebody writes it differently.
-#}
{% macro seems_to_name_somebody(text) -%}
    coalesce({{ text_match(text, '([一-龥々﨑ァ-ヶー](先生|医師))') }} is not null, false)
{%- endmacro %}

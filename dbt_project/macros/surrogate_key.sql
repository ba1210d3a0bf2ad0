{#-
    One text key of twelve letters and digits from several expressions: the first 72 bits of the md5 over their
    texts, with nulls told apart from empty text. Twelve bytes, because DuckDB keeps text up to that length
    beside its row and follows a pointer for anything longer: sorts, joins and what goes to disk shrink by a
    third against 32 hexadecimal digits. Among 100 million keys two are the same once in about a million builds,
    and the key's test would find them. No engine's own function is used, only casts and standard ones.
-#}
{% macro surrogate_key(expressions) -%}
    {#- Of two ways that give the same text, each step is the faster: concat_ws and not ||, replace and not translate. -#}
    replace(replace(base64(unhex(substr(md5(concat_ws('|'
    {%- for expression in expressions %},
        coalesce(cast({{ expression }} as {{ dbt.type_string() }}), '~')
    {%- endfor %}
    )), 1, 18))), '+', 'A'), '/', 'a')
{%- endmacro %}

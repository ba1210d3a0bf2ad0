{#-
    One text key from several expressions: md5 over their texts, with nulls told apart from empty text. The same
    on every engine, because it uses nothing but casts, concatenation and md5.
-#}
{% macro surrogate_key(expressions) -%}
    md5(
    {%- for expression in expressions %}
        coalesce(cast({{ expression }} as {{ dbt.type_string() }}), '~')
        {%- if not loop.last %} || '|' ||{% endif %}
    {%- endfor %}
    )
{%- endmacro %}

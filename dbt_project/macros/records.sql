{#- Lists of records that an estimator left in a column, once per engine. -#}

{#- The rows of a table, one for each record of its list `column`; the record is called `record`. -#}
{% macro each_record(relation, keys, column) -%}
    (select {{ keys | join(', ') }}, {{ each_of(column) }} as record from {{ relation }})
{%- endmacro %}

{% macro each_of(column) -%}
    {{ return(adapter.dispatch('each_of')(column)) }}
{%- endmacro %}

{% macro default__each_of(column) -%}
    unnest({{ column }})
{%- endmacro %}

{% macro spark__each_of(column) -%}
    explode({{ column }})
{%- endmacro %}

{#- One field of a record. -#}
{% macro field_of(record, field) -%}
    {{ return(adapter.dispatch('field_of')(record, field)) }}
{%- endmacro %}

{% macro default__field_of(record, field) -%}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}

{% macro spark__field_of(record, field) -%}
    {{ record }}.{{ field }}
{%- endmacro %}

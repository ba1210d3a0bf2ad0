{#- Keys of people and places: every model that names one says it with the same words. -#}

{% macro physician_key(code) -%}
    {{ surrogate_key(["'physician'", code]) }}
{%- endmacro %}

{% macro facility_key(code) -%}
    {{ surrogate_key(["'facility'", code]) }}
{%- endmacro %}

{% macro organization_key(level, id) -%}
    {{ surrogate_key(["'organization'", level, id]) }}
{%- endmacro %}

{#- The event contract's key: the same record landed again has the same key. -#}
{% macro touchpoint_key(source, source_record_id, physician_reference, product_or_topic) -%}
    {{ surrogate_key([source, source_record_id, physician_reference, product_or_topic]) }}
{%- endmacro %}

{#- The same content has the same key on every channel. -#}
{% macro content_key(content_id) -%}
    case when {{ content_id }} is not null then {{ surrogate_key(["'content'", content_id]) }} end
{%- endmacro %}

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

{#- A link of a reference to a physician for a stretch of time, as a person can be asked about it: begins with a letter,
    so that no spreadsheet takes it for a number. -#}
{% macro link_id(source, reference_type, reference, valid_from, physician_key) -%}
    'L' || {{ surrogate_key([source, reference_type, reference, valid_from, physician_key]) }}
{%- endmacro %}

{#- The same content has the same key on every channel. -#}
{% macro content_key(content_id) -%}
    case when {{ content_id }} is not null then {{ surrogate_key(["'content'", content_id]) }} end
{%- endmacro %}

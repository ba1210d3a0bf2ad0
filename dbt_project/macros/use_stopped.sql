{#-
    Whether a row may not be used any more (reject reason `use_stopped`): it calls its physician by a reference of one
    whose data may not be used, and no other physician is known behind that reference on that day. So a row under an
    address that was handed on stays with the one it now belongs to; one under an address that two share goes.

    physician_key  whom int_identity or int_account knows behind the row's reference: never a stopped physician
    stopped        int_stopped_reference, left-joined by the row's kind of reference and reference
-#}
{% macro is_use_stopped(physician_key, stopped='stopped') -%}
    {{ stopped }}.reference is not null and {{ physician_key }} is null
{%- endmacro %}

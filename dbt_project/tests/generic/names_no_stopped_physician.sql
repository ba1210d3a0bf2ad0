{#- Rows without a physician whose reference is one of a physician whose data may not be used any more: an adapter
    that does not ask is_use_stopped leaves them. Those with his key the audit looks for, in every table. -#}
{% test names_no_stopped_physician(model, reference_type, reference) %}
select named.{{ reference }}
from {{ model }} as named
inner join {{ ref('int_stopped_reference') }} as stopped
    on named.{{ reference_type }} = stopped.reference_type and named.{{ reference }} = stopped.reference
where named.physician_key is null
{% endtest %}

{#-
    What every adapter emits, in this order: the source's side of the touchpoint event contract. The union adds
    what is the same for every channel: who the physician and the employee are, where they were, and consent.
-#}
{% macro touchpoint_event_columns() %}
        touchpoint_key,
        source,
        source_record_id,
        batch_id,
        occurred_at,
        occurred_on,
        time_precision,
        visible_at,
        physician_reference,
        physician_reference_type,
        user_id,
        channel_id,
        direction,
        initiator,
        is_orchestrated,
        follows_touchpoint_key,
        depth,
        product_id,
        topic_id,
        content_id,
        info_class,
        is_planned,
        routed_to_medical,
        duration_seconds,
        attributes
{%- endmacro %}

{#-
    The topic as far as it may be told: what lies beyond the label is Medical's, whoever wrote it down. The contact
    counts, its topic is null. Expects the seed topic joined as `topic`.
-#}
{% macro told_topic(topic_id) -%}
    case when not coalesce(topic.is_off_label, false) then {{ topic_id }} end
{%- endmacro %}

{#-
    Contacts of known physicians, Medical's left out: `columns` of fct_touchpoint, what `named` computes from its row
    (name → SQL over `touchpoint`), and is_mr_contact: a representative was in touch, not only sent something.
-#}
{% macro contacts_without_medical(columns, named={}) -%}
    select
        {%- for column in columns %}
        touchpoint.{{ column }},
        {%- endfor %}
        {%- for name, rule in named.items() %}
        {{ rule }} as {{ name }},
        {%- endfor %}
        channel.is_mr_channel and touchpoint.initiator = 'mr' and touchpoint.depth >= 1 as is_mr_contact
    from {{ ref('fct_touchpoint') }} as touchpoint
    inner join {{ ref('dim_channel') }} as channel
        on touchpoint.channel_id = channel.channel_id
    where
        touchpoint.physician_key is not null
        and touchpoint.initiator <> 'medical'
        and touchpoint.channel_id not in {{ kpi_medical_channels() }}
        and touchpoint.occurred_on <= {{ as_of() }}
{%- endmacro %}

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

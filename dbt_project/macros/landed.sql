{#-
    When the contents of a source were delivered, as of the build: one row per landed batch with its latest
    delivery by as_of, or, for pictures, one row per delivery. The same content may be delivered again, and what
    comes after as_of must not move what came before.
-#}
{% macro deliveries(source_name=none, each=false) %}
    select
        sighting.batch_id,
        sighting.landing_id,
        sighting.source,
        max(sighting.file_name) as file_name,
        {{ 'sighting.delivered_at' if each else 'max(sighting.delivered_at)' }} as delivered_at,
        {{ 'sighting.delivered_on' if each else 'max(sighting.delivered_on)' }} as delivered_on
    from {{ source('ledger', 'sighting') }} as sighting
    inner join {{ source('ledger', 'batch') }} as batch
        on sighting.landing_id = batch.landing_id
    where
        batch.state = 'landed'
        and sighting.delivered_on <= {{ as_of() }}
        {%- if source_name %}
        and sighting.source = '{{ source_name }}'
        {%- endif %}
    group by
        sighting.batch_id,
        sighting.landing_id,
        sighting.source{% if each %},
        sighting.delivered_at,
        sighting.delivered_on{% endif %}
{%- endmacro %}

{#-
    The rows of a source that count as of the build's as_of, by the source's declared way of superseding.

    kind      append          every row of every landed batch
              snapshot        as append, once per delivery; each is a whole picture, told apart by batch_delivered_on
              latest_by_key   per key the row with the greatest order_by
              replace_period  per key (a file-level column such as the vendor and period) the last delivered batch
    key       columns that name the record, or the period
    order_by  the source's own version column (latest_by_key)

    The order is total (order_by, delivered_at, file name, landing_id, row number), so arrival order never shows.
    Adds batch_id, landing_id, row_number, batch_delivered_at (timestamptz) and batch_delivered_on to the source's
    columns, and recency (1 for the row that counts).
-#}
{% macro landed(source_name, kind='append', key=[], order_by=none) %}
    select
        source_row.*,
        delivery.batch_id,
        delivery.landing_id,
        source_row._row_number as row_number,
        {{ from_tokyo('delivery.delivered_at') }} as batch_delivered_at,
        delivery.delivered_on as batch_delivered_on
    {%- if kind == 'latest_by_key' %},
        row_number() over (
            partition by {% for column in key %}source_row.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by
                source_row.{{ order_by }} desc nulls last,
                delivery.delivered_at desc,
                delivery.file_name desc,
                delivery.landing_id desc,
                source_row._row_number desc
        ) as recency
    {%- elif kind == 'replace_period' %},
        dense_rank() over (
            partition by {% for column in key %}source_row.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by delivery.delivered_at desc, delivery.file_name desc, delivery.landing_id desc
        ) as recency
    {%- elif kind in ('append', 'snapshot') %},
        1 as recency
    {%- else %}
        {{ exceptions.raise_compiler_error("landed(): unknown kind '" ~ kind ~ "' for source " ~ source_name) }}
    {%- endif %}
    from {{ source('lake', source_name) }} as source_row
    inner join (
        {{ deliveries(source_name, each=(kind == 'snapshot')) | indent(4) }}
    ) as delivery
        on source_row._landing_id = delivery.landing_id
{%- endmacro %}

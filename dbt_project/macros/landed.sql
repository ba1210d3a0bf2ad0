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
        {{ 'sighting.delivered_on' if each else 'max(sighting.delivered_on)' }} as delivered_on,
        min(sighting.delivered_at) as first_delivered_at
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
    columns, recency (1 for the row that counts), and first_delivered_at (timestamptz): when the row's content first
    came, for latest_by_key when the record first came in any version.
-#}
{% macro landed(source_name, kind='append', key=[], order_by=none) %}
    {%- if kind not in ('append', 'snapshot', 'latest_by_key', 'replace_period') %}
        {{ exceptions.raise_compiler_error("landed(): unknown kind '" ~ kind ~ "' for source " ~ source_name) }}
    {%- endif %}
    {%- set keys = [] %}
    {%- for column in key %}{% do keys.append('source_row.' ~ column) %}{% endfor %}
    {%- set keys = keys | join(', ') %}
    select
        source_row.*,
        delivery.batch_id,
        delivery.landing_id,
        source_row._row_number as row_number,
        {{ from_tokyo('delivery.delivered_at') }} as batch_delivered_at,
        delivery.delivered_on as batch_delivered_on,
        {{ from_tokyo('coalesce(ranked.first_delivered_at, delivery.first_delivered_at)' if kind == 'latest_by_key' else 'delivery.first_delivered_at') }} as first_delivered_at,
        {{ 'coalesce(ranked.recency, 1)' if kind == 'latest_by_key' else 'ranked.recency' if kind == 'replace_period' else '1' }} as recency
    from {{ source('lake', source_name) }} as source_row
    inner join (
        {{ deliveries(source_name, each=(kind == 'snapshot')) | indent(4) }}
    ) as delivery
        on source_row._landing_id = delivery.landing_id
    {%- if kind == 'latest_by_key' %}
    {#- Most records come once. Only those that came again are ranked, and only by what decides. #}
    left join (
        select
            source_row._landing_id,
            source_row._row_number,
            row_number() over (
                partition by {{ keys }}
                order by
                    source_row.{{ order_by }} desc nulls last,
                    delivery.delivered_at desc,
                    delivery.file_name desc,
                    delivery.landing_id desc,
                    source_row._row_number desc
            ) as recency,
            min(delivery.first_delivered_at) over (partition by {{ keys }}) as first_delivered_at
        from {{ source('lake', source_name) }} as source_row
        inner join (
            {{ deliveries(source_name) | indent(8) }}
        ) as delivery
            on source_row._landing_id = delivery.landing_id
        inner join (
            select {{ keys }}
            from {{ source('lake', source_name) }} as source_row
            group by {{ keys }}
            having count(*) > 1
        ) as repeated
            on {% for column in key %}source_row.{{ column }} is not distinct from repeated.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    ) as ranked
        on source_row._landing_id = ranked._landing_id and source_row._row_number = ranked._row_number
    {%- elif kind == 'replace_period' %}
    {#- A file is of one period, so files are ranked, not rows. #}
    inner join (
        select
            period_of_file._landing_id,
            {%- for column in key %}
            period_of_file.{{ column }},
            {%- endfor %}
            row_number() over (
                partition by {% for column in key %}period_of_file.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
                order by delivery.delivered_at desc, delivery.file_name desc, delivery.landing_id desc
            ) as recency
        from (
            select distinct source_row._landing_id, {{ keys }}
            from {{ source('lake', source_name) }} as source_row
        ) as period_of_file
        inner join (
            {{ deliveries(source_name) | indent(8) }}
        ) as delivery
            on period_of_file._landing_id = delivery.landing_id
    ) as ranked
        on
            source_row._landing_id = ranked._landing_id
            {%- for column in key %}
            and source_row.{{ column }} is not distinct from ranked.{{ column }}
            {%- endfor %}
    {%- endif %}
{%- endmacro %}

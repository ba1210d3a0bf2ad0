{#-
    The rows of a source that count as of the build's as_of, by the source's declared way of superseding.

    kind      append          every row of every landed batch
              snapshot        as append; each file is a whole picture, told apart by batch_delivered_on
              latest_by_key   per key the row with the greatest order_by
              replace_period  per key (a file-level column such as the vendor and period) the last delivered batch
    key       columns that name the record, or the period
    order_by  the source's own version column (latest_by_key)

    The order is total (order_by, delivered_at, file name, landing_id, row number), so that arrival order never shows.
    Adds batch_id, landing_id, row_number, batch_delivered_at (timestamptz) and batch_delivered_on to the source's columns.
-#}
{% macro landed(source_name, kind='append', key=[], order_by=none) %}
    select
        source_row.*,
        batch.batch_id,
        batch.landing_id,
        source_row._row_number as row_number,
        {{ from_tokyo('batch.delivered_at') }} as batch_delivered_at,
        batch.delivered_on as batch_delivered_on
    {%- if kind == 'latest_by_key' %},
        row_number() over (
            partition by {% for column in key %}source_row.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by
                source_row.{{ order_by }} desc nulls last,
                batch.delivered_at desc,
                batch.file_name desc,
                batch.landing_id desc,
                source_row._row_number desc
        ) as recency
    {%- elif kind == 'replace_period' %},
        dense_rank() over (
            partition by {% for column in key %}source_row.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by batch.delivered_at desc, batch.file_name desc, batch.landing_id desc
        ) as recency
    {%- elif kind in ('append', 'snapshot') %},
        1 as recency
    {%- else %}
        {{ exceptions.raise_compiler_error("landed(): unknown kind '" ~ kind ~ "' for source " ~ source_name) }}
    {%- endif %}
    from {{ source('lake', source_name) }} as source_row
    inner join {{ source('ledger', 'batch') }} as batch
        on source_row._landing_id = batch.landing_id
    where
        batch.source = '{{ source_name }}'
        and batch.state = 'landed'
        and batch.delivered_on <= {{ as_of() }}
{%- endmacro %}

{#-
    Versions of a master that is delivered as dated whole pictures: one row per key and stretch of time in which
    none of the attributes changed.

    relation    a staging model with batch_delivered_on, batch_delivered_at, landing_id and row_number
    key         column that names the record
    attributes  columns whose change starts a new version

    valid_from is the day of the picture that first showed the change (1900-01-01 for the first, so that events
    before the first picture find a version); valid_to is exclusive, 9999-12-31 while current. A record missing
    from a later picture keeps its last version: its row may be in quarantine, and absence is no deletion.
-#}
{% macro scd2(relation, key, attributes) %}
    with ranked as (
        select
            picture.*,
            {{ surrogate_key(attributes) }} as attribute_hash,
            row_number() over (
                partition by {{ key }}, batch_delivered_on
                order by batch_delivered_at desc, landing_id desc, row_number desc
            ) as place
        from {{ relation }} as picture
    ),

    compared as (
        select
            ranked.*,
            lag(attribute_hash) over (partition by {{ key }} order by batch_delivered_on) as earlier_hash
        from ranked
        where place = 1
    )

    select
        compared.*,
        case
            when earlier_hash is null then cast('1900-01-01' as date)
            else batch_delivered_on
        end as valid_from,
        coalesce(
            lead(batch_delivered_on) over (partition by {{ key }} order by batch_delivered_on),
            cast('9999-12-31' as date)
        ) as valid_to,
        lead(batch_delivered_on) over (partition by {{ key }} order by batch_delivered_on) is null as is_current
    from compared
    where earlier_hash is null or earlier_hash <> attribute_hash
{% endmacro %}

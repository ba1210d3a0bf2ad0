{#- Dates and instants, once per engine. All instants are timestamptz; a business day is a day in Asia/Tokyo. -#}

{#- The day up to which deliveries count. -#}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as date)
{%- endmacro %}

{#- The day in Japan on which an instant falls. -#}
{% macro local_date(instant) -%}
    {{ return(adapter.dispatch('local_date')(instant)) }}
{%- endmacro %}

{% macro default__local_date(instant) -%}
    cast(timezone('Asia/Tokyo', {{ instant }}) as date)
{%- endmacro %}

{% macro spark__local_date(instant) -%}
    to_date(from_utc_timestamp({{ instant }}, 'Asia/Tokyo'))
{%- endmacro %}

{#- The instant of a wall-clock time in Japan. -#}
{% macro from_tokyo(wall_time) -%}
    {{ return(adapter.dispatch('from_tokyo')(wall_time)) }}
{%- endmacro %}

{% macro default__from_tokyo(wall_time) -%}
    timezone('Asia/Tokyo', cast({{ wall_time }} as timestamp))
{%- endmacro %}

{% macro spark__from_tokyo(wall_time) -%}
    to_utc_timestamp(cast({{ wall_time }} as timestamp), 'Asia/Tokyo')
{%- endmacro %}

{#- Seconds since 1970 of an instant. -#}
{% macro epoch_seconds(instant) -%}
    {{ return(adapter.dispatch('epoch_seconds')(instant)) }}
{%- endmacro %}

{% macro default__epoch_seconds(instant) -%}
    epoch({{ instant }})
{%- endmacro %}

{% macro spark__epoch_seconds(instant) -%}
    cast({{ instant }} as double)
{%- endmacro %}

{#- A date some days later (or earlier, negative). -#}
{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as integer))
{%- endmacro %}

{#- Days from one date to a later one. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    cast(({{ later }}) - ({{ earlier }}) as integer)
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    datediff({{ later }}, {{ earlier }})
{%- endmacro %}

{#- A date some months later (or earlier, negative). -#}
{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    cast({{ day }} + cast({{ months }} as integer) * interval '1' month as date)
{%- endmacro %}

{% macro spark__add_months(day, months) -%}
    add_months({{ day }}, cast({{ months }} as integer))
{%- endmacro %}

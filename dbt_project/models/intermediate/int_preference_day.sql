-- The channels a physician named on one day, as ';mr_email;webinar;'.
with named as (
    select distinct
        physician_key,
        recorded_on,
        channel_id
    from {{ ref('int_stated_preference') }}
    where physician_key is not null
)

select
    physician_key,
    recorded_on,
    ';' || {{ dbt.listagg('channel_id', "';'", 'order by channel_id') }} || ';' as channel_ids
from named
group by physician_key, recorded_on

-- How often, never who: what compliance looks into is in the star. A content that only Medical may use has no name here.
with months as (
    select
        period_type,
        period_start,
        period_end
    from {{ ref('mart_period') }}
    where period_type = 'month'
),

kinds as (
    select 'expired' as validity
    union all
    select 'unapproved' as validity
    union all
    select 'out_of_role' as validity
    union all
    select 'unknown' as validity
),

used as (
    select
        month_end,
        channel_id,
        content_key,
        content_version,
        validity,
        count(*) as uses
    from (
        select distinct
            month_end,
            channel_id,
            content_key,
            content_version,
            validity,
            touchpoint_key
        from {{ ref('fct_content_use') }}
    ) as contact
    group by month_end, channel_id, content_key, content_version, validity
),

named as (
    select
        used.month_end,
        used.channel_id,
        content.content_key,
        content.content_id,
        case when content.content_key is not null then used.content_version end as content_version,
        used.validity,
        sum(used.uses) as uses
    from used
    left join {{ ref('dim_content') }} as content
        on used.content_key = content.content_key
    where used.validity <> 'valid'
    group by
        used.month_end,
        used.channel_id,
        content.content_key,
        content.content_id,
        case when content.content_key is not null then used.content_version end,
        used.validity
),

checked as (
    select
        month_end,
        channel_id,
        sum(uses) as uses
    from used
    group by month_end, channel_id
),

everywhere as (
    select
        months.period_type,
        months.period_start,
        months.period_end,
        kinds.validity,
        coalesce(sum(case when used.validity = kinds.validity then used.uses end), 0) as uses,
        coalesce(sum(used.uses), 0) as all_uses
    from months
    cross join kinds
    left join used
        on months.period_end = used.month_end
    group by months.period_type, months.period_start, months.period_end, kinds.validity
)

select
    'company' as scope_type,
    'company' as scope_id,
    period_type,
    period_start,
    period_end,
    validity,
    cast(null as {{ dbt.type_string() }}) as channel_id,
    cast(null as {{ dbt.type_string() }}) as content_key,
    cast(null as {{ dbt.type_string() }}) as content_id,
    cast(null as {{ dbt.type_string() }}) as content_version,
    cast(uses as bigint) as uses,
    cast(all_uses as bigint) as all_uses
from everywhere
union all
select
    'company' as scope_type,
    'company' as scope_id,
    months.period_type,
    months.period_start,
    months.period_end,
    named.validity,
    named.channel_id,
    named.content_key,
    named.content_id,
    named.content_version,
    cast(named.uses as bigint) as uses,
    cast(checked.uses as bigint) as all_uses
from named
inner join months
    on named.month_end = months.period_end
inner join checked
    on
        named.month_end = checked.month_end
        and named.channel_id = checked.channel_id

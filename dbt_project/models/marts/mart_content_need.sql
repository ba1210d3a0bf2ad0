-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

{# Who may say something on the topic without being asked for it: representatives, headquarters or both. #}
route as (
    select
        topic.topic_id,
        in_force.role_id
    from {{ rows_in_force('information_route') }} as in_force
    inner join {{ ref('dim_topic') }} as topic
        on in_force.info_class = topic.info_class
    where in_force.provision = 'may_provide'
),

{# A version may be used from its approval until its last day, or until a later version is approved. #}
usable as (
    select distinct
        version.content_key,
        version.topic_id,
        version.product_id,
        version.valid_from,
        least(version.valid_to, version.superseded_on) as usable_until
    from {{ ref('dim_content_version') }} as version
    inner join route
        on
            version.topic_id = route.topic_id
            and (
                (route.role_id = 'mr' and version.may_mr_use)
                or (route.role_id = 'hq' and version.may_hq_use)
            )
),

{# A need counts once, on the day on which it was shown first. The company can have no material on another company's
   product. A need that names no product is covered by a material on any. #}
need as (
    select
        signal.physician_key,
        signal.topic_id,
        signal.product_id,
        signal.signalled_on
    from {{ ref('fct_need_signal') }} as signal
    left join {{ ref('dim_product') }} as product
        on signal.product_id = product.product_id
    where
        signal.is_first_in_episode
        and signal.topic_id in (select route.topic_id from route)
        and (signal.product_id is null or product.is_company_product)
),

need_day as (
    select distinct
        topic_id,
        product_id,
        signalled_on
    from need
),

covered_day as (
    select distinct
        need_day.topic_id,
        need_day.product_id,
        need_day.signalled_on
    from need_day
    inner join usable
        on
            need_day.topic_id = usable.topic_id
            and need_day.signalled_on >= usable.valid_from
            and need_day.signalled_on < usable.usable_until
    where need_day.product_id is null or need_day.product_id = usable.product_id
),

{# Nothing of a month is counted twice by the longer periods: one row per physician, topic, product and month. #}
need_month as (
    select
        need.physician_key,
        need.topic_id,
        need.product_id,
        last_day(need.signalled_on) as month_end,
        count(*) as needs,
        count(covered_day.topic_id) as needs_covered
    from need
    left join covered_day
        on
            need.topic_id = covered_day.topic_id
            and coalesce(need.product_id, '') = coalesce(covered_day.product_id, '')
            and need.signalled_on = covered_day.signalled_on
    group by need.physician_key, need.topic_id, need.product_id, last_day(need.signalled_on)
),

counted as (
    select
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        need_month.topic_id,
        need_month.product_id,
        grouping(need_month.topic_id) as is_whole,
        count(distinct need_month.physician_key) as n_physicians,
        sum(need_month.needs) as needs,
        sum(need_month.needs_covered) as needs_covered
    from {{ ref('mart_period') }} as mart_period
    inner join need_month
        on need_month.month_end between mart_period.period_start and mart_period.period_end
    group by grouping sets (
        (mart_period.period_type, mart_period.period_start, mart_period.period_end),
        (
            mart_period.period_type, mart_period.period_start, mart_period.period_end,
            need_month.topic_id, need_month.product_id
        )
    )
),

{# What was put to Medical, of which only that it came in is known here: no material of others' would answer it. #}
to_medical as (
    select
        mart_period.period_type,
        mart_period.period_start,
        count(distinct signal.physician_key) as n_physicians_to_medical,
        count(*) as needs_to_medical
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_need_signal') }} as signal
        on signal.signalled_on between mart_period.period_start and mart_period.period_end
    where signal.learned_by = 'inquiry'
    group by mart_period.period_type, mart_period.period_start
),

cells as (
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        mart_period.period_type,
        mart_period.period_start,
        mart_period.period_end,
        cast(null as {{ dbt.type_string() }}) as topic_id,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as subject,
        coalesce(counted.n_physicians, 0) as n_physicians,
        coalesce(counted.needs, 0) as needs,
        coalesce(counted.needs_covered, 0) as needs_covered,
        coalesce(to_medical.n_physicians_to_medical, 0) as n_physicians_to_medical,
        coalesce(to_medical.needs_to_medical, 0) as needs_to_medical
    from {{ ref('mart_period') }} as mart_period
    left join counted
        on
            mart_period.period_type = counted.period_type
            and mart_period.period_start = counted.period_start
            and counted.is_whole = 1
    left join to_medical
        on
            mart_period.period_type = to_medical.period_type
            and mart_period.period_start = to_medical.period_start
    union all
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        period_type,
        period_start,
        period_end,
        topic_id,
        product_id,
        topic_id || ' ' || coalesce(product_id, '') as subject,
        n_physicians,
        needs,
        needs_covered,
        0 as n_physicians_to_medical,
        0 as needs_to_medical
    from counted
    where is_whole = 0
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'topic_id', 'product_id', 'subject'],
    additive='subject',
    bases={
        'n_physicians': ['needs', 'needs_covered'],
        'n_physicians_to_medical': ['needs_to_medical'],
    }
) }},

{# How the topic stands at the end of the period, or today: whether there is anything to do still. #}
standing as (
    select
        cells.period_type,
        cells.period_start,
        cells.subject,
        count(distinct usable.content_key) as n_usable_contents
    from cells
    inner join usable
        on
            cells.topic_id = usable.topic_id
            and least(cells.period_end, {{ as_of() }}) >= usable.valid_from
            and least(cells.period_end, {{ as_of() }}) < usable.usable_until
    where cells.product_id is null or cells.product_id = usable.product_id
    group by cells.period_type, cells.period_start, cells.subject
)

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    'topic=' || protected.topic_id as breakdown,
    protected.topic_id,
    topic.name_ja as topic_name_ja,
    protected.product_id,
    product.name as product_name,
    cast(protected.n_physicians as bigint) as n_physicians,
    protected.n_physicians_suppressed,
    cast(protected.needs as bigint) as needs,
    cast(protected.needs_covered as bigint) as needs_covered,
    cast(protected.needs - protected.needs_covered as bigint) as needs_uncovered,
    cast(case when protected.topic_id is not null then coalesce(standing.n_usable_contents, 0) end as bigint)
        as n_usable_contents,
    case when protected.topic_id is not null then coalesce(standing.n_usable_contents, 0) = 0 end as is_gap,
    cast(case when protected.topic_id is null then protected.n_physicians_to_medical end as bigint)
        as n_physicians_to_medical,
    protected.n_physicians_to_medical_suppressed,
    cast(case when protected.topic_id is null then protected.needs_to_medical end as bigint) as needs_to_medical
from protected
left join {{ ref('dim_topic') }} as topic
    on protected.topic_id = topic.topic_id
left join {{ ref('dim_product') }} as product
    on protected.product_id = product.product_id
left join standing
    on
        protected.period_type = standing.period_type
        and protected.period_start = standing.period_start
        and protected.subject = standing.subject

-- noqa: disable=PRS
{#- The linter's DuckDB grammar does not know grouping sets. #}
with

rule as (
    select * from {{ rows_in_force('content_rule') }} as in_force
),

months as (
    select
        period_type,
        period_start,
        period_end
    from {{ ref('mart_period') }}
    where period_type = 'month'
),

{# Uses before the log began are not zero but unknown. #}
log_start as (
    select min(used_on) as begins_on from {{ ref('fct_content_use') }}
),

representatives as (
    {{ kpi_mrs_in_post('months', ['period_start']) }}
),

staff as (
    select
        period_start,
        count(*) as n_mrs
    from representatives
    group by period_start
),

eligible as (
    select
        period_start,
        sum(case when is_in_universe then 1 else 0 end) as n_physicians_eligible
    from {{ ref('mart_physician_period') }}
    where period_type = 'month'
    group by period_start
),

{# Of each physician only whether, not how often: hundreds of millions of rows stay narrow that way. #}
by_physician as (
    select
        months.period_start,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id,
        content_use.physician_key,
        max(case when content_use.exposures > 0 then 1 else 0 end) as is_reached,
        max(case when content_use.judged_exposures > 0 then 1 else 0 end) as is_exposed,
        max(case when content_use.has_reaction then 1 else 0 end) as has_reaction,
        max(case when content_use.has_next_step then 1 else 0 end) as has_next_step,
        max(case when content_use.has_negative then 1 else 0 end) as has_negative,
        max(case when content_use.mr_judged > 0 then 1 else 0 end) as is_judged
    from months
    inner join {{ ref('fct_content_use_month') }} as content_use
        on months.period_end = content_use.month_end
    where content_use.physician_key is not null
    group by grouping sets (
        (months.period_start, content_use.content_key, content_use.content_version_key, content_use.physician_key),
        (
            months.period_start, content_use.content_key, content_use.content_version_key,
            content_use.physician_key, content_use.channel_id
        )
    )
),

physicians as (
    select
        by_physician.period_start,
        by_physician.content_key,
        by_physician.content_version_key,
        by_physician.channel_id,
        sum(case when physician.is_in_universe then by_physician.is_reached else 0 end) as n_physicians_reached,
        sum(by_physician.is_exposed) as n_exposed,
        sum(by_physician.has_reaction) as n_reacted,
        sum(by_physician.has_next_step) as n_next_step,
        sum(by_physician.has_negative) as n_negative,
        sum(by_physician.is_judged) as n_judged_physicians
    from by_physician
    left join {{ ref('mart_physician_period') }} as physician
        on
            physician.period_type = 'month'
            and by_physician.period_start = physician.period_start
            and by_physician.physician_key = physician.physician_key
    group by
        by_physician.period_start,
        by_physician.content_key,
        by_physician.content_version_key,
        by_physician.channel_id
),

contacts as (
    select
        months.period_start,
        content_use.content_key,
        content_use.content_version_key,
        content_use.channel_id,
        sum(content_use.uses) as uses,
        sum(content_use.exposures) as exposures,
        sum(case when content_use.physician_key is not null then content_use.mr_judged else 0 end) as mr_judged,
        sum(case when content_use.physician_key is not null then content_use.mr_judged_positive else 0 end)
            as mr_judged_positive,
        sum(case when content_use.physician_key is not null then content_use.mr_judged_negative else 0 end)
            as mr_judged_negative,
        count(distinct case when content_use.role_id = 'mr' then representatives.employee_key end) as n_mrs_using
    from months
    inner join {{ ref('fct_content_use_month') }} as content_use
        on months.period_end = content_use.month_end
    left join representatives
        on
            months.period_start = representatives.period_start
            and content_use.employee_key = representatives.employee_key
    group by grouping sets (
        (months.period_start, content_use.content_key, content_use.content_version_key),
        (months.period_start, content_use.content_key, content_use.content_version_key, content_use.channel_id)
    )
),

{# Seconds a page was open, idle time cut: the middle one, or the mean of the two in the middle. Of a few
   representatives it would show their own pace. #}
timed as (
    select
        months.period_start,
        content_use.content_key,
        version.content_version_key,
        content_use.channel_id,
        content_use.employee_key,
        content_use.seconds,
        row_number() over (
            partition by months.period_start, content_use.content_key, version.content_version_key, content_use.channel_id
            order by content_use.seconds, content_use.content_use_key
        ) as place,
        count(*) over (
            partition by months.period_start, content_use.content_key, version.content_version_key, content_use.channel_id
        ) as timed_uses
    from months
    inner join {{ ref('fct_content_use') }} as content_use
        on months.period_end = content_use.month_end
    left join {{ ref('dim_content_version') }} as version
        on content_use.content_version_key = version.content_version_key
    where
        content_use.seconds is not null
        and content_use.role_id <> 'medical'
        and (content_use.content_version_key is null or version.content_version_key is not null)
),

seconds as (
    select
        timed.period_start,
        timed.content_key,
        timed.content_version_key,
        timed.channel_id,
        max(timed.timed_uses) as timed_uses,
        case
            when
                max(timed.timed_uses) >= max(rule.median_min_timed_uses)
                and count(distinct timed.employee_key) >= {{ kpi_minimum_cell() }}
                then avg(
                    case when timed.place in (
                        cast(floor((timed.timed_uses + 1) / 2) as bigint), cast(floor(timed.timed_uses / 2) as bigint) + 1
                    ) then cast(timed.seconds as double) end
                )
        end as median_seconds
    from timed
    cross join rule
    group by timed.period_start, timed.content_key, timed.content_version_key, timed.channel_id
),

in_force as (
    select
        months.period_start,
        months.period_end,
        version.content_key,
        version.content_version_key,
        {{ days_between('version.valid_from', 'months.period_end') }} as age_days
    from months
    inner join {{ ref('dim_content_version') }} as version
        on
            months.period_end >= version.valid_from
            and months.period_end < version.valid_to
            and months.period_end < version.superseded_on
),

day_uses as (
    select
        content_version_key,
        used_on,
        count(*) as uses
    from (
        select distinct
            content_version_key,
            used_on,
            touchpoint_key
        from {{ ref('fct_content_use') }}
        where content_version_key is not null and role_id <> 'medical'
    ) as contacts_of_day
    group by content_version_key, used_on
),

window_uses as (
    select
        in_force.period_start,
        in_force.content_version_key,
        sum(day_uses.uses) as uses_in_window
    from in_force
    cross join rule
    inner join day_uses
        on
            in_force.content_version_key = day_uses.content_version_key
            and day_uses.used_on > {{ add_days('in_force.period_end', '-rule.rare_use_window_days') }}
            and day_uses.used_on <= in_force.period_end
    group by in_force.period_start, in_force.content_version_key
),

spine as (
    select
        period_start,
        content_key,
        content_version_key,
        channel_id
    from contacts
    union
    select
        period_start,
        content_key,
        content_version_key,
        cast(null as {{ dbt.type_string() }}) as channel_id
    from in_force
),

cells as (
    select
        'company' as scope_type,
        'company' as scope_id,
        'company' as parent_scope_id,
        months.period_type,
        months.period_start,
        months.period_end,
        spine.content_key,
        spine.content_version_key,
        spine.channel_id,
        coalesce(contacts.uses, 0) as uses,
        coalesce(contacts.exposures, 0) as exposures,
        coalesce(contacts.n_mrs_using, 0) as n_mrs_using,
        coalesce(physicians.n_physicians_reached, 0) as n_physicians_reached,
        coalesce(physicians.n_exposed, 0) as n_exposed,
        coalesce(physicians.n_reacted, 0) as n_reacted,
        coalesce(physicians.n_next_step, 0) as n_next_step,
        coalesce(physicians.n_negative, 0) as n_negative,
        coalesce(physicians.n_judged_physicians, 0) as n_judged_physicians,
        coalesce(contacts.mr_judged, 0) as mr_judged,
        coalesce(contacts.mr_judged_positive, 0) as mr_judged_positive,
        coalesce(contacts.mr_judged_negative, 0) as mr_judged_negative
    from spine
    inner join months
        on spine.period_start = months.period_start
    left join contacts
        on
            spine.period_start = contacts.period_start
            and spine.content_key = contacts.content_key
            and spine.content_version_key is not distinct from contacts.content_version_key
            and spine.channel_id is not distinct from contacts.channel_id
    left join physicians
        on
            spine.period_start = physicians.period_start
            and spine.content_key = physicians.content_key
            and spine.content_version_key is not distinct from physicians.content_version_key
            and spine.channel_id is not distinct from physicians.channel_id
),

{{ kpi_protected(
    cells='cells',
    keys=['period_type', 'period_start', 'period_end', 'content_key', 'content_version_key', 'channel_id'],
    bases={
        'n_mrs_using': [],
        'n_physicians_reached': [],
        'n_exposed': ['n_reacted', 'n_next_step', 'n_negative'],
        'n_judged_physicians': ['mr_judged', 'mr_judged_positive', 'mr_judged_negative'],
    },
    additive='channel_id'
) }}

select
    protected.scope_type,
    protected.scope_id,
    protected.period_type,
    protected.period_start,
    protected.period_end,
    protected.content_key,
    protected.content_version_key,
    protected.channel_id,
    content.content_id,
    version.content_version,
    coalesce(version.title, content.title) as title,
    coalesce(version.product_id, content.product_id) as product_id,
    coalesce(version.topic_id, content.topic_id) as topic_id,
    version.info_class,
    cast(cells.uses as bigint) as uses,
    cast(cells.exposures as bigint) as exposures,
    cast(protected.n_mrs_using as bigint) as n_mrs_using,
    protected.n_mrs_using_suppressed,
    cast(case when coalesce(version.may_mr_use, true) then coalesce(staff.n_mrs, 0) else 0 end as bigint)
        as n_mrs_entitled,
    cast(protected.n_physicians_reached as bigint) as n_physicians_reached,
    protected.n_physicians_reached_suppressed,
    cast(coalesce(eligible.n_physicians_eligible, 0) as bigint) as n_physicians_eligible,
    cast(protected.n_exposed as bigint) as n_exposed,
    protected.n_exposed_suppressed,
    cast(protected.n_reacted as bigint) as n_reacted,
    cast(protected.n_next_step as bigint) as n_next_step,
    cast(protected.n_negative as bigint) as n_negative,
    cast(protected.n_judged_physicians as bigint) as n_judged_physicians,
    protected.n_judged_physicians_suppressed,
    cast(protected.mr_judged as bigint) as mr_judged,
    cast(protected.mr_judged_positive as bigint) as mr_judged_positive,
    cast(protected.mr_judged_negative as bigint) as mr_judged_negative,
    cast(seconds.timed_uses as bigint) as timed_uses,
    cast(seconds.median_seconds as double) as median_seconds,
    case when protected.channel_id is null then in_force.content_version_key is not null end as is_valid,
    case when protected.channel_id is null then in_force.age_days < rule.new_content_days end as is_new,
    cast(
        case
            when protected.channel_id is null and in_force.content_version_key is not null
                then coalesce(window_uses.uses_in_window, 0)
        end as bigint
    ) as uses_in_window,
    case
        when protected.channel_id is not null or in_force.content_version_key is null then cast(null as boolean)
        when in_force.age_days < rule.new_content_days then cast(null as boolean)
        when
            log_start.begins_on is null
            or {{ add_days('protected.period_end', '1 - rule.rare_use_window_days') }} < log_start.begins_on
        then cast(null as boolean)
        else coalesce(window_uses.uses_in_window, 0) < rule.rare_use_min_uses
    end as is_rarely_used,
    rule.rule_version
from protected
cross join rule
cross join log_start
inner join cells
    on
        protected.period_start = cells.period_start
        and protected.content_key = cells.content_key
        and protected.content_version_key is not distinct from cells.content_version_key
        and protected.channel_id is not distinct from cells.channel_id
inner join {{ ref('dim_content') }} as content
    on protected.content_key = content.content_key
left join {{ ref('dim_content_version') }} as version
    on protected.content_version_key = version.content_version_key
left join staff
    on protected.period_start = staff.period_start
left join eligible
    on protected.period_start = eligible.period_start
left join seconds
    on
        protected.period_start = seconds.period_start
        and protected.content_key = seconds.content_key
        and protected.content_version_key is not distinct from seconds.content_version_key
        and protected.channel_id = seconds.channel_id
left join in_force
    on
        protected.period_start = in_force.period_start
        and protected.content_version_key = in_force.content_version_key
left join window_uses
    on
        protected.period_start = window_uses.period_start
        and protected.content_version_key = window_uses.content_version_key

with

last_period as (
    select
        period_start,
        period_end
    from {{ ref('mart_period') }}
    where period_type = 'month' and is_latest
),

deliveries as (
    select
        source,
        batch_id,
        case when state = 'landed' then delivered_on end as landed_on,
        case when state = 'landed' then event_max_on end as newest_event_on,
        rows_in,
        rows_landed,
        rows_quarantined,
        rows_in_core,
        rows_rejected
    from {{ ref('fct_source_delivery') }}
),

{# Every source of the contracts is here, for one that never came must be seen. What came once is missed when it
   stops, whatever its contract says. #}
delivered as (
    select
        source.source,
        case when source.is_expected or max(deliveries.landed_on) is not null then 1 else 0 end as is_expected,
        source.freshness_hours as promised_hours,
        case when source.is_periodic then 1 else 0 end as is_periodic,
        count(deliveries.batch_id) as deliveries,
        max(deliveries.landed_on) as last_delivered_on,
        sum(coalesce(deliveries.rows_in, 0)) as rows_in,
        sum(coalesce(deliveries.rows_landed, 0)) as rows_landed,
        sum(coalesce(deliveries.rows_quarantined, 0)) as rows_quarantined,
        sum(coalesce(deliveries.rows_in_core, 0)) as rows_in_core,
        sum(coalesce(deliveries.rows_rejected, 0)) as rows_rejected
    from {{ ref('dim_source') }} as source
    left join deliveries
        on source.source = deliveries.source
    group by source.source, source.is_expected, source.freshness_hours, source.is_periodic
),

duplicates as (
    select
        source,
        sum(rows) as rows_duplicate
    from {{ ref('fct_reject') }}
    where reason = 'duplicate'
    group by source
),

{# Of everything that ever came: a source either carries what links it or not, and of a month with few rows a single
   one would decide. #}
linked as (
    select
        source,
        count(*) as rows_to_match,
        count(physician_key) as rows_matched
    from {{ ref('fct_touchpoint') }}
    group by source
    union all
    select
        'survey_qualtrics' as source,
        count(distinct response_id) as rows_to_match,
        count(distinct case when physician_key is not null then response_id end) as rows_matched
    from {{ ref('fct_survey_response') }}
    having count(*) > 0
    union all
    select
        'crm_consent' as source,
        count(*) as rows_to_match,
        count(physician_key) as rows_matched
    from {{ ref('fct_consent_event') }}
    having count(*) > 0
),

{# A review of long ago does not speak of the links of today. #}
link_window as (
    select
        {{ add_months('last_period.period_end', '-rule.counts_for_months') }} as after_day,
        last_period.period_end as last_day
    from last_period
    cross join {{ rows_in_force('link_review_rule') }} as rule
),

{# The newest quarter that was drawn. #}
link_quarter as (
    select max(review.quarter_start) as quarter_start
    from {{ ref('fct_link_review') }} as review
    inner join link_window
        on review.quarter_start > link_window.after_day and review.quarter_start <= link_window.last_day
),

{# What nobody could decide is neither right nor wrong. #}
links_checked as (
    select
        review.source,
        coalesce(sum(case when review.judgement = 'unknown' then 0 else 1 end), 0) as n_links_checked,
        coalesce(sum(case when review.judgement = 'false' then 1 else 0 end), 0) as n_links_false,
        coalesce(sum(case when review.judgement = 'unknown' then 1 else 0 end), 0) as n_links_undecided
    from {{ ref('fct_link_review') }} as review
    inner join link_quarter
        on review.quarter_start = link_quarter.quarter_start
    group by grouping sets ((review.source), ())
),

recall_window as (
    select
        last_day({{ add_months('last_period.period_end', '-setting.recall_months') }}) as after_day,
        last_period.period_end as last_day
    from last_period
    cross join {{ rows_in_force('survey_setting') }} as setting
),

{# What a physician last said of last month's visits; who is not sure says neither. #}
recalled as (
    select
        physician_key,
        answer_code,
        month_end
    from (
        select
            answer.physician_key,
            answer.answer_code,
            last_day({{ add_months('answer.responded_on', '-1') }}) as month_end,
            row_number() over (
                partition by answer.physician_key order by answer.responded_on desc, answer.response_key desc
            ) as place
        from {{ ref('fct_survey_response') }} as answer
        inner join recall_window
            on answer.responded_on > recall_window.after_day and answer.responded_on <= recall_window.last_day
        where answer.item_id = 'visit_recall' and answer.physician_key is not null
    )
    where place = 1 and answer_code in ('yes', 'no')
),

visited as (
    select distinct
        recalled.physician_key,
        recalled.month_end
    from recalled
    inner join {{ ref('fct_touchpoint') }} as touchpoint
        on
            recalled.physician_key = touchpoint.physician_key
            and recalled.month_end = last_day(touchpoint.occurred_on)
    inner join {{ ref('dim_channel') }} as channel
        on touchpoint.channel_id = channel.channel_id
    where touchpoint.source = 'crm_call' and channel.is_mr_channel
),

calls_recorded as (
    select last_day(min(occurred_on)) as begun_by
    from {{ ref('fct_touchpoint') }}
    where source = 'crm_call'
),

{# Of a month in which recording calls had not begun, or only just, nobody can say that a visit is missing. #}
visits_compared as (
    select
        count(*) as n_visit_answers,
        sum(case when recalled.answer_code = 'yes' and visited.month_end is not null then 1 else 0 end)
            as n_visits_recalled_and_recorded,
        sum(case when recalled.answer_code = 'yes' and visited.month_end is null then 1 else 0 end)
            as n_visits_recalled_only,
        sum(case when recalled.answer_code = 'no' and visited.month_end is not null then 1 else 0 end)
            as n_visits_recorded_only,
        sum(case when recalled.answer_code = 'no' and visited.month_end is null then 1 else 0 end) as n_visits_neither
    from recalled
    inner join calls_recorded
        on recalled.month_end > calls_recorded.begun_by
    left join visited
        on recalled.physician_key = visited.physician_key and recalled.month_end = visited.month_end
),

visit_agreement as (
    select
        'crm_call' as source,
        n_visit_answers,
        n_visits_recalled_and_recorded,
        n_visits_recalled_only,
        n_visits_recorded_only,
        n_visits_recalled_and_recorded + n_visits_neither as n_visits_agreed,
        n_visit_answers between 1 and {{ kpi_minimum_cell() }} - 1 as is_small,
        {% for column in [
            'n_visits_recalled_and_recorded', 'n_visits_recalled_only', 'n_visits_recorded_only', 'n_visits_neither'
        ] -%}
        {{ 'or ' if not loop.first }}{{ column }} between 1 and {{ kpi_minimum_cell() }} - 1
        {% endfor -%}
        as has_small_part
    from visits_compared
),

targets as (
    select physician.physician_key
    from {{ ref('mart_physician_period') }} as physician
    inner join last_period
        on physician.period_start = last_period.period_start
    where physician.period_type = 'month' and physician.is_in_universe
),

recent as (
    select distinct
        touchpoint.source,
        touchpoint.physician_key
    from {{ ref('fct_touchpoint') }} as touchpoint
    inner join targets
        on touchpoint.physician_key = targets.physician_key
    cross join last_period
    where
        touchpoint.occurred_on <= last_period.period_end
        and touchpoint.occurred_on > {{ add_days('last_period.period_end', '-90') }}
),

covered as (
    select
        source,
        count(distinct physician_key) as n_covered_physicians
    from recent
    group by grouping sets ((source), ())
),

{# Only a log can cover a physician: a master has rows about everybody and says nothing about contact. A master holds
   until the next one is due, a log only up to the day it came: what happened later cannot be in it. A log that comes
   file by file as things happen (a webinar's) says nothing by its silence; its promise stands. #}
logs as (
    select distinct source
    from {{ ref('fct_touchpoint') }}
),

target_count as (
    select count(*) as n_target_physicians
    from targets
),

{# How old the newest event of a delivery was when it arrived, for logs: a master's newest date says nothing about
   its delivery. Days are all that a delivery's name tells. #}
hours as (
    select
        deliveries.source,
        24 * {{ days_between('deliveries.newest_event_on', 'deliveries.landed_on') }} as hours_to_arrive
    from deliveries
    inner join logs
        on deliveries.source = logs.source
    where deliveries.newest_event_on is not null and deliveries.landed_on is not null
    union all
    select
        null as source,
        24 * {{ days_between('deliveries.newest_event_on', 'deliveries.landed_on') }} as hours_to_arrive
    from deliveries
    inner join logs
        on deliveries.source = logs.source
    where deliveries.newest_event_on is not null and deliveries.landed_on is not null
),

placed_hours as (
    select
        source,
        hours_to_arrive,
        row_number() over (partition by source order by hours_to_arrive) as place,
        count(*) over (partition by source) as deliveries
    from hours
),

{# The interval lies between two of the deliveries themselves (order statistics, Conover, Practical Nonparametric
   Statistics, 3.2): no shape is assumed. Below about 73 of them no delivery is late enough to be its upper end. #}
freshness as (
    select
        source,
        count(*) as n_deliveries_timed,
        min(case when place >= ceil(cast(0.95 as double) * deliveries) then hours_to_arrive end)
            as freshness_hours_p95,
        max(
            case
                when place <= floor(0.95 * deliveries - {{ kpi_z() }} * sqrt(0.95 * 0.05 * deliveries))
                    then hours_to_arrive
            end
        ) as freshness_hours_p95_low,
        min(
            case
                when place >= ceil(0.95 * deliveries + {{ kpi_z() }} * sqrt(0.95 * 0.05 * deliveries))
                    then hours_to_arrive
            end
        ) as freshness_hours_p95_high
    from placed_hours
    group by source
),

by_source as (
    select
        delivered.source,
        delivered.is_expected,
        delivered.promised_hours,
        delivered.is_periodic,
        delivered.deliveries,
        delivered.last_delivered_on,
        delivered.rows_in,
        delivered.rows_landed,
        delivered.rows_quarantined,
        delivered.rows_in_core,
        delivered.rows_rejected,
        coalesce(duplicates.rows_duplicate, 0) as rows_duplicate,
        linked.rows_to_match,
        linked.rows_matched
    from delivered
    left join duplicates
        on delivered.source = duplicates.source
    left join linked
        on delivered.source = linked.source
),

{# The row without a source is all sources together. #}
all_rows as (
    select *
    from by_source
    union all
    select
        null as source,
        max(is_expected) as is_expected,
        null as promised_hours,
        null as is_periodic,
        sum(deliveries) as deliveries,
        max(last_delivered_on) as last_delivered_on,
        sum(rows_in) as rows_in,
        sum(rows_landed) as rows_landed,
        sum(rows_quarantined) as rows_quarantined,
        sum(rows_in_core) as rows_in_core,
        sum(rows_rejected) as rows_rejected,
        sum(rows_duplicate) as rows_duplicate,
        sum(rows_to_match) as rows_to_match,
        sum(rows_matched) as rows_matched
    from by_source
    having count(*) > 0
)

select
    'company' as scope_type,
    'company' as scope_id,
    'month' as period_type,
    last_period.period_start,
    last_period.period_end,
    all_rows.source,
    'source=' || all_rows.source as breakdown,
    all_rows.is_expected = 1 as is_expected,
    all_rows.rows_landed > 0 as has_arrived,
    cast(all_rows.deliveries as bigint) as deliveries,
    all_rows.last_delivered_on,
    cast({{ days_between('all_rows.last_delivered_on', as_of()) }} as integer) as days_since_delivery,
    case
        when logs.source is not null and all_rows.is_periodic = 1 then all_rows.last_delivered_on
        when all_rows.promised_hours is not null
            then
                {{ add_days(
                    'all_rows.last_delivered_on', 'cast(ceil(all_rows.promised_hours / cast(24 as double)) as integer)'
                ) }}
    end as covered_until,
    cast(all_rows.promised_hours as double) as promised_hours,
    cast(all_rows.rows_in as bigint) as rows_in,
    cast(all_rows.rows_landed as bigint) as rows_landed,
    cast(all_rows.rows_quarantined as bigint) as rows_quarantined,
    cast(all_rows.rows_in_core as bigint) as rows_in_core,
    cast(all_rows.rows_rejected as bigint) as rows_rejected,
    cast(all_rows.rows_duplicate as bigint) as rows_duplicate,
    cast(all_rows.rows_to_match as bigint) as rows_to_match,
    cast(all_rows.rows_matched as bigint) as rows_matched,
    case when links.n_links_checked is not null then link_quarter.quarter_start end as links_drawn_for,
    cast(links.n_links_checked as bigint) as n_links_checked,
    cast(links.n_links_false as bigint) as n_links_false,
    cast(links.n_links_undecided as bigint) as n_links_undecided,
    {{ kpi_rate_columns('false_link_rate', 'links.n_links_false', 'links.n_links_checked') }},
    case
        when target_count.n_target_physicians >= {{ kpi_minimum_cell() }}
            then cast(target_count.n_target_physicians as bigint)
    end as n_target_physicians,
    target_count.n_target_physicians between 1 and {{ kpi_minimum_cell() }} - 1 as n_target_physicians_suppressed,
    cast(
        case
            when target_count.n_target_physicians < {{ kpi_minimum_cell() }} then null
            when logs.source is not null or all_rows.source is null then coalesce(covered.n_covered_physicians, 0)
        end as bigint
    ) as n_covered_physicians,
    cast(case when not visit_agreement.is_small then visit_agreement.n_visit_answers end as bigint) as n_visit_answers,
    {% for column in ['n_visits_recalled_and_recorded', 'n_visits_recalled_only', 'n_visits_recorded_only'] -%}
    cast(case when not visit_agreement.has_small_part then visit_agreement.{{ column }} end as bigint) as {{ column }},
    {% endfor -%}
    coalesce(visit_agreement.is_small, false) as n_visit_answers_suppressed,
    {{ kpi_rate_columns('visit_agreement_rate', 'visit_agreement.n_visits_agreed', 'visit_agreement.n_visit_answers') }},
    cast(freshness.n_deliveries_timed as bigint) as n_deliveries_timed,
    cast(freshness.freshness_hours_p95 as double) as freshness_hours_p95,
    cast(freshness.freshness_hours_p95_low as double) as freshness_hours_p95_low,
    cast(freshness.freshness_hours_p95_high as double) as freshness_hours_p95_high,
    {{ as_of() }} as as_of,
    '{{ var("release_id") }}' as release_id
from all_rows
cross join last_period
cross join target_count
cross join link_quarter
left join links_checked as links
    on coalesce(all_rows.source, '') = coalesce(links.source, '')
left join visit_agreement
    on all_rows.source = visit_agreement.source
left join logs
    on all_rows.source = logs.source
left join covered
    on coalesce(all_rows.source, '') = coalesce(covered.source, '')
left join freshness
    on coalesce(all_rows.source, '') = coalesce(freshness.source, '')

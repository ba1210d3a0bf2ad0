{%- set wishes = ['meets', 'cannot_meet', 'when_needed', 'not_wanted'] -%}
with rule as (
    select * from {{ rows_in_force('survey_setting') }} as setting
),

wants as (
    select
        answer.response_key,
        answer.physician_key,
        answer.subject_id as need_item_id,
        answer.responded_on,
        case when answer.score >= rule.want_from then 1 else 0 end as wants
    from {{ ref('fct_survey_response') }} as answer
    cross join rule
    where answer.item_id = 'mr_want' and answer.physician_key is not null and answer.score is not null
),

receipts as (
    select
        receipt.need_item_id,
        receipt.channel_id,
        receipt.topic_id,
        receipt.minimum_depth
    from {{ rows_in_force('mr_need_receipt') }} as receipt
    where receipt.channel_id not in {{ kpi_medical_channels() }}
),

{# The days on which those who answered were reached: few physicians, and every day once. #}
contact_days as (
    select distinct
        touchpoint.physician_key,
        receipts.need_item_id,
        touchpoint.occurred_on
    from {{ ref('fct_touchpoint') }} as touchpoint
    inner join receipts
        on
            touchpoint.channel_id = receipts.channel_id
            and touchpoint.depth >= receipts.minimum_depth
            and (receipts.topic_id is null or touchpoint.topic_id = receipts.topic_id)
    where touchpoint.physician_key in (select wants.physician_key from wants)
),

received as (
    select distinct wants.response_key
    from wants
    cross join rule
    inner join contact_days
        on
            wants.physician_key = contact_days.physician_key
            and wants.need_item_id = contact_days.need_item_id
            and {{ days_between('contact_days.occurred_on', 'wants.responded_on') }} between 0 and rule.receipt_days
),

{# A physician answers once per period and need: his last answer, against what he had received when he gave it. #}
last_wants as (
    select
        mart_period.period_type,
        mart_period.period_start,
        wants.physician_key,
        wants.need_item_id,
        wants.wants,
        case when received.response_key is not null then 1 else 0 end as receives,
        {{ answer_recency('wants', ['need_item_id']) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join wants
        on wants.responded_on between mart_period.period_start and mart_period.period_end
    left join received
        on wants.response_key = received.response_key
),

wishes as (
    select
        mart_period.period_type,
        mart_period.period_start,
        answer.physician_key,
        answer.answer_code as meeting_wish,
        {{ answer_recency('answer', []) }} as recency
    from {{ ref('mart_period') }} as mart_period
    inner join {{ ref('fct_survey_response') }} as answer
        on answer.responded_on between mart_period.period_start and mart_period.period_end
    where answer.item_id = 'meeting_wish' and answer.physician_key is not null
),

paired as (
    select
        physician.period_type,
        physician.period_start,
        physician.period_end,
        last_wants.need_item_id,
        last_wants.wants,
        last_wants.receives,
        last_wants.wants * (1 - last_wants.receives) as is_unmet,
        coalesce(wishes.meeting_wish, 'unknown') as meeting_wish
    from last_wants
    inner join {{ ref('mart_physician_period') }} as physician
        on
            last_wants.period_type = physician.period_type
            and last_wants.period_start = physician.period_start
            and last_wants.physician_key = physician.physician_key
    left join wishes
        on
            last_wants.period_type = wishes.period_type
            and last_wants.period_start = wishes.period_start
            and last_wants.physician_key = wishes.physician_key
            and wishes.recency = 1
    where last_wants.recency = 1
),

counted as (
    select
        period_type,
        period_start,
        period_end,
        need_item_id,
        count(*) as n_pairs,
        sum(wants) as n_wanting,
        sum(receives) as n_receiving,
        sum(is_unmet) as n_unmet,
        sum((1 - wants) * receives) as n_received_unwanted,
        {%- for wish in wishes %}
        sum(case when meeting_wish = '{{ wish }}' then 1 else 0 end) as n_{{ wish }},
        sum(case when meeting_wish = '{{ wish }}' then is_unmet else 0 end) as n_unmet_{{ wish }}{{ ',' if not loop.last }}
        {%- endfor %}
    from paired
    group by period_type, period_start, period_end, need_item_id
),

valued as (
    select
        counted.*,
        n_pairs between 1 and {{ kpi_minimum_cell() }} - 1 as n_pairs_suppressed,
        {#- Of all groups but one the last could be had by subtraction: none of them is shown. #}
        n_pairs between 1 and {{ kpi_minimum_cell() }} - 1
        {%- for wish in wishes %}
        or n_{{ wish }} between 1 and {{ kpi_minimum_cell() }} - 1
        {%- endfor %}
        or n_pairs - n_{{ wishes | join(' - n_') }} between 1 and {{ kpi_minimum_cell() }} - 1 as is_wish_split_hidden,
        {{ kpi_rate('n_wanting', 'n_pairs') }} - {{ kpi_rate('n_receiving', 'n_pairs') }} as gap,
        {{ kpi_paired_low('n_unmet', 'n_received_unwanted', 'n_pairs') }} as gap_low,
        {{ kpi_paired_high('n_unmet', 'n_received_unwanted', 'n_pairs') }} as gap_high,
        n_pairs >= rule.minimum_pairs as is_enough
    from counted
    cross join rule
),

protected as (
    select
        valued.*,
        is_wish_split_hidden or n_unmet between 1 and {{ kpi_minimum_cell() }} - 1 as is_unmet_split_hidden
    from valued
)

select
    protected.period_type,
    protected.period_start,
    protected.period_end,
    protected.need_item_id,
    item.name_ja as need_name_ja,
    cast(case when not n_pairs_suppressed then n_pairs end as bigint) as n_pairs,
    n_pairs_suppressed,
    cast(case when not n_pairs_suppressed then n_wanting end as bigint) as n_wanting,
    cast(case when not n_pairs_suppressed then n_receiving end as bigint) as n_receiving,
    cast(case when not n_pairs_suppressed then n_unmet end as bigint) as n_unmet,
    cast(case when not n_pairs_suppressed then n_received_unwanted end as bigint) as n_received_unwanted,
    {%- for share in ['wanting', 'receiving'] %}
    cast(case when is_enough then {{ kpi_rate('n_' ~ share, 'n_pairs') }} end as double) as {{ share }}_rate,
    cast(case when is_enough then {{ kpi_wilson_low('n_' ~ share, 'n_pairs') }} end as double) as {{ share }}_rate_low,
    cast(case when is_enough then {{ kpi_wilson_high('n_' ~ share, 'n_pairs') }} end as double) as {{ share }}_rate_high,
    {%- endfor %}
    cast(case when is_enough then gap end as double) as gap,
    cast(case when is_enough then gap_low end as double) as gap_low,
    cast(case when is_enough then gap_high end as double) as gap_high,
    case
        when not is_enough then 'cannot_tell'
        when gap_low > 0 then 'more_wanted'
        when gap_high < 0 then 'more_received'
        else 'cannot_tell'
    end as verdict,
    {%- for wish in wishes %}
    cast(case when not is_wish_split_hidden then n_{{ wish }} end as bigint) as n_{{ wish }},
    {%- endfor %}
    is_unmet_split_hidden,
    {%- for wish in wishes %}
    cast(case when not is_unmet_split_hidden then n_unmet_{{ wish }} end as bigint)
        as n_unmet_{{ wish }}{{ ',' if not loop.last }}
    {%- endfor %}
from protected
inner join {{ rows_in_force('mr_need_item') }} as item
    on protected.need_item_id = item.need_item_id

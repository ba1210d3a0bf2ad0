-- What physicians did or said, by product and day. Contact that only the company made (depth 0-1) is no evidence,
-- nor is anything of Medical's but that a physician asked, on label or about safety: that it was asked is evidence
-- without a touchpoint, for the touchpoint does not say about what.
with contact as (
    select
        touchpoint_key,
        source,
        source_record_id,
        physician_key,
        product_id,
        initiator,
        occurred_on
    from {{ ref('fct_touchpoint') }}
    where physician_key is not null and product_id is not null and depth >= 2
),

call as (
    select
        contact.physician_key,
        contact.product_id,
        contact.occurred_on,
        contact.touchpoint_key,
        call.usage_statement,
        call.attendee_type,
        touched.place_in_call,
        contact.depth
    from {{ ref('fct_touchpoint') }} as contact
    inner join {{ ref('int_call') }} as call
        on contact.source_record_id = call.call_id
    inner join {{ ref('int_call_touched_product') }} as touched
        on contact.source_record_id = touched.call_id and contact.product_id = touched.product_id
    where
        contact.source = 'crm_call'
        and contact.initiator = 'mr'
        and contact.physician_key is not null
),

inquiry as (
    select
        contact.physician_key,
        asked.product_id,
        contact.occurred_on
    from {{ ref('fct_touchpoint') }} as contact
    inner join {{ ref('int_medical_inquiry') }} as asked
        on contact.source_record_id = asked.inquiry_id
    where
        contact.source = 'crm_medical_inquiry'
        and contact.physician_key is not null
        and asked.product_id is not null
        and asked.category in ('on_label', 'safety')
),

portal as (
    select
        source_record_id,
        coalesce(read_on, sent_on) as seen_on
    from {{ ref('int_portal_row') }}
    where reject_reason is null and not is_aggregated
),

engaged as (
    select
        physician_key,
        product_id,
        occurred_on as evidence_on,
        touchpoint_key as observed_touchpoint_key,
        cast(null as {{ dbt.type_string() }}) as judged_touchpoint_key,
        1 as is_observed
    from contact
    where source not in ('crm_call', 'crm_sent_email', 'portal_delivery')
    union all
    select
        physician_key,
        product_id,
        occurred_on as evidence_on,
        cast(null as {{ dbt.type_string() }}) as observed_touchpoint_key,
        cast(null as {{ dbt.type_string() }}) as judged_touchpoint_key,
        1 as is_observed
    from inquiry
    union all
    select
        contact.physician_key,
        contact.product_id,
        portal.seen_on as evidence_on,
        contact.touchpoint_key as observed_touchpoint_key,
        cast(null as {{ dbt.type_string() }}) as judged_touchpoint_key,
        1 as is_observed
    from contact
    inner join portal
        on contact.source_record_id = portal.source_record_id
    where contact.source = 'portal_delivery'
    union all
    select
        contact.physician_key,
        contact.product_id,
        {{ local_date('outcome.first_human_click_at') }} as evidence_on,
        contact.touchpoint_key as observed_touchpoint_key,
        cast(null as {{ dbt.type_string() }}) as judged_touchpoint_key,
        1 as is_observed
    from contact
    inner join {{ ref('int_email_outcome') }} as outcome
        on contact.source_record_id = outcome.sent_email_id
    where contact.source = 'crm_sent_email' and contact.initiator <> 'medical'
    union all
    select
        physician_key,
        product_id,
        occurred_on as evidence_on,
        cast(null as {{ dbt.type_string() }}) as observed_touchpoint_key,
        touchpoint_key as judged_touchpoint_key,
        0 as is_observed
    from call
    where depth >= 2
),

-- Contacts are many and their days few: they are grouped by day alone, and each day then stands once for every kind
-- of evidence that it is.
engaged_day as (
    select
        physician_key,
        product_id,
        evidence_on,
        min(observed_touchpoint_key) as observed_touchpoint_key,
        min(judged_touchpoint_key) as judged_touchpoint_key,
        max(is_observed) as has_observed
    from engaged
    where evidence_on <= {{ as_of() }}
    group by physician_key, product_id, evidence_on
),

engaged_kind as (
    select 'engaged_observed' as evidence_kind
    union all
    select 'engaged_mr_judged' as evidence_kind
    union all
    select 'engaged_any' as evidence_kind
),

engaged_evidence as (
    select
        day.physician_key,
        day.product_id,
        kind.evidence_kind,
        day.evidence_on,
        case kind.evidence_kind
            when 'engaged_observed' then day.observed_touchpoint_key
            when 'engaged_mr_judged' then day.judged_touchpoint_key
            else least(
                coalesce(day.observed_touchpoint_key, day.judged_touchpoint_key),
                coalesce(day.judged_touchpoint_key, day.observed_touchpoint_key)
            )
        end as evidence_touchpoint_key
    from engaged_day as day
    cross join engaged_kind as kind
    where
        kind.evidence_kind = 'engaged_any'
        or (kind.evidence_kind = 'engaged_observed' and day.has_observed = 1)
        or (kind.evidence_kind = 'engaged_mr_judged' and day.judged_touchpoint_key is not null)
),

stated as (
    select
        physician_key,
        product_id,
        {{ local_date('answered_at') }} as evidence_on,
        usage_stage,
        evidence_kind,
        nps
    from {{ ref('int_survey_response') }}
    where reject_reason is null and physician_key is not null and product_id is not null
),

other as (
    select
        physician_key,
        product_id,
        'pull_act' as evidence_kind,
        occurred_on as evidence_on,
        touchpoint_key
    from {{ ref('fct_reaction') }}
    where
        physician_key is not null
        and product_id is not null
        and is_human
        and channel_id = 'owned_web'
        and reaction_type in ('search', 'download')
    union all
    select
        physician_key,
        product_id,
        'request_observed' as evidence_kind,
        occurred_on as evidence_on,
        cast(null as {{ dbt.type_string() }}) as touchpoint_key
    from inquiry
    union all
    select
        physician_key,
        product_id,
        'request_mr_recorded' as evidence_kind,
        occurred_on as evidence_on,
        touchpoint_key
    from call
    where depth >= 4
    union all
    select
        physician_key,
        product_id,
        usage_statement || '_mr_recorded' as evidence_kind,
        occurred_on as evidence_on,
        touchpoint_key
    from call
    where usage_statement is not null and place_in_call = 1
    union all
    select
        physician_key,
        product_id,
        'peer_act' as evidence_kind,
        occurred_on as evidence_on,
        touchpoint_key
    from call
    where attendee_type = 'Speaker_vod'
    union all
    select
        physician_key,
        product_id,
        evidence_kind,
        evidence_on,
        cast(null as {{ dbt.type_string() }}) as touchpoint_key
    from stated
    where evidence_kind is not null and evidence_kind <> 'awareness_stated'
    union all
    select
        physician_key,
        product_id,
        'awareness_stated' as evidence_kind,
        evidence_on,
        cast(null as {{ dbt.type_string() }}) as touchpoint_key
    from stated
    where usage_stage not in ('unaware', 'stopped')
    union all
    select
        stated.physician_key,
        stated.product_id,
        'promoter_stated' as evidence_kind,
        stated.evidence_on,
        cast(null as {{ dbt.type_string() }}) as touchpoint_key
    from stated
    inner join {{ rows_in_force('journey_setting') }} as setting
        on stated.nps >= setting.promoter_min_score
)

select
    physician_key,
    product_id,
    evidence_kind,
    evidence_on,
    evidence_touchpoint_key
from engaged_evidence
union all
select
    physician_key,
    product_id,
    evidence_kind,
    evidence_on,
    min(touchpoint_key) as evidence_touchpoint_key
from other
where evidence_on <= {{ as_of() }}
group by physician_key, product_id, evidence_kind, evidence_on

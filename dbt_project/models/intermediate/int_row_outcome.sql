-- What became of every landed row of every log: in the star (no reason), or out of it for a reason. A row that a
-- later delivery of the same record superseded is a duplicate.
{% set classified = {
    'crm_call': 'int_call',
    'crm_call_detail': 'int_call_detail_outcome',
    'crm_call_key_message': 'int_call_key_message',
    'crm_sent_email': 'int_sent_email',
    'crm_email_activity': 'int_email_activity',
    'crm_consent': 'int_consent_event',
    'crm_medical_inquiry': 'int_medical_inquiry',
    'crm_suggestion': 'int_suggestion',
    'crm_multichannel_activity': 'int_multichannel_activity',
    'crm_multichannel_activity_line': 'int_multichannel_activity_line',
    'webinar_zoom': 'int_webinar_segment',
    'portal_delivery': 'int_portal_row',
    'survey_qualtrics': 'int_survey_response',
    'web_snowplow': 'int_web_event',
    'initiative': 'int_initiative',
    'initiative_assignment': 'int_initiative_assignment',
    'story': 'int_story',
    'strategy_document': 'int_strategy_document',
    'content_decision': 'int_content_decision',
    'jdnet_delivery': 'int_facility_delivery',
    'link_review': 'int_link_review',
} %}
with current_row_outcome as (
    {% for source, model in classified.items() %}
    select
        '{{ source }}' as source,
        batch_id,
        reject_reason,
        count(*) as row_count
    from {{ ref(model) }}
    group by batch_id, reject_reason
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

standing as (
    select
        source,
        batch_id,
        sum(row_count) as row_count
    from current_row_outcome
    group by source, batch_id
),

superseded as (
    select
        batch.source,
        batch.batch_id,
        'duplicate' as reject_reason,
        batch.rows_landed - coalesce(standing.row_count, 0) as row_count
    from {{ ref('int_delivery') }} as batch
    left join standing
        on batch.batch_id = standing.batch_id
    where
        batch.state = 'landed'
        and batch.source in (
            {% for source in classified %}
            '{{ source }}'{{ ',' if not loop.last }}
            {% endfor %}
        )
        and batch.rows_landed <> coalesce(standing.row_count, 0)
),

gathered as (
    select * from current_row_outcome
    union all
    select * from superseded
)

select
    source,
    batch_id,
    reject_reason,
    cast(sum(row_count) as bigint) as row_count
from gathered
group by source, batch_id, reject_reason

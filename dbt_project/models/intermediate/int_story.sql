-- Every story of the register. Without a readable outcome it cannot be counted. Its text may be shown only once it is
-- masked, consented to, checked for adverse events and off-label content, and approved by as_of; and people miss things:
-- where a name seems to be left it is held back all the same.
with worded as (
    select
        story.*,
        {{ seems_to_name_somebody(
            "coalesce(story.context, '') || '。' || coalesce(story.action, '') || '。' || coalesce(story.result, '')"
            ~ " || '。' || coalesce(story.conditions, '') || '。' || coalesce(story.theme, '')"
        ) }} as seems_to_name_somebody
    from {{ ref('stg_story') }} as story
),

read as (
    select
        story.*,
        outcome.meaning as outcome_kind,
        coalesce(
            story.is_masked and story.has_consent and story.is_safety_checked and story.approved_on <= {{ as_of() }}
            and story.action is not null and story.result is not null and not story.seems_to_name_somebody,
            false
        ) as is_publishable
    from worded as story
    left join {{ ref('register_answer') }} as outcome
        on story.outcome_answer = outcome.answer and outcome.question = 'outcome'
)

select
    read.story_id,
    read.batch_id,
    read.written_on,
    read.office_code as office_id,
    product.product_id,
    read.theme,
    read.initiative_id,
    read.outcome_kind,
    read.n_similar_attempts,
    least(read.n_similar_without_success, read.n_similar_attempts) as n_similar_without_success,
    coalesce(read.is_masked, false) as is_masked,
    coalesce(read.has_consent, false) as has_consent,
    coalesce(read.is_safety_checked, false) as is_safety_checked,
    read.seems_to_name_somebody,
    case when read.approved_on <= {{ as_of() }} then read.approved_on end as approved_on,
    read.is_publishable,
    case when read.is_publishable then read.context end as context,
    case when read.is_publishable then read.action end as action,
    case when read.is_publishable then read.result end as result,
    case when read.is_publishable then read.conditions end as conditions,
    coalesce({{ listed_count('read.reused_by_offices') }}, 0)
    - case
        when ';' || {{ plain_list('read.reused_by_offices') }} || ';' like '%;' || read.office_code || ';%' then 1
        else 0
    end as n_reused_offices,
    case when read.outcome_kind is null then 'unparseable' end as reject_reason
from read
left join {{ ref('int_product_name') }} as product
    on read.product_name = product.called

-- Every link that was drawn, with what was found. Whom a link leads to may not be used where the physician may not be;
-- a link without an answer was not looked at yet, which is not the same as one that nobody could decide.
select
    review.quarter_start,
    review.link_id,
    review.source,
    review.method,
    review.physician_key,
    answer.meaning as judgement,
    coalesce(review.reviewed_on, review.batch_delivered_on) as reviewed_on,
    review.batch_id,
    case
        when stopped.physician_key is not null then 'use_stopped'
        when review.answer is null then 'out_of_scope'
        when answer.meaning is null then 'unparseable'
    end as reject_reason
from {{ ref('stg_link_review') }} as review
left join {{ ref('int_stopped_physician') }} as stopped
    on review.physician_key = stopped.physician_key
left join (
    select
        answer,
        meaning
    from {{ ref('register_answer') }}
    where question = 'link'
) as answer
    on review.answer = answer.answer

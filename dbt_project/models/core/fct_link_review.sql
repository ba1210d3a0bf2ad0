-- What was found of links drawn by lot. A link that was found false and mended stays: the sample speaks of all links of
-- its quarter, and one that leaves it because it was false would make the others look right.
select
    review.quarter_start,
    review.link_id,
    review.source,
    review.method,
    review.physician_key,
    review.judgement,
    review.reviewed_on,
    link.link_id is not null as is_link_standing
from {{ ref('int_link_review') }} as review
left join {{ ref('bridge_physician_identity') }} as link
    on review.link_id = link.link_id
where review.reject_reason is null

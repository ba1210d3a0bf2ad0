with landed as (
    {{ landed('initiative', 'latest_by_key', ['initiative_id'], 'updated_at') }}
)

select
    initiative_id,
    name_ja,
    product_name,
    kind,
    planning_departments,
    n_field_mrs_before_approval,
    approved_on,
    starts_on,
    ends_on,
    design as design_answer,
    selection_reason,
    is_easy_product,
    named_outcome,
    comparison,
    willing_offices,
    event_in_window as has_event_in_window,
    updated_at,
    batch_id,
    landing_id,
    row_number,
    batch_delivered_at,
    batch_delivered_on
from landed
where recency = 1

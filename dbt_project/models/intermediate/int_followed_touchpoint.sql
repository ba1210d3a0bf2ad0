select
    record_id as call_id,
    touchpoint_key
from {{ ref('int_named_touchpoint') }}
where record_kind = 'call'

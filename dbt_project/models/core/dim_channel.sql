select
    channel_id,
    name_ja,
    name_en,
    is_mr_channel,
    is_push,
    effective_rule_ja,
    sort_order
from {{ ref('channel') }}

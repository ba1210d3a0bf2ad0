select
    topic_id,
    name_ja,
    name_en,
    info_class,
    allowed_role,
    is_off_label
from {{ ref('topic') }}

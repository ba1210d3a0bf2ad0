select
    source,
    batch_id,
    reject_reason as reason,
    row_count as rows
from {{ ref('int_row_outcome') }}
where reject_reason is not null

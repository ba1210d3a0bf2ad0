select
    source,
    business_name as name_ja,
    freshness_hours,
    is_periodic,
    is_expected
from {{ source('ledger', 'source') }}

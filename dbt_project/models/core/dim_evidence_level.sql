select
    evidence_level,
    rank,
    name_ja,
    definition_ja,
    verbs_ja
from {{ ref('evidence_level') }}

"""What the necessity estimator would have left, by hand: one channel for each thing the mart decides."""

from __future__ import annotations

from datetime import date
from typing import Any

Row = dict[str, Any]

WINDOWS: list[Row] = [
    {
        "months_from_start": months, "n_treated": 400, "n_control": 2000, "effect": effect,
        "effect_low": effect - 0.03, "effect_high": effect + 0.03,
    }
    for months, effect in ((-4, -0.005), (-3, 0.005), (1, 0.08))
]  # fmt: skip

MEASURED: Row = {
    "period_start": date(2025, 11, 1), "period_end": date(2026, 7, 31), "design": "matched",
    "n_physicians": 120, "n_treated_offered": 500, "n_treated": 400, "n_control": 2000, "n_clusters": 40,
    "moved_treated": 100, "rate_treated": 0.25, "rate_without": 0.17, "effect": 0.08, "effect_low": 0.05,
    "effect_high": 0.11, "minimum_detectable_effect": 0.043, "meaningful_effect": 0.03, "p_value": 0.0005,
    "q_value": 0.002, "n_tests": 6, "e_value": 2.3, "e_value_limit": 1.9, "e_value_hidden": 1.0,
    "overlap_share": 0.8, "maximum_smd": 0.04, "n_pre_periods": 4, "pre_trend_p_value": 0.4,
    "pre_trend_largest": 0.01, "placebo_outcome_effect": 0.004, "placebo_outcome_low": -0.01,
    "placebo_outcome_high": 0.018, "placebo_date_effect": -0.002, "placebo_date_low": -0.02,
    "placebo_date_high": 0.016, "failed_diagnostics": "", "contacts_per_treated": 1.2,
    "contacts_per_move": 15.0, "over_contact_share": 0.05, "evidence_level": "E3", "verdict": "needed",
    "reason_ja": "比べると差がありました", "rule_version": "necessity-1", "periods": WINDOWS,
}  # fmt: skip
UNMEASURED: Row = {
    "design": "none", "n_physicians": 0, "n_treated_offered": 0, "n_treated": 0, "n_control": 0,
    "n_clusters": 0, "meaningful_effect": 0.03, "n_tests": 6, "failed_diagnostics": "",
    "evidence_level": "E1", "verdict": "cannot_tell", "reason_ja": "出発点が足りません",
    "rule_version": "necessity-1",
}  # fmt: skip


def tables() -> dict[str, list[Row]]:
    """Rows of the source `estimates.necessity`."""
    cell = {"channel_id": "webinar", "segment_id": "all"}
    return {
        "necessity": [
            MEASURED | cell,
            # 29 on one side is one too few, 30 are enough.
            MEASURED | cell | {"segment_id": "hospital", "n_control": 29, "verdict": "cannot_tell"},
            MEASURED | cell | {"segment_id": "own_practice", "n_treated": 30, "verdict": "conditional"},
            UNMEASURED | {"channel_id": "chat", "segment_id": "all"},
            # Four physicians are one too few; five are enough, but 124 - 120 would tell of the four.
            MEASURED
            | {"channel_id": "portal", "segment_id": "all", "n_physicians": 124, "verdict": "not_needed"},
            MEASURED | {"channel_id": "portal", "segment_id": "hospital", "n_physicians": 120},
            MEASURED | {"channel_id": "portal", "segment_id": "own_practice", "n_physicians": 4},
            MEASURED | {"channel_id": "hq_email", "segment_id": "all", "n_physicians": 5},
            # Thirty units of 29 physicians are 29 physicians.
            MEASURED | {"channel_id": "mr_remote", "segment_id": "all", "n_physicians": 29},
            # Two physicians of no segment: 20 of the 500 offered.
            MEASURED | {"channel_id": "owned_web", "segment_id": "all", "n_physicians": 122},
            MEASURED
            | {"channel_id": "owned_web", "segment_id": "hospital", "n_physicians": 80}
            | {"n_treated_offered": 300},
            MEASURED
            | {"channel_id": "owned_web", "segment_id": "own_practice", "n_physicians": 40}
            | {"n_treated_offered": 180},
            # Four physicians with something open: that type of segments is hidden, the other is not. A
            # physician can belong to both in turn, so 118 and 4 are more than 120.
            MEASURED | {"channel_id": "mr_email", "segment_id": "all"},
            MEASURED
            | {"channel_id": "mr_email", "segment_id": "hospital", "n_physicians": 80}
            | {"n_treated_offered": 300},
            MEASURED
            | {"channel_id": "mr_email", "segment_id": "own_practice", "n_physicians": 40}
            | {"n_treated_offered": 200},
            MEASURED
            | {"channel_id": "mr_email", "segment_id": "need_open", "n_physicians": 4}
            | {"n_treated_offered": 8},
            MEASURED
            | {"channel_id": "mr_email", "segment_id": "need_none", "n_physicians": 118}
            | {"n_treated_offered": 492},
            # Medical's, should an estimator ever let it through.
            MEASURED | {"channel_id": "msl_visit", "segment_id": "all"},
        ]
    }

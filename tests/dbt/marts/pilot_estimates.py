"""What the estimator of initiatives would have left, by hand: one initiative for each thing the mart decides.

The initiatives are the tiny company's I0 to I9; I8 and I9 have no estimate.
"""

from __future__ import annotations

from datetime import date
from typing import Any

Row = dict[str, Any]

READ: Row = {
    "design": "randomised", "first_start_on": date(2026, 7, 1), "compared_from": date(2026, 6, 30),
    "n_assigned_late": 0, "n_assigned_treated": 420, "n_assigned_control": 430, "n_washed_out": 35,
    "n_treated_elsewhere": 5, "n_treated": 400,
    "n_control": 410, "n_clusters": 810, "moved_treated": 120, "rate_treated": 0.3, "rate_without": 0.2,
    "effect": 0.1, "effect_low": 0.04, "effect_high": 0.16, "minimum_detectable_effect": 0.085,
    "meaningful_effect": 0.03, "p_value": 0.011, "q_value": 0.033, "n_tests": 3, "failed_diagnostics": "",
    "missing_diagnostics": "", "contacts_per_treated": 3.0, "contacts_per_move": 30.0,
    "over_contact_share": 0.05, "evidence_level": "E4", "verdict": "needed",
    "reason_ja": "効果がありました（100人あたり3人を上回る）。負担も決まりの範囲です",
    "rule_version": "necessity-1",
}  # fmt: skip
UNREAD: Row = {
    "design": "none", "n_assigned_late": 0, "n_assigned_treated": 0, "n_assigned_control": 0,
    "meaningful_effect": 0.03, "n_tests": 3, "failed_diagnostics": "", "missing_diagnostics": "",
    "evidence_level": "E1", "verdict": "cannot_tell", "reason_ja": "比べる相手を決めずに始めた施策です",
    "rule_version": "necessity-1",
}  # fmt: skip


def window(months: int, effect: float, n_treated: int = 400, n_control: int = 410) -> Row:
    """One window of `periods`, with an interval of six to either side."""
    return {
        "months_from_start": months, "n_treated": n_treated, "n_control": n_control, "effect": effect,
        "effect_low": effect - 0.06, "effect_high": effect + 0.06,
    }  # fmt: skip


WINDOWS: list[Row] = [
    window(-5, 0.01, n_treated=200),
    window(-4, -0.02, n_treated=205),  # five more than at -5: nobody is given away
    window(-3, 0.01),
    window(0, 0.1),  # the effect: 400 and 410, of 420 and 430 assigned
    window(1, 0.11, n_treated=398),  # two fewer than in the effect
    window(2, 0.12, n_treated=417),  # three fewer than were assigned
    window(3, 0.13, n_treated=100, n_control=30),
    window(4, 0.14, n_treated=104, n_control=29),  # four more than at 3, and one too few to compare with
    window(5, 0.15, n_treated=5, n_control=300),
    window(6, 0.16, n_treated=300, n_control=4),
]
UNTOLD: Row = READ | {"verdict": "cannot_tell", "reason_ja": "比べた先生が少なすぎます"}


def tables() -> dict[str, list[Row]]:
    """Rows of the source `estimates.pilot_readout`."""
    return {
        "pilot_readout": [
            READ | {"initiative_id": "I0", "periods": WINDOWS},
            UNREAD | {"initiative_id": "I1", "n_assigned_late": 7},
            # 29 on one side is one too few, 30 are enough.
            UNTOLD | {"initiative_id": "I2", "n_control": 29, "periods": WINDOWS[2:4]},
            # Four left out are a few people, and so are four whom no other initiative treats.
            READ
            | {"initiative_id": "I3", "n_treated": 30, "n_control": 30, "verdict": "conditional"}
            | {"n_washed_out": 4, "n_treated_elsewhere": 846},
            # Four on a side are a few people; five are counted.
            UNTOLD
            | {"initiative_id": "I4", "n_treated": 4, "n_assigned_treated": 4, "periods": WINDOWS[2:4]},
            UNTOLD | {"initiative_id": "I5", "n_treated": 5, "n_assigned_treated": 5},
            # 403 assigned less 400 compared would tell of three people; 415 less 410 of five.
            READ
            | {"initiative_id": "I6", "n_assigned_treated": 403, "n_assigned_control": 415}
            | {"verdict": "not_needed", "effect": -0.01, "effect_low": -0.03, "effect_high": 0.01}
            | {"minimum_detectable_effect": 0.028, "n_washed_out": 0, "n_treated_elsewhere": 4},
            READ
            | {"initiative_id": "I7", "design": "matched", "evidence_level": "E2", "verdict": "cannot_tell"}
            | {"failed_diagnostics": "balance", "missing_diagnostics": "pre_trend", "periods": WINDOWS[3:4]},
        ]
    }

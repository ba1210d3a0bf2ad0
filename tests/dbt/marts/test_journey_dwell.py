"""How long physicians stay in a phase: by hand, and against lifelines' Kaplan-Meier curve."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times

from tests.dbt.marts.core_tables import write_core, write_estimates
from tests.dbt.marts.run import run_dbt

# Sixteen month ends from July 2025 on; the sixth, 31 December, is the first with half a year of logs behind
# it.
MONTH_ENDS = [
    date(2025 + (6 + k) // 12, (6 + k) % 12 + 1, monthrange(2025 + (6 + k) // 12, (6 + k) % 12 + 1)[1])
    for k in range(16)
]
KNOWN = 5
BRANCHES = {"BR1": 30, "BR2": 12, "BR3": 3}


def histories() -> dict[str, list[str]]:
    """Physician → phase on each month end (shorter where he left). P0 until he enters P1 in a known month."""
    random = np.random.default_rng(12)
    found = {}
    for branch, size in BRANCHES.items():
        for number in range(size):
            start = KNOWN + int(random.integers(0, 4))
            stay = int(random.geometric(0.25))
            after = ["P2"] * (16 - start - stay)
            history = (["P0"] * start + ["P1"] * stay + after)[:16]
            # Every fifth leaves the master: what follows is not seen.
            found[f"{branch}-{number:02d}"] = history[:13] if number % 5 == 0 else history
    # In P1 on the first month end: since when is not known. In P1 before phases can be known.
    found["BR1-early"] = ["P1"] * 9 + ["P2"] * 7
    found["BR1-warming"] = ["P0"] * 2 + ["P1"] * 9 + ["P2"] * 5
    return found


def stays() -> list[tuple[str, int, bool]]:
    """Branch, days and whether it ended, of each stay in P1 with a known start: a second, plain way of
    counting.
    """
    found = []
    for physician, history in histories().items():
        if "P1" not in history or history.index("P1") < KNOWN:
            continue
        first = history.index("P1")
        last = len(history) - 1 - history[::-1].index("P1")
        ended = last + 1 < len(history)
        end = MONTH_ENDS[last + 1] if ended else MONTH_ENDS[last]
        found.append((physician[:3], (end - MONTH_ENDS[first]).days, ended))
    return found


@pytest.fixture(scope="module")
def dwell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("dwell")
    months, phases = [], []
    for physician, history in histories().items():
        since = MONTH_ENDS[0]
        for place, month_end in enumerate(MONTH_ENDS):
            months.append(
                {
                    "physician_key": physician, "month_end": month_end, "is_target": True,
                    "is_active": place < len(history), "branch_id": physician[:3],
                }
            )  # fmt: skip
            # The master keeps who has left, and the journey goes on for him; nobody sees him any more.
            phase = history[place] if place < len(history) else "PX"
            earlier = history[place - 1] if 0 < place <= len(history) else "PX"
            since = month_end if place == 0 or phase != earlier else since
            phases.append(
                {
                    "physician_key": physician, "product_id": "PRD-A", "month_end": month_end,
                    "phase_id": phase, "phase_since": since,
                }
            )  # fmt: skip
    write_core(folder / "warehouse.duckdb", {"fct_physician_month": months, "fct_journey_phase": phases})
    write_estimates(folder / "estimates", {})
    done = run_dbt(folder, "build", "--select", "mart_journey_dwell", "path:seeds/journey_setting.csv")
    assert done.returncode == 0, done.stdout[-3000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        cursor = connection.execute("select * from marts.mart_journey_dwell where product_id = 'PRD-A'")
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    yield {(row["scope_id"], row["phase_id"]): row for row in rows}


@pytest.mark.parametrize("scope", ["company", "BR1"])
def test_the_median_is_lifelines(dwell: dict[tuple[str, str], dict[str, Any]], scope: str) -> None:
    row = dwell[scope, "P1"]
    counted = [(days, ended) for branch, days, ended in stays() if scope in ("company", branch)]
    assert (row["stays"], row["stays_ended"]) == (len(counted), sum(ended for _, ended in counted))
    assert 0 < row["stays_ended"] < row["stays"]
    curve = KaplanMeierFitter().fit(*np.array(counted).T)
    band = median_survival_times(curve.confidence_interval_).iloc[0]
    assert row["dwell_days_median"] == curve.median_survival_time_
    assert (row["dwell_days_median_low"], row["dwell_days_median_high"]) == tuple(band)
    assert row["dwell_days_median_low"] < row["dwell_days_median"] < row["dwell_days_median_high"]


def test_starts_that_nobody_saw_are_counted_apart(dwell: dict[tuple[str, str], dict[str, Any]]) -> None:
    row = dwell["company", "P1"]
    # Two physicians: too few to be told, and in no median.
    assert (row["stays_start_unknown"], row["n_physicians_start_unknown_suppressed"]) == (None, True)
    # Everybody's first phase began before the logs: 45 in P0 and the one who was warming up.
    assert (dwell["company", "P0"]["stays_start_unknown"], dwell["company", "P0"]["stays"]) == (46, 0)
    assert dwell["company", "P0"]["reason"] == "始まりの分かる滞在がありませんでした"


def test_small_branches_are_hidden_or_for_reference(dwell: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert dwell["company", "P1"]["display_state"] == "shown"
    # Three physicians in BR3 cannot be shown, and the next smallest goes with them: the company less BR1 and
    # BR2 would be BR3.
    for branch in ("BR2", "BR3"):
        row = dwell[branch, "P1"]
        assert (row["display_state"], row["stays"], row["dwell_days_median"]) == ("suppressed", None, None)
    assert dwell["BR1", "P1"]["display_state"] in ("shown", "reference")

"""From which phase to which physicians moved, forward and back, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.dbt.marts.core_tables import write_core, write_estimates
from tests.dbt.marts.run import run_dbt

Row = dict[str, Any]
START, END = "2026-08-31", "2026-10-31"
# Branch, phase at the start, phase at the end, physicians. An analyst has set two months instead of three:
# nothing here may know how long a move takes.
MOVES = [
    ("BR1", "P2", "P2", 26), ("BR1", "P2", "P3", 8), ("BR1", "P2", "P1", 6), ("BR2", "P2", "P2", 12),
    ("BR1", "P1", "P2", 5), ("BR1", "P1", "P1", 4),
    ("BR1", "P6", "P5", 10), ("BR1", "P3", "PX", 9),
]  # fmt: skip
# Not observed to the end, no target at the start, too early in the logs: each would be the ninth in P3.
LEFT_OUT = ("is_observed_until_end", "is_target_throughout", "is_start_observable")


def tables() -> dict[str, list[Row]]:
    transitions, months = [], []

    def add(branch: str, start: str, end: str, **more: Any) -> None:
        name = f"H{len(transitions):03d}"
        transitions.append(
            {
                "physician_key": name, "product_id": "PRD-A", "month_end": START, "end_on": END,
                "horizon_days": 60, "from_phase_id": start, "to_phase_id": end, "is_start_observable": True,
                "is_observed_until_end": True, "is_target_throughout": True,
            } | more
        )  # fmt: skip
        months.append(
            {
                "physician_key": name, "month_end": END, "is_target": True, "is_active": True,
                "branch_id": branch, "office_id": f"OF-{branch}",
            }
        )  # fmt: skip

    for branch, start, end, number in MOVES:
        for _ in range(number):
            add(branch, start, end)
    for reason in LEFT_OUT:
        add("BR1", "P2", "P3", **{reason: False})
    return {
        "fct_journey_transition": transitions,
        "fct_physician_month": months,
        "fct_physician_contact_month": [{"physician_key": "H000", "month_end": END, "contacts": 1}],
    }


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("transition")
    write_core(folder / "warehouse.duckdb", tables())
    write_estimates(folder / "estimates", {})
    models = ("mart_period", "mart_physician_period", "mart_journey_transition")
    done = run_dbt(folder, "build", "--select", "path:seeds", *models)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def moved(marts: duckdb.DuckDBPyConnection, scope_id: str, start: str) -> dict[str, Row]:
    cursor = marts.execute(
        "select * from marts.mart_journey_transition where period_type = 'month' and scope_id = ? and"
        " from_phase_id = ?",
        [scope_id, start],
    )
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {row["to_phase_id"]: row for row in rows}
    assert len(found) == len(rows) > 0
    return found


def test_every_direction_is_a_row_of_one_start(marts: Any) -> None:
    found = moved(marts, "company", "P2")
    seen = {phase: (row["movement"], row["n_moved"], row["n_started"]) for phase, row in found.items()}
    assert seen == {"P2": ("stayed", 38, 52), "P3": ("forward", 8, 52), "P1": ("back", 6, 52)}
    assert {row["display_state"] for row in found.values()} == {"shown"}
    low, high = proportion_confint(8, 52, method="wilson")
    row = found["P3"]
    assert row["transition_rate"] == pytest.approx(8 / 52)
    assert (row["transition_rate_low"], row["transition_rate_high"]) == pytest.approx((low, high))


def test_out_of_the_last_phase_and_into_sleep_is_back(marts: Any) -> None:
    (advocate,) = moved(marts, "company", "P6").values()
    assert (advocate["movement"], advocate["n_moved"], advocate["display_state"]) == (
        "back",
        10,
        "reference",
    )
    (asleep,) = moved(marts, "company", "P3").values()
    assert (asleep["movement"], asleep["n_moved"], asleep["display_state"]) == ("back", 9, "counts_only")
    assert asleep["transition_rate"] is None


def test_four_are_hidden_and_nothing_gives_them_away(marts: Any) -> None:
    found = moved(marts, "company", "P1")
    assert {phase: (row["n_moved"], row["n_started"]) for phase, row in found.items()} == {
        "P1": (None, 9), "P2": (None, 9),
    }  # fmt: skip
    assert {row["display_state"] for row in found.values()} == {"suppressed"}


def test_branches_add_up_to_the_company(marts: Any) -> None:
    one, other = moved(marts, "BR1", "P2"), moved(marts, "BR2", "P2")
    assert [row["n_moved"] for row in other.values()] == [12]
    assert one["P2"]["n_moved"] + other["P2"]["n_moved"] == 38
    scopes = marts.execute(
        "select distinct scope_type from marts.mart_journey_transition order by 1"
    ).fetchall()
    assert scopes == [("branch",), ("company",), ("office",)]

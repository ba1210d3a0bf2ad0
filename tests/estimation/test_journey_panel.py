"""The panel against a core of a few rows, and the estimator end to end on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest
from shirube.estimation import necessity
from shirube.estimation.journey_panel import read_panel
from shirube.home import project_root

SEEDS = project_root() / "dbt_project" / "seeds"
JANUARY, FEBRUARY, MARCH = "2026-01-31", "2026-02-28", "2026-03-31"


CORE: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "dim_channel": (
        "channel_id text, is_push boolean, sort_order integer",
        [("portal", True, 2), ("mr_visit", True, 1), ("owned_web", False, 3), ("msl_visit", False, 4)],
    ),
    "fct_physician_month": (
        "physician_key text, month_end date, is_target boolean, specialty_group text, practice_type text,"
        " area_type text, employee_key text",
        [
            ("p1", JANUARY, True, "内科", "HP", "metropolitan", "e1"),
            ("p1", FEBRUARY, True, "内科", "GP", "regional", "e2"),
            ("p1", MARCH, True, "内科", "HP", "regional", "e9"),
            ("p2", JANUARY, True, None, "unknown", "unknown", None),
            ("p2", FEBRUARY, False, "外科", "GP", "metropolitan", None),
            ("p3", FEBRUARY, True, "外科", "GP", None, None),
            ("never", JANUARY, False, "外科", "GP", "regional", "e2"),
        ],
    ),
    "fct_journey_transition": (
        "physician_key text, product_id text, month_end date, horizon_days integer, from_phase_id text,"
        " is_forward boolean, is_start_observable boolean, is_observed_until_end boolean,"
        " is_target_throughout boolean",
        [
            ("p1", "A", JANUARY, 90, "P2", True, True, True, True),
            ("p1", "B", JANUARY, 90, "PX", False, True, True, True),
            ("p1", "A", FEBRUARY, 90, "P3", False, True, True, True),
            ("p2", "A", JANUARY, 90, "P0", True, False, True, True),
            ("p2", "B", JANUARY, 180, "P0", True, True, True, True),
            ("never", "A", JANUARY, 90, "P0", True, True, True, True),
        ],
    ),
    "fct_physician_channel_product_month": (
        "physician_key text, channel_id text, product_id text, month_end date, delivered_contacts integer,"
        " effective_contacts integer",
        [
            ("p1", "portal", "A", JANUARY, 2, 1),
            ("p1", "mr_visit", None, JANUARY, 1, 0),
            ("p1", "owned_web", "B", JANUARY, 0, 0),
            ("p1", "msl_visit", "A", JANUARY, 1, 1),
            ("p2", "portal", "B", FEBRUARY, 4, 0),
            ("p1", "portal", "A", MARCH, 9, 1),
        ],
    ),
    "fct_physician_contact_month": (
        "physician_key text, month_end date, contacts integer, max_push_contacts_30d integer",
        [("p1", JANUARY, 12, 9), ("p2", JANUARY, 3, 8), ("never", JANUARY, 5, 20)],
    ),
}


@pytest.fixture
def core() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema core; create schema seeds")
        for name in ("necessity_rule", "necessity_segment", "journey_setting"):
            connection.execute(
                f"create table seeds.{name} as select * from read_csv('{SEEDS / name}.csv', header = true)"
            )
        for name, (columns, rows) in CORE.items():
            connection.execute(f"create table core.{name} ({columns})")
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into core.{name} values ({places})", rows)
        yield connection


def test_the_core_as_arrays(core: duckdb.DuckDBPyConnection) -> None:
    panel = read_panel(core, date(2026, 2, 28), necessity.MEDICAL_CHANNELS, over_contact_above=8)
    assert [str(month) for month in panel.months] == [JANUARY, FEBRUARY]
    assert (panel.products, panel.channels, panel.is_push) == (
        ("A", "B"), ("mr_visit", "portal", "owned_web"), (True, True, False),
    )  # fmt: skip
    # p1, p2, p3; who never was a target is nobody to compare.
    assert panel.forward.shape == (3, 2, 2)
    # p1 moved from January, not from February; p2's start cannot be observed, B's horizon is another.
    assert panel.forward[0].tolist() == [[1, 0], [0, -1]]
    assert panel.forward[1].tolist() == [[-1, -1], [-1, -1]]
    assert panel.phase[0].tolist() == [[2, 3], [-1, -1]]  # who is dormant cannot start
    # Portal is bit 1; the visit (bit 0) named no product: both. What was not delivered reached nobody.
    assert panel.reached[0].tolist() == [[3, 0], [1, 0]]
    assert panel.reached[1].tolist() == [[0, 0], [0, 2]]
    assert panel.engaged[0].tolist() == [[True, False], [False, False]]
    assert panel.contacts.tolist() == [[12, 0], [3, 0], [0, 0]]
    assert panel.over_contact.tolist() == [[True, False], [False, False], [False, False]]  # 8 are not above 8
    assert panel.specialties == ("内科", "外科", "unknown")
    assert panel.specialty.tolist() == [[0, 0], [2, 1], [2, 1]]
    assert panel.practice.tolist() == [[0, 1], [2, 1], [2, 1]]
    assert panel.area.tolist() == [[0, 1], [2, 0], [2, 2]]
    # p1 belongs to e2 at the end; p2 and p3 have nobody and are not each other's cluster.
    assert len(set(panel.cluster.tolist())) == 3
    assert panel.horizon_months == 3
    # Portal: 2 (p1, HP in January) and 4 (p2, GP in February), 3 on average.
    assert panel.delivered[1].tolist() == pytest.approx([2, 4, float("nan"), 3], nan_ok=True)


def test_the_estimator_says_what_is_missing(core: duckdb.DuckDBPyConnection) -> None:
    table = necessity.estimate(core, date(2026, 2, 28))
    assert table.schema.equals(necessity.SCHEMA)
    rows = table.to_pylist()
    assert [(row["channel_id"], row["segment_id"]) for row in rows] == [
        (channel, segment)
        for channel in ("mr_visit", "portal", "owned_web")
        for segment in ("all", "hospital", "own_practice")
    ]
    assert {row["reason_ja"] for row in rows} == {"比べるには出発点が8か月分必要です（今は2か月分）"}


def test_medicals_channels_are_those_of_the_marts() -> None:
    macro = (project_root() / "dbt_project" / "macros" / "kpi_scope.sql").read_text(encoding="utf-8")
    listed = ", ".join(f"'{channel}'" for channel in necessity.MEDICAL_CHANNELS)
    assert f"({listed})" in macro[macro.index("kpi_medical_channels()") :]

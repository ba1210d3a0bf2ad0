"""What materials lacked, counted by hand from content_needs.py; intervals against scipy's Wilson."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from scipy.stats import binomtest

from tests.dbt.marts.run import number

Connection = duckdb.DuckDBPyConnection
KPI = "content.needs_covered_rate"
MAY = "2026-05-01"

CASES = [
    # 20 on guidelines: 10 on the material's last day, 10 on the day after.
    ("T-GUIDE", "PRD-A", 10, 20, "reference"),
    # All 29 before the version was replaced.
    ("T-PTYPE", "PRD-A", 29, 29, "reference"),
    # 30 on the dosage: 15 the day before approval, 15 on its day; headquarters may use it.
    ("T-DOSE", "PRD-A", 15, 30, "shown"),
    ("T-EVID", "PRD-A", 9, 9, "counts_only"),
    # Without a product any material on the topic will do.
    ("T-EVID", None, 10, 10, "reference"),
]


@pytest.mark.parametrize(("topic", "product", "covered", "needs", "state"), CASES)
def test_a_need_is_covered_by_a_material_usable_on_its_day(
    warehouse: Connection, topic: str, product: str | None, covered: int, needs: int, state: str
) -> None:
    row = number(warehouse, KPI, "company", period_start=MAY, breakdown=f"topic={topic}", product_id=product)
    assert (row["numerator"], row["denominator"], row["display_state"]) == (covered, needs, state)
    if state == "counts_only":
        assert (row["value"], row["ci_low"]) == (None, None)
    else:
        interval = binomtest(covered, needs).proportion_ci(method="wilson")
        assert row["value"] == pytest.approx(covered / needs)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_all_topics_together(warehouse: Connection) -> None:
    # 20 + 29 + 30 + 9 + 10, and seven on safety for whom there was nothing: 105. Covered: 10 + 29 + 15 + 19.
    row = number(warehouse, KPI, "company", period_start=MAY)
    assert (row["numerator"], row["denominator"], row["n_physicians"]) == (73, 105, 105)
    assert row["display_state"] == "shown"


def test_a_period_without_needs_has_no_rate(warehouse: Connection) -> None:
    row = number(warehouse, KPI, "company", period_start="2026-06-01")
    assert (row["numerator"], row["denominator"], row["value"]) == (0, 0, None)
    assert (row["display_state"], row["reason"]) == ("counts_only", "この期間に対象がありませんでした")


def test_gaps_are_named_and_small_groups_are_not_counted(warehouse: Connection) -> None:
    found = warehouse.execute(
        "select topic_id, product_id, needs_uncovered, n_physicians_suppressed, n_usable_contents, is_gap"
        " from marts.mart_content_need where period_type = 'month' and period_start = ?"
        " and topic_id is not null order by 1, 2 nulls last",
        [MAY],
    ).fetchall()
    # At the end of May the materials of May are over; high and mid … are usable, of which `high`, `today` and
    # `over` are on evidence. Four and three physicians with a need on safety: named, not counted.
    assert found == [
        ("T-DOSE", "PRD-A", 15, False, 0, True),
        ("T-EVID", "PRD-A", 0, False, 3, False),
        ("T-EVID", None, 0, False, 3, False),
        ("T-GUIDE", "PRD-A", 10, False, 0, True),
        ("T-PTYPE", "PRD-A", 0, False, 0, True),
        ("T-SAFE", "PRD-A", None, True, 0, True),
        ("T-SAFE", None, None, True, 0, True),
    ]


def test_what_was_put_to_medical_stands_beside(warehouse: Connection) -> None:
    found: Any = warehouse.execute(
        "select needs, needs_uncovered, n_physicians_to_medical, needs_to_medical"
        " from marts.mart_content_need where period_type = 'month' and period_start = ? and topic_id is null",
        [MAY],
    ).fetchall()
    assert found == [(105, 32, 5, 6)]
    parts = warehouse.execute(
        "select count(*) from marts.mart_content_need"
        " where topic_id is not null and needs_to_medical is not null"
    ).fetchone()
    assert parts == (0,)


def test_it_is_for_whoever_makes_the_materials(warehouse: Connection) -> None:
    found = warehouse.execute(
        "select audience, evidence_level from marts.dim_kpi where kpi_id = ?", [KPI]
    ).fetchall()
    assert found == [("content_owner", "E1")]

"""What the mart makes of read-outs: every initiative has a row, words, per 100, and what is not shown."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest

Connection = duckdb.DuckDBPyConnection


def row(warehouse: Connection, initiative: str) -> dict[str, Any]:
    cursor = warehouse.execute("select * from marts.mart_pilot_readout where initiative_id = ?", [initiative])
    (found,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description or ()], found, strict=True))


def test_no_initiative_of_the_register_vanishes(warehouse: Connection) -> None:
    shown = warehouse.execute("select initiative_id from marts.mart_pilot_readout order by 1").fetchall()
    assert [initiative for (initiative,) in shown] == [f"I{number}" for number in range(10)]
    unread = row(warehouse, "I9")
    assert (unread["design"], unread["verdict_words"], unread["evidence_level"], unread["reason"]) == (
        "none", "判断できません", "E1", "まだ計算していません",
    )  # fmt: skip


def test_benefits_are_told_per_hundred_physicians(warehouse: Connection) -> None:
    found = row(warehouse, "I0")
    names = ("benefit", "benefit_low", "benefit_high", "minimum_detectable", "meaningful")
    assert [found[f"{name}_per_100"] for name in names] == pytest.approx([10, 4, 16, 8.5, 3])
    # The share and what it is made of: 120 of 400.
    assert (found["moved_treated"], found["n_treated"], found["rate_treated"]) == (120, 400, 0.3)
    assert (found["starts_on"], found["compared_from"]) == (date(2026, 7, 1), date(2026, 6, 30))
    assert (found["verdict_words"], found["evidence_level"], found["is_easy_product"]) == (
        "必要",
        "E4",
        False,
    )
    assert "90日後" in found["outcome_words"]


@pytest.mark.parametrize(
    ("initiative", "words"),
    [("I0", "必要"), ("I3", "条件付き"), ("I6", "不要"), ("I1", "判断できません"), ("I7", "判断できません")],
)
def test_each_verdict_has_its_word(warehouse: Connection, initiative: str, words: str) -> None:
    assert row(warehouse, initiative)["verdict_words"] == words


def test_a_comparison_needs_thirty_on_both_sides(warehouse: Connection) -> None:
    few, enough = row(warehouse, "I2"), row(warehouse, "I3")
    hidden = {name for name, value in few.items() if value is None}
    assert {"moved_treated", "rate_treated", "benefit_per_100", "p_value", "contacts_per_move"} <= hidden
    # What is counted only is said at the level of counting, however it was planned.
    assert (few["n_treated"], few["n_control"], few["design"], few["evidence_level"]) == (
        400, 29, "randomised", "E1",
    )  # fmt: skip
    assert (enough["n_control"], enough["benefit_per_100"]) == (30, pytest.approx(10))


def test_four_on_a_side_are_not_shown(warehouse: Connection) -> None:
    few, counted = row(warehouse, "I4"), row(warehouse, "I5")
    assert few["n_treated_suppressed"]
    names = ("n_treated", "n_control", "n_clusters", "n_assigned_treated", "n_assigned_control")
    assert {few[name] for name in names} == {None}
    assert "個人が分かる" in few["reason"] and few["verdict"] == "cannot_tell"
    assert (counted["n_treated_suppressed"], counted["n_treated"]) == (False, 5)


def test_the_few_left_out_cannot_be_had_by_subtraction(warehouse: Connection) -> None:
    found = row(warehouse, "I6")
    assert (found["n_assigned_treated"], found["n_treated"]) == (None, 400)
    assert (found["n_assigned_control"], found["n_control"]) == (415, 410)


@pytest.mark.parametrize(
    ("initiative", "shown"),
    # 35 and 5; 4 of 850, and all but 4; nobody and 4; few on a side; nobody compared.
    [("I0", (35, 5)), ("I3", (None, None)), ("I6", (0, None)), ("I4", (None, None)), ("I1", (None, None))],
)
def test_who_takes_part_in_another_initiative_is_counted(
    warehouse: Connection, initiative: str, shown: tuple[int | None, int | None]
) -> None:
    found = row(warehouse, initiative)
    assert (found["n_washed_out"], found["n_treated_elsewhere"]) == shown


def test_what_came_out_badly_and_what_did_not_come_out_are_two_things(warehouse: Connection) -> None:
    found = row(warehouse, "I7")
    assert (found["failed_diagnostics"], found["missing_diagnostics"]) == ("balance", "pre_trend")
    assert row(warehouse, "I1")["has_late_assignments"]

"""What the mart makes of the necessity estimates: words, per 100, and what is not shown."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tests.dbt.marts.necessity_estimates import tables

Connection = duckdb.DuckDBPyConnection


def row(warehouse: Connection, channel: str, segment: str = "all") -> dict[str, Any]:
    cursor = warehouse.execute(
        "select * from marts.mart_necessity where channel_id = ? and segment_id = ?", [channel, segment]
    )
    (found,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description or ()], found, strict=True))


def test_effects_are_told_per_hundred_physicians(warehouse: Connection) -> None:
    found = row(warehouse, "webinar")
    assert [
        found[f"{name}_per_100"] for name in ("benefit", "benefit_low", "benefit_high", "meaningful")
    ] == (pytest.approx([8, 5, 11, 3]))
    assert found["minimum_detectable_per_100"] == pytest.approx(4.3)
    assert found["placebo_date_low_per_100"] == pytest.approx(-2)
    # The share and what it is made of: 100 of 400.
    assert (found["moved_treated"], found["n_treated"], found["rate_treated"]) == (100, 400, 0.25)
    assert (found["segment_name"], found["verdict_words"], found["reason"]) == (
        "全体",
        "必要",
        "比べると差がありました",
    )


@pytest.mark.parametrize(
    ("channel", "segment", "words"),
    [
        ("webinar", "all", "必要"),
        ("webinar", "own_practice", "条件付き"),
        ("portal", "all", "不要"),
        ("chat", "all", "判断できません"),
    ],
)
def test_each_verdict_has_its_word(warehouse: Connection, channel: str, segment: str, words: str) -> None:
    assert row(warehouse, channel, segment)["verdict_words"] == words


def test_a_comparison_needs_thirty_on_both_sides(warehouse: Connection) -> None:
    few, enough = row(warehouse, "webinar", "hospital"), row(warehouse, "webinar", "own_practice")
    hidden = [name for name, value in few.items() if value is None]
    assert {"moved_treated", "rate_treated", "benefit_per_100", "e_value", "contacts_per_move"} <= set(hidden)
    assert (few["n_treated"], few["n_control"]) == (400, 29)
    assert (enough["n_treated"], enough["rate_treated"]) == (30, 0.25)


def test_units_are_no_physicians(warehouse: Connection) -> None:
    found = row(warehouse, "mr_remote")
    assert (found["n_physicians"], found["n_treated"]) == (29, 400)
    assert {found[name] for name in ("benefit_per_100", "rate_treated", "moved_treated")} == {None}


def test_the_few_of_no_segment_cannot_be_had_by_subtraction(warehouse: Connection) -> None:
    assert row(warehouse, "owned_web")["n_treated_offered"] == 500
    for segment in ("hospital", "own_practice"):
        found = row(warehouse, "owned_web", segment)
        assert (found["n_physicians_suppressed"], found["n_treated_offered"]) == (True, None)
    assert not row(warehouse, "webinar", "hospital")["n_physicians_suppressed"]


def test_few_of_one_type_of_segments_hide_that_type_alone(warehouse: Connection) -> None:
    for segment, kind, hidden in (
        ("all", "company", False),
        ("hospital", "practice_type", False),
        ("own_practice", "practice_type", False),
        ("need_open", "need", True),
        ("need_none", "need", True),
    ):
        found = row(warehouse, "mr_email", segment)
        assert (found["segment_type"], found["n_physicians_suppressed"]) == (kind, hidden), segment


def test_nothing_measured_still_says_why(warehouse: Connection) -> None:
    found = row(warehouse, "chat")
    assert (found["n_physicians"], found["n_physicians_suppressed"], found["evidence_level"]) == (
        0,
        False,
        "E1",
    )
    assert found["reason"] == "出発点が足りません"
    assert found["period_start"] is None and found["benefit_per_100"] is None


def test_four_physicians_are_hidden_and_not_given_away(warehouse: Connection) -> None:
    whole = row(warehouse, "portal")
    assert (whole["n_physicians"], whole["n_physicians_suppressed"]) == (124, False)
    for segment in ("hospital", "own_practice"):
        found = row(warehouse, "portal", segment)
        assert found["n_physicians_suppressed"]
        assert {
            found[name] for name in ("n_physicians", "n_treated", "n_control", "overlap_share", "e_value")
        } == {None}
        assert (found["verdict"], found["verdict_words"]) == ("cannot_tell", "判断できません")
        assert "個人が分かる" in found["reason"]
    assert row(warehouse, "hq_email")["n_physicians"] == 5


def test_medicals_channels_are_never_shown(warehouse: Connection) -> None:
    shown = warehouse.execute(
        "select count(*), count(*) filter (channel_id = 'msl_visit') from marts.mart_necessity"
    )
    assert shown.fetchone() == (len(tables()["necessity"]) - 1, 0)

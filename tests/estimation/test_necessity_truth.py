"""A few companies whose truth is planted; `make truth` judges hundreds (benchmarks/truth.md)."""

from __future__ import annotations

import csv
import dataclasses
from typing import Any

import numpy as np
import pytest
from shirube.estimation.necessity import Segment
from shirube.home import project_root

from benchmarks import truth

COMPANIES = 8
SEEDS = project_root() / "dbt_project" / "seeds"


def seed_rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_thresholds_are_those_of_the_seed() -> None:
    (row,) = [row for row in seed_rows("necessity_rule") if row["rule_version"] == truth.RULE.rule_version]
    assert {name: str(getattr(truth.RULE, name)) for name in row} == row
    assert [
        Segment(**{field.name: row[field.name] or None for field in dataclasses.fields(Segment)})
        for row in seed_rows("necessity_segment")
    ] == list(truth.SEGMENTS)


@pytest.fixture(scope="module")
def scores() -> dict[str, truth.Score]:
    return truth.score(range(1000, 1000 + COMPANIES))


@pytest.fixture(scope="module")
def large() -> list[dict[str, Any]]:
    """The answers about a company of 9,000 physicians, enough for a verdict on its parts."""
    return truth.answer_all(truth.simulate(5, physicians=9000).panel, truth.RULE, truth.SEGMENTS)


def test_intervals_hold_the_planted_effect(scores: dict[str, Any]) -> None:
    # Channels whose contact depends on nothing that is not recorded: 95 of 100 each, so 50 or more of 56.
    sound = ("works", "null", "confounded", "rare", "hospital_only", "need_only", "need_led")
    covered = [hit for name in sound for hit in scores[name].covered]
    assert len(covered) == 7 * COMPANIES
    assert sum(covered) >= 0.87 * len(covered)


def test_what_works_is_needed_and_what_does_not_never_is(scores: dict[str, Any]) -> None:
    assert scores["works"].share("needed") >= 0.75
    assert scores["works"].share("not_needed") == 0
    for name in ("null", "confounded", "lasting", "rising", "need_led"):
        assert scores[name].share("needed") == 0, name
    assert scores["null"].share("not_needed") >= 0.75


def test_the_plain_difference_is_fooled_where_the_matched_one_is_not(scores: dict[str, Any]) -> None:
    confounded = scores["confounded"]
    assert confounded.planted == [0.0] * COMPANIES
    assert np.mean(confounded.plain) > 0.03
    assert abs(np.mean(confounded.effects)) < 0.01


def test_contact_that_follows_needs_is_compared_with_needs(scores: dict[str, Any]) -> None:
    led = scores["need_led"]
    assert led.planted == [0.0] * COMPANIES
    assert np.mean(led.plain) > 0.008
    assert abs(np.mean(led.effects)) < 0.006


def test_segments_by_need_add_up_to_the_whole(large: list[dict[str, Any]]) -> None:
    rows = {(row["channel_id"], row["segment_id"]): row for row in large}
    for channel in truth.CHANNELS:
        for counted in ("n_treated_offered", "n_treated", "n_control", "moved_treated"):
            whole, opened, closed = (
                rows[channel.name, segment][counted] for segment in ("all", "need_open", "need_none")
            )
            assert opened > 0 and whole == opened + closed, (channel.name, counted)


def test_a_kind_of_need_is_compared_within_itself() -> None:
    company = truth.simulate(3, physicians=1500)
    kinds = [Segment(f"need_{kind}", "kind", need=kind) for kind in truth.NEEDS[1:]]
    rows = truth.answer_all(company.panel, truth.RULE, [*truth.SEGMENTS, *kinds])
    offered = {(row["channel_id"], row["segment_id"]): row["n_treated_offered"] for row in rows}
    for channel in truth.CHANNELS:
        of_kinds = sum(offered[channel.name, kind.segment_id] for kind in kinds)
        assert of_kinds == offered[channel.name, "need_open"] > 0


def test_what_nothing_recorded_tells_voids_the_verdict(scores: dict[str, Any]) -> None:
    assert np.mean(scores["rising"].effects) > 0.015
    assert scores["rising"].share("cannot_tell") >= 0.75
    # Nearly all in many companies (benchmarks/truth.md); of a handful at least half.
    assert scores["rising"].levels.count("E2") >= 0.5 * COMPANIES


def test_too_few_contacts_cannot_tell(scores: dict[str, Any]) -> None:
    assert scores["rare"].share("cannot_tell") >= 0.75
    assert min(scores["rare"].detectable) > truth.RULE.meaningful_effect


@pytest.mark.parametrize(
    ("channel", "segments"),
    [
        ("hospital_only", ("all", "hospital", "own_practice")),
        ("need_only", ("all", "need_open", "need_none")),
    ],
)
def test_a_channel_that_works_for_some_only_is_conditional(
    large: list[dict[str, Any]], channel: str, segments: tuple[str, ...]
) -> None:
    verdicts = {row["segment_id"]: row["verdict"] for row in large if row["channel_id"] == channel}
    assert [verdicts[segment] for segment in segments] == ["conditional", "needed", "not_needed"]


def test_the_same_company_gives_the_same_answers() -> None:
    once, again = (
        truth.answer_all(truth.simulate(3, physicians=600).panel, truth.RULE, truth.SEGMENTS)
        for _ in range(2)
    )
    assert once == again


def test_the_windows_before_are_kept_with_the_effect() -> None:
    company = truth.simulate(3, physicians=600)
    rows = truth.answer_all(company.panel, truth.RULE, truth.SEGMENTS)
    told = [row for row in rows if row["effect"] is not None]
    assert told
    for row in told:
        *before, after = row["periods"]
        assert [one["months_from_start"] for one in row["periods"]] == [-6, -5, -4, -3, 1]
        assert [
            after[name] for name in ("effect", "effect_low", "effect_high", "n_treated", "n_control")
        ] == [row[name] for name in ("effect", "effect_low", "effect_high", "n_treated", "n_control")]
        assert sum(one["effect"] for one in before) == pytest.approx(0, abs=1e-12)
        # The largest step between two of them is what the check of the trend looks at.
        latest = before[-1]["effect"]
        assert max(abs(one["effect"] - latest) for one in before) == pytest.approx(row["pre_trend_largest"])
    assert all(row["periods"] is None for row in rows if row["effect"] is None)


def test_records_too_short_for_the_windows_before_say_how_long_they_must_be() -> None:
    rows = truth.answer_all(truth.simulate(4, physicians=300, months=12).panel, truth.RULE, truth.SEGMENTS)
    assert {(row["verdict"], row["evidence_level"]) for row in rows} == {("cannot_tell", "E1")}
    assert {row["effect"] for row in rows} == {None}
    # Starts need 3 + 4 months before them and themselves: 8. 12 less 5 of warm-up and 3 of horizon are 4.
    assert {row["reason_ja"] for row in rows} == {"比べるには出発点が8か月分必要です（今は4か月分）"}
    assert {row["n_tests"] for row in rows} == {0}


def test_physicians_who_come_by_themselves_are_never_more_than_seen_together() -> None:
    company = truth.simulate(5)
    panel = truth.replace(company.panel, is_push=(False,) * len(company.panel.channels))
    rows = truth.answer_all(panel, truth.RULE, truth.SEGMENTS)
    assert {(row["design"], row["evidence_level"], row["verdict"]) for row in rows} == {
        ("self_selected", "E2", "cannot_tell")
    }
    assert all(row["effect"] is not None and row["p_value"] is None for row in rows)

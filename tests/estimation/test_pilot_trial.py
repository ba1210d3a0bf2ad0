"""Assigned initiatives: what is planted is found, few offices are told by counting, failed checks lower."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from shirube.estimation.decision_ladder import Burden, Design, State, Verdict, evidence_level, judge
from shirube.estimation.pilot_trial import read_out_randomised, read_out_staggered
from shirube.estimation.randomisation import interval_of_effect
from shirube.estimation.randomisation import test_of_no_effect as no_effect
from shirube.estimation.staggered import NEVER

from benchmarks.truth import RULE

LIGHT = Burden(1.0, 0.0)


def trial(seed: int, offices: int = 40, size: int = 60, effect: float = 0.08) -> tuple[Any, Any, Any]:
    """Ten months of a yes-or-no outcome; the lot falls on offices; from month 6 on the effect is there."""
    random = np.random.default_rng([seed, 4])
    cluster = np.repeat(np.arange(offices), size)
    treated = np.isin(cluster, random.permutation(offices)[: offices // 2])
    own = np.clip(random.normal(0.2, 0.1, len(cluster)) + random.normal(0, 0.03, offices)[cluster], 0, 0.8)
    chance = own[:, None] + effect * treated[:, None] * (np.arange(10) >= 6)
    return (random.random((len(cluster), 10)) < chance).astype(float), treated, cluster


def test_a_randomised_effect_is_found_at_the_highest_level() -> None:
    found = read_out_randomised(*trial(1), start=6, rule=RULE, burden=LIGHT)
    assert found.effect is not None
    assert found.effect.low <= 0.08 <= found.effect.high
    assert (found.design, found.n_treated, found.n_control, found.n_clusters) == (
        Design.RANDOMISED, 1200, 1200, 40,
    )  # fmt: skip
    judgement = judge(found, RULE)
    assert (judgement.verdict, judgement.evidence_level) == (Verdict.NEEDED, "E4")
    assert "効果がありました" in judgement.reason_ja


def test_no_effect_is_unnecessary_only_where_it_would_have_been_found() -> None:
    many = judge(read_out_randomised(*trial(2, 160, effect=0.0), start=6, rule=RULE, burden=LIGHT), RULE)
    assert (many.verdict, many.evidence_level) == (Verdict.NOT_NEEDED, "E4")
    few = judge(read_out_randomised(*trial(2, 10, 15, 0.0), start=6, rule=RULE, burden=LIGHT), RULE)
    assert few.verdict is Verdict.CANNOT_TELL


def test_the_same_outcome_before_makes_the_interval_shorter() -> None:
    outcome, treated, cluster = trial(3)
    with_before = read_out_randomised(outcome, treated, cluster, 6, RULE, LIGHT).effect
    random = np.random.default_rng(1)
    shuffled = outcome.copy()
    for arm in (False, True):
        rows = np.flatnonzero(treated == arm)
        shuffled[rows, :6] = outcome[random.permutation(rows), :6]
    without = read_out_randomised(shuffled, treated, cluster, 6, RULE, LIGHT).effect
    assert with_before is not None and without is not None
    assert with_before.standard_error < 0.95 * without.standard_error


@pytest.mark.parametrize("offices", [14, 30])
def test_intervals_hold_the_truth_with_few_and_many_offices(offices: int) -> None:
    covered = []
    for seed in range(40):
        effect = read_out_randomised(*trial(seed, offices, 20), start=6, rule=RULE, burden=LIGHT).effect
        assert effect is not None
        covered.append(effect.low <= 0.08 <= effect.high)
    assert np.mean(covered) >= 0.88


def test_arms_that_differed_before_lower_the_level() -> None:
    outcome, treated, cluster = trial(4)
    outcome[treated, :6] = 1.0
    found = read_out_randomised(outcome, treated, cluster, 6, RULE, LIGHT)
    assert [diagnostic.state for diagnostic in found.diagnostics] == [State.FAILED]
    assert evidence_level(found.design, found.diagnostics) == "E3"


def test_four_offices_can_never_tell() -> None:
    # Two of four: six assignments, the smallest p-value is 2/6.
    found = read_out_randomised(*trial(5, offices=4), start=6, rule=RULE, burden=LIGHT)
    assert found.effect is not None and math.isnan(found.effect.standard_error)
    assert judge(found, RULE).verdict is Verdict.CANNOT_TELL


def test_a_trial_without_before_or_without_an_arm_is_refused() -> None:
    outcome, treated, cluster = trial(6)
    for start in (0, 10):
        with pytest.raises(ValueError, match="before and after"):
            read_out_randomised(outcome, treated, cluster, start, RULE, LIGHT)
    with pytest.raises(ValueError, match="both arms"):
        read_out_randomised(outcome, np.ones(len(treated), bool), cluster, 6, RULE, LIGHT)
    few = cluster % 10
    with pytest.raises(ValueError, match="assigned to both arms"):
        read_out_randomised(outcome, np.arange(len(few)) % 2 == 0, few // 2, 6, RULE, LIGHT)


def test_the_interval_holds_what_the_test_does_not_reject() -> None:
    random = np.random.default_rng(7)
    treated = np.arange(12) < 6
    total = random.normal(0, 1, 12) + 2 * treated
    low, high = interval_of_effect(total, np.ones(12), treated)
    for effect, rejected in (
        (low + 0.01, False),
        (high - 0.01, False),
        (low - 0.01, True),
        (high + 0.01, True),
    ):
        assert (no_effect(total - effect * treated, np.ones(12), treated).p_value <= 0.05) == rejected
    # Close to Student's, which assumes the normal distribution that these were drawn from.
    student = stats.ttest_ind(total[treated], total[~treated]).confidence_interval(0.95)
    assert (low, high) == pytest.approx((student.low, student.high), abs=0.25)


def roll_out(seed: int, trend: float = 0.0) -> tuple[Any, Any, Any]:
    """40 offices of 40; a quarter each starts in month 6 and 8, the others never; +0.1 from the start."""
    random = np.random.default_rng([seed, 5])
    cluster = np.repeat(np.arange(40), 40)
    start = np.array([6, 8, NEVER, NEVER])[cluster % 4]
    month = np.arange(12)
    chance = 0.2 + 0.1 * (month >= start[:, None]) + trend * month * (start != NEVER)[:, None]
    return (random.random((1600, 12)) < chance).astype(float), start, cluster


def test_a_roll_out_is_read_at_the_highest_level() -> None:
    found, _ = read_out_staggered(*roll_out(1), rule=RULE, burden=LIGHT)
    assert found.effect is not None and found.effect.low <= 0.1 <= found.effect.high
    assert (found.n_treated, found.n_control, found.n_clusters) == (800, 1200, 40)
    assert evidence_level(found.design, found.diagnostics) == "E4"
    assert found.baseline == pytest.approx(0.2, abs=0.03)


def test_a_trend_before_or_no_time_before_lowers_a_roll_out() -> None:
    drifting, _ = read_out_staggered(*roll_out(1, trend=0.03), rule=RULE, burden=LIGHT)
    assert evidence_level(drifting.design, drifting.diagnostics) == "E2"
    assert judge(drifting, RULE).verdict is Verdict.CANNOT_TELL
    outcome, start, cluster = roll_out(3)
    short, p_value = read_out_staggered(
        outcome[:, 4:], np.where(start == NEVER, start, start - 4), cluster, RULE, LIGHT
    )
    assert math.isnan(p_value)
    assert {diagnostic.name: diagnostic.state for diagnostic in short.diagnostics} == {
        "pre_periods": State.FAILED, "pre_trend": State.NOT_RUN,
    }  # fmt: skip
    assert evidence_level(short.design, short.diagnostics) == "E2"


def test_everybody_at_once_leaves_nobody_to_compare() -> None:
    outcome, _, cluster = roll_out(4)
    found, _ = read_out_staggered(outcome, np.full(1600, 6), cluster, RULE, LIGHT)
    judgement = judge(found, RULE)
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert "比べられる期間がありません" in judgement.reason_ja

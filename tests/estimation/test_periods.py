"""The sides' difference window by window, worked out by hand on a few units."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from shirube.estimation.channel_trial import TrialRule, period_differences
from shirube.estimation.decision_ladder import Burden, Finding
from shirube.estimation.effects import Effect
from shirube.estimation.matching import matched_sums
from shirube.estimation.periods import PERIODS, PeriodDifference, against_the_mean_before, records
from shirube.estimation.pilot_trial import (
    Comparison,
    read_out_matched,
    read_out_randomised,
    read_out_staggered,
)
from shirube.estimation.staggered import NEVER, interval_of_event

from benchmarks.truth import RULE

LIGHT = Burden(1.0, 0.0)
# Three treated, three not, all alike. Moved on after: 3 of 3 against 1 of 3; in the latest window before
# 2 against 1, in the earliest 1 against 1. Differences 2/3, 1/3, 0; before the start 1/6 on average.
TREATED = np.array([1, 1, 1, 0, 0, 0], bool)
AFTER = np.array([1.0, 1, 1, 1, 0, 0])
BEFORE = np.array([[1.0, 1, 0, 0, 1, 0], [0.0, 1, 0, 0, 0, 1]])
LESS_THE_MEAN = {0: 2 / 3 - 1 / 6, -3: 1 / 3 - 1 / 6, -4: 0 - 1 / 6}


def estimates(finding: Finding) -> dict[int, float]:
    return {one.months_from_start: one.effect.estimate for one in finding.periods}


def test_what_is_left_of_a_window_without_the_mean_before() -> None:
    weights = against_the_mean_before(2)
    assert weights.tolist() == [[1, -0.5, -0.5], [0, 0.5, -0.5], [0, -0.5, 0.5]]
    assert weights @ np.array([2 / 3, 1 / 3, 0]) == pytest.approx(list(LESS_THE_MEAN.values()))
    with pytest.raises(ValueError, match="no window before"):
        against_the_mean_before(0)


def test_a_channel_s_windows_by_hand() -> None:
    sums = matched_sums(
        TREATED, np.zeros(6, int), 1, np.arange(6), 6, np.vstack([AFTER, BEFORE]), np.zeros((0, 6))
    )
    found = period_differences(sums, TrialRule(washout_months=2, pre_periods=2), horizon=3)
    # The outcome is counted from the end of the contact's month: the window after begins a month later.
    assert [one.months_from_start for one in found] == [1, -3, -4]
    assert [one.effect.estimate for one in found] == pytest.approx(list(LESS_THE_MEAN.values()))
    assert {(one.n_treated, one.n_control) for one in found} == {(3, 3)}
    # Of the two before one is half their difference, the other the opposite: 1/6 each, the same error.
    # Latest less earliest per unit 1, 0, 0 and 0, 1, -1, halved: 1/2, 0, 0; 0, 1/2, -1/2. From the arms'
    # means 1/6 and 0: 1/3, -1/6, -1/6; 0, 1/2, -1/2: squares sum to 2/3. Times 6/5 for the mean of one
    # stratum and 6/5 for the six clusters, over 3².
    error = math.sqrt((2 / 3) * (6 / 5) * (6 / 5)) / 3
    for one in found[1:]:
        assert one.effect.standard_error == pytest.approx(error)
    assert found[1].effect.low == pytest.approx(1 / 6 - float(stats.t.ppf(0.975, 5)) * error)


def comparison(before: np.ndarray, months: list[int]) -> Comparison:
    empty = np.zeros(6, int)
    nothing = np.full((2, 6), np.nan)
    return Comparison(TREATED, empty, np.arange(6), AFTER, before, months, nothing, np.zeros((1, 6)))


def test_a_matched_comparison_s_windows_by_hand() -> None:
    found, _ = read_out_matched(comparison(BEFORE, [-3, -4]), RULE, LIGHT)
    assert estimates(found) == pytest.approx(LESS_THE_MEAN)
    assert found.periods[0].effect == found.effect
    assert {(one.n_treated, one.n_control) for one in found.periods} == {(3, 3)}


@pytest.mark.parametrize(("windows", "effect"), [(0, 2 / 3), (1, 2 / 3 - 1 / 3)])
def test_less_than_two_windows_before_show_the_effect_alone(windows: int, effect: float) -> None:
    found, _ = read_out_matched(comparison(BEFORE[:windows], [-3][:windows]), RULE, LIGHT)
    assert estimates(found) == pytest.approx({0: effect})


def test_a_lot_s_windows_by_hand() -> None:
    # The latest before: 2 of 3 against 1 of 3. Of the earliest two were not seen: 1 of 2 against 1 of 2.
    earliest = np.array([0, 1, np.nan, 0, 1, np.nan])
    unseen = np.array([np.nan, np.nan, np.nan, 0, 1, 0])
    outcome = np.column_stack([np.full(6, 0.2), AFTER])
    found = read_out_randomised(
        outcome, TREATED, np.arange(6), 1, RULE, LIGHT, [(-3, BEFORE[0]), (-4, earliest), (-5, unseen)]
    )
    assert estimates(found) == pytest.approx({0: 2 / 3, -3: 1 / 3, -4: 0})
    assert [(one.n_treated, one.n_control) for one in found.periods] == [(3, 3), (3, 3), (2, 2)]
    assert found.periods[0].effect == found.effect
    assert estimates(read_out_randomised(outcome, TREATED, np.arange(6), 1, RULE, LIGHT)) == pytest.approx(
        {0: 2 / 3}
    )


# Two start in period 3, two never; every change is from period 2.
#           -3  -2  -1  0  1          changes
ROLL_OUT = [
    [1.0, 0.0, 2.0, 5.0, 6.0],  # -1 -2  .  3  4
    [1.0, 2.0, 2.0, 3.0, 6.0],  # -1  0  .  1  4
    [0.0, 0.0, 1.0, 1.0, 2.0],  # -1 -1  .  0  1
    [2.0, 0.0, 1.0, 2.0, 3.0],  #  1 -1  .  1  2
]


def test_a_roll_out_s_periods_by_hand() -> None:
    start = np.array([3, 3, NEVER, NEVER])
    found, _ = read_out_staggered(np.array(ROLL_OUT), start, np.arange(4), RULE, LIGHT)
    # -1 - 0, -1 - -1, 2 - 1/2, 4 - 3/2; the last period before the start is what they are compared with.
    assert estimates(found) == pytest.approx({-3: -1, -2: 0, 0: 1.5, 1: 2.5})
    by_month = {one.months_from_start: one for one in found.periods}
    assert {(one.n_treated, one.n_control) for one in found.periods} == {(2, 2)}
    # Influence at -2: (-2 + 1) / 2 and (0 + 1) / 2, none among the others; times 4/3 clusters.
    half = float(stats.t.ppf(0.975, 3)) * math.sqrt(0.5 * 4 / 3)
    assert (by_month[-2].effect.low, by_month[-2].effect.high) == pytest.approx((-half, half))


def test_of_windows_those_that_touch_the_start_are_not_told() -> None:
    # Windows of two months: the first to touch the start is period 3, the first wholly after it period 4.
    start = np.array([3, 3, NEVER, NEVER])
    found, _ = read_out_staggered(np.array(ROLL_OUT), start, np.arange(4), RULE, LIGHT, window=2)
    # Period 4 begins in the month of the start; -2 and -3 end one and two months before that of period 2.
    assert estimates(found) == pytest.approx({-4: -1, -3: 0, 0: 2.5})


def test_only_the_windows_that_the_check_looks_at_are_told_of_the_time_before() -> None:
    random = np.random.default_rng(1)
    start = np.repeat([8, NEVER], 20)
    found, p_value = read_out_staggered(random.normal(0, 1, (40, 10)), start, np.arange(40), RULE, LIGHT)
    assert math.isfinite(p_value)
    assert [one.months_from_start for one in found.periods] == [-5, -4, -3, -2, 0, 1]


def test_before_the_start_few_clusters_are_told_by_counting_too() -> None:
    """Ten offices of one: the interval before the start is that of a lot, against the exact one's ends."""
    random = np.random.default_rng(3)
    outcome = random.normal(0, 1, (10, 6))
    start = np.repeat([4, NEVER], 5)
    low, high = interval_of_event(outcome, start, np.arange(10), -2)
    change = outcome[:, 2] - outcome[:, 3]
    reference = stats.ttest_ind(change[:5], change[5:]).confidence_interval(0.95)
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.35)
    assert low < change[:5].mean() - change[5:].mean() < high
    # Before the records begin there is nothing.
    assert interval_of_event(outcome, start, np.arange(10), -5) == (-math.inf, math.inf)


def test_what_is_kept_of_a_period() -> None:
    periods = [
        PeriodDifference(0, Effect(0.25, 0.1, 9), 40, 41),
        PeriodDifference(-4, Effect(-0.1, float("nan"), 1), 40, 41),
        PeriodDifference(-3, Effect(float("nan"), float("nan"), 1), 0, 0),
    ]
    half = float(stats.t.ppf(0.975, 9)) * 0.1
    assert records(periods) == [
        {"months_from_start": -4, "n_treated": 40, "n_control": 41, "effect": -0.1}
        | {"effect_low": None, "effect_high": None},
        {"months_from_start": 0, "n_treated": 40, "n_control": 41, "effect": 0.25}
        | {"effect_low": pytest.approx(0.25 - half), "effect_high": pytest.approx(0.25 + half)},
    ]
    assert [field.name for field in PERIODS.value_type] == list(records(periods)[0])

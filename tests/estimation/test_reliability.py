"""Reliability coefficients against known truths, published numbers and independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
from shirube.estimation.reliability import cronbach_alpha, retest, spearman_brown, split_half


def crowd(
    seed: int, groups: int, members: int, strength: float, each: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Groups whose true rates are Beta(0.4 s, 0.6 s); also the reliability that theory gives their observed
    rates.

    Var(true) = 0.24 / (s + 1); Var(observed | true) = E[p(1 - p)] / n = 0.24 s / (s + 1) / n, so that the
    reliability is n / (n + s).
    """
    random = np.random.default_rng(seed)
    rates = random.beta(0.4 * strength, 0.6 * strength, groups)
    group = np.repeat(np.arange(groups), members)
    trials = np.full(groups * members, each)
    n = members * each
    return (
        group,
        random.binomial(trials, rates[group]).astype(float),
        trials.astype(float),
        n / (n + strength),
    )


def test_the_step_up_of_spearman_and_brown() -> None:
    # r = 0.6 between the halves: 1.2 / 1.6 = 0.75 for the whole. 0.538… is where the whole reaches 0.7.
    assert spearman_brown(0.6) == pytest.approx(0.75)
    assert spearman_brown(0.7 / 1.3) == pytest.approx(0.7)
    assert (spearman_brown(0.0), spearman_brown(-0.4), spearman_brown(1.0)) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("members", [30, 100, 400])
def test_split_halves_find_the_reliability_that_was_put_in(members: int) -> None:
    group, x, n, truth = crowd(1, 1500, members, strength=60.0)
    found = split_half(group, x, n, splits=10, draws=100)
    assert found.n == 1500
    assert found.value == pytest.approx(truth, abs=0.05)
    assert found.low is not None and found.high is not None and found.value is not None
    assert found.low < found.value < found.high


def test_a_rate_of_nothing_but_chance_has_no_reliability() -> None:
    random = np.random.default_rng(2)
    group = np.repeat(np.arange(400), 40)
    found = split_half(
        group, random.binomial(1, 0.3, 16_000).astype(float), np.ones(16_000), splits=10, draws=100
    )
    assert found.value is not None and found.value < 0.15
    assert found.low == 0.0


def test_the_interval_covers_the_truth() -> None:
    covered = 0
    for seed in range(60):
        group, x, n, truth = crowd(100 + seed, 80, 40, strength=40.0)
        found = split_half(group, x, n, splits=10, draws=200)
        assert found.low is not None and found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 52  # 95 % of 60 is 57; eight misses or more would be one time in 80 at 93 %


def test_halves_by_hand() -> None:
    # Two members each, so every deal puts one in each half, which side by chance. Member rates: (1, 1), (0,
    # 0), (1, 1), (0, 0): the halves agree whatever the deal.
    found = split_half(
        np.repeat(np.arange(4), 2), np.array([1, 1, 0, 0, 1, 1, 0, 0.0]), np.ones(8), splits=5, draws=20
    )
    assert (found.n, found.value) == (4, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("group", "numerator", "denominator", "n"),
    [
        ([], [], [], 0),
        ([0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], 0),  # no denominator
        ([0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1], 2),  # two groups always lie on a line
        ([0, 0, 1, 1, 2, 2, 3, 3], [1] * 8, [1] * 8, 4),  # all successes: nothing varies
        ([0, 1, 2, 3, 4], [1, 0, 1, 0, 1], [1] * 5, 0),  # one member has no second half
    ],
)
def test_what_cannot_be_split_has_no_value(
    group: list[int], numerator: list[int], denominator: list[int], n: int
) -> None:
    found = split_half(
        np.array(group, dtype=np.int64),
        np.array(numerator, float),
        np.array(denominator, float),
        splits=4,
        draws=10,
    )
    assert (found.n, found.value, found.low, found.high) == (n, None, None, None)


def test_the_same_seed_gives_the_same_numbers() -> None:
    group, x, n, _ = crowd(5, 50, 20, strength=20.0)
    assert split_half(group, x, n, splits=5, draws=50) == split_half(group, x, n, splits=5, draws=50)


def test_alpha_by_hand() -> None:
    # Items (1 2 3 4), (2 2 4 4): variances 5/3 and 4/3; sums 3 4 7 8: variance 17/3.
    # alpha = 2 * (1 - 3 / (17/3)) = 2 * 8/17 = 16/17.
    found = cronbach_alpha(np.array([[1, 2], [2, 2], [3, 4], [4, 4]], float))
    assert found.value == pytest.approx(16 / 17)


def test_alpha_is_the_mean_covariance_form() -> None:
    random = np.random.default_rng(8)
    answers = random.normal(size=(200, 1)) + random.normal(size=(200, 3))
    covariance = np.cov(answers.T)
    between = (covariance.sum() - np.trace(covariance)) / 6
    assert cronbach_alpha(answers).value == pytest.approx(
        3 * between / (np.trace(covariance) / 3 + 2 * between)
    )


def test_feldts_interval_covers_the_truth() -> None:
    # One factor and noise of equal variance: alpha of the population is 3 * 0.5 / (1 + 2 * 0.5) = 0.75.
    random = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        found = cronbach_alpha(random.normal(size=(60, 1)) + random.normal(size=(60, 3)))
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.75 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize("answers", [np.ones((2, 3)), np.ones((10, 1)), np.ones((10, 3))])
def test_alpha_of_nothing_is_nothing(answers: np.ndarray) -> None:
    assert cronbach_alpha(answers).value is None


def test_retest_has_fishers_interval() -> None:
    random = np.random.default_rng(10)
    earlier = random.normal(size=50)
    later = earlier + random.normal(size=50)
    found = retest(earlier, later)
    r = np.corrcoef(earlier, later)[0, 1]
    z, error = np.arctanh(r), 1 / np.sqrt(47)
    assert found.value == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx(
        (np.tanh(z - 1.959964 * error), np.tanh(z + 1.959964 * error)), abs=1e-6
    )
    assert retest(earlier[:3], later[:3]).value is None
    assert retest(np.ones(9), later[:9]).value is None

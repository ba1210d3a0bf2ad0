"""Power, E-value, CUPED, randomisation inference, many tests: published figures and independent code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from shirube.estimation.cuped import adjusted
from shirube.estimation.multiplicity import q_values
from shirube.estimation.power import minimum_detectable
from shirube.estimation.randomisation import test_of_no_effect as no_effect
from shirube.estimation.sensitivity import e_value, e_value_of_limit
from statsmodels.stats.power import NormalIndPower


def test_the_smallest_detectable_effect_has_power_of_eighty() -> None:
    # Independent implementation: statsmodels' power of the z test. One standard error of sqrt(2 / 100).
    error = math.sqrt(2 / 100)
    found = minimum_detectable(error)
    assert found / error == pytest.approx(2.8016, abs=1e-4)
    assert NormalIndPower().power(found, 100, 0.05) == pytest.approx(0.80, abs=1e-4)
    assert minimum_detectable(1.0, 9) == pytest.approx(stats.t.ppf(0.975, 9) + stats.t.ppf(0.8, 9))


def test_the_published_e_value() -> None:
    # VanderWeele, Ding (2017): RR 3.9 (1.8 to 8.7) has E-value 7.26, and 3.0 for the limit. A ratio below 1
    # counts as its inverse.
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value_of_limit(1.8, 8.7) == pytest.approx(3.0, abs=0.005)
    assert e_value(0.8) == pytest.approx(e_value(1.25))
    assert e_value(1.0) == 1.0
    assert e_value_of_limit(0.9, 1.4) == 1.0
    assert e_value_of_limit(0.5, 0.8) == pytest.approx(e_value(0.8))
    assert math.isnan(e_value(0.0)) and math.isnan(e_value(math.nan))
    assert math.isnan(e_value_of_limit(1, math.nan))


def test_cuped_keeps_the_mean_and_takes_the_share_that_was_known() -> None:
    random = np.random.default_rng(1)
    before = random.normal(0, 1, 5000)
    outcome = 0.6 * before + random.normal(0, 0.8, 5000)
    found = adjusted(outcome, before)
    correlation = np.corrcoef(outcome, before)[0, 1]
    assert found.mean() == pytest.approx(outcome.mean())
    assert found.var() == pytest.approx(outcome.var() * (1 - correlation**2))
    # Independent implementation: residuals of scipy's regression.
    line = stats.linregress(before, outcome)
    assert found - found.mean() == pytest.approx(outcome - line.intercept - line.slope * before)
    assert adjusted(outcome, np.ones(5000)) == pytest.approx(outcome)


def test_fishers_tea_cups() -> None:
    # The lady tasting tea: 8 cups, 4 of them named, all right: 1 of 70 one way, 2 of 70 both ways.
    right = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    found = no_effect(right, np.ones(8), right)
    assert (found.p_value, found.assignments, found.is_exact) == (2 / 70, 70, True)


def test_exact_is_scipys_permutation_test() -> None:
    random = np.random.default_rng(2)
    total, treated = random.normal(0, 1, 11), np.arange(11) < 4
    reference = stats.permutation_test(
        (total[treated], total[~treated]),
        lambda a, b, axis: abs(a.mean(axis=axis) - b.mean(axis=axis)),
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    found = no_effect(total, np.ones(11), treated)
    assert found.is_exact and found.assignments == math.comb(11, 4)
    assert found.p_value == pytest.approx(reference.pvalue)


def test_many_assignments_are_sampled_the_same_way_each_time() -> None:
    random = np.random.default_rng(3)
    total, treated = random.normal(0, 1, 19), np.arange(19) < 9
    size = random.integers(5, 40, 19)
    once, again = (no_effect(total, size, treated, most=2000) for _ in range(2))
    exact = no_effect(total, size, treated, most=100_000)
    assert once == again and not once.is_exact and exact.is_exact
    assert once.p_value == pytest.approx(exact.p_value, abs=0.03)
    with pytest.raises(ValueError, match="both arms"):
        no_effect(total, size, np.ones(19, bool))


def test_benjamini_and_hochbergs_own_example() -> None:
    # Their table of 15 p-values (1995, section 4.1): at 5 % the four smallest are rejected.
    p_values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    found = q_values(np.array([*p_values, math.nan]))
    assert (found[:15] <= 0.05).sum() == 4
    assert found[:15] == pytest.approx(stats.false_discovery_control(p_values))
    assert math.isnan(found[15])
    assert np.isnan(q_values(np.array([math.nan]))).all()

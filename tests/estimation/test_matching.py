"""Matching and its clustered error: by hand, against statsmodels, and by repetition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from shirube.estimation.effects import Effect, contrast, joint_test
from shirube.estimation.matching import matched_sums
from statsmodels.stats.multivariate import test_mvmean as hotelling


def matched(treated: Any, stratum: Any, cluster: Any, *outcomes: Any, covariates: Any = ()) -> Any:
    treated, stratum, cluster = np.array(treated, bool), np.array(stratum), np.array(cluster)
    return matched_sums(
        treated,
        stratum,
        int(stratum.max()) + 1,
        cluster,
        int(cluster.max()) + 1,
        np.array(outcomes, float),
        np.array(covariates, float).reshape(-1, len(treated)),
    )


def test_the_effect_on_the_treated_by_hand() -> None:
    # Stratum 0: treated 1, 1; controls 0, 1 -> +0.5. Stratum 1: treated 0; controls 1, 0, 0 -> -1/3.
    # Stratum 2 has no control, stratum 3 nobody treated. ATT = (2 * 0.5 + 1 * -1/3) / 3 = 2/9.
    sums = matched(
        [1, 1, 0, 0, 1, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1, 1, 1, 1, 2, 3],
        range(10),
        [1, 1, 0, 1, 0, 1, 0, 0, 1, 1],
    )
    assert sums.estimates() == pytest.approx([2 / 9])
    assert (sums.treated_offered, sums.treated, sums.controls) == (4, 3, 5)
    assert sums.overlap_share == 0.75
    assert sums.n_clusters == 8


def test_strata_of_one_pair_still_report_an_error() -> None:
    # Four pairs, differences 1, 0, 1, 0: mean 0.5, and the paired error is sd / sqrt(4), sd² = 1/3. The
    # deviations from the own arm's mean would all be 0.
    pairs, outcome = [0, 0, 1, 1, 2, 2, 3, 3], [1, 0, 1, 1, 1, 0, 0, 0]
    apart = matched([1, 0] * 4, pairs, range(8), outcome)
    assert apart.estimates() == [0.5]
    # Each half of a pair deviates by (difference - 0.5) / 2, times sqrt(2): sum of squares 8 * 0.125 = 1.
    assert apart.covariance()[0, 0] == pytest.approx(1 / 4**2 * 8 / 7)
    # A pair inside one cluster adds up to (difference - 0.5) * sqrt(2): too wide rather than too narrow.
    together = matched([1, 0] * 4, pairs, pairs, outcome)
    assert together.covariance()[0, 0] == pytest.approx(2 * (1 / 3) / 4)


def simulated(seed: int, clusters: int = 60, size: int = 40, effect: float = 0.1) -> tuple[Any, ...]:
    random = np.random.default_rng(seed)
    n = clusters * size
    cluster = np.repeat(np.arange(clusters), size)
    stratum = random.integers(0, 30, n)
    treated = random.random(n) < 0.15 + 0.4 * (stratum % 3) / 2
    rate = 0.2 + 0.2 * (stratum % 3) / 2 + random.normal(0, 0.05, clusters)[cluster]
    outcome = random.random(n) < rate + effect * treated
    return treated, stratum, cluster, outcome.astype(float)


def test_the_weighted_regression_of_statsmodels_agrees() -> None:
    # Independent implementation: weighted least squares with the matching weights and an indicator per
    # stratum gives the same effect exactly; its clustered error differs only by the small-sample factors.
    treated, stratum, cluster, outcome = simulated(1)
    sums = matched(treated, stratum, cluster, outcome)
    n_treated, n_all = np.bincount(stratum[treated], minlength=30), np.bincount(stratum, minlength=30)
    weight = np.where(treated, 1.0, (n_treated / (n_all - n_treated))[stratum])
    design = np.column_stack([treated, np.eye(30)[stratum]])
    reference = sm.WLS(outcome, design, weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    assert sums.estimates()[0] == pytest.approx(reference.params[0], abs=1e-12)
    own = float(np.sqrt(sums.covariance()[0, 0] * 59 / 60))
    assert own == pytest.approx(float(reference.bse[0]), rel=0.03)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    covered = []
    for seed in range(300):
        sums = matched(*simulated(seed, clusters=15, size=30)[:3], simulated(seed, clusters=15, size=30)[3])
        effect = contrast(sums.estimates(), sums.covariance(), np.ones(1), sums.n_clusters)
        covered.append(effect.low <= 0.1 <= effect.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_sums_of_disjoint_strata_add_up() -> None:
    treated, stratum, cluster, outcome = simulated(2)
    whole = matched(treated, stratum, cluster, outcome, covariates=[outcome])
    first = stratum < 11
    parts = [
        matched_sums(
            treated[rows], stratum[rows], 30, cluster[rows], 60, outcome[None, rows], outcome[None, rows]
        )
        for rows in (first, ~first)
    ]
    total = parts[0] + parts[1]
    assert total.estimates() == pytest.approx(whole.estimates())
    assert total.covariance() == pytest.approx(whole.covariance())
    assert total.standardised_differences() == pytest.approx(whole.standardised_differences())
    assert (total.treated_offered, total.treated, total.controls) == (
        whole.treated_offered, whole.treated, whole.controls,
    )  # fmt: skip


def test_matching_removes_the_imbalance_it_matches_on_and_shows_the_rest() -> None:
    # Age 1..4 is the stratum: after matching its means are equal. Distance is not matched: by hand, weighted
    # means 3 (treated) against 1 (controls), spread sqrt((2 + 2) / 2) = 1.41 with variances 2 and 2.
    sums = matched(
        [1, 1, 0, 0], [0, 1, 0, 1], range(4), [0, 0, 0, 0], covariates=[[1, 2, 1, 2], [2, 4, 0, 2]]
    )
    assert sums.standardised_differences() == pytest.approx([0, 2 / np.sqrt(2)])


def test_a_covariate_that_never_varies_is_balanced() -> None:
    assert matched([1, 0], [0, 0], [0, 1], [1, 0], covariates=[[3, 3]]).standardised_differences() == [0]


def test_nobody_to_compare_with_is_no_estimate() -> None:
    sums = matched([1, 0], [0, 1], [0, 1], [1, 0])
    assert sums.treated == 0
    assert np.isnan(sums.estimates()).all() and np.isnan(sums.covariance()).all()


def test_the_joint_test_is_hotellings() -> None:
    # Independent implementation: statsmodels' one-sample Hotelling test on cluster means.
    random = np.random.default_rng(3)
    rows = random.normal([0.1, 0.2, 0.0], 1, (25, 3))
    covariance = np.cov(rows.T) / 25
    reference = hotelling(rows, np.zeros(3))
    assert joint_test(rows.mean(axis=0), covariance, np.eye(3), 25) == pytest.approx(float(reference.pvalue))
    assert np.isnan(joint_test(rows.mean(axis=0), covariance, np.eye(3), 3))


def test_few_clusters_widen_the_interval() -> None:
    few, many = Effect(0.1, 0.02, 4), Effect(0.1, 0.02, 1e9)
    # t(4) 2.776 and the normal's 1.960
    assert few.high - few.estimate == pytest.approx(0.05553, abs=1e-5)
    assert many.high - many.estimate == pytest.approx(0.0392, abs=1e-5)
    assert many.p_value == pytest.approx(5.733e-7, rel=1e-3)
    assert many.probability_above(0.1) == pytest.approx(0.5)

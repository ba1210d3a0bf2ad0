"""An estimated effect with its error, and tests of linear combinations of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from shirube.estimation.power import minimum_detectable

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Effect:
    """A difference with its standard error; `freedom` is the number of clusters - 1, infinite for none."""

    estimate: float
    standard_error: float
    freedom: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval, from Student's t (few clusters: wider than the normal's)."""
        return self.estimate - self._quantile * self.standard_error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.estimate + self._quantile * self.standard_error

    @property
    def minimum_detectable(self) -> float:
        """Smallest true effect found in 80 of 100 such comparisons (5 %, two-sided)."""
        return minimum_detectable(self.standard_error, self.freedom)

    @property
    def is_known(self) -> bool:
        """Whether there is an interval at all."""
        return bool(np.isfinite(self.estimate) and np.isfinite(self.standard_error))

    def probability_above(self, threshold: float) -> float:
        """One-sided p-value of "the true effect is at most `threshold`"."""
        if not self.is_known:
            return float("nan")
        if self.standard_error == 0:
            return float(self.estimate <= threshold)
        return float(stats.t.sf((self.estimate - threshold) / self.standard_error, self.freedom))

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "there is no effect"; nan without an interval."""
        return min(1.0, 2 * min(self.probability_above(0.0), 1 - self.probability_above(0.0)))

    @property
    def _quantile(self) -> float:
        return float(stats.t.ppf(0.975, self.freedom))


def contrast(estimates: Array, covariance: Array, weights: Array, n_clusters: int) -> Effect:
    """The linear combination `weights` (k) of estimates (k) with covariance (k, k)."""
    weights = np.asarray(weights, dtype=float)
    variance = float(weights @ covariance @ weights)
    error = float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else float("nan")
    return Effect(float(weights @ estimates), error, max(n_clusters - 1, 1))


def joint_test(estimates: Array, covariance: Array, contrasts: Array, n_clusters: int) -> float:
    """p-value of "all `contrasts` (q, k) of the estimates are 0": Hotelling's T² from G clusters.

    F = W (G - q) / (q (G - 1)) with q and G - q degrees of freedom, W the Wald statistic (Hotelling 1931).
    With few clusters the chi-square of W alone rejects far too often. nan where it cannot be computed.
    """
    contrasts = np.atleast_2d(np.asarray(contrasts, dtype=float))
    rows = len(contrasts)
    difference = contrasts @ estimates
    spread = contrasts @ covariance @ contrasts.T
    if not np.all(np.isfinite(spread)) or n_clusters <= rows or np.linalg.matrix_rank(spread) < rows:
        return float("nan")
    wald = float(difference @ np.linalg.solve(spread, difference))
    scale = (n_clusters - rows) / (rows * (n_clusters - 1))
    return float(stats.f.sf(wald * scale, rows, n_clusters - rows))

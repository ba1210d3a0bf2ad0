"""Coarsened exact matching, and the difference of matched groups with an error that respects clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class MatchedSums:
    """What one set of strata adds to a matched comparison; sums of disjoint sets of strata can be added.

    k outcomes, m covariates, G clusters. `difference`, `treated_sum`: summed over matched treated units.
    `deviation`, `exposure`: per cluster, what the error is made of (see `matched_sums`).
    `moments`: per arm (control, treated) and covariate, n, sum and sum of squares before matching.
    """

    treated_offered: int
    treated: int
    controls: int
    difference: Array
    treated_sum: Array
    deviation: Array
    exposure: Array
    has_units: Array
    covariate_difference: Array
    moments: Array

    def __add__(self, other: MatchedSums) -> MatchedSums:
        return MatchedSums(
            self.treated_offered + other.treated_offered,
            self.treated + other.treated,
            self.controls + other.controls,
            self.difference + other.difference,
            self.treated_sum + other.treated_sum,
            self.deviation + other.deviation,
            self.exposure + other.exposure,
            self.has_units | other.has_units,
            self.covariate_difference + other.covariate_difference,
            self.moments + other.moments,
        )

    @property
    def overlap_share(self) -> float:
        """Share of the treated for whom a comparable untreated unit exists; nan without treated units."""
        return self.treated / self.treated_offered if self.treated_offered else float("nan")

    @property
    def n_clusters(self) -> int:
        """Clusters with at least one matched unit."""
        return int(self.has_units.sum())

    def estimates(self) -> Array:
        """Average difference among the matched treated, one per outcome (k)."""
        return self.difference / self.treated if self.treated else np.full(len(self.difference), np.nan)

    def covariance(self) -> Array:
        """Cluster-robust covariance of `estimates` (k, k), with the factor G / (G - 1); nan below two
        clusters."""
        clusters, k = self.n_clusters, len(self.difference)
        if clusters < 2 or not self.treated:
            return np.full((k, k), np.nan)
        scores = (self.deviation - self.exposure[:, None] * self.estimates()) / self.treated
        return scores.T @ scores * clusters / (clusters - 1)

    def standardised_differences(self) -> Array:
        """Standardised mean differences of the covariates after matching (m), in units of the spread before.

        (mean of treated - weighted mean of controls) / sqrt((s_T² + s_C²) / 2), Austin (2009), Stat. Med. 28.
        0 where a covariate does not vary at all.
        """
        n, total, squares = self.moments
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (squares - total**2 / n) / (n - 1)
            spread = np.sqrt(variance.mean(axis=0))
            mean = self.covariate_difference / self.treated
            return np.where(spread > 0, mean / spread, np.where(np.isfinite(mean), 0.0, np.nan))


def matched_sums(
    treated: Array,
    stratum: Array,
    n_strata: int,
    cluster: Array,
    n_clusters: int,
    outcomes: Array,
    covariates: Array,
) -> MatchedSums:
    """Match exactly on strata and sum up what the comparison of the two arms needs.

    treated (n) bool; stratum (n) and cluster (n) numbered from 0; outcomes (k, n); covariates (m, n).
    Coarsened exact matching (Iacus, King, Porro 2012, Political Analysis 20): strata without both arms are
    dropped, and a control weighs n_T,s / n_C,s, so that the weighted difference is the effect on the treated.

    The error: each unit's deviation from what its stratum and one common effect t lead to expect,
        e_i = y_i - mean_s - t (D_i - n_T,s / n_s),   scaled by sqrt(n_s / (n_s - 1)) for the estimated mean,
    times its weight (1 if treated, -n_T,s / n_C,s if not), summed within clusters (Liang, Zeger 1986).
    Deviations from the own arm's mean would be 0 in the many strata with one unit in an arm, and would report
    no error at all. The deviation is linear in t, which is known only once all strata are summed: hence two
    sums, `deviation` for t = 0 and `exposure` for what t takes away.
    """
    n_treated = np.bincount(stratum[treated], minlength=n_strata)
    offered = int(treated.sum())
    # Most rows lie where nobody was treated, or in strata nobody needs: drop them before anything else.
    n_all = np.bincount(stratum, minlength=n_strata)
    has_both = (n_treated > 0) & (n_all > n_treated)
    kept = np.flatnonzero(has_both[stratum])
    arm, group = treated[kept], cluster[kept]
    used, place = np.flatnonzero(has_both), (np.cumsum(has_both) - 1)[stratum[kept]]
    n_treated, n_all = n_treated[used], n_all[used]
    weight = np.where(arm, 1.0, -(n_treated / (n_all - n_treated))[place])
    scaled = weight * np.sqrt(n_all / (n_all - 1))[place]

    difference, treated_sum = np.zeros(len(outcomes)), np.zeros(len(outcomes))
    deviation = np.zeros((n_clusters, len(outcomes)))
    for column, outcome in enumerate(outcomes):
        values = outcome[kept].astype(np.float64)
        difference[column] = (weight * values).sum()
        treated_sum[column] = values[arm].sum()
        mean = np.bincount(place, values, len(used)) / n_all
        deviation[:, column] = np.bincount(group, scaled * (values - mean[place]), n_clusters)
    exposure = np.bincount(group, scaled * (arm - (n_treated / n_all)[place]), n_clusters)
    return MatchedSums(
        offered,
        int(arm.sum()),
        int(len(arm) - arm.sum()),
        difference,
        treated_sum,
        deviation,
        exposure,
        np.bincount(group, minlength=n_clusters) > 0,
        np.array([(weight * covariate[kept]).sum() for covariate in covariates]).reshape(len(covariates)),
        _moments(treated, covariates),
    )


def _moments(treated: Array, covariates: Array) -> Array:
    """n, sum, sum of squares, per arm (control, treated) and covariate (3, 2, m)."""
    moments = np.zeros((3, 2, len(covariates)))
    for column, covariate in enumerate(covariates):
        for arm, values in enumerate((covariate[~treated], covariate[treated])):
            moments[:, arm, column] = (
                len(values),
                values.sum(dtype=np.float64),
                np.einsum("i,i->", values, values, dtype=np.float64),
            )
    return moments

"""Roll-outs: effects by group and time after Callaway and Sant'Anna, for starts that a plan set.

Callaway, Sant'Anna (2021), Difference-in-differences with multiple time periods, J. Econometrics 225. Each
group (everybody who starts in the same period) is compared only with those who never start or have not
started yet: a regression with period and unit effects would also compare with those already treated, and
can even turn the sign. No covariates: the plan decided who starts when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shirube.estimation.effects import Effect, contrast, joint_test
from shirube.estimation.randomisation import MOST_ASSIGNMENTS, SEED, interval_of_linear

Array = npt.NDArray[Any]
NEVER = np.iinfo(np.int32).max
"""Start of whoever never starts."""


@dataclass(frozen=True)
class GroupTimeEffects:
    """K effects: the group's start, the period, the estimate, and per cluster what its error is made of.

    `scores` (C, K): sums of the influence function over n units, so that scores' scores is the covariance.
    `group_scores` (C, K): the same for the share of the cell's group; `group_share` (K).
    """

    start: Array
    period: Array
    estimate: Array
    scores: Array
    group_share: Array
    group_scores: Array

    @property
    def n_clusters(self) -> int:
        """Clusters with a unit."""
        return len(self.scores)

    def overall(self) -> Effect:
        """Mean of all effects from the start on, each group weighing by its size (their equation 3.9)."""
        return self._mean(self.period >= self.start)

    def event(self, since_start: int) -> Effect:
        """Mean effect so many periods after the start; before it (negative) what should be 0."""
        return self._mean(self.period - self.start == since_start)

    def events(self) -> list[int]:
        """Periods since the start for which there is an effect; -1 is what all are compared with."""
        return [int(value) for value in np.unique(self.period - self.start)]

    def pre_trend(self, periods: int) -> float:
        """p-value of "no effect in any of the `periods` before the start"; nan where they are not all
        there."""
        wanted = [-2 - number for number in range(periods)]
        if not set(wanted) <= set(self.events()):
            return float("nan")
        means = [self._mean_and_scores(self.period - self.start == event) for event in wanted]
        estimates = np.array([mean for mean, _ in means])
        scores = np.column_stack([score for _, score in means])
        return joint_test(estimates, self._covariance(scores), np.eye(periods), self.n_clusters)

    def _mean(self, chosen: Array) -> Effect:
        mean, scores = self._mean_and_scores(chosen)
        return contrast(np.array([mean]), self._covariance(scores[:, None]), np.ones(1), self.n_clusters)

    def _mean_and_scores(self, chosen: Array) -> tuple[float, Array]:
        """Mean of the chosen effects weighted by their groups' shares; the shares are estimated too."""
        share, estimate = self.group_share[chosen], self.estimate[chosen]
        if not len(share):
            return float("nan"), np.full(self.n_clusters, np.nan)
        weight = share / share.sum()
        mean = float(weight @ estimate)
        scores = self.scores[:, chosen] @ weight
        scores = scores + self.group_scores[:, chosen] @ (estimate - mean) / share.sum()
        return mean, scores

    def _covariance(self, scores: Array) -> Array:
        clusters = self.n_clusters
        if clusters < 2:
            return np.full((scores.shape[1], scores.shape[1]), np.nan)
        return scores.T @ scores * clusters / (clusters - 1)


def group_time_effects(
    outcome: Array, start: Array, cluster: Array, only_never: bool = False
) -> GroupTimeEffects:
    """Effects of every group in every period, against its last period before the start.

    outcome (n, T), nan where not observed: a cell compares whoever is observed at both its ends; start (n):
    number of the first treated period, `NEVER` without one; cluster (n), numbered from 0 without gaps.
    Controls are those not started by the period (and never, with `only_never`). Whoever starts in the first
    period has no "before" and is left out. Cells without a member or a control are left out.

    With D the outcome of the period minus that of start - 1:
        ATT(g, t) = mean of D in group g - mean of D among the controls
    and its influence function is n/n_g (D - mean) in the group, -n/n_c (D - mean) in the controls, 0
    elsewhere; n_g and n_c count whoever is observed.
    """
    start = np.asarray(start)
    usable = start > 0
    outcome, start, cluster = np.asarray(outcome)[usable], start[usable], np.asarray(cluster)[usable]
    _, cluster = np.unique(cluster, return_inverse=True)
    n, periods = outcome.shape
    clusters = int(cluster.max(initial=-1)) + 1
    cells: list[tuple[int, int, float, Array, float, Array]] = []
    for group in np.unique(start[start < periods]):
        inside = start == group
        share = int(inside.sum()) / n
        group_scores = np.bincount(cluster, inside - share, clusters) / n
        for period in range(periods):
            if period == group - 1:
                continue
            untreated = start == NEVER if only_never else start > max(period, group - 1)
            change = outcome[:, period].astype(float) - outcome[:, group - 1]
            seen = np.isfinite(change)
            members, controls = inside & seen, untreated & ~inside & seen
            n_members, n_controls = int(members.sum()), int(controls.sum())
            if not n_members or not n_controls:
                continue
            mean, other = change[members].mean(), change[controls].mean()
            influence = np.where(members, (change - mean) / n_members, 0.0)
            influence -= np.where(controls, (change - other) / n_controls, 0.0)
            scores = np.bincount(cluster, influence, clusters)
            cells.append((int(group), period, float(mean - other), scores, share, group_scores))
    return GroupTimeEffects(
        start=np.array([cell[0] for cell in cells], dtype=int),
        period=np.array([cell[1] for cell in cells], dtype=int),
        estimate=np.array([cell[2] for cell in cells]),
        scores=np.array([cell[3] for cell in cells]).reshape(len(cells), clusters).T,
        group_share=np.array([cell[4] for cell in cells]),
        group_scores=np.array([cell[5] for cell in cells]).reshape(len(cells), clusters).T,
    )


def interval_of_event(
    outcome: Array,
    start: Array,
    cluster: Array,
    since_start: int,
    window: int = 1,
    most: int = MOST_ASSIGNMENTS,
    seed: int = SEED,
) -> tuple[float, float]:
    """The 95 % interval of `event(since_start)` when chance had dealt the same starts to other clusters.

    For few clusters, where the error of clusters is itself too uncertain (Rosenbaum 2002, ch. 2). Arguments
    as of `group_time_effects`; each period is a window of so many months, and an effect t is taken to act in
    the windows that touch the start in proportion to the months after it. Before the start (negative) t is
    what sets the group apart in that one window. Infinite where too few deals are possible to reject
    anything. Raises ValueError where a cluster has several starts.
    """
    start = np.asarray(start)
    usable = start > 0
    outcome, start, cluster = (
        np.asarray(outcome, dtype=float)[usable],
        start[usable],
        np.asarray(cluster)[usable],
    )
    _, cluster = np.unique(cluster, return_inverse=True)
    clusters, periods = int(cluster.max(initial=-1)) + 1, outcome.shape[1]
    begins = np.full(clusters, NEVER)
    begins[cluster] = start
    if (begins[cluster] != start).any():
        raise ValueError("a cluster has several starts")
    size = np.bincount(cluster, minlength=clusters)
    random = np.random.default_rng(seed)
    deals = np.vstack([begins, random.permuted(np.broadcast_to(begins, (most, clusters)), axis=1)])
    effect, taken, weight = np.zeros(most + 1), np.zeros(most + 1), np.zeros(most + 1)
    for group in np.unique(begins[begins + since_start < periods]):
        period = int(group) + since_start
        if period < 0:
            continue
        change = outcome[:, period] - outcome[:, group - 1]
        seen = np.isfinite(change)
        total = np.bincount(cluster[seen], change[seen], clusters)
        number = np.bincount(cluster[seen], minlength=clusters).astype(float)
        if since_start < 0:
            acts = (begins == group).astype(float)
        else:
            after, before = (
                np.clip((moment - begins.astype(float) + 1) / window, 0, 1) for moment in (period, group - 1)
            )
            acts = after - before
        members = deals == group
        controls = (deals > max(period, group - 1)) & ~members
        with np.errstate(invalid="ignore", divide="ignore"):
            difference, share = (
                members @ values / (members @ number) - controls @ values / (controls @ number)
                for values in (total, number * acts)
            )
        known = np.isfinite(difference)
        heavy = np.where(known, members @ size, 0)
        effect += heavy * np.where(known, difference, 0.0)
        taken += heavy * np.where(known, share, 0.0)
        weight += heavy
    if not weight[0]:
        return -np.inf, np.inf
    effect, taken = effect[weight > 0] / weight[weight > 0], taken[weight > 0] / weight[weight > 0]
    return interval_of_linear(float(effect[0]), effect[1:], taken[1:], float(np.std(effect[1:])))

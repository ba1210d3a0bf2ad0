"""Read out an initiative that was assigned beforehand: the E4 path of the decision ladder.

Randomised: outcome after the start, less what the same outcome before it foretells (CUPED), compared between
the arms; below 20 clusters by randomisation inference. Staggered: Callaway and Sant'Anna (`staggered`). The
q-value of a finding is its own p-value: whoever reads out several at once has to correct it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from shirube.estimation.cuped import adjusted
from shirube.estimation.decision_ladder import Burden, Design, Diagnostic, Finding, NecessityRule, State
from shirube.estimation.effects import Effect, contrast
from shirube.estimation.matching import MatchedSums, matched_sums
from shirube.estimation.randomisation import interval_of_effect
from shirube.estimation.staggered import NEVER, group_time_effects

Array = npt.NDArray[Any]

FEW_CLUSTERS = 20
"""Below this many the error of clusters is itself too uncertain, and chance is counted out instead."""


def read_out_randomised(
    outcome: Array, treated: Array, cluster: Array, start: int, rule: NecessityRule, burden: Burden
) -> Finding:
    """Finding of a trial drawn by lot, all starting in one period.

    outcome (n, T) per unit and period; treated (n) as assigned, whatever was done; cluster (n): what was
    assigned (the office, or the unit itself), numbered from 0; start: number of the first treated period.
    Raises ValueError unless there are periods before and after the start, and units in both arms.
    """
    outcome, treated, cluster = _arrays(outcome, treated, cluster)
    if not 0 < start < outcome.shape[1]:
        raise ValueError("a trial needs periods before and after its start")
    if treated.all() or not treated.any():
        raise ValueError("both arms need at least one unit")
    before, after = outcome[:, :start].mean(axis=1), outcome[:, start:].mean(axis=1)
    better = adjusted(after, before)
    sums = _compare(treated, cluster, np.stack([better, before, after]), before)
    effects = [
        contrast(sums.estimates(), sums.covariance(), weights, sums.n_clusters) for weights in np.eye(3)
    ]
    effect = effects[0]
    if sums.n_clusters < FEW_CLUSTERS:
        effect = _counted_out(better, treated, cluster, effect)
    smd = float(np.abs(sums.standardised_differences()).max())
    balanced = smd <= rule.maximum_smd or effects[1].p_value >= rule.diagnostic_significance
    return Finding(
        Design.RANDOMISED,
        effect,
        sums.treated,
        sums.controls,
        sums.n_clusters,
        float(after[treated].mean() - effect.estimate),
        (Diagnostic("balance", State.PASSED if balanced else State.FAILED),),
        burden,
        effect.probability_above(rule.meaningful_effect),
    )


def read_out_staggered(
    outcome: Array, start: Array, cluster: Array, rule: NecessityRule, burden: Burden
) -> Finding:
    """Finding of a roll-out: outcome (n, T), start (n) first treated period or `NEVER`, cluster (n)."""
    outcome, start, cluster = _arrays(outcome, start, cluster)
    effects = group_time_effects(outcome, start, cluster)
    periods = rule.minimum_pre_periods
    p_value = effects.pre_trend(periods)
    has_before = {-2 - number for number in range(periods)} <= set(effects.events())
    if not math.isfinite(p_value):
        trend = State.NOT_RUN
    else:
        trend = State.PASSED if p_value >= rule.diagnostic_significance else State.FAILED
    overall = effects.overall()
    starts = (start > 0) & (start < outcome.shape[1])
    # Everybody but the first group was a control at one time or another.
    first = start == np.min(start[start > 0], initial=NEVER)
    on = np.arange(outcome.shape[1]) >= start[:, None]
    after = outcome[starts[:, None] & on]
    return Finding(
        Design.STAGGERED,
        overall if overall.is_known else None,
        int(starts.sum()),
        int(((start > 0) & ~first).sum()),
        effects.n_clusters,
        float(after.mean() - overall.estimate) if len(after) else math.nan,
        (
            Diagnostic("pre_periods", State.PASSED if has_before else State.FAILED),
            Diagnostic("pre_trend", trend),
        ),
        burden,
        overall.probability_above(rule.meaningful_effect),
        shortage_ja="" if overall.is_known else "始めていない先生と比べられる期間がありません",
    )


def _arrays(*values: Array) -> tuple[Array, ...]:
    return tuple(np.asarray(value) for value in values)


def _compare(treated: Array, cluster: Array, outcomes: Array, before: Array) -> MatchedSums:
    """Everybody is one stratum: the lot has made the arms alike."""
    everybody = np.zeros(len(treated), np.int64)
    clusters = int(cluster.max()) + 1
    return matched_sums(treated.astype(bool), everybody, 1, cluster, clusters, outcomes, before[None, :])


def _counted_out(outcome: Array, treated: Array, cluster: Array, effect: Effect) -> Effect:
    """The effect with the error that the interval of randomisation inference implies, its longer half."""
    names, place = np.unique(cluster, return_inverse=True)
    total = np.bincount(place, outcome, len(names))
    size = np.bincount(place, minlength=len(names))
    arm = np.bincount(place, treated, len(names)) / size
    if not np.isin(arm, (0, 1)).all():
        raise ValueError("a cluster was assigned to both arms")
    low, high = interval_of_effect(total, size, arm == 1)
    half = max(effect.estimate - low, high - effect.estimate)
    quantile = float(stats.t.ppf(0.975, effect.freedom))
    return Effect(effect.estimate, half / quantile if math.isfinite(half) else math.nan, effect.freedom)

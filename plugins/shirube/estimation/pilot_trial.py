"""Read out an initiative by how it was planned: what the arrays of one say, from the design to a finding.

Randomised: outcome after the start, less what the same outcome before it foretells (CUPED), compared between
the arms. Staggered: Callaway and Sant'Anna (`staggered`). Matched: physicians whom somebody chose against
similar ones, difference in differences. Below 20 clusters each by randomisation inference. The q-value of a
finding is its own p-value: whoever reads out several at once has to correct it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from shirube.estimation.channel_trial import TrialRule
from shirube.estimation.cuped import adjusted
from shirube.estimation.decision_ladder import Burden, Design, Diagnostic, Finding, NecessityRule, State
from shirube.estimation.effects import Effect, contrast, joint_test
from shirube.estimation.matching import MatchedSums, matched_sums
from shirube.estimation.periods import PeriodDifference, after_less_the_mean_before, against_the_mean_before
from shirube.estimation.randomisation import interval_of_effect, interval_of_signs
from shirube.estimation.staggered import GroupTimeEffects, group_time_effects, interval_of_event

Array = npt.NDArray[Any]

FEW_CLUSTERS = 20
"""Below this many the error of clusters is itself too uncertain, and chance is counted out instead."""


def read_out_randomised(
    outcome: Array,
    treated: Array,
    cluster: Array,
    start: int,
    rule: NecessityRule,
    burden: Burden,
    earlier: Sequence[tuple[int, Array]] = (),
) -> Finding:
    """Finding of a trial drawn by lot, all starting in one period.

    outcome (n, T) per unit and period; treated (n) as assigned, whatever was done; cluster (n): what was
    assigned (the office, or the unit itself), numbered from 0; start: number of the first treated period;
    earlier: windows before the start to be shown, each with its months from it and the outcome (n), nan where
    not observed. There the lot alone makes the arms alike: nothing is taken from their difference. Raises
    ValueError unless there are periods before and after the start, and units in both arms.
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
        periods=(
            PeriodDifference(0, effect, sums.treated, sums.controls),
            *_differences_before(earlier, treated, cluster),
        ),
    )


def _differences_before(
    earlier: Sequence[tuple[int, Array]], treated: Array, cluster: Array
) -> list[PeriodDifference]:
    """The arms' plain difference in each window before, of whoever was observed in it."""
    found = []
    for months, values in earlier:
        seen: Array = np.asarray(np.isfinite(values))
        arm, outcome = treated[seen].astype(bool), values[seen].astype(float)
        if arm.all() or not arm.any():
            continue
        _, place = np.unique(cluster[seen], return_inverse=True)
        sums = _compare(arm, place, outcome[None, :], outcome)
        effect = contrast(sums.estimates(), sums.covariance(), np.ones(1), sums.n_clusters)
        if sums.n_clusters < FEW_CLUSTERS:
            effect = _counted_out(outcome, arm, place, effect)
        found.append(PeriodDifference(months, effect, sums.treated, sums.controls))
    return found


def read_out_staggered(
    outcome: Array,
    start: Array,
    cluster: Array,
    rule: NecessityRule,
    burden: Burden,
    window: int | None = None,
) -> tuple[Finding, float]:
    """Finding of a roll-out, and the p-value of its trend before (nan where the periods do not suffice).

    outcome (n, T), nan where not observed; start (n) first treated period or `NEVER`; cluster (n). Without
    `window` the effect is the mean over all periods from the start on. With it each period is a window of so
    many months and `start` the first that touches the treatment: the effect is that of the first window
    lying wholly after the start. Below 20 clusters that one is told by counting what another deal of the
    same starts would have made.
    """
    outcome, start, cluster = _arrays(outcome, start, cluster)
    outcome = outcome.astype(float)
    effects = group_time_effects(outcome, start, cluster)
    periods = rule.minimum_pre_periods
    p_value = effects.pre_trend(periods)
    has_before = {-2 - number for number in range(periods)} <= set(effects.events())
    if not math.isfinite(p_value):
        trend = State.NOT_RUN
    else:
        trend = State.PASSED if p_value >= rule.diagnostic_significance else State.FAILED
    told = effects.period - effects.start
    cells = told >= 0 if window is None else told == window - 1
    shown = [event for event in effects.events() if -2 - periods < event < -1 or event >= (window or 1) - 1]
    by_event = {event: _event(effects, outcome, start, cluster, event, window) for event in shown}
    effect = effects.overall() if window is None else by_event.get(window - 1, effects.event(window - 1))
    treated, control = _compared(effects, outcome, start, cells)
    after = [
        outcome[(start == group) & np.isfinite(outcome[:, period] - outcome[:, group - 1]), period]
        for group, period in zip(effects.start[cells], effects.period[cells], strict=True)
    ]
    moved = np.concatenate(after) if after else np.zeros(0)
    is_estimated = bool(cells.any())
    finding = Finding(
        Design.STAGGERED,
        effect if is_estimated else None,
        int(treated.sum()),
        int(control.sum()),
        effects.n_clusters,
        float(moved.mean() - effect.estimate) if is_estimated else math.nan,
        (
            Diagnostic("pre_periods", State.PASSED if has_before else State.FAILED),
            Diagnostic("pre_trend", trend),
        ),
        burden,
        effect.probability_above(rule.meaningful_effect),
        shortage_ja="" if is_estimated else "始めていない先生と比べられる期間がありません",
        periods=tuple(
            PeriodDifference(
                event + 1 - (window or 1),
                by_event[event],
                *(int(arm.sum()) for arm in _compared(effects, outcome, start, told == event)),
            )
            for event in shown
        ),
    )
    return finding, p_value


def _event(
    effects: GroupTimeEffects, outcome: Array, start: Array, cluster: Array, event: int, window: int | None
) -> Effect:
    """The effect so many periods after the start; of windows and few clusters told by counting deals."""
    effect = effects.event(event)
    if window is None or not effect.is_known or effects.n_clusters >= FEW_CLUSTERS:
        return effect
    return _with_interval(effect, *interval_of_event(outcome, start, cluster, event, window))


def _compared(effects: GroupTimeEffects, outcome: Array, start: Array, cells: Array) -> tuple[Array, Array]:
    """Whom the chosen cells compare (n): those who start, and those who had not started by then."""
    treated, control = np.zeros(len(outcome), bool), np.zeros(len(outcome), bool)
    for group, period in zip(effects.start[cells], effects.period[cells], strict=True):
        seen = np.isfinite(outcome[:, period] - outcome[:, group - 1])
        treated |= (start == group) & seen
        control |= (start > max(period, group - 1)) & (start != group) & seen
    return treated, control


@dataclass(frozen=True)
class Comparison:
    """Physicians chosen by somebody, and similar ones: what a matched read-out compares.

    treated, stratum, cluster (n); after (n): the outcome; before (w, n): the same in w windows before, the
    latest first; months_before (w): months from the start to the first of each of them, negative; placebo
    (2, n): the same of unrelated products, after and before, nan where there are none; covariates (m, n):
    what must be alike after matching, beyond the strata.
    """

    treated: Array
    stratum: Array
    cluster: Array
    after: Array
    before: Array
    months_before: Sequence[int]
    placebo: Array
    covariates: Array


def read_out_matched(one: Comparison, rule: NecessityRule, burden: Burden) -> tuple[Finding, float]:
    """Finding of a matched comparison, and the p-value of its trend before (nan without two windows).

    Difference in differences: from the difference after goes the mean of those before. Below 20 clusters the
    interval comes from changing their signs. Raises ValueError unless there are units in both arms.
    """
    if one.treated.all() or not one.treated.any():
        raise ValueError("both arms need at least one unit")
    windows = len(one.before)
    sums = _matched(one, np.vstack([one.after[None, :], one.before]))
    offered = min(sums.treated_offered, int((~one.treated.astype(bool)).sum()))
    if not sums.treated or min(sums.treated, sums.controls) < rule.minimum_units <= offered:
        words = "似た先生がほとんどいないため、比べられません"
        failed = (Diagnostic("overlap", State.FAILED),)
        return Finding(Design.MATCHED, None, 0, 0, 0, math.nan, failed, burden, shortage_ja=words), math.nan
    effect = _effect_of(sums, after_less_the_mean_before(windows))
    significance = rule.diagnostic_significance / 3  # three tests, as in `necessity`
    p_value, trend, dated = math.nan, State.NOT_RUN, State.NOT_RUN
    if windows > 1:
        trial = TrialRule(rule.washout_months, windows)
        estimates, covariance = sums.estimates(), sums.covariance()
        p_value = joint_test(estimates, covariance, trial.trend_contrasts, sums.n_clusters)
        if math.isfinite(p_value):
            largest = float(np.abs(trial.trend_contrasts @ estimates).max())
            trend = _passed(p_value >= significance or largest <= rule.tolerated_placebo_effect)
        dated = _nothing(_effect_of(sums, trial.placebo_date_weights), rule, significance)
    elsewhere = State.NOT_RUN
    seen: Array = np.asarray(np.isfinite(one.placebo).all(axis=0))
    if one.treated[seen].any() and not one.treated[seen].all():
        other = _matched(one, one.placebo, seen)
        if other.treated:
            elsewhere = _nothing(_effect_of(other, after_less_the_mean_before(1)), rule, significance)
    smd = float(np.abs(sums.standardised_differences()).max())
    rate = float(sums.treated_sum[0] / sums.treated)
    finding = Finding(
        Design.MATCHED,
        effect,
        sums.treated,
        sums.controls,
        sums.n_clusters,
        rate - effect.estimate,
        (
            Diagnostic("overlap", _passed(sums.overlap_share >= rule.minimum_overlap_share)),
            Diagnostic("balance", _passed(smd <= rule.maximum_smd)),
            Diagnostic("pre_periods", _passed(windows >= rule.minimum_pre_periods)),
            Diagnostic("pre_trend", trend),
            Diagnostic("placebo_outcome", elsewhere),
            Diagnostic("placebo_date", dated),
        ),
        burden,
        effect.probability_above(rule.meaningful_effect),
        periods=_periods_matched(sums, effect, one.months_before),
    )
    return finding, p_value


def _periods_matched(
    sums: MatchedSums, effect: Effect, months_before: Sequence[int]
) -> tuple[PeriodDifference, ...]:
    """The effect, and each window before less the mean of those before; of a single one nothing is left."""
    found = [(0, effect)]
    if len(months_before) > 1:
        weights = against_the_mean_before(len(months_before))[1:]
        found += [(months, _effect_of(sums, row)) for months, row in zip(months_before, weights, strict=True)]
    return tuple(PeriodDifference(months, one, sums.treated, sums.controls) for months, one in found)


def _matched(one: Comparison, outcomes: Array, kept: Array | None = None) -> MatchedSums:
    rows = np.arange(len(one.treated)) if kept is None else np.flatnonzero(kept)
    _, stratum = np.unique(one.stratum[rows], return_inverse=True)
    _, cluster = np.unique(one.cluster[rows], return_inverse=True)
    return matched_sums(
        one.treated[rows].astype(bool), stratum, int(stratum.max()) + 1, cluster, int(cluster.max()) + 1,
        outcomes[:, rows], one.covariates[:, rows],
    )  # fmt: skip


def _effect_of(sums: MatchedSums, weights: Array) -> Effect:
    effect = contrast(sums.estimates(), sums.covariance(), weights, sums.n_clusters)
    if not effect.is_known or sums.n_clusters >= FEW_CLUSTERS:
        return effect
    used = sums.has_units
    return _with_interval(effect, *interval_of_signs(sums.deviation[used] @ weights, sums.exposure[used]))


def _passed(passed: bool) -> State:
    return State.PASSED if passed else State.FAILED


def _nothing(effect: Effect, rule: NecessityRule, significance: float) -> State:
    """Nothing where nothing can be: what it shows can be chance, or is too small to matter."""
    if not effect.is_known:
        return State.NOT_RUN
    return _passed(effect.p_value >= significance or abs(effect.estimate) <= rule.tolerated_placebo_effect)


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
    return _with_interval(effect, *interval_of_effect(total, size, arm == 1))


def _with_interval(effect: Effect, low: float, high: float) -> Effect:
    """The effect with the error that an interval implies, its longer half; unknown where it is infinite."""
    half = max(effect.estimate - low, high - effect.estimate)
    quantile = float(stats.t.ppf(0.975, effect.freedom))
    return Effect(effect.estimate, half / quantile if math.isfinite(half) else math.nan, effect.freedom)

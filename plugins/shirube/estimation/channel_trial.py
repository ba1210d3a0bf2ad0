"""Every month a small trial that nobody planned: physicians reached by a channel, against similar ones not.

Unit: a physician and a product in a month g. Both arms went without the channel in the months before (wash-
out). Reached in g against not reached in g, whatever came later: what came later is partly caused by the
first contact, and physicians who stay unreached are those whose journey went nowhere (Hernán, Robins 2016,
Am. J. Epidemiol. 183: emulated trials, one per month).

Outcome: moved forward within the horizon (90 days) from the end of g, counted from the phase held then, so
that the contact itself cannot be the move. Compared within month, product, phase at the end of g and of the
month before (a contact can itself be the evidence of a phase: with that of g alone, newcomers to it would be
compared with physicians long in it), whether a need about the product was open when g began (who asks is
contacted, and moves on), specialty group, practice type, area type, whether the physician works in several
facilities (and is met in each), earlier contacts of all kinds, months with an engaged contact about the
product, and how many other channels reached the physician in g. So the representative's or any other contact
of the same month is held equal; that of later months is part of the effect.

Months are not matched together, though more would find a like: whoever stays where he is would be there in
every one of them, until he is contacted, and so be compared with himself; those who move would not. That is
a difference where there is none (some 0.4 of 100 physicians, in a simulation without any effect).

Difference in differences: from the difference after g goes the mean difference of the same outcome over the
windows that ended before g. A lasting difference between the arms (keener physicians) goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shirube.estimation.effects import contrast
from shirube.estimation.journey_panel import START_PHASES, JourneyPanel
from shirube.estimation.matching import MatchedSums, matched_sums
from shirube.estimation.periods import PeriodDifference, after_less_the_mean_before, against_the_mean_before

Array = npt.NDArray[Any]

PRIOR_MONTHS = 3
CONTACT_BANDS = (0, 3, 9, 18)
"""Upper ends of the bands of contacts in the months before, as in mart_journey_exposure; above is one
more."""
OTHER_BANDS = 3
ENGAGED_BANDS = 3


@dataclass(frozen=True)
class TrialRule:
    """The trial's own settings: months without the channel before, and windows before to compare with."""

    washout_months: int
    pre_periods: int

    def first_month(self, horizon: int) -> int:
        """Months needed before the month of contact: the earliest window starts there."""
        return horizon + self.pre_periods

    def windows(self, horizon: int) -> tuple[int, ...]:
        """Start months relative to the month of contact: 0, then the windows before, latest first."""
        return (0, *(-(horizon + 1 + number) for number in range(self.pre_periods)))

    def months_from_contact(self, horizon: int) -> tuple[int, ...]:
        """Months from that of the contact to each window's first, in the order of `windows`."""
        return tuple(start + 1 for start in self.windows(horizon))

    @property
    def effect_weights(self) -> Array:
        """Weights of the windows that make the difference in differences."""
        return after_less_the_mean_before(self.pre_periods)

    @property
    def trend_contrasts(self) -> Array:
        """Rows whose value is 0 under parallel trends: each earlier window against the latest."""
        rows = np.zeros((self.pre_periods - 1, self.pre_periods + 1))
        rows[:, 1] = -1
        rows[:, 2:] = np.eye(self.pre_periods - 1)
        return rows

    @property
    def placebo_date_weights(self) -> Array:
        """The latest window before against the earliest: the "effect" of a date on which nothing happened."""
        return np.array([0.0, 1.0, *[0.0] * (self.pre_periods - 2), -1.0])


@dataclass(frozen=True)
class TrialSums:
    """Trials of one channel; sums of disjoint groups can be added. Outcomes: the windows of `TrialRule`.

    `placebo`: the same for other products of physicians who were reached about another one. `over_contact`:
    reached units pressed beyond the company's rule. `reached` (P): whether a physician is among the reached.
    """

    effect: MatchedSums
    placebo: MatchedSums
    over_contact: int
    reached: Array

    def __add__(self, other: TrialSums) -> TrialSums:
        return TrialSums(
            self.effect + other.effect,
            self.placebo + other.placebo,
            self.over_contact + other.over_contact,
            self.reached | other.reached,
        )


class TrialMonth:
    """One month's units (P, R) as far as they are the same for every channel."""

    def __init__(self, panel: JourneyPanel, rule: TrialRule, month: int) -> None:
        self.panel, self.rule, self.month = panel, rule, month
        self.windows = [month + offset for offset in rule.windows(panel.horizon_months)]
        self.comparable = panel.phase[:, :, month] >= 0
        for window in self.windows:
            self.comparable &= panel.forward[:, :, window] >= 0
        before = slice(max(month - PRIOR_MONTHS, 0), month)
        prior = panel.contacts[:, before].sum(axis=1, dtype=np.int64)
        self.log_prior = np.log1p(prior).astype(np.float32)
        self.engaged = panel.engaged[:, :, before].sum(axis=2, dtype=np.int8)
        self.months_in_phase = self._months_in_phase()
        by_physician = (
            (panel.specialty[:, month], len(panel.specialties)),
            (panel.practice[:, month], len(panel.practices)),
            (panel.area[:, month], len(panel.areas)),
            (panel.several_facilities[:, month], 2),
            (np.searchsorted(np.array(CONTACT_BANDS), prior, side="left"), len(CONTACT_BANDS) + 1),
        )
        by_unit = (
            (np.arange(len(panel.products)), len(panel.products)),
            (panel.phase[:, :, month], len(START_PHASES)),
            (panel.phase[:, :, month - 1] + 1, len(START_PHASES) + 1),
            (panel.in_need(month), 2),
            (np.minimum(self.engaged, ENGAGED_BANDS - 1), ENGAGED_BANDS),
        )
        stratum = np.zeros(panel.phase.shape[:2], np.int64)
        for number, size in [*((values[:, None], size) for values, size in by_physician), *by_unit]:
            stratum = stratum * size + number
        # Few of all that could be occur.
        found, place = np.unique(stratum[self.comparable], return_inverse=True)
        self.stratum, self.n_strata = np.zeros(stratum.shape, np.int32), len(found)
        self.stratum[self.comparable] = place

    def _months_in_phase(self) -> Array:
        """For how many months before the same phase had been held, counted up to half a year (P, R)."""
        phase = self.panel.phase
        now = phase[:, :, self.month]
        same, held = np.ones(now.shape, bool), np.zeros(now.shape, np.int8)
        for earlier in range(self.month - 1, max(self.month - 7, -1), -1):
            same &= phase[:, :, earlier] == now
            held += same
        return held


def trial_months(panel: JourneyPanel, rule: TrialRule) -> list[TrialMonth]:
    """Months in which somebody has an outcome after it and comparable windows before it."""
    seen: Array = np.asarray((panel.forward >= 0).any(axis=(0, 1)))
    windows = rule.windows(panel.horizon_months)
    return [
        TrialMonth(panel, rule, month)
        for month in range(len(panel.months))
        if month + windows[-1] >= 0 and all(seen[month + offset] for offset in windows)
    ]


def run_trials(months: Sequence[TrialMonth], channel: int, included: Array | None = None) -> TrialSums | None:
    """Sum up one channel's trials among the units and months of `included` (P, R or 1, T); None without
    any."""
    total: TrialSums | None = None
    for month in months:
        trial = _ChannelMonth(month, channel, included)
        one = TrialSums(
            trial.matched(trial.reached, trial.eligible),
            trial.matched(trial.elsewhere, trial.eligible & ~trial.reached),
            trial.over_contact(),
            np.asarray((trial.eligible & trial.reached).any(axis=1)),
        )
        total = one if total is None else total + one
    return total


def period_differences(sums: MatchedSums, rule: TrialRule, horizon: int) -> tuple[PeriodDifference, ...]:
    """Each window's matched difference less the mean of those before; the same units in all of them."""
    estimates, covariance, clusters = sums.estimates(), sums.covariance(), sums.n_clusters
    return tuple(
        PeriodDifference(
            months, contrast(estimates, covariance, weights, clusters), sums.treated, sums.controls
        )
        for months, weights in zip(
            rule.months_from_contact(horizon), against_the_mean_before(rule.pre_periods), strict=True
        )
    )


class _ChannelMonth:
    """Who may be compared in a month and who was reached (P, R)."""

    def __init__(self, month: TrialMonth, channel: int, included: Array | None) -> None:
        self.month, self.panel = month, month.panel
        bit = np.uint16(1 << channel)
        now = self.panel.reached[:, :, month.month]
        self.eligible = month.comparable.copy()
        for earlier in range(max(month.month - month.rule.washout_months, 0), month.month):
            self.eligible &= self.panel.reached[:, :, earlier] & bit == 0
        if included is not None:
            self.eligible &= included[:, :, month.month]
        self.reached: Array = np.not_equal(now & bit, 0)
        # The placebo: the same physician's other products, about which the channel said nothing.
        self.elsewhere: Array = np.any(self.reached, axis=1, keepdims=True) & ~self.reached
        self.others = np.bitwise_count(now & ~bit)

    def matched(self, treated: Array, eligible: Array) -> MatchedSums:
        """Match the eligible units, one row each; everybody eligible and not treated is a control."""
        month, panel = self.month, self.panel
        rows = np.flatnonzero(eligible)
        physician = rows // len(panel.products)
        others = self.others.ravel()[rows]
        covariates = (
            month.log_prior[physician],
            others,
            month.engaged.ravel()[rows],
            month.months_in_phase.ravel()[rows],
        )
        return matched_sums(
            treated.ravel()[rows],
            month.stratum.ravel()[rows] * OTHER_BANDS + np.minimum(others, OTHER_BANDS - 1),
            month.n_strata * OTHER_BANDS,
            panel.cluster[physician],
            panel.n_clusters,
            np.stack([panel.forward[:, :, window].ravel()[rows] for window in month.windows]),
            np.stack([covariate.astype(np.float32) for covariate in covariates]),
        )

    def over_contact(self) -> int:
        """Reached units whose physician was pressed beyond the company's rule in the month."""
        return int((self.eligible & self.reached & self.panel.over_contact[:, self.month.month, None]).sum())

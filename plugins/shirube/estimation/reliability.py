"""How far a number would repeat itself: split halves, items of one index, two waves of one survey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SEED = 20_260_402


@dataclass(frozen=True)
class Reliability:
    """A coefficient with its 95 % interval and the number of people or groups behind it; None: not
    computable.
    """

    n: int
    value: float | None
    low: float | None
    high: float | None


def spearman_brown(correlation: float) -> float:
    """Reliability of the whole from the correlation of its halves (Spearman 1910, Brown 1910); never below 0.

    Halves that disagree tell nothing about the whole but that it is not reliable.
    """
    return 2 * correlation / (1 + correlation) if correlation > 0 else 0.0


def split_half(
    group: Ints, numerator: Floats, denominator: Floats, *, splits: int, draws: int, seed: int = SEED
) -> Reliability:
    """Reliability of a rate per group, when each group's members are dealt into two halves.

    Arrays have one entry per member: the group (from 0 on), what the member adds to the group's numerator and
    denominator. The halves' rates are correlated over the groups that have a denominator in both; the mean
    correlation over `splits` random deals is stepped up by Spearman and Brown. Interval: percentiles over
    resamples of groups, the deals held fixed. None with fewer than three groups, or where the halves do not
    vary.
    """
    counted = denominator > 0
    group, numerator, denominator = group[counted], numerator[counted], denominator[counted]
    if len(group) == 0:
        return Reliability(0, None, None, None)
    random = np.random.default_rng(seed)
    groups = int(group.max()) + 1
    first, second = np.empty((2, splits, groups))
    start = np.searchsorted(np.sort(group), np.arange(groups))
    for deal in range(splits):
        order = np.lexsort((random.random(len(group)), group))
        # Every other member of a group, from a random one on: halves of one size, the odd member by chance.
        place = np.arange(len(group)) - start[group[order]] + random.integers(0, 2, groups)[group[order]]
        for half, rates in ((0, first), (1, second)):
            inside = order[place % 2 == half]
            above = np.bincount(group[inside], numerator[inside], groups)
            below = np.bincount(group[inside], denominator[inside], groups)
            rates[deal] = np.divide(above, below, out=np.full(groups, np.nan), where=below > 0)
    both = ~(np.isnan(first) | np.isnan(second))
    sampled = both.any(axis=0)
    first, second, both = first[:, sampled], second[:, sampled], both[:, sampled]
    n = int(both.shape[1])
    if n < 3:
        return Reliability(n, None, None, None)
    point = _mean_correlation(first, second, both, np.ones((1, n)))[0]
    if np.isnan(point):
        return Reliability(n, None, None, None)
    times = random.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    drawn = _mean_correlation(first, second, both, times)
    low, high = np.quantile(drawn[~np.isnan(drawn)], [0.025, 0.975])
    return Reliability(
        n, spearman_brown(float(point)), spearman_brown(float(low)), spearman_brown(float(high))
    )


def _mean_correlation(first: Floats, second: Floats, both: NDArray[np.bool_], times: Floats) -> Floats:
    """Weighted correlation of the halves' rates, averaged over the deals; times: (draws, groups)."""
    total, deals = np.zeros(len(times)), np.zeros(len(times))
    for x, y, present in zip(np.nan_to_num(first), np.nan_to_num(second), both, strict=True):
        weight = times * present
        size = weight.sum(axis=1)
        size = np.where(size > 0, size, np.nan)
        mean_x, mean_y = weight @ x / size, weight @ y / size
        dx, dy = x - mean_x[:, None], y - mean_y[:, None]
        spread = np.sqrt((weight * dx**2).sum(axis=1) * (weight * dy**2).sum(axis=1))
        together = (weight * dx * dy).sum(axis=1)
        known = spread > 1e-12
        total += np.divide(together, spread, out=np.zeros(len(times)), where=known)
        deals += known
    return np.divide(total, deals, out=np.full(len(times), np.nan), where=deals > 0)


def cronbach_alpha(answers: Floats) -> Reliability:
    """Cronbach's alpha of an index; `answers` of shape (people, items), on one scale, higher being better.

    alpha = k / (k - 1) * (1 - sum of the items' variances / variance of their sum). Interval: Feldt (1965),
    Psychometrika 30:357-370: (1 - population) / (1 - sample) follows F(n - 1, (n - 1)(k - 1)).
    None with fewer than three people, fewer than two items, or where the sums do not vary.
    """
    n, k = answers.shape
    if n < 3 or k < 2:
        return Reliability(n, None, None, None)
    whole = answers.sum(axis=1).var(ddof=1)
    if whole <= 0:
        return Reliability(n, None, None, None)
    alpha = k / (k - 1) * (1 - answers.var(axis=0, ddof=1).sum() / whole)
    freedom = (n - 1, (n - 1) * (k - 1))
    low = 1 - (1 - alpha) * stats.f.ppf(0.975, *freedom)
    high = 1 - (1 - alpha) * stats.f.ppf(0.025, *freedom)
    return Reliability(n, float(alpha), float(low), float(high))


def retest(earlier: Floats, later: Floats) -> Reliability:
    """Pearson correlation of the same people's values at two times, with Fisher's interval.

    What truly changed in between counts as unreliability, so this is a lower end. None with fewer than four
    people or where one side does not vary.
    """
    n = len(earlier)
    if n < 4 or np.ptp(earlier) == 0 or np.ptp(later) == 0:
        return Reliability(n, None, None, None)
    found = stats.pearsonr(earlier, later)
    interval = found.confidence_interval(0.95)
    return Reliability(n, float(found.statistic), float(interval.low), float(interval.high))

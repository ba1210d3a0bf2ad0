"""The difference of two rates, where one person may be counted several times."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_Z = 1.959963984540054


@dataclass(frozen=True)
class RateDifference:
    """Events and cases on both sides, and the difference of their rates with its 95 % interval (None: no
    rate).
    """

    events: int
    cases: int
    other_events: int
    other_cases: int
    difference: float | None
    low: float | None
    high: float | None


def difference_of_rates(
    happened: NDArray[np.bool_],
    is_first: NDArray[np.bool_],
    person: NDArray[Any],
    cluster: NDArray[Any] | None = None,
) -> RateDifference:
    """Rate where `is_first` less the rate elsewhere; one entry per case, `person` says whose it is, `cluster`
    who looks after him.

    Newcombe's method 10 (1998, Statistics in Medicine 17:873-890) on two Wilson intervals, whose sample sizes
    are divided by the design effect of counting persons more than once; with one case each it is Newcombe's
    own. What the persons of a cluster share widens it: by the ratio of the cluster-robust error of the
    difference (Liang, Zeger 1986, with G / (G - 1) and Student's t for G clusters) to the error without
    clusters, never below 1. Below two clusters nothing is known of that, and there is no interval.
    """
    sides = [_side(happened[side], person[side]) for side in (is_first, ~is_first)]
    (events, cases, size), (other_events, other_cases, other_size) = sides
    counts = (events, cases, other_events, other_cases)
    if not cases or not other_cases:
        return RateDifference(*counts, None, None, None)
    rate, other = events / cases, other_events / other_cases
    wider = 1.0
    if cluster is not None:
        deviation = np.where(is_first, (happened - rate) / cases, (other - happened) / other_cases)
        error = sqrt(rate * (1 - rate) / size + other * (1 - other) / other_size)
        wider = _wider(deviation, error, person, cluster)
        if not np.isfinite(wider):
            return RateDifference(*counts, None, None, None)
    (low, high), (other_low, other_high) = _wilson(rate, size), _wilson(other, other_size)
    return RateDifference(
        *counts,
        rate - other,
        max(-1.0, rate - other - wider * sqrt((rate - low) ** 2 + (other_high - other) ** 2)),
        min(1.0, rate - other + wider * sqrt((high - rate) ** 2 + (other - other_low) ** 2)),
    )


def _wider(
    deviation: NDArray[np.float64], error: float, person: NDArray[Any], cluster: NDArray[Any]
) -> float:
    """How many times wider the interval is for what the persons of a cluster share; infinite below two
    clusters."""
    names, place = np.unique(cluster, return_inverse=True)
    clusters = len(names)
    if clusters < 2:
        return float("inf")
    if clusters >= len(np.unique(person)) or not error:
        return 1.0
    shared = np.bincount(place, deviation)
    robust = sqrt(float(shared @ shared) * clusters / (clusters - 1))
    return max(1.0, robust * float(stats.t.ppf(0.975, clusters - 1)) / (error * _Z))


def _side(happened: NDArray[np.bool_], person: NDArray[Any]) -> tuple[int, int, float]:
    """Events, cases, and the number of independent cases that tell as much."""
    cases, events = len(happened), int(happened.sum())
    if not cases:
        return 0, 0, 0.0
    rate = events / cases
    _, row = np.unique(person, return_inverse=True)
    each = np.bincount(row)
    if events in (0, cases):
        # No spread to learn from: as if a person always did the same.
        effect = float((each**2).sum() / cases)
    else:
        deviation = np.bincount(row, happened - rate)
        effect = float((deviation**2).sum() / (cases * rate * (1 - rate)))
    return events, cases, cases / max(1.0, effect)


def _wilson(rate: float, size: float) -> tuple[float, float]:
    centre = (rate + _Z**2 / (2 * size)) / (1 + _Z**2 / size)
    half = _Z / (1 + _Z**2 / size) * sqrt(rate * (1 - rate) / size + _Z**2 / (4 * size**2))
    return (0.0 if rate == 0 else centre - half), (1.0 if rate == 1 else centre + half)

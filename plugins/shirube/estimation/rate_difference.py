"""The difference of two rates, where one person may be counted several times."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    happened: NDArray[np.bool_], is_first: NDArray[np.bool_], person: NDArray[Any]
) -> RateDifference:
    """Rate where `is_first` less the rate elsewhere; one entry per case, `person` says whose it is.

    Newcombe's method 10 (1998, Statistics in Medicine 17:873-890) on two Wilson intervals, whose sample sizes
    are divided by the design effect of counting persons more than once; with one case each it is Newcombe's
    own.
    """
    sides = [_side(happened[side], person[side]) for side in (is_first, ~is_first)]
    (events, cases, size), (other_events, other_cases, other_size) = sides
    if not cases or not other_cases:
        return RateDifference(events, cases, other_events, other_cases, None, None, None)
    rate, other = events / cases, other_events / other_cases
    (low, high), (other_low, other_high) = _wilson(rate, size), _wilson(other, other_size)
    return RateDifference(
        events,
        cases,
        other_events,
        other_cases,
        rate - other,
        rate - other - sqrt((rate - low) ** 2 + (other_high - other) ** 2),
        rate - other + sqrt((high - rate) ** 2 + (other - other_low) ** 2),
    )


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

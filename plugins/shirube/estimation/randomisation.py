"""Randomisation inference: what the difference would have been, had chance assigned otherwise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SEED = 20260401
MOST_ASSIGNMENTS = 20_000
SIGNIFICANCE = 0.05
BISECTIONS = 12
"""Halvings of an end of the interval: to a few thousandths of its width, and never inwards."""


@dataclass(frozen=True)
class RandomisationTest:
    """p-value of "no effect on anybody"; exact where all assignments were looked at."""

    estimate: float
    p_value: float
    assignments: int
    is_exact: bool


def test_of_no_effect(
    total: Array, size: Array, treated: Array, most: int = MOST_ASSIGNMENTS, seed: int = SEED
) -> RandomisationTest:
    """Fisher's test for clusters (C): their sums of the outcome, their sizes, and which were treated.

    Compares |mean of treated - mean of control| with the same under every other choice of as many treated
    clusters (Fisher 1935; Rosenbaum 2002, ch. 2); above `most` choices a seeded sample of `most`, with p =
    (1 + as extreme) / (1 + sampled) (Phipson, Smyth 2010). Valid for any number of clusters, which is why
    it replaces the clustered error below 20. Raises ValueError unless both arms have a cluster.
    """
    total, size = np.asarray(total, dtype=float), np.asarray(size, dtype=float)
    treated = np.asarray(treated, dtype=bool)
    clusters, chosen = len(treated), int(treated.sum())
    if not 0 < chosen < clusters:
        raise ValueError("both arms need at least one cluster")
    observed = float(_differences(total, size, treated[None, :])[0])
    count = math.comb(clusters, chosen)
    if count <= most:
        picks = np.array(list(itertools.combinations(range(clusters), chosen)))
        arms = np.zeros((count, clusters), dtype=bool)
        np.put_along_axis(arms, picks, True, axis=1)
        extreme = int(_is_extreme(_differences(total, size, arms), observed).sum())
        return RandomisationTest(observed, extreme / count, count, True)
    random = np.random.default_rng(seed)
    arms = random.permuted(np.broadcast_to(treated, (most, clusters)), axis=1)
    extreme = int(_is_extreme(_differences(total, size, arms), observed).sum())
    return RandomisationTest(observed, (1 + extreme) / (1 + most), most, False)


def interval_of_effect(
    total: Array, size: Array, treated: Array, most: int = MOST_ASSIGNMENTS, seed: int = SEED
) -> tuple[float, float]:
    """The 95 % interval of one effect common to all: what the test does not reject (Rosenbaum 2002, ch. 2).

    Arguments as of `test_of_no_effect`. Infinite where too few assignments are possible to reject anything.
    """
    total, size = np.asarray(total, dtype=float), np.asarray(size, dtype=float)
    treated = np.asarray(treated, dtype=bool)
    estimate = float(_differences(total, size, treated[None, :])[0])

    def is_rejected(effect: float) -> bool:
        without = total - effect * size * treated
        return test_of_no_effect(without, size, treated, most, seed).p_value <= SIGNIFICANCE

    return _not_rejected(is_rejected, estimate, float(np.std(total / size)))


def interval_of_linear(
    estimate: float, otherwise: Array, taken_away: Array, spread: float
) -> tuple[float, float]:
    """The 95 % interval where what chance could have made is linear in the effect.

    For each of A draws: `otherwise` (A) is the estimate had chance assigned so, `taken_away` (A) what each
    unit of a true effect takes from it. An effect t is rejected where |estimate - t| is among the 5 % largest
    of |otherwise - t * taken_away|, the draw that happened counted in (Phipson, Smyth 2010). `spread`: first
    step of the search, of the size of the interval.
    """

    def is_rejected(effect: float) -> bool:
        extreme = int(_is_extreme(otherwise - effect * taken_away, estimate - effect).sum())
        return (1 + extreme) / (1 + len(otherwise)) <= SIGNIFICANCE

    return _not_rejected(is_rejected, estimate, spread)


def interval_of_signs(
    deviation: Array, exposure: Array, most: int = MOST_ASSIGNMENTS, seed: int = SEED
) -> tuple[float, float]:
    """The 95 % interval where nobody drew lots: what changing the signs of clusters does not reject.

    Per cluster (C): `deviation`, what it adds to the difference, and `exposure`, what a unit of effect does.
    Were t the effect, deviation - t * exposure would be as likely up as down in each cluster (Canay, Romano,
    Shaikh 2017, Econometrica 85; as a bootstrap of scores: Kline, Santos 2012). Needs no number of clusters
    to be large, as the clustered error does.
    """
    deviation, exposure = np.asarray(deviation, dtype=float), np.asarray(exposure, dtype=float)
    whole = float(exposure.sum())
    random = np.random.default_rng(seed)
    signs = random.integers(0, 2, (most, len(deviation))) * 2.0 - 1.0
    estimate = float(deviation.sum()) / whole
    scores = deviation - estimate * exposure
    spread = float(np.sqrt((scores**2).sum())) / abs(whole)
    return interval_of_linear(estimate, signs @ deviation / whole, signs @ exposure / whole, spread)


def _not_rejected(
    is_rejected: Callable[[float], bool], estimate: float, spread: float
) -> tuple[float, float]:
    """Ends of what is not rejected around the estimate; infinite where nothing is."""
    spread = spread or 1.0

    def end(direction: int) -> float:
        inside, outside = 0.0, spread / 8
        while not is_rejected(estimate + direction * outside):
            inside, outside = outside, outside * 2
            if outside > 1000 * spread:
                return direction * math.inf
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            if is_rejected(estimate + direction * middle):
                outside = middle
            else:
                inside = middle
        return estimate + direction * outside

    return end(-1), end(1)


def _differences(total: Array, size: Array, arms: Array) -> Array:
    inside, count = arms @ total, arms @ size
    return inside / count - (total.sum() - inside) / (size.sum() - count)


def _is_extreme(differences: Array, observed: float) -> Array:
    return np.abs(differences) >= abs(observed) - 1e-12

"""Randomisation inference: what the difference would have been, had chance assigned otherwise."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SEED = 20260401
MOST_ASSIGNMENTS = 20_000


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


def _differences(total: Array, size: Array, arms: Array) -> Array:
    inside, count = arms @ total, arms @ size
    return inside / count - (total.sum() - inside) / (size.sum() - count)


def _is_extreme(differences: Array, observed: float) -> Array:
    return np.abs(differences) >= abs(observed) - 1e-12

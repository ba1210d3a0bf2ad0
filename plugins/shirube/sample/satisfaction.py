"""Satisfaction behind the survey's answers: what a person's answers share, and how strongly each shows it.

Somebody who is content answers every question a little higher, more so on the same occasion. Each answer is
mean + spread × (loading × latent + √(1 − loading²) × own noise), and latent and noise are standard normal: so
means and spreads of single answers are the same whatever the loadings, and only what they share differs.
The latent part is drawn from streams of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from shirube.sample.columns import Array

PERSON_SHARE = 0.6
"""How much of the latent part's variance is the person's for good; the rest is the occasion's."""
_STREAM = 602  # tells these streams from the others of the same seed


@dataclass(frozen=True)
class Item:
    """One question: its mean before the scale's ends cut it, its spread, its scale and its loading.

    `per_phase` is what each phase further adds to the mean (nothing for lapsed use).
    """

    mean: float
    per_phase: float
    spread: float
    lowest: int
    highest: int
    loading: float

    def answer(self, noise: Array, latent: Array, phase: Array | float = 0.0) -> Array:
        """Answers from standard normal `noise` and `latent`, equally long."""
        return scale(
            self.mean + self.per_phase * phase + self.spread * shared(noise, latent, self.loading),
            self.lowest,
            self.highest,
        )


CSAT = Item(mean=3.4, per_phase=0.1, spread=0.8, lowest=1, highest=5, loading=0.78)
NPS = Item(mean=5.3, per_phase=0.35, spread=2.0, lowest=0, highest=10, loading=0.75)
USEFULNESS = Item(mean=6.4, per_phase=0.0, spread=1.8, lowest=0, highest=10, loading=0.80)
EASE = Item(mean=4.6, per_phase=0.0, spread=1.2, lowest=1, highest=7, loading=0.72)
INDEX = (CSAT, USEFULNESS, EASE)
"""The questions that are one index, each scaled to 0-1."""
_TYPICAL_PHASE = 2


def scale(value: Array, lowest: int, highest: int) -> Array:
    """Round to whole points and keep within the scale."""
    return np.clip(np.round(value), lowest, highest).astype(np.int64)


def shared(noise: Array, latent: Array, loading: float) -> Array:
    """Standard normal values that have `loading` as their correlation with `latent`."""
    return loading * latent + np.sqrt(1 - loading**2) * noise


class Satisfaction:
    """The latent satisfaction of every physician, and of an occasion."""

    def __init__(self, seed: int, physicians: int) -> None:
        self.seed = seed
        self.person = np.random.default_rng([seed, _STREAM]).standard_normal(physicians)

    def on(self, month: int, who: Array) -> Array:
        """Standard normal: what the physicians `who` feel when they are asked in a month; `who` is unique."""
        occasion = np.random.default_rng([self.seed, _STREAM, month + 1]).standard_normal(len(self.person))
        return np.sqrt(PERSON_SHARE) * self.person[who] + np.sqrt(1 - PERSON_SHARE) * occasion[who]


def planted() -> dict[str, Any]:
    """What is true about these answers, for truth.json.

    `alpha` and `retest` are those of the three questions as they are asked, rounded to whole points and cut
    at the scale's ends, for a physician who is interested (P2).
    """
    alpha, retest = index_reliability(INDEX, _TYPICAL_PHASE)
    return {
        "items": {
            name: asdict(item)
            for name, item in (("csat", CSAT), ("nps", NPS), ("usefulness", USEFULNESS), ("ces", EASE))
        },
        "person_share_of_latent_variance": PERSON_SHARE,
        "index": ["csat", "usefulness", "ces"],
        "alpha": round(alpha, 3),
        "retest": round(retest, 3),
    }


def index_reliability(items: tuple[Item, ...], phase: int) -> tuple[float, float]:
    """Population alpha of the items scaled to 0-1, and correlation of their means on two occasions.

    Given the latent value, answers are independent: so the covariance of two is that of their conditional
    means, integrated over the normal latent by Gauss-Hermite. Between occasions only the person is shared.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    same: list[Array] = []
    again: list[Array] = []
    own: list[float] = []
    for item in items:
        width = item.highest - item.lowest
        mean = item.mean + item.per_phase * phase
        for loading, found in ((item.loading, same), (item.loading * np.sqrt(PERSON_SHARE), again)):
            expected = _moments(item, mean, loading, nodes)[0] / width
            found.append(expected - weights @ expected)
        first, second = _moments(item, mean, 0.0, np.zeros(1))
        own.append(float(second[0] - first[0] ** 2) / width**2)
    within = np.array(same) * weights @ np.array(same).T
    whole = within.sum() - np.trace(within) + sum(own)
    k = len(items)
    alpha = k / (k - 1) * (1 - sum(own) / whole)
    return float(alpha), float((np.array(again) * weights @ np.array(again).T).sum() / whole)


def _moments(item: Item, mean: float, loading: float, latent: Array) -> tuple[Array, Array]:
    """First and second moment of an answer as asked, given each value of `latent`."""
    points = np.arange(item.lowest, item.highest + 1)
    spread = item.spread * np.sqrt(1 - loading**2)
    middle = mean + item.spread * loading * latent[:, None]
    below = ndtr((points[:-1] + 0.5 - middle) / spread)
    ends = np.ones((len(latent), 1))
    chance = np.diff(np.hstack([0 * ends, below, ends]), axis=1)
    return chance @ points, chance @ points**2

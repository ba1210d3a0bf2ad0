"""How far two sides lay apart, window by window: what an event-study plot shows, with intervals.

A window is a horizon of the outcome. Only windows that lie wholly before the start or wholly after it are
told: of one that touches the start nobody can say on which side of it the difference arose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shirube.estimation.effects import Effect

Array = npt.NDArray[Any]

PERIODS = pa.list_(
    pa.struct(
        [
            ("months_from_start", pa.int64()),
            ("n_treated", pa.int64()),
            ("n_control", pa.int64()),
            ("effect", pa.float64()),
            ("effect_low", pa.float64()),
            ("effect_high", pa.float64()),
        ]
    )
)
"""The column `periods` of an estimator: one record per window, the earliest first."""


@dataclass(frozen=True)
class PeriodDifference:
    """The difference of the sides in one window, per unit, and how many units each side had in it.

    `months_from_start`: from the month of the start to the window's first month, negative for a window that
    ended before the start.
    """

    months_from_start: int
    effect: Effect
    n_treated: int
    n_control: int


def after_less_the_mean_before(windows: int) -> Array:
    """Weights (w + 1) of the difference in differences: after, less the mean of the w windows before.

    After alone where there are none.
    """
    return np.array([1.0, *[-1.0 / max(windows, 1)] * windows])


def against_the_mean_before(windows: int) -> Array:
    """Weights (w + 1, w + 1) of the differences of the window after and of the w before, latest first.

    From each goes the mean of those before: the first row is the difference in differences itself, the
    others lie around 0 where the sides moved in parallel. Raises ValueError without a window before.
    """
    if windows < 1:
        raise ValueError("there is no window before to compare with")
    weights = np.eye(windows + 1)
    weights[:, 1:] -= 1.0 / windows
    return weights


def records(periods: Iterable[PeriodDifference]) -> list[dict[str, Any]]:
    """Values of `PERIODS`; no interval where there is none, no window whose difference is unknown."""
    return [
        {
            "months_from_start": one.months_from_start,
            "n_treated": one.n_treated,
            "n_control": one.n_control,
            "effect": one.effect.estimate,
            "effect_low": one.effect.low if one.effect.is_known else None,
            "effect_high": one.effect.high if one.effect.is_known else None,
        }
        for one in sorted(periods, key=lambda one: one.months_from_start)
        if np.isfinite(one.effect.estimate)
    ]

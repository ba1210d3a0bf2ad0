"""Less noise from what was known before: CUPED."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def adjusted(outcome: Array, before: Array) -> Array:
    """The outcome (n) less what the same outcome before the start (n) foretells: Y - theta (X - mean X).

    theta = cov(Y, X) / var(X) over everybody; the mean stays, the variance shrinks by 1 - corr² (Deng, Xu,
    Kohavi, Walker 2013, WSDM). `before` must be from before the assignment, or the effect itself is taken
    away. Unchanged where `before` does not vary.
    """
    outcome, before = np.asarray(outcome, dtype=float), np.asarray(before, dtype=float)
    centred = before - before.mean()
    variance = float(centred @ centred)
    if variance == 0:
        return outcome.copy()
    return outcome - centred * float(centred @ (outcome - outcome.mean())) / variance

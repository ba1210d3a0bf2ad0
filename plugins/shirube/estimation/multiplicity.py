"""Many questions at once: how many of the findings would be chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from statsmodels.stats.multitest import multipletests

Array = npt.NDArray[Any]


def q_values(p_values: Array) -> Array:
    """p-values (m) adjusted after Benjamini, Hochberg (1995); a question without p-value stays nan,
    uncounted."""
    p_values = np.asarray(p_values, dtype=float)
    known = np.isfinite(p_values)
    adjusted = np.full(len(p_values), np.nan)
    if known.any():
        adjusted[known] = multipletests(p_values[known], method="fdr_bh")[1]
    return adjusted

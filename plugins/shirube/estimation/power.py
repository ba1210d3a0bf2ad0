"""How small an effect a comparison could have found (H9), and how many physicians one would need."""

from __future__ import annotations

import math

from scipy import stats

SIGNIFICANCE = 0.05
POWER = 0.80


def minimum_detectable(standard_error: float, freedom: float = math.inf) -> float:
    """Smallest true effect found in 80 of 100 comparisons with this standard error (5 %, two-sided).

    (t_0.975 + t_0.80) standard errors (Bloom 1995, Evaluation Review 19); 2.80 with many clusters.
    """
    return float((stats.t.ppf(1 - SIGNIFICANCE / 2, freedom) + stats.t.ppf(POWER, freedom)) * standard_error)


def physicians_per_arm(rate: float, other_rate: float) -> int:
    """Physicians that each of two equal arms needs to tell two rates apart (80 %, 5 %, two-sided).

    n = (z_0.975 sqrt(2 p (1 - p)) + z_0.80 sqrt(p1 (1 - p1) + p2 (1 - p2)))² / (p1 - p2)², p the mean of
    both rates: Fleiss, Levin, Paik (2003), Statistical Methods for Rates and Proportions, 4.14, rounded up.
    Independent physicians are assumed: with whole offices assigned many more are needed. Raises ValueError
    for equal rates or rates outside (0, 1).
    """
    if rate == other_rate or not (0 < rate < 1 and 0 < other_rate < 1):
        raise ValueError(f"two different rates between 0 and 1 are needed, got {rate} and {other_rate}")
    mean = (rate + other_rate) / 2
    pooled = stats.norm.ppf(1 - SIGNIFICANCE / 2) * math.sqrt(2 * mean * (1 - mean))
    apart = stats.norm.ppf(POWER) * math.sqrt(rate * (1 - rate) + other_rate * (1 - other_rate))
    return math.ceil(float((pooled + apart) ** 2 / (rate - other_rate) ** 2))

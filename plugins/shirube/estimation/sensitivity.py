"""How strong something unrecorded would have to be to explain a difference away."""

from __future__ import annotations

import math


def e_value(risk_ratio: float) -> float:
    """E-value of a risk ratio: RR + sqrt(RR (RR - 1)), of 1/RR below 1 (VanderWeele, Ding 2017, Ann.
    Intern. Med. 167).

    An unrecorded trait would have to be tied to both contact and outcome by at least this risk ratio,
    beyond what was matched, to produce the difference alone. 1: nothing is needed. nan for a ratio that is
    not positive and finite.
    """
    if not (math.isfinite(risk_ratio) and risk_ratio > 0):
        return float("nan")
    ratio = max(risk_ratio, 1 / risk_ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def e_value_of_limit(risk_ratio_low: float, risk_ratio_high: float) -> float:
    """E-value of the end of the interval that is nearer to "no effect"; 1 where the interval contains it."""
    if not (math.isfinite(risk_ratio_low) and math.isfinite(risk_ratio_high)):
        return float("nan")
    if risk_ratio_low <= 1 <= risk_ratio_high:
        return 1.0
    return e_value(risk_ratio_low if risk_ratio_low > 1 else risk_ratio_high)

"""Differences in physicians per 100, as every head-office page writes them."""

from __future__ import annotations

from shirube.share import wording
from shirube.share.number_lines import signed


def signed_people(per_hundred: float | None) -> str:
    """A difference in physicians per 100, with its sign; a dash where there is none."""
    return "—" if per_hundred is None else signed(wording.rounded(per_hundred, 1))


def people(per_hundred: float | None) -> str:
    """The smallest difference that would have been found, per 100; a dash where there is none."""
    return "—" if per_hundred is None else f"{wording.rounded(per_hundred, 1)}人"


def people_span(low: float | None, high: float | None) -> str:
    """Both ends of its interval: 「+1.2〜+9人」; a dash where there is none."""
    return "—" if low is None or high is None else f"{signed_people(low)}〜{signed_people(high)}人"

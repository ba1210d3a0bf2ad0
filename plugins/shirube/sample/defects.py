"""The planted defects: which rows and files are spoilt, how many, and where each must be caught."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from shirube.sample.columns import Array


@dataclass(frozen=True)
class WebinarPlan:
    """What happens to one participant report."""

    redelivered: bool
    missing_at_first: int
    late: bool


class Defects:
    """Decides about each defect and keeps count; `planted()` is the section of truth.json."""

    def __init__(self, months: int) -> None:
        self.months = months
        self.counts: Counter[str] = Counter()
        self.details: dict[str, Any] = {}

    # ---- master data --------------------------------------------------------------------------------------

    def impossible_birth_dates(self, month: int, column: pa.StringArray) -> tuple[pa.StringArray, int]:
        """Two birth dates beyond the end of their era (昭和65年, 平成32年) in the third and eighth master file."""
        if month not in (2, 7):
            return column, 0
        cells = column.to_pylist()
        cells[11], cells[23] = "3650101", "4320401"
        self.counts["impossible_era_dates"] += 2
        return pa.array(cells, pa.string()), 2

    def impossible_start_dates(
        self, month: int, column: pa.StringArray, who: Array, is_second: Array
    ) -> tuple[pa.StringArray, int]:
        """One start of a second affiliation in 平成33年, in the sixth master file."""
        rows = np.flatnonzero(is_second)
        if month != 5 or not len(rows):
            return column, 0
        cells = column.to_pylist()
        cells[int(rows[0])] = "4330401"
        self.counts["impossible_era_dates"] += 1
        return pa.array(cells, pa.string()), 1

    # ---- webinars -----------------------------------------------------------------------------------------

    def webinar(self, number: int) -> WebinarPlan:
        """Every 17th report is delivered twice, every 23rd weeks late."""
        return WebinarPlan(number % 17 == 5, 2, number % 23 == 7)

    def webinar_identity(self, who: Array, session: Array) -> Array:
        """How each participant signed in: 0 with the known address, 1 as a guest without one, 2 with another."""
        dice = (who * 31 + session * 17) % 100
        return np.where(dice < 5, 1, np.where(dice < 7, 2, 0))

    def count_superseded_webinar(self, rows: int, name: str) -> None:
        """Remember a report that a corrected one replaces."""
        self.counts["webinar_superseded_rows"] += rows
        self.details.setdefault("webinar_redelivered_files", []).append(name)

    def count_webinar(self, name: str, stats: dict[str, int], late: bool) -> None:
        """Add up what the final reports contain."""
        for key, value in stats.items():
            self.counts["webinar_" + key] += value
        if late:
            self.details.setdefault("late_files", []).append(f"webinar_zoom/{name}")

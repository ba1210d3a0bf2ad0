"""The planted defects: which rows and files are spoilt, how many, and where each must be caught."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample.columns import Array
from shirube.sample.company import Company


@dataclass(frozen=True)
class WebinarPlan:
    """What happens to one participant report."""

    redelivered: bool
    missing_at_first: int
    late: bool


@dataclass(frozen=True)
class PortalPlan:
    """What happens to one vendor's report of one month."""

    corrected: bool
    wrong_encoding: bool
    late: bool


@dataclass(frozen=True)
class WebPlan:
    """What happens to one month of the web log: who signed in, and which rows come again or broken."""

    user_ids: pa.StringArray
    repeated: Array
    repeated_next: Array
    broken: int


class Defects:
    """Decides about each defect and keeps count; `planted()` is the section of truth.json."""

    def __init__(self, months: int) -> None:
        self.months = months
        self.counts: Counter[str] = Counter()
        self.details: dict[str, Any] = {}
        self.carried_web_rows = b""

    # ---- master data --------------------------------------------------------------------------------------

    def impossible_birth_dates(self, month: int, column: pa.StringArray) -> tuple[pa.StringArray, int]:
        """Two birth dates beyond the end of their era (昭和65年, 平成32年), in two months' master files."""
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
        """How each participant signed in: 0 known address, 1 guest without one, 2 another address."""
        dice = (who * 31 + session * 17) % 100
        return np.where(dice < 5, 1, np.where(dice < 7, 2, 0))

    def count_attendances(self, company: Company, who: Array, identity: Array, session: Array) -> None:
        """Count participants as a pipeline can tell them apart: by address within one webinar."""
        people = company.physicians
        owner = np.where(people.shares_email_with[who] >= 0, people.shares_email_with[who], who)
        person = np.where(identity == 2, -1 - who, owner)
        known = identity != 1
        lost = (identity == 2) | people.is_ambiguous[who] | ~people.is_resolvable[who]
        key = session * 20_000_000 + person + 10_000_000
        self.counts["webinar_ambiguous"] += int((people.is_ambiguous[who] & (identity == 0)).sum())
        self.counts["touchpoints_webinar_zoom"] += len(np.unique(key[known]))
        self.counts["unresolved_webinar_zoom"] += len(np.unique(key[known & lost]))

    def count_superseded_webinar(self, rows: int) -> None:
        """Remember a report that a corrected one replaces."""
        self.counts["webinar_superseded_rows"] += rows

    def count_webinar(self, stats: dict[str, int]) -> None:
        """Add up what the final reports contain."""
        for key, value in stats.items():
            self.counts["webinar_" + key] += value

    # ---- portal -------------------------------------------------------------------------------------------

    def portal(self, month: int, vendor: int) -> PortalPlan:
        """Corrected, wrongly encoded and late months of each vendor, counted from 0."""
        return PortalPlan(
            corrected=(month, vendor) in ((6, 0), (8, 1)),
            wrong_encoding=(month, vendor) == (5, 1),
            late=(month, vendor) == (2, 0) and month + 2 < self.months,
        )

    def portal_row_kinds(self, month: int, vendor: int, frame: dict[str, Array]) -> list[str]:
        """The defect of each delivery ('' for none); only deliveries that nobody read are spoilt."""
        kinds = [""] * len(frame["number"])
        unread = iter(np.flatnonzero(frame["read_day"] < 0).tolist())
        wanted = {"unknown_code": 2, "no_code": 2}
        if month in (3, 9):
            wanted["lost_leading_zero"] = 3
        if month in (4, 10) and vendor == 1:
            wanted["scientific_notation"] = 2
        for kind, count in wanted.items():
            for row, _ in zip(unread, range(count), strict=False):
                kinds[row] = kind
        return kinds

    def count_superseded_portal(self, rows: int) -> None:
        """Remember rows that a corrected delivery of the same month replaces."""
        self.counts["portal_superseded_rows"] += rows

    def count_portal(self, stats: dict[str, int], header: str) -> None:
        """Add up what the final reports contain and how the code column was called."""
        for key, value in stats.items():
            self.counts["portal_" + key] += value
        spoilt = stats["lost_leading_zero"] + stats["scientific_notation"]
        self.counts["touchpoints_portal_delivery"] += stats["physician_rows"] - spoilt
        self.details.setdefault("renamed_column", []).append(header)

    # ---- web ----------------------------------------------------------------------------------------------

    def web_truncated(self, month: int) -> bool:
        """The log of the fifth month is cut in the middle and delivered whole a day later."""
        return month == 4

    def web_rows(self, frame: dict[str, Array], company: Company, tracking_off_from: Array) -> WebPlan:
        """Who appears in a month's log, and which of its rows are repeated.

        Only rows that nothing else is wrong with are repeated, so that every rejected row has one reason.
        """
        people = company.physicians
        count, visitor = len(frame["number"]), frame["visitor"]
        known = (visitor == 0) | (visitor == 4)
        who = np.where(known, frame["physician"], 0)
        member = col.mask(col.take(company.member_ids, who), known)
        unknown = col.mask(
            col.padded(np.where(known, 0, frame["physician"] % 100_000), 7, "M9"), visitor == 2
        )
        tester = col.mask(col.padded(np.where(known, 0, frame["physician"] % 1000), 4, "TEST"), visitor == 3)
        off = known & (frame["moment"] >= tracking_off_from[who])
        clean = np.flatnonzero((visitor == 0) & ~off & (frame["number"] % 50 >= 8))
        repeated, following = clean[: max(3, count // 400)], clean[-5:]
        following = following[~np.isin(following, repeated)]
        self.counts["web_repeated_rows"] += len(repeated)
        self.counts["web_anonymous"] += int((visitor == 1).sum())
        self.counts["web_unknown_member"] += int((visitor == 2).sum())
        self.counts["web_test_records"] += int((visitor == 3).sum())
        self.counts["web_opted_out_of_tracking"] += int(off.sum())
        self.counts["web_duplicates_of_portal"] += int((visitor == 4).sum())
        self.counts["touchpoints_portal_delivery"] -= int((visitor == 4).sum())
        self.counts["web_events"] += count
        told = (known & ~off) | (visitor == 2)
        lost = (visitor == 2) | ~people.is_resolvable[who]
        self.counts["touchpoints_web_snowplow"] += len(np.unique(frame["session"][told]))
        self.counts["unresolved_web_snowplow"] += len(np.unique(frame["session"][told & lost]))
        self.counts["web_broken_rows"] += 2
        return WebPlan(pa.compute.coalesce(member, unknown, tester), repeated, following, 2)

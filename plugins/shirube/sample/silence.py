"""Targets of whom nothing is recorded, for half of them from the first day, for half from a later month on.

They have no e-mail address, work in a practice of their own, and nobody gets to see them: the later ones say
on that morning that they want no visits. What they think goes on unseen. Nothing is drawn: what others do
stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shirube.sample.columns import DAY
from shirube.sample.company import Array, Company
from shirube.sample.frames import Frame, Month, rows, stack

HEARD = 10_000
_VISITS = 4  # number of the channel among those that consent is recorded for
_FIRST_REFUSAL = 1_000_000  # far from the numbers of the other consents


def silent_from(company: Company) -> Array:
    """Index of the month from which nothing is recorded of each physician; `HEARD` for everybody else."""
    people = company.physicians
    known = people.is_resolvable & ~people.is_merged & (people.deleted_month >= HEARD)
    silent = people.is_target & known & ~people.has_email & ~people.is_hospital
    later = np.cumsum(silent) % 2 == 0
    return np.where(silent, np.where(later, company.period.months // 3, 0), HEARD)


def without_the_silent(company: Company, month: Month) -> Month:
    """The month without the records of physicians of whom nothing is recorded in it.

    A group briefing that is left with fewer than two attendees did not take place.
    """
    since = silent_from(company)
    silent, first_day = since <= month.index, np.full(len(since), np.iinfo(np.int64).max)
    for index in np.unique(since[since < HEARD]):
        first_day[since == index] = company.period.month_start(int(index))

    def theirs(frame: Frame) -> Array:
        who = frame["physician"]
        known = who < len(silent)
        return known & silent[np.where(known, who, 0)]

    calls = month.calls
    # A call that follows up a signal may fall into the next month.
    gone = calls["day"] >= first_day[calls["physician"]]
    gone &= ~calls["is_parent"] & ~calls["test"].astype(bool)
    groups, attendees = np.unique(calls["parent"][~gone & (calls["parent"] > 0)], return_counts=True)
    held = groups[attendees >= 2]
    gone |= (calls["parent"] > 0) & ~np.isin(calls["parent"], held)
    gone |= calls["is_parent"].astype(bool) & ~np.isin(calls["number"], held)
    refusals = _refusals(company, np.flatnonzero((since == month.index) & (since > 0)), first_day)
    return replace(
        month,
        consents=stack([month.consents, refusals]),
        calls=rows(calls, ~gone),
        portal=rows(month.portal, ~theirs(month.portal)),
        web=rows(month.web, ~theirs(month.web)),
        inquiries=rows(month.inquiries, ~theirs(month.inquiries)),
        signals=rows(month.signals, ~theirs(month.signals)),
    )


def _refusals(company: Company, who: Array, first_day: Array) -> Frame:
    """What those say who were seen before: no visits any more, on the morning of the first day."""
    count = len(who)
    return {
        "number": _FIRST_REFUSAL + who,
        "physician": who,
        "channel": np.full(count, _VISITS),
        "opt_in": np.zeros(count, dtype=bool),
        "moment": first_day[who] * DAY + 8 * 3600,
        "preferred": np.full(count, -1),
        "topic": np.full(count, -1),
        "by_physician": np.zeros(count, dtype=bool),
        "by_mail": np.zeros(count, dtype=bool),
    }


def planted(company: Company) -> dict[str, Any]:
    """How many there are, for truth.json; who they are is in truth_physician.parquet."""
    since = silent_from(company)
    first = since[since < HEARD]
    return {
        "what": "nothing is recorded of these targets from `silent_from` on (truth_physician.parquet)",
        "caught_by": "mart_journey (n_unseen), six months later",
        "physicians": len(first),
        "from_the_first_month": int((first == 0).sum()),
        "said_that_they_want_no_visits": int((first > 0).sum()),
    }

"""Periods of a fiscal year, as the marts name them: month, quarter, half, fiscal_year; dates inclusive."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

import duckdb

PERIOD_MONTHS = {"month": 1, "quarter": 3, "half": 6, "fiscal_year": 12}


@dataclass(frozen=True)
class FiscalPeriod:
    """One period; `end` is its last day."""

    period_type: str
    start: date
    end: date


def fiscal_start_month(connection: duckdb.DuckDBPyConnection) -> int:
    """The month in which the company's fiscal year begins, as the calendar of its core has it."""
    found = connection.execute(
        "select extract(month from max(first_day)) "
        "from (select min(date_on) as first_day from core.dim_date group by fiscal_year)"
    ).fetchone()
    assert found is not None
    return int(found[0])


def containing(day: date, period_type: str, fiscal_start_month: int) -> FiscalPeriod:
    """The period of this type that a day falls in. Raises: KeyError for an unknown type."""
    months = PERIOD_MONTHS[period_type]
    into_year = (day.month - fiscal_start_month) % 12
    first = day.year * 12 + day.month - 1 - into_year % months
    last = first + months - 1
    end = date(last // 12, last % 12 + 1, monthrange(last // 12, last % 12 + 1)[1])
    return FiscalPeriod(period_type, date(first // 12, first % 12 + 1, 1), end)


def latest_complete(month_end: date, period_type: str, fiscal_start_month: int) -> FiscalPeriod:
    """The last period of this type that is over on a month's last day."""
    found = containing(month_end, period_type, fiscal_start_month)
    if found.end <= month_end:
        return found
    before = found.start.toordinal() - 1
    return containing(date.fromordinal(before), period_type, fiscal_start_month)

"""Periods of a fiscal year from April."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from shirube.fiscal_periods import containing, fiscal_start_month, latest_complete


@pytest.mark.parametrize(
    ("day", "kind", "start", "end"),
    [
        (date(2026, 4, 1), "fiscal_year", date(2026, 4, 1), date(2027, 3, 31)),
        (date(2026, 3, 31), "fiscal_year", date(2025, 4, 1), date(2026, 3, 31)),
        (date(2026, 3, 31), "half", date(2025, 10, 1), date(2026, 3, 31)),
        (date(2026, 1, 15), "quarter", date(2026, 1, 1), date(2026, 3, 31)),
        (date(2028, 2, 29), "month", date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_the_period_of_a_day(day: date, kind: str, start: date, end: date) -> None:
    found = containing(day, kind, 4)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("begins", [1, 4, 10])
def test_the_fiscal_year_begins_where_the_calendar_says(begins: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema core")
        connection.execute(
            "create table core.dim_date as select day as date_on,"
            " year(day - to_months(? - 1)) as fiscal_year"
            " from (select cast(unnest(range(date '2015-01-01', date '2036-01-01', interval 1 day)) as date)"
            " as day)",
            [begins],
        )
        assert fiscal_start_month(connection) == begins


def test_a_period_that_is_not_over_is_not_complete() -> None:
    assert latest_complete(date(2026, 10, 31), "month", 4).end == date(2026, 10, 31)
    assert latest_complete(date(2026, 10, 31), "quarter", 4).end == date(2026, 9, 30)
    assert latest_complete(date(2026, 10, 31), "half", 4).start == date(2026, 4, 1)
    assert latest_complete(date(2026, 10, 31), "fiscal_year", 4).end == date(2026, 3, 31)
    # A year from January.
    assert latest_complete(date(2026, 12, 31), "fiscal_year", 1).start == date(2026, 1, 1)

"""The holiday seed against the package it came from, and business days around it."""

from __future__ import annotations

import csv
from datetime import date

import holidays
from shirube.home import project_root

from tests.dbt.core.conftest import Star


def test_holidays_have_not_drifted_from_the_package() -> None:
    with (project_root() / "dbt_project" / "seeds" / "japanese_holiday.csv").open(encoding="utf-8") as file:
        seed = {date.fromisoformat(row["date_on"]): row["name_ja"] for row in csv.DictReader(file)}
    package = holidays.country_holidays("JP", years=range(2015, 2036), language="ja")
    assert len(seed) > 350
    assert seed == dict(package.items())


def test_fiscal_year_business_days_and_closing_days(star: Star) -> None:
    days = {
        day["date_on"].isoformat(): day
        for day in star.warehouse.records(
            "select * from core.dim_date where date_on in ('2026-03-31', '2026-04-01', '2026-04-29',"
            " '2026-05-02', '2026-12-29', '2026-12-28', '2027-01-04')"
        )
    }
    assert [days["2026-03-31"][name] for name in ("fiscal_year", "fiscal_half", "fiscal_quarter")] == [
        2025,
        "2025H2",
        "2025Q4",
    ]
    assert [days["2026-04-01"][name] for name in ("fiscal_year", "fiscal_half", "fiscal_quarter")] == [
        2026,
        "2026H1",
        "2026Q1",
    ]
    assert (days["2026-04-29"]["holiday_name_ja"], days["2026-04-29"]["is_holiday"]) == ("昭和の日", True)
    assert (days["2026-05-02"]["day_of_week"], days["2026-05-02"]["is_business_day"]) == (6, False)
    assert (days["2026-12-29"]["is_business_day"], days["2026-12-29"]["is_holiday"]) == (False, False)
    # From Monday 28 December to Monday 4 January the company is closed on every day between.
    assert days["2027-01-04"]["business_day_number"] - days["2026-12-28"]["business_day_number"] == 1

"""Dates, eras, times past midnight, time zones: each form, each limit, and nothing that crashes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shirube.casting.dates import (
    ERAS,
    cast_dates,
    cast_era_years,
    cast_timestamps,
    parse_date,
    parse_era_year,
    parse_timestamp,
)
from shirube.casting.distinct import Problem


@pytest.mark.parametrize(
    "text",
    [
        "20250401",
        "2025-04-01",
        "2025/4/1",
        "2025/04/01",
        "2025.4.1",
        "2025年4月1日",
        "２０２５／０４／０１",
        "2025-04-01 00:00:00",
        "2025-04-01T00:00:00.000Z",
        "R7.4.1",
        "R7/4/1",
        "R07-04-01",
        "R 7.4.1",
        "令和7年4月1日",
        "令和７年４月１日",
        "令7.4.1",
        "㋿7.4.1",
        "5070401",
        " 2025-04-01　",
        "'20250401",
    ],
)
def test_every_way_to_write_the_first_of_april_2025(text: str):
    assert parse_date(text) == date(2025, 4, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3450612", date(1970, 6, 12)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("R1.5.1", date(2019, 5, 1)),
        ("H31.4.30", date(2019, 4, 30)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("S64.1.7", date(1989, 1, 7)),
        ("S1.12.25", date(1926, 12, 25)),
        ("T15.12.25", date(1926, 12, 25)),
        ("T1.7.30", date(1912, 7, 30)),
        ("M45.7.30", date(1912, 7, 30)),
        ("1450730", date(1912, 7, 30)),
    ],
)
def test_the_first_and_last_days_of_eras(text: str, day: date):
    assert parse_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "H31.5.1",
        "R1.4.30",
        "S64.1.8",
        "H1.1.7",
        "S1.12.24",
        "T15.12.26",
        "M45.7.31",
        "T1.7.29",
        "3640108",
        "3451301",
        "3450230",
        "R0.1.1",
        "平成32年1月1日",
        "S70.2.3",
    ],
)
def test_days_that_an_era_does_not_have(text: str):
    assert parse_date(text) == Problem("impossible_era_date")


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-30",
        "20251301",
        "令和元年",
        "R7",
        "4月1日",
        "45748",
        "6450612",
        "2025-04-01 10:00",
        "04/01/2025",
        "日付",
    ],
)
def test_what_is_no_date_is_not_guessed(text: str):
    assert parse_date(text) == Problem("bad_date")


def test_month_first_only_where_the_contract_says_so():
    assert parse_date("04/01/2025", "MM/dd/yyyy") == date(2025, 4, 1)
    assert parse_date("01/04/2025", "dd/MM/yyyy") == date(2025, 4, 1)
    assert parse_date("25/12/2025", "MM/dd/yyyy") == Problem("bad_date")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-15T03:23:15.000Z", datetime(2026, 4, 15, 3, 23, 15, tzinfo=UTC)),
        ("2026-04-15 03:23:15", datetime(2026, 4, 14, 18, 23, 15, tzinfo=UTC)),
        ("2026-04-15 03:23:15.123456789", datetime(2026, 4, 14, 18, 23, 15, 123456, tzinfo=UTC)),
        ("2026-04-15T03:23:15+09:00", datetime(2026, 4, 14, 18, 23, 15, tzinfo=UTC)),
        ("2026-04-15T03:23:15-0530", datetime(2026, 4, 15, 8, 53, 15, tzinfo=UTC)),
        ("2026/4/15 9:05", datetime(2026, 4, 15, 0, 5, tzinfo=UTC)),
        ("2026/04/15 25:30", datetime(2026, 4, 15, 16, 30, tzinfo=UTC)),
        ("2026/04/15 24:00:00", datetime(2026, 4, 15, 15, tzinfo=UTC)),
        ("2026-12-31 29:59:59", datetime(2026, 12, 31, 20, 59, 59, tzinfo=UTC)),
        ("2026年4月15日 19時30分", datetime(2026, 4, 15, 10, 30, tzinfo=UTC)),
        ("2026年4月15日19:30", datetime(2026, 4, 15, 10, 30, tzinfo=UTC)),
        ("R8.4.15 19:30", datetime(2026, 4, 15, 10, 30, tzinfo=UTC)),
        ("2026-04-15", datetime(2026, 4, 14, 15, tzinfo=UTC)),
        ("20260415", datetime(2026, 4, 14, 15, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime):
    assert parse_timestamp(text, zone="Asia/Tokyo") == moment
    assert cast_timestamps(pa.array([text, None]), "", "Asia/Tokyo").values.to_pylist() == [moment, None]


@pytest.mark.parametrize(
    ("text", "hour"),
    [("04/15/2026 12:00:00 AM", 0), ("04/15/2026 12:00:00 PM", 12), ("04/15/2026 1:00:00 pm", 13)],
)
def test_half_days(text: str, hour: int):
    expected = datetime(2026, 4, 15, hour, tzinfo=UTC)
    assert parse_timestamp(text, "MM/dd/yyyy hh:mm:ss a", "UTC") == expected


@pytest.mark.parametrize(
    "text", ["2026-04-15 30:00", "2026-04-15 10:60", "2026-02-30T00:00:00Z", "10:00", "x", "9999-12-31 29:00"]
)
def test_what_is_no_moment(text: str):
    cast = cast_timestamps(pa.array([text]), "", "UTC")
    assert cast.values.to_pylist() == [None]
    assert cast.problems == {0: Problem("bad_timestamp")}


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01 00:00:00",
        "0001-01-01",
        "0001/1/1 0:00",
        "0000-01-01 00:00:00",
        "1799-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31 23:59:59",
        "9999/12/31 23:59",
        "99991231",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Denver"])
def test_years_that_stand_for_no_moment_are_a_problem_of_their_cell(text: str, zone: str):
    cast = cast_timestamps(pa.array([text, "9998-12-31 00:00:00", "1800-01-02 00:00:00"]), "", zone)
    assert cast.problems == {0: Problem("bad_timestamp")}
    assert [value is None for value in cast.values.to_pylist()] == [True, False, False]


def test_a_day_without_end_is_a_day():
    days = cast_dates(pa.array(["9999-12-31", "0001-01-01", "9999/12/31", "0000-01-01"]), "")
    assert days.values.to_pylist() == [date(9999, 12, 31), date(1, 1, 1), date(9999, 12, 31), None]
    assert days.problems == {3: Problem("bad_date")}


def test_one_bad_cell_does_not_hurt_the_others():
    cast = cast_timestamps(
        pa.array(["2026-04-15T03:23:15.000Z", "2026-02-30T00:00:00.000Z", None]), "", "UTC"
    )
    assert cast.values.to_pylist() == [datetime(2026, 4, 15, 3, 23, 15, tzinfo=UTC), None, None]
    assert cast.problems == {1: Problem("bad_timestamp")}
    days = cast_dates(pa.array(["2026-02-30", "2026-02-28", "S64.2.1", "S64.2.1"]), "")
    assert days.values.to_pylist() == [None, date(2026, 2, 28), None, None]
    assert days.problems == {
        0: Problem("bad_date"),
        2: Problem("impossible_era_date"),
        3: Problem("impossible_era_date"),
    }


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("363", 1988),
        ("S63", 1988),
        ("昭和63年", 1988),
        ("平成元年", 1989),
        ("501", 2019),
        ("1988", 1988),
        ("2001年", 2001),
    ],
)
def test_era_years(text: str, year: int):
    assert parse_era_year(text) == year


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("365", "impossible_era_date"),
        ("H32", "impossible_era_date"),
        ("300", "impossible_era_date"),
        ("63", "bad_date"),
        ("663", "bad_date"),
        ("年", "bad_date"),
    ],
)
def test_impossible_era_years(text: str, reason: str):
    assert cast_era_years(pa.array([text])).problems == {0: Problem(reason)}


LETTERS = dict(zip("12345", ERAS, strict=True))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(day=st.dates(date(1868, 1, 25), date(2098, 12, 31)))
def test_every_day_survives_every_way_of_writing_it(day: date):
    written = [day.isoformat(), f"{day:%Y%m%d}", f"{day.year}/{day.month}/{day.day}"]
    for digit, era in LETTERS.items():
        first, last = ERAS[era]
        if first <= day <= last:
            number = day.year - first.year + 1
            written += [f"{digit}{number:02d}{day:%m%d}", f"{era}{number}.{day.month}.{day.day}"]
    assert len(written) >= 5
    assert cast_dates(pa.array(written), "").values.to_pylist() == [day] * len(written)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    wall=st.datetimes(datetime.fromisoformat("1952-01-01"), datetime.fromisoformat("2037-12-31")),
    zone=st.sampled_from(["Asia/Tokyo", "America/Denver", "Europe/Berlin", "UTC"]),
)
def test_fast_and_slow_path_agree(wall: datetime, zone: str):
    text = wall.isoformat(" ", "microseconds")
    fast = cast_timestamps(pa.array([text]), "", zone).values.to_pylist()[0]
    slow = parse_timestamp(text, zone=zone)
    back = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert isinstance(slow, datetime)
    if back == wall:  # a wall time that a change to summer time skips has no one right answer
        assert fast == slow == wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    else:
        assert abs(fast - slow) <= timedelta(hours=2)


TEXTS = st.text(st.sampled_from("0123456789/-.:TZRSH令和元年月日 +ＡＭ昭,'％①"), max_size=24) | st.text(
    max_size=12
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    texts=st.lists(st.none() | TEXTS, max_size=8),
    date_format=st.sampled_from(["", "MM/dd/yyyy", "dd/MM/yyyy"]),
)
def test_no_text_crashes_a_cast(texts: list[str | None], date_format: str):
    array = pa.array(texts, pa.string())
    for cast in (
        cast_dates(array, date_format),
        cast_timestamps(array, date_format, "Asia/Tokyo"),
        cast_era_years(array),
    ):
        assert len(cast.values) == len(texts)
        for at, text in enumerate(texts):
            is_null = not cast.values[at].is_valid
            assert is_null == (text is None or at in cast.problems)

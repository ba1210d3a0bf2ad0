"""Dates and times as Japanese files write them: ISO, compact, slashes, eras, and hours up to 29."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from shirube.casting.distinct import Cast, Problem, cast_distinct, cast_with_fast_path

ERAS: Final[dict[str, tuple[date, date]]] = {
    "M": (date(1868, 1, 25), date(1912, 7, 30)),
    "T": (date(1912, 7, 30), date(1926, 12, 25)),
    "S": (date(1926, 12, 25), date(1989, 1, 7)),
    "H": (date(1989, 1, 8), date(2019, 4, 30)),
    "R": (date(2019, 5, 1), date(9999, 12, 31)),
}
"""First and last day of each era; an era's last day can be the first day of the next (大正, 昭和)."""

_ERA_OF: Final = {
    **{letter: letter for letter in ERAS},
    **dict(zip("12345", ERAS, strict=True)),
    **dict(zip(("明治", "大正", "昭和", "平成", "令和"), ERAS, strict=True)),
    **dict(zip("明大昭平令", ERAS, strict=True)),
}
_SEPARATORS: Final = r"[./\-年]"
_ERA_DATE: Final = re.compile(
    rf"(?P<era>[MTSHR]|明治|大正|昭和|平成|令和|[明大昭平令])\s*(?P<year>\d{{1,2}}|元)\s*{_SEPARATORS}\s*"
    r"(?P<month>\d{1,2})\s*[./\-月]\s*(?P<day>\d{1,2})日?"
)
_ERA_DIGITS: Final = re.compile(r"(?P<era>[1-5])(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})")
_ERA_YEAR: Final = re.compile(
    r"(?P<era>[MTSHR]|明治|大正|昭和|平成|令和|[明大昭平令])\s*(?P<year>\d{1,2}|元)年?"
)
_ERA_YEAR_DIGITS: Final = re.compile(r"(?P<era>[1-5])(?P<year>\d{2})")
_COMPACT: Final = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})")
_SHORT: Final = re.compile(r"(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})")
_PLAIN: Final = re.compile(
    r"(?P<year>\d{4})\s*[./\-年]\s*(?P<month>\d{1,2})\s*[./\-月]\s*(?P<day>\d{1,2})日?"
)
_MONTH_FIRST: Final = re.compile(r"(?P<month>\d{1,2})[/\-](?P<day>\d{1,2})[/\-](?P<year>\d{4})")
_DAY_FIRST: Final = re.compile(r"(?P<day>\d{1,2})[/\-.](?P<month>\d{1,2})[/\-.](?P<year>\d{4})")
_TIME: Final = re.compile(
    r"(?P<hour>\d{1,2})(?::|時)(?P<minute>\d{2})(?:(?::|分)(?P<second>\d{2}))?(?:[.,](?P<fraction>\d{1,9}))?[分秒]?"
    r"\s*(?P<half>AM|PM|am|pm|a\.m\.|p\.m\.)?\s*(?P<offset>Z|z|UTC|[+-]\d{2}:?\d{2})?"
)
_MIDNIGHT: Final = re.compile(r"[T ]0{1,2}:00(?::00(?:\.0+)?)?Z?$")
_LAST_HOUR: Final = 29
SHORT_DATE: Final = "yyMMdd"
FIRST_YEAR: Final = 1800
LAST_YEAR: Final = 9998
"""Years in which a moment exists in every zone; beyond them are 0001 and 9999, which stand for nothing."""
_DASHES: Final = str.maketrans({"－": "-", "−": "-", "‐": "-", "–": "-", "—": "-", "：": ":"})

_ISO_DAY: Final = r"^[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
_MOMENT_YEAR: Final = r"(1[89]\d\d|[2-8]\d{3}|9[0-8]\d\d|99[0-8]\d|999[0-8])"
_ISO_MOMENT: Final = (
    rf"^{_MOMENT_YEAR}-\d{{2}}-\d{{2}}[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{1,9}})?(Z|\+0000|\+00:00)?$"
)


def cast_dates(texts: pa.StringArray, date_format: str) -> Cast:
    """Dates (date32). Problems: bad_date, impossible_era_date.

    `date_format` is the contract's: whether a slashed date starts with month or day, and `yyMMdd` for six
    digits of this century.
    """
    slow = partial(parse_date, date_format=date_format)
    plain = pc.match_substring_regex(texts, _ISO_DAY)
    return cast_with_fast_path(texts, plain, lambda values: values.cast(pa.date32()), slow, pa.date32())


def cast_timestamps(texts: pa.StringArray, date_format: str, zone: str) -> Cast:
    """Moments in UTC (timestamp[us]); without an offset in the text they are wall time in `zone`.

    Hours 24-29 mean the next day. Digits beyond microseconds are cut off. Problem: bad_timestamp, also for a
    year outside FIRST_YEAR to LAST_YEAR, and impossible_era_date for an era that lacks the day.
    """
    target = pa.timestamp("us", tz="UTC")
    slow = partial(parse_timestamp, date_format=date_format, zone=zone)
    has_offset = pc.match_substring_regex(texts, r"(Z|\+0000|\+00:00)$")
    plain = pc.match_substring_regex(texts, _ISO_MOMENT)

    def fast(values: pa.StringArray) -> pa.Array:
        short = pc.replace_substring_regex(values, r"(\.\d{6})\d+", r"\1")
        bare = pc.replace_substring_regex(short, r"(Z|\+0000|\+00:00)$", "")
        wall = bare.cast(pa.timestamp("us"))
        as_utc = wall.cast(target) if zone == "UTC" else _in_zone(wall, zone).cast(target)
        return pc.if_else(has_offset, wall.cast(target), as_utc)

    return cast_with_fast_path(texts, plain, fast, slow, target)


def cast_era_years(texts: pa.StringArray) -> Cast:
    """Common-era years (int64) from 363, S63, 平成元年, 1988. Problems: bad_date, impossible_era_date."""
    return cast_distinct(texts, parse_era_year, pa.int64())


def parse_date(text: str, date_format: str = "") -> date | Problem:
    """One date; a time of midnight after it is allowed, any other time is not a date."""
    cleaned = _clean(text)
    if "00" in cleaned:
        cleaned = _MIDNIGHT.sub("", cleaned)
    for pattern, build in _date_shapes(date_format):
        if match := pattern.fullmatch(cleaned):
            return build(match)
    return Problem("bad_date")


def parse_timestamp(text: str, date_format: str = "", zone: str = "UTC") -> datetime | Problem:
    """One moment, in UTC."""
    cleaned = _clean(text)
    split = re.match(r"(.+?)(?:\s+|(?<=\d)T|(?<=日))(\d{1,2}(?::|時).*)$", cleaned)
    day_text, time_text = (split[1], split[2]) if split else (cleaned, "")
    day = parse_date(day_text.strip(), date_format)
    if isinstance(day, Problem):
        return day if day.reason_code == "impossible_era_date" else Problem("bad_timestamp")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return Problem("bad_timestamp")
    if not time_text:
        return _to_utc(datetime.combine(day, time()), zone)
    match = _TIME.fullmatch(time_text.strip())
    if not match:
        return Problem("bad_timestamp")
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if match["half"] and hour <= 12:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    if hour > _LAST_HOUR or minute > 59 or second > 59:
        return Problem("bad_timestamp")
    microsecond = int((match["fraction"] or "0").ljust(6, "0")[:6])
    wall = datetime.combine(day, time(0, minute, second, microsecond)) + timedelta(hours=hour)
    return _to_utc(wall, zone, match["offset"])


def parse_era_year(text: str) -> int | Problem:
    """One year; an era year that never was is an impossible_era_date."""
    cleaned = _clean(text)
    if re.fullmatch(r"(18|19|20)\d{2}年?", cleaned):
        return int(cleaned[:4])
    match = _ERA_YEAR_DIGITS.fullmatch(cleaned) or _ERA_YEAR.fullmatch(cleaned.upper())
    if not match:
        return Problem("bad_date")
    first, last = ERAS[_ERA_OF[match["era"]]]
    year = _era_year_number(match["year"]) + first.year - 1
    exists = _era_year_number(match["year"]) >= 1 and year <= last.year
    return year if exists else Problem("impossible_era_date")


def _clean(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_DASHES).strip().lstrip("'")


@cache
def _date_shapes(date_format: str) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], date | Problem]]]:
    shapes: list[tuple[re.Pattern[str], Callable[[re.Match[str]], date | Problem]]] = [
        (_PLAIN, _common_era),
        (_COMPACT, _common_era),
        (_ERA_DIGITS, _japanese_era),
        (_ERA_DATE, _japanese_era),
    ]
    if date_format.startswith("MM"):
        shapes.append((_MONTH_FIRST, _common_era))
    elif date_format.startswith("dd"):
        shapes.append((_DAY_FIRST, _common_era))
    elif date_format == SHORT_DATE:
        shapes.append((_SHORT, _this_century))
    return shapes


def _this_century(match: re.Match[str]) -> date | Problem:
    try:
        return date(2000 + int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return Problem("bad_date")


def _common_era(match: re.Match[str]) -> date | Problem:
    try:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return Problem("bad_date")


def _japanese_era(match: re.Match[str]) -> date | Problem:
    first, last = ERAS[_ERA_OF[match["era"]]]
    number = _era_year_number(match["year"])
    try:
        day = date(first.year + number - 1, int(match["month"]), int(match["day"]))
    except ValueError:
        return Problem("impossible_era_date")
    return day if number >= 1 and first <= day <= last else Problem("impossible_era_date")


def _era_year_number(text: str) -> int:
    return 1 if text == "元" else int(text)


def _to_utc(wall: datetime, zone: str, offset: str | None = None) -> datetime:
    if offset is None:
        return wall.replace(tzinfo=_zone(zone)).astimezone(UTC)
    if offset in ("Z", "z", "UTC"):
        return wall.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    shift = timedelta(hours=hours, minutes=minutes)
    return (wall - shift if offset[0] == "+" else wall + shift).replace(tzinfo=UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _in_zone(wall: pa.Array, zone: str) -> Any:
    return pc.assume_timezone(wall, zone, ambiguous="earliest", nonexistent="earliest")

"""Text columns built in bulk: identifiers, instants and codes, without a Python loop per row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, Any]

JST = 9 * 3600
DAY = 86400
_BASE62 = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_SUFFIX = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
_FIRST_DAY = int(np.datetime64("1900-01-01").astype("datetime64[D]").astype(int))


def fixed_width(chars: Array) -> pa.StringArray:
    """Turn an (n, width) byte matrix into n strings of that width, without copying the bytes."""
    rows, width = chars.shape
    offsets = (np.arange(rows + 1, dtype=np.int64) * width).astype(np.int32)
    data = np.ascontiguousarray(chars)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


def _digits(numbers: Array, width: int) -> Array:
    chars = np.empty((len(numbers), width), dtype=np.uint8)
    rest = np.asarray(numbers, dtype=np.int64).copy()
    for place in range(width - 1, -1, -1):
        chars[:, place] = 48 + rest % 10
        rest //= 10
    return chars


def padded(numbers: Array, width: int, prefix: str = "") -> pa.StringArray:
    """Numbers with leading zeros up to `width` digits, behind a constant prefix.

    Raises ValueError for a number with more digits: cut off, two things would share one code.
    """
    if len(numbers) and np.max(numbers) >= 10**width:
        raise ValueError(f"{np.max(numbers)} has more than {width} digits")
    head = np.tile(np.frombuffer(prefix.encode(), dtype=np.uint8), (len(numbers), 1))
    return fixed_width(np.hstack([head, _digits(numbers, width)]))


def salesforce_ids(prefix: str, counters: Array) -> pa.StringArray:
    """18-character record ids: 3-character object prefix, counter in base 62, and the case checksum."""
    counters = np.asarray(counters, dtype=np.int64)
    chars = np.empty((len(counters), 18), dtype=np.uint8)
    chars[:, :7] = np.frombuffer((prefix + "5g00").encode(), dtype=np.uint8)
    rest = counters * 7 + 3  # spread, so that upper and lower case both occur
    for place in range(14, 6, -1):
        chars[:, place] = _BASE62[rest % 62]
        rest = rest // 62
    is_upper = (chars[:, :15] >= 65) & (chars[:, :15] <= 90)
    weights = 1 << np.arange(5)
    for block in range(3):
        chars[:, 15 + block] = _SUFFIX[(is_upper[:, block * 5 : block * 5 + 5] * weights).sum(axis=1)]
    return fixed_width(chars)


@lru_cache(maxsize=1)
def _day_table() -> Array:
    days = np.arange(np.datetime64("1900-01-01"), np.datetime64("2060-01-01"))
    return np.frombuffer("".join(np.datetime_as_string(days)).encode(), dtype=np.uint8).reshape(-1, 10)


@lru_cache(maxsize=1)
def _clock_table() -> Array:
    seconds = np.arange(DAY)
    colon = np.full((DAY, 1), ord(":"), dtype=np.uint8)
    parts = [
        _digits(seconds // 3600, 2),
        colon,
        _digits(seconds // 60 % 60, 2),
        colon,
        _digits(seconds % 60, 2),
    ]
    return np.hstack(parts)


def _constant(rows: int, text: str) -> Array:
    return np.tile(np.frombuffer(text.encode(), dtype=np.uint8), (rows, 1))


def dates(days: Array, separator: str = "-") -> pa.StringArray:
    """Days since 1970 as `2026-04-01`, or with another separator ('' for none)."""
    chars = _day_table()[np.asarray(days) - _FIRST_DAY]
    if separator != "-":
        parts = [chars[:, :4], chars[:, 5:7], chars[:, 8:10]]
        between = _constant(len(chars), separator)
        chars = np.hstack([parts[0], between, parts[1], between, parts[2]])
    return fixed_width(chars)


def iso_utc(seconds: Array) -> pa.StringArray:
    """UTC epoch seconds as Salesforce writes them: `2026-04-01T03:23:15.000Z`."""
    seconds = np.asarray(seconds, dtype=np.int64)
    rows = len(seconds)
    day, clock = _day_table()[seconds // DAY - _FIRST_DAY], _clock_table()[seconds % DAY]
    return fixed_width(np.hstack([day, _constant(rows, "T"), clock, _constant(rows, ".000Z")]))


def plain_instants(seconds: Array, tail: str = "") -> pa.StringArray:
    """Epoch seconds of any zone as `2026-04-01 03:23:15` followed by a constant tail such as `.000`."""
    seconds = np.asarray(seconds, dtype=np.int64)
    rows = len(seconds)
    day, clock = _day_table()[seconds // DAY - _FIRST_DAY], _clock_table()[seconds % DAY]
    return fixed_width(np.hstack([day, _constant(rows, " "), clock, _constant(rows, tail)]))


def us_instants(seconds: Array) -> pa.StringArray:
    """Local epoch seconds as `04/15/2026 07:02:11 PM`."""
    seconds = np.asarray(seconds, dtype=np.int64)
    rows = len(seconds)
    day, clock = _day_table()[seconds // DAY - _FIRST_DAY], seconds % DAY
    hour = clock // 3600
    slash = _constant(rows, "/")
    half = np.where((hour >= 12)[:, None], _constant(rows, " PM"), _constant(rows, " AM"))
    parts = [day[:, 5:7], slash, day[:, 8:10], slash, day[:, :4], _constant(rows, " ")]
    parts += [_digits((hour + 11) % 12 + 1, 2), _clock_table()[clock][:, 2:], half]
    return fixed_width(np.hstack(parts))


def pick(words: Sequence[str | None], codes: Array) -> pa.StringArray:
    """`words[code]` for each code; a negative code gives a null."""
    codes = np.asarray(codes, dtype=np.int64)
    return pa.array(list(words), pa.string()).take(pa.array(codes, mask=codes < 0))


def take(column: pa.StringArray, rows: Array) -> pa.StringArray:
    """`column[row]` for each row number; a negative number gives a null."""
    rows = np.asarray(rows, dtype=np.int64)
    return column.take(pa.array(rows, mask=rows < 0))


def integers(numbers: Array, missing: Array | None = None) -> pa.StringArray:
    """Whole numbers as text; null where `missing`."""
    return pc.cast(pa.array(np.asarray(numbers, dtype=np.int64), mask=missing), pa.string())


def booleans(flags: Array) -> pa.StringArray:
    """`true` or `false`, as Salesforce writes them."""
    return pick(["false", "true"], np.asarray(flags).astype(np.int64))


def constant(text: str | None, rows: int) -> pa.StringArray:
    """The same text on every row."""
    return (
        pa.nulls(rows, pa.string())
        if text is None
        else pa.array([text], pa.string()).take(pa.array(np.zeros(rows, np.int64)))
    )


def join(*parts: pa.StringArray | str) -> pa.StringArray:
    """Concatenate text columns and constants row by row; null if any part is null."""
    return pc.binary_join_element_wise(*parts, "")


def _mixed(numbers: Array, salt: int) -> Array:
    """SplitMix64: spreads consecutive numbers over 64 bits, the same on every machine."""
    with np.errstate(over="ignore"):
        value = np.asarray(numbers).astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _hex(numbers: Array) -> Array:
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    return letters[((numbers[:, None] >> shifts) & np.uint64(15)).astype(np.int64)]


def uuids(numbers: Array, salt: int) -> pa.StringArray:
    """A UUID-shaped identifier for each number; the same number and salt give the same text."""
    chars = np.hstack([_hex(_mixed(numbers, 2 * salt)), _hex(_mixed(numbers, 2 * salt + 1))])
    dash = _constant(len(chars), "-")
    cuts = [chars[:, 0:8], chars[:, 8:12], chars[:, 12:16], chars[:, 16:20], chars[:, 20:32]]
    return fixed_width(np.hstack([cuts[0], dash, cuts[1], dash, cuts[2], dash, cuts[3], dash, cuts[4]]))


def hashes(numbers: Array, salt: int) -> pa.StringArray:
    """32 hexadecimal characters for each number, such as an event fingerprint."""
    return fixed_width(np.hstack([_hex(_mixed(numbers, 2 * salt)), _hex(_mixed(numbers, 2 * salt + 1))]))


def mask(column: pa.StringArray, keep: Array) -> pa.StringArray:
    """The column with nulls where `keep` is false."""
    return pc.if_else(pa.array(np.asarray(keep, dtype=bool)), column, pa.scalar(None, pa.string()))

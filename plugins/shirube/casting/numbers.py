"""Numbers as Japanese files write them: thousands separators, △ ▲ － (1,234) negatives, full-width digits."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from shirube.casting.distinct import Cast, Problem, cast_with_fast_path

_NEGATIVE_SIGNS: Final = "△▲-−‐–—"
_DIGITS: Final = re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?|\.\d+")
_SCIENTIFIC: Final = re.compile(r"[+-]?\d+(?:\.\d*)?[eE][+-]?\d{1,3}")
_BIGGEST: Final = 2**63


def cast_integers(texts: pa.StringArray) -> Cast:
    """Whole numbers (int64); `3.0` is whole. Problems: bad_number, scientific_notation."""
    plain = pc.match_substring_regex(texts, r"^-?\d{1,18}$")
    return cast_with_fast_path(
        texts, plain, lambda values: values.cast(pa.int64()), parse_integer, pa.int64()
    )


def cast_numbers(texts: pa.StringArray) -> Cast:
    """Numbers (float64); scientific notation is a number here. Problem: bad_number."""
    plain = pc.match_substring_regex(texts, r"^-?\d{1,15}(\.\d{1,15})?$")
    return cast_with_fast_path(
        texts, plain, lambda values: values.cast(pa.float64()), parse_number, pa.float64()
    )


def parse_integer(text: str) -> int | Problem:
    """One whole number."""
    cleaned, sign = _unsigned(text)
    if _SCIENTIFIC.fullmatch(cleaned):
        return Problem("scientific_notation")
    if not _DIGITS.fullmatch(cleaned):
        return Problem("bad_number")
    whole, _, fraction = cleaned.replace(",", "").partition(".")
    number = sign * int(whole or "0") if len(whole) <= 19 else _BIGGEST
    return number if not fraction.strip("0") and -_BIGGEST <= number < _BIGGEST else Problem("bad_number")


def parse_number(text: str) -> float | Problem:
    """One number; words such as NaN and Infinity are not numbers."""
    cleaned, sign = _unsigned(text)
    if not (_DIGITS.fullmatch(cleaned) or _SCIENTIFIC.fullmatch(cleaned)):
        return Problem("bad_number")
    number = sign * float(cleaned.replace(",", ""))
    return number if abs(number) != float("inf") else Problem("bad_number")


def _unsigned(text: str) -> tuple[str, int]:
    """The text without its sign, and the sign as 1 or -1."""
    cleaned = unicodedata.normalize("NFKC", text).strip().lstrip("'").strip()
    if cleaned.startswith("(") and cleaned.endswith(")"):
        return cleaned[1:-1].strip(), -1
    if cleaned and cleaned[0] in _NEGATIVE_SIGNS:
        return cleaned[1:].strip(), -1
    return cleaned.removeprefix("+").strip(), 1

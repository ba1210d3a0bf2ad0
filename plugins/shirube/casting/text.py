"""Text, codes, truth values, and the normal form of direct identifiers."""

from __future__ import annotations

import re
import unicodedata
from functools import partial
from typing import Final

import jaconv
import pyarrow as pa
import pyarrow.compute as pc

from shirube.casting.distinct import Cast, Problem, cast_distinct
from shirube.contracts.model import Column

_SCIENTIFIC: Final = r"^\d+(\.\d+)?[eE]\+\d+$"
_TRUE: Final = frozenset({"true", "1", "yes", "y", "t", "○", "◯", "〇", "有", "有り", "あり", "はい"})
_FALSE: Final = frozenset({"false", "0", "no", "n", "f", "×", "✕", "無", "無し", "なし", "いいえ"})
_SHORT_ID: Final = 15
_ID_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def cast_codes(texts: pa.StringArray, column: Column) -> Cast:
    """Codes stay text: NFKC, no surrounding space, no Excel apostrophe.

    Problems: scientific_notation, lost_leading_zero (all digits and shorter than minLength, unless the
    contract allows repair), bad_code (any other wrong length or pattern).
    """
    codes = pc.utf8_trim_whitespace(pc.utf8_normalize(texts, form="NFKC"))
    codes = pc.replace_substring_regex(codes, "^'", "")
    problems = _flag(codes, pc.match_substring_regex(codes, _SCIENTIFIC), Problem("scientific_notation"))
    if column.min_length:
        short = pc.less(pc.utf8_length(codes), column.min_length)
        digits = pc.match_substring_regex(codes, r"^\d+$")
        if column.repair_leading_zeros:
            codes = pc.if_else(pc.and_(short, digits), pc.utf8_lpad(codes, column.min_length, "0"), codes)
        else:
            lost = Problem("lost_leading_zero", str(column.min_length))
            problems = _flag(codes, pc.and_(short, digits), lost) | problems
        problems = _flag(codes, pc.and_not(short, digits), Problem("bad_code")) | problems
    return _limits(Cast(codes, problems), column)


def cast_texts(texts: pa.StringArray, column: Column) -> Cast:
    """Text without surrounding space; the characters themselves stay as they came. Problem: bad_code."""
    return _limits(Cast(pc.utf8_trim_whitespace(texts), {}), column)


def cast_salesforce_ids(texts: pa.StringArray) -> Cast:
    """Salesforce record ids as 18 characters; 15-character ids get their check letters. Problem: bad_code."""
    ids = pc.utf8_trim_whitespace(texts)
    length = pc.utf8_length(ids)
    problems = _flag(
        ids,
        pc.invert(pc.match_substring_regex(ids, r"^([0-9A-Za-z]{15}|[0-9A-Za-z]{18})$")),
        Problem("bad_code"),
    )
    short = pc.equal(length, _SHORT_ID)
    if pc.any(short).as_py():
        longer = cast_distinct(
            pc.if_else(short, ids, pa.scalar(None, pa.string())), long_salesforce_id, pa.string()
        )
        ids = pc.coalesce(longer.values, ids)
    return Cast(ids, problems)


def long_salesforce_id(short: str) -> str:
    """The 18-character form of a 15-character id: one letter per five, saying which are capitals."""
    suffix = ""
    for start in range(0, _SHORT_ID, 5):
        bits = sum(
            1 << place for place, letter in enumerate(short[start : start + 5]) if "A" <= letter <= "Z"
        )
        suffix += _ID_LETTERS[bits]
    return short + suffix


def cast_booleans(texts: pa.StringArray, column: Column) -> Cast:
    """Truth values by the contract's words, else by the usual ones. Problem: bad_type."""
    if column.true_values or column.false_values:
        yes = frozenset(map(_folded, column.true_values))
        no = frozenset(map(_folded, column.false_values))
        return cast_distinct(texts, partial(_truth, yes=yes | {"true"}, no=no | {"false"}), pa.bool_())
    return cast_distinct(texts, partial(_truth, yes=_TRUE, no=_FALSE), pa.bool_())


def _truth(text: str, yes: frozenset[str], no: frozenset[str]) -> bool | Problem:
    word = _folded(text)
    if word in yes:
        return True
    return False if word in no else Problem("bad_type", "真偽 (true/false)")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def normalise_identifier(kind: str, values: pa.Array) -> pa.StringArray:
    """The normal form of direct identifiers, on which tokens are made; null and empty become null.

    email: NFKC, no space around, lower case · name: NFKC, single spaces · kana: NFKC, katakana, no spaces or
    middle dots · phone: digits only, +81 as 0 · birth_date: YYYY-MM-DD · address: NFKC, no spaces · ip: lower
    case · free_text: as it came.
    """
    texts = values.cast(pa.string()) if values.type != pa.string() else values
    if kind not in _NORMAL_FORMS:
        raise ValueError(f"unknown kind of identifier: {kind}")
    if kind != "free_text":
        texts = pc.utf8_trim_whitespace(pc.utf8_normalize(texts, form="NFKC"))
    texts = _NORMAL_FORMS[kind](texts)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _kana(texts: pa.StringArray) -> pa.StringArray:
    bare = pc.replace_substring_regex(texts, r"[\s・･]+", "")
    return cast_distinct(bare, jaconv.hira2kata, pa.string()).values


def _phone(texts: pa.StringArray) -> pa.StringArray:
    local = pc.replace_substring_regex(texts, r"^(\+81|0081)[\s()\-]*0?", "0")
    return pc.replace_substring_regex(local, r"\D+", "")


_NORMAL_FORMS: Final = {
    "email": pc.utf8_lower,
    "name": lambda texts: pc.replace_substring_regex(texts, r"\s+", " "),
    "kana": _kana,
    "phone": _phone,
    "birth_date": lambda texts: texts,
    "address": lambda texts: pc.replace_substring_regex(texts, r"\s+", ""),
    "ip": pc.utf8_lower,
    "free_text": lambda texts: texts,
}


def _limits(cast: Cast, column: Column) -> Cast:
    """Check maxLength and pattern of the contract."""
    problems = cast.problems
    if column.max_length is not None:
        long = pc.greater(pc.utf8_length(cast.values), column.max_length)
        problems = _flag(cast.values, long, Problem("bad_code")) | problems
    if column.pattern:
        pattern = re.compile(column.pattern)
        fits = cast_distinct(cast.values, lambda text: bool(pattern.search(text)), pa.bool_()).values
        problems = _flag(cast.values, pc.invert(fits), Problem("bad_code")) | problems
    return Cast(cast.values, problems)


def _flag(values: pa.Array, where: pa.BooleanArray, problem: Problem) -> dict[int, Problem]:
    if not pc.any(where).as_py():
        return {}
    return {int(at): problem for at in pc.indices_nonzero(where.fill_null(False)).to_pylist()}

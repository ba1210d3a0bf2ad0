"""The shape of every cast: a vectorised fast path, and a slow one that sees each distinct value once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Problem:
    """Why a cell cannot be cast: a code of `ROW_REASONS`, and a fact of the contract for its message."""

    reason_code: str
    fact: str = ""


@dataclass
class Cast:
    """A column after its cast: `values` (null where there was a problem) and the problems by position."""

    values: pa.Array
    problems: dict[int, Problem]


Slow = Callable[[str], Any]
"""Casts one text to a Python value, or gives a `Problem`."""


def cast_distinct(texts: pa.StringArray, slow: Slow, target: pa.DataType) -> Cast:
    """Cast each distinct text once with `slow`; nulls stay null."""
    encoded = texts.dictionary_encode()
    values: list[Any] = []
    failed: dict[int, Problem] = {}
    for index, text in enumerate(encoded.dictionary.to_pylist()):
        outcome = slow(text)
        if isinstance(outcome, Problem):
            failed[index] = outcome
            outcome = None
        values.append(outcome)
    taken = pc.take(pa.array(values, target), encoded.indices)
    if not failed:
        return Cast(taken, {})
    indices = encoded.indices.fill_null(-1).to_numpy()
    where = np.flatnonzero(np.isin(indices, list(failed)))
    return Cast(taken, {int(at): failed[int(indices[at])] for at in where})


def cast_with_fast_path(
    texts: pa.StringArray,
    plain: pa.BooleanArray,
    fast: Callable[[pa.StringArray], pa.Array],
    slow: Slow,
    target: pa.DataType,
) -> Cast:
    """Cast cells where `plain` is true with `fast`, all others with `slow`.

    If `fast` refuses the plain cells (a 30th of February looks plain), all go the slow way.
    """
    plain = plain.fill_null(False)
    try:
        quick = fast(pc.if_else(plain, texts, pa.scalar(None, texts.type)))
    except (pa.ArrowInvalid, OverflowError):
        return cast_distinct(texts, slow, target)
    rest = pc.if_else(plain, pa.scalar(None, texts.type), texts)
    if rest.null_count == len(rest):
        return Cast(quick, {})
    others = cast_distinct(rest, slow, target)
    return Cast(pc.coalesce(quick, others.values), others.problems)

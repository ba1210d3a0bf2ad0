"""Casts a batch of text cells to the contract's types; a bad cell refuses its row, not the file."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shirube.casting.dates import FIRST_YEAR, LAST_YEAR, cast_dates, cast_era_years, cast_timestamps
from shirube.casting.distinct import Cast, Problem
from shirube.casting.numbers import cast_integers, cast_numbers
from shirube.casting.text import cast_booleans, cast_codes, cast_salesforce_ids, cast_texts
from shirube.contracts.model import Column, SourceContract
from shirube.readers.batch import RawBatch, Reject, reject

ERA_YEAR: Final = "era_year"
"""The `physicalType` of an integer column that is written as an era year (363, S63)."""


def cast_batch(raw: RawBatch, contract: SourceContract) -> tuple[pa.RecordBatch, list[Reject]]:
    """The rows that are good, in the contract's `cast_schema`, and every reason why the others are not.

    Rows in = rows of the batch + distinct row numbers of the rejects (`raw.errors` included). A row can have
    several rejects, one per bad cell. Order is file order.
    """
    count = raw.num_rows
    rejects = list(raw.errors)
    bad = np.zeros(count, dtype=bool)
    numbers = raw.row_numbers.to_numpy()
    arrays: list[pa.Array] = []
    for column in contract.columns:
        cells = raw.columns.get(column.name)
        cast = (
            _cast(cells, column, contract, raw.zone)
            if cells is not None
            else Cast(pa.nulls(count, column.arrow_type), {})
        )
        problems = dict(cast.problems)
        if contract.event_time and column.name == contract.event_time.column:
            problems = _never(cast.values) | problems
        if column.required:
            for at in pc.indices_nonzero(cast.values.is_null()).to_pylist():
                problems.setdefault(int(at), Problem("missing_key"))
        for at, problem in problems.items():
            bad[at] = True
            rejects.append(
                reject(int(numbers[at]), problem.reason_code, column.name, problem.fact, column.business_name)
            )
        arrays.append(cast.values)
    extra = raw.extra if raw.extra is not None else pa.nulls(count, pa.string())
    batch = pa.RecordBatch.from_arrays([*arrays, raw.row_numbers, extra], schema=contract.cast_schema())
    rejects.sort(key=lambda found: (found.row_number, found.column or ""))
    return (batch.filter(pa.array(~bad)) if bad.any() else batch), rejects


def _cast(cells: pa.StringArray, column: Column, contract: SourceContract, zone: str | None) -> Cast:
    cells = _without_nulls(cells, column, contract.null_values)
    match column.logical_type:
        case "string":
            return _cast_string(cells, column)
        case "integer":
            is_era = column.physical_type == ERA_YEAR
            return _in_range(cast_era_years(cells) if is_era else cast_integers(cells), column)
        case "number":
            return _in_range(cast_numbers(cells), column)
        case "boolean":
            return cast_booleans(cells, column)
        case "date":
            return _in_range(cast_dates(cells, column.date_format), column)
        case _:
            return _in_range(
                cast_timestamps(cells, column.date_format, column.zone or zone or contract.zone), column
            )


def _cast_string(cells: pa.StringArray, column: Column) -> Cast:
    match column.text_format:
        case "code":
            return cast_codes(cells, column)
        case "salesforce_id":
            return cast_salesforce_ids(cells)
        case "free_text":
            return Cast(cells, {})
        case _:
            return cast_texts(cells, column)


def _without_nulls(cells: pa.StringArray, column: Column, null_values: tuple[str, ...]) -> pa.StringArray:
    """Cells that mean nothing become null: blanks, and the contract's null words that are no truth value.

    Free text keeps such words, because there they are what somebody wrote.
    """
    trimmed = pc.utf8_trim_whitespace(cells)
    words = [""]
    if column.text_format != "free_text":
        spoken = {*column.true_values, *column.false_values}
        words += [word for word in null_values if word not in spoken]
    empty = pc.is_in(trimmed, value_set=pa.array(words, pa.string()))
    return pc.if_else(
        empty, pa.scalar(None, pa.string()), cells if column.text_format == "free_text" else trimmed
    )


def _in_range(cast: Cast, column: Column) -> Cast:
    """Check the contract's minimum and maximum."""
    if column.minimum is None and column.maximum is None:
        return cast
    outside = pa.array(np.zeros(len(cast.values), dtype=bool))
    if column.minimum is not None:
        outside = pc.or_(outside, pc.less(cast.values, _bound(column.minimum, column)).fill_null(False))
    if column.maximum is not None:
        outside = pc.or_(outside, pc.greater(cast.values, _bound(column.maximum, column)).fill_null(False))
    fact = "〜".join("" if bound is None else str(bound) for bound in (column.minimum, column.maximum))
    problem = Problem("out_of_range", fact)
    found = {int(at): problem for at in pc.indices_nonzero(outside).to_pylist()}
    return Cast(cast.values, {**found, **cast.problems})


def _never(events: pa.Array) -> dict[int, Problem]:
    """Days on which nothing happened, such as 9999-12-31; in any other date column they may mean "no end"."""
    if not pa.types.is_date(events.type):
        return {}
    years = pc.year(events)
    outside = pc.or_(pc.less(years, FIRST_YEAR), pc.greater(years, LAST_YEAR)).fill_null(False)
    return {int(at): Problem("bad_date") for at in pc.indices_nonzero(outside).to_pylist()}


def _bound(value: float | str, column: Column) -> pa.Scalar:
    return pa.scalar(value).cast(column.arrow_type)

"""Records of fixed width whose positions are counted in bytes, as mainframes of wholesalers write them.

A double-byte character takes two positions, so a record is cut before it is decoded. A record of another
length and a column that begins or ends inside a character refuse their row: what stands behind them would be
read from the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from shirube.contracts.model import Column, SourceContract
from shirube.readers.batch import BATCH_ROWS, RawBatch, Reader, Reject, reject
from shirube.readers.text import TextFile, wrong_encoding

_END_OF_FILE: Final = b"\x1a"
"""Old systems end a file with this byte."""


def open_fixed_width(contract: SourceContract, text: TextFile, _constants: dict[str, str]) -> Reader:
    """A reader for one file of fixed width; every column has its bytes, so a file's name gives none.

    Raises `FileRejected` (wrong_encoding) for an encoding in which the contract's positions do not hold.
    """
    if text.encoding not in contract.encodings:
        raise wrong_encoding("、".join(contract.encodings), text.encoding)
    return FixedWidthReader(contract, text)


class FixedWidthReader(Reader):
    """Cuts records by the contract's byte positions; `skipRecords` names the beginnings of lines that are no
    rows, such as the header and the trailer of a file."""

    def __init__(self, contract: SourceContract, text: TextFile) -> None:
        self.contract = contract
        self.text = text
        self.encoding = text.encoding
        self.missing_columns, self.passed_columns, self.ignored_columns = [], [], []
        self.not_rows = 0
        self._skipped = tuple(mark.encode("ascii") for mark in contract.skip_records)

    def batches(self) -> Iterator[RawBatch]:
        """The file's rows in order, in bounded memory."""
        number = 0
        rows: list[tuple[int, bytes]] = []
        for chunk in self.text.raw_chunks():
            lines = chunk.split(b"\n")
            if not lines[-1]:
                lines.pop()
            for line in lines:
                number += 1
                record = line.removesuffix(b"\r").rstrip(_END_OF_FILE)
                if not record.strip() or record.startswith(self._skipped):
                    self.not_rows += 1
                else:
                    rows.append((number, record))
                    if len(rows) == BATCH_ROWS:
                        yield self._batch(rows)
                        rows = []
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[int, bytes]]) -> RawBatch:
        numbers: list[int] = []
        cells: dict[str, list[str]] = {column.name: [] for column in self.contract.columns}
        errors: list[Reject] = []
        for number, record in rows:
            cut = self._cut(number, record)
            if isinstance(cut, Reject):
                errors.append(cut)
                continue
            numbers.append(number)
            for name, cell in cut.items():
                cells[name].append(cell)
        columns = {name: pa.array(values, pa.string()) for name, values in cells.items()}
        return RawBatch(pa.array(numbers, pa.int64()), columns, errors=errors)

    def _cut(self, number: int, record: bytes) -> dict[str, str] | Reject:
        """A record's cells, blanks around them taken off, or why it cannot be cut."""
        if len(record) != self.contract.record_length:
            return reject(number, "bad_record_length", fact=str(self.contract.record_length))
        cells = {}
        for column in self.contract.columns:
            start, end = _place(column)
            try:
                cells[column.name] = record[start:end].decode(self.text.encoding).strip()
            except UnicodeDecodeError:
                return reject(number, "undecodable", column.name, self.text.encoding, column.business_name)
        return cells


def _place(column: Column) -> tuple[int, int]:
    """First byte, counted from 0, and the byte after the last."""
    assert column.first_byte is not None
    assert column.byte_length is not None
    return column.first_byte - 1, column.first_byte - 1 + column.byte_length

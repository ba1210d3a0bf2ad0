"""Excel workbooks: one sheet with title rows above the header and footer rows below the data.

Cells merged over several rows of data hold their value in each of them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from shirube.contracts.model import SourceContract
from shirube.readers.batch import (
    BATCH_ROWS,
    FileRejected,
    HeaderMatch,
    RawBatch,
    Reader,
    extra_json,
    joined_header,
    match_header,
    unknown_columns,
)
from shirube.readers.delimited import is_footer, no_rows
from shirube.readers.text import not_a

LARGEST_UNPACKED: Final = 1 << 30
_EXCEL_DAY_ZERO: Final = date(1899, 12, 30)
_LAST_SERIAL: Final = 2_958_465
_EXACT_BELOW: Final = 1e15
Cell = Any
"""A cell as calamine gives it: text, number, truth value, date, time, duration."""


def open_spreadsheet(contract: SourceContract, path: Path, constants: dict[str, str]) -> Reader:
    """A reader for the contract's sheet; raises `FileRejected` (not_a_spreadsheet, truncated_file, too_large,
    unknown_sheet, unknown_columns, empty_file)."""
    _refuse_unreadable(path)
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(path.read_bytes()))
        sheet = _sheet(contract, workbook)
        rows = _rows(sheet)
        head = [
            (number, row) for number, row in islice(rows, 200) if any(_text(cell).strip() for cell in row)
        ]
    except (CalamineError, OSError, ValueError) as error:
        raise not_a(
            "spreadsheet", "読めない、またはパスワードのかかったファイル", "an unreadable or locked file"
        ) from error
    if not head:
        raise no_rows()
    best: tuple[int, int, int, HeaderMatch, list[str]] | None = None
    for number, header in _headers(contract, sheet, head):
        match = match_header(contract, header, set(constants))
        found = (len(match.missing_required), -len(match.positions), number, match, header)
        if best is None or found[:3] < best[:3]:
            best = found
    if best is None:
        raise no_rows()
    _, hits, header_row, match, header = best
    if match.missing_required:
        raise unknown_columns(
            contract, [name for name in header if name.strip()] if hits else [], match.missing_required
        )
    return SpreadsheetReader(contract, sheet, header_row, match, constants)


class SpreadsheetReader(Reader):
    """Rows of one sheet; `_row_number` is the sheet's own row number."""

    def __init__(
        self,
        contract: SourceContract,
        sheet: CalamineSheet,
        header_row: int,
        match: HeaderMatch,
        constants: dict[str, str],
    ) -> None:
        self.contract = contract
        self.missing_columns = match.missing
        self.passed_columns = list(match.passed_through)
        self.ignored_columns = match.ignored
        self.not_rows = 0
        self._sheet = sheet
        self._header_row = header_row
        self._match = match
        self._constants = constants

    def batches(self) -> Iterator[RawBatch]:
        """Batches in sheet order; raises `FileRejected` (empty_file) if the sheet has no row of data."""
        self.not_rows = 0
        seen = 0
        part: list[tuple[int, list[Cell]]] = []
        starts = self._merged_down()
        under: dict[int, tuple[int, Cell]] = {}
        for number, row in _rows(self._sheet):
            if number <= self._header_row:
                continue
            for at, last in starts.get(number, ()):
                under[at] = (last, row[at])
            texts = [_text(cell) for cell in row]
            if not any(text.strip() for text in texts) or is_footer(self.contract, texts):
                self.not_rows += 1
                continue
            for at, (last, cell) in under.items():
                if number <= last:
                    row[at] = cell
            part.append((number, row))
            seen += 1
            if len(part) == BATCH_ROWS:
                yield self._batch(part)
                part = []
        if part:
            yield self._batch(part)
        if not seen and not self.contract.accepts_empty:
            raise no_rows()

    def _merged_down(self) -> dict[int, list[tuple[int, int]]]:
        """Cells merged over several rows of data: by first row, their column and last row.

        Excel keeps the value in the first cell only, but a person reads it in every row. A number stays where
        it is: one amount beside three rows is not three amounts.
        """
        positions = self._match.positions.items()
        numbers = {
            at for name, at in positions if self.contract.by_name[name].logical_type in ("integer", "number")
        }
        left = self._sheet.start[1] if self._sheet.start else 0
        found: dict[int, list[tuple[int, int]]] = {}
        for (first, column), (last, _) in self._sheet.merged_cell_ranges or ():
            at = column - left
            if (
                first >= self._header_row
                and last > first
                and at not in numbers
                and 0 <= at < self._sheet.width
            ):
                found.setdefault(first + 1, []).append((at, last + 1))
        return found

    def _batch(self, part: list[tuple[int, list[Cell]]]) -> RawBatch:
        columns: dict[str, pa.StringArray] = {}
        for name, at in self._match.positions.items():
            is_date = self.contract.by_name[name].logical_type in ("date", "timestamp")
            columns[name] = pa.array([_cell(row[at], is_date) for _, row in part], pa.string())
        for name, value in self._constants.items():
            columns[name] = pa.array([value] * len(part), pa.string())
        for name in self._match.missing:
            columns[name] = pa.nulls(len(part), pa.string())
        passed = {
            name: pa.array([_text(row[at]) for _, row in part], pa.string())
            for name, at in self._match.passed_through.items()
        }
        return RawBatch(pa.array([number for number, _ in part], pa.int64()), columns, extra_json(passed))


def _refuse_unreadable(path: Path) -> None:
    with path.open("rb") as stream:
        is_zip = stream.read(4) == b"PK\x03\x04"
    if not is_zip:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, RuntimeError, OSError, ValueError) as error:
        raise FileRejected(
            "truncated_file",
            "Excelファイルが途中で終わっているか、壊れています",
            "the workbook breaks off before its end or is damaged",
            "全体を再送してもらってください。",
        ) from error
    if not any(name.startswith("xl/") for name in names) and "content.xml" not in names:
        raise not_a("spreadsheet", "Excelではない ZIP", "a ZIP that is not a workbook")
    if unpacked > LARGEST_UNPACKED:
        raise FileRejected(
            "too_large",
            "展開すると1 GiBを超えるExcelファイルです",
            "the workbook unpacks to more than 1 GiB",
            "CSVで納品してもらってください。",
        )


def _headers(
    contract: SourceContract, sheet: CalamineSheet, head: list[tuple[int, list[Cell]]]
) -> Iterator[tuple[int, list[str]]]:
    """Everything that may be the header, with the number of its last row; rows of one header are joined."""
    deep = contract.header_rows
    rows = {number: [_text(cell) for cell in row] for number, row in head}
    if deep > 1:
        left = sheet.start[1] if sheet.start else 0
        for (first, column), (_, last_column) in sheet.merged_cell_ranges or ():
            row = rows.get(first + 1)
            if row is not None and column >= left:
                covered = range(column - left, min(last_column + 1 - left, len(row)))
                for at in covered:
                    row[at] = row[covered.start]
    numbers = list(rows)
    for at in range(min(contract.title_rows + 1, len(numbers) - deep + 1)):
        parts = numbers[at : at + deep]
        yield parts[-1], rows[parts[0]] if deep == 1 else joined_header([rows[number] for number in parts])


def _sheet(contract: SourceContract, workbook: CalamineWorkbook) -> CalamineSheet:
    names = workbook.sheet_names
    if contract.sheet in names:
        return workbook.get_sheet_by_name(contract.sheet)
    if len(names) == 1:
        return workbook.get_sheet_by_index(0)
    shown = "、".join(names)
    raise FileRejected(
        "unknown_sheet",
        f"シート「{contract.sheet or '（指定なし）'}」がありません。あるシート: {shown}",
        f"there is no sheet {contract.sheet!r}; sheets found: {shown}",
        "契約ファイルの sheet に、読むシートの名前を書いて replay してください。",
    )


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[Cell]]]:
    """Rows with their sheet row number, from the first used column on."""
    yield from enumerate(sheet.iter_rows(), start=1)


def _text(cell: Cell) -> str:
    return _cell(cell, is_date=False)


def _cell(cell: Cell, is_date: bool) -> str:
    """A cell as the text that casts expect; a number in a date column is Excel's day count."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        if is_date and 1 <= cell <= _LAST_SERIAL:
            moment = datetime.combine(_EXCEL_DAY_ZERO, datetime.min.time()) + timedelta(days=cell)
            if float(cell).is_integer():
                return moment.date().isoformat()
            # A day count is good for milliseconds at best: 10:00:00 may come as 9:59:59.9999.
            return (moment + timedelta(milliseconds=500)).isoformat(" ", "seconds")
        if float(cell).is_integer():
            return str(int(cell)) if abs(cell) < _EXACT_BELOW else f"{cell:E}"
        return repr(cell)
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "microseconds")
    return "" if cell is None else str(cell)

"""Registers as people export them: a small workbook or a CP932 file, with title rows above the header."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import xlsxwriter

Line = Sequence[Any]


def day(number: int) -> date:
    """The date of a day counted from 1970-01-01."""
    return date(1970, 1, 1) + timedelta(days=int(number))


def at(number: int, hour: int, minute: int = 0) -> datetime:
    """A wall time in Japan on a day counted from 1970-01-01."""
    return datetime.combine(day(number), datetime.min.time()).replace(hour=hour, minute=minute)


def text_file(lines: Sequence[Line]) -> bytes:
    """CP932 with CRLF, quoted where needed; days as 2026/04/01, times as 2026/04/01 09:30."""
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows([[_shown(cell) for cell in line] for line in lines])
    return sink.getvalue().encode("cp932")


def _shown(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return f"{cell:%Y/%m/%d %H:%M}"
    if isinstance(cell, date):
        return f"{cell:%Y/%m/%d}"
    return "" if cell is None else cell


def workbook(sheet: str, lines: Sequence[Line], made: date) -> bytes:
    """One sheet; days and times are real ones, numbers are numbers, None is an empty cell."""
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    book.set_properties({"created": datetime(made.year, made.month, made.day, 9, 0, 0)})  # noqa: DTZ001
    days, times = (book.add_format({"num_format": form}) for form in ("yyyy/mm/dd", "yyyy/mm/dd hh:mm"))
    page = book.add_worksheet(sheet)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            if isinstance(cell, datetime):
                page.write_datetime(row, column, cell, times)
            elif isinstance(cell, date):
                page.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), days)  # noqa: DTZ001
            elif isinstance(cell, str) and cell:
                page.write_string(row, column, cell)
            elif isinstance(cell, int):
                page.write_number(row, column, cell)
    book.close()
    return sink.getvalue()

"""Qualtrics CSV exports: three header rows, of which only the third, the ImportIds, can be relied on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from shirube.contracts.model import SourceContract
from shirube.readers.batch import Reader, match_header, unknown_columns
from shirube.readers.delimited import DelimitedReader, Layout, head_rows, no_rows
from shirube.readers.text import TextFile, not_a

_HEADER_ROWS: Final = 3


def open_qualtrics(contract: SourceContract, text: TextFile, constants: dict[str, str]) -> Reader:
    """A reader keyed on ImportIds; times without zone are in row three's `timeZone`, else the contract's."""
    for delimiter in (",", "\t"):
        rows = list(head_rows(text.head(), delimiter, _HEADER_ROWS))
        if not rows:
            raise no_rows()
        imported = _import_ids(rows[-1][1]) if len(rows) == _HEADER_ROWS else None
        if imported:
            break
    else:
        raise not_a("qualtrics", "3行目に ImportId のない表", "a table without ImportIds in row three")
    header, zone = imported
    match = match_header(contract, header, set(constants))
    if match.missing_required:
        raise unknown_columns(contract, [name for name in header if name], match.missing_required)
    match = replace(match, ignored=sorted(set(match.ignored)))
    layout = Layout(delimiter, len(header), match, rows[-1][2], constants=constants, zone=zone)
    return DelimitedReader(contract, text, layout)


def _import_ids(cells: list[str]) -> tuple[list[str], str | None] | None:
    """The ImportIds and the time zone of row three; None if the row is something else."""
    header: list[str] = []
    zone = None
    for cell in cells:
        try:
            entry = json.loads(cell) if cell.strip() else {}
        except ValueError:
            return None
        if not isinstance(entry, dict):
            return None
        header.append(str(entry.get("ImportId", "")))
        if zone is None and isinstance(entry.get("timeZone"), str):
            zone = _existing(entry["timeZone"])
    return (header, zone) if any(header) else None


def _existing(zone: str) -> str | None:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return None
    return zone

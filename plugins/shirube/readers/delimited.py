"""Delimited text: a fast path through pyarrow for well-formed blocks, a slow exact path for the rest.

Both paths follow the rules of Python's `csv` (a quote counts only at the start of a cell, `""` inside quotes
is one quote). A block goes the fast way only if its quotes prove well-formed; single rows with a wrong number
of cells are taken out of the fast result and looked at one by one. A quote that never closes refuses its own
line only, and reading goes on at the next line; a file that ends inside a row refuses that row
(`truncated_row`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from shirube.contracts.model import SourceContract, header_key
from shirube.readers.batch import (
    BATCH_ROWS,
    FileRejected,
    HeaderMatch,
    RawBatch,
    Reader,
    Reject,
    extra_json,
    joined_header,
    match_header,
    reject,
    unknown_columns,
)
from shirube.readers.text import TextFile, decodable_as, raw_head, wrong_encoding

DELIMITERS: Final = (",", "\t", "|", ";")
MOST_LINES_IN_ROW: Final = 2_000
MOST_CHARACTERS_IN_ROW: Final = 1 << 20
csv.field_size_limit(MOST_CHARACTERS_IN_ROW * 2)


@dataclass(frozen=True)
class Layout:
    """How the data lines of one file are cut into cells.

    `skip_lines` physical lines precede the data. Rows with at least `pad_from` cells are filled up to
    `width`. `constants` are columns that have one value in the whole file.
    """

    delimiter: str
    width: int
    match: HeaderMatch
    skip_lines: int
    quoting: bool = True
    pad_from: int | None = None
    constants: dict[str, str] = field(default_factory=dict)
    zone: str | None = None


@dataclass(frozen=True)
class Row:
    """One row found by the slow path: its first physical line and its cells, or why it has none."""

    line: int
    cells: list[str] | None
    reason_code: str = ""


def open_delimited(contract: SourceContract, text: TextFile, constants: dict[str, str]) -> Reader:
    """A reader for a plain table: its header under at most `title_rows` rows, or no header at all."""
    if not contract.has_header:
        return DelimitedReader(contract, text, _layout_without_header(contract, text, constants))
    head = text.head()
    tries = []
    for delimiter in [contract.delimiter] if contract.delimiter else DELIMITERS:
        for line, cells, after in _headers(contract, head, delimiter):
            match = match_header(contract, cells, set(constants))
            tries.append(
                (len(match.missing_required), -len(match.positions), line, match, cells, after, delimiter)
            )
    if not tries:
        raise no_rows()
    _, hits, _, match, cells, after, delimiter = min(tries, key=lambda found: found[:3])
    if match.missing_required:
        raise refused_header(contract, text, cells if hits else [], match.missing_required)
    width = len(cells)
    pad_from = max(position for position, name in enumerate(cells) if name.strip()) + 1
    layout = Layout(delimiter, width, match, after, pad_from=pad_from, constants=constants)
    return DelimitedReader(contract, text, layout)


def head_rows(head: str, delimiter: str, most: int) -> Iterator[tuple[int, list[str], int]]:
    """The first rows that are not blank: line, cells, and the number of physical lines up to their end."""
    lines = split_lines(head)
    at = found = 0
    while at < len(lines) and found < most:
        rows, taken = cut_rows(lines[at : at + MOST_LINES_IN_ROW], at + 1, delimiter, final=True, most=1)
        at += taken
        cells = rows[0].cells
        if cells is not None and any(cell.strip() for cell in cells):
            yield rows[0].line, cells, at
            found += 1


def _headers(contract: SourceContract, head: str, delimiter: str) -> Iterator[tuple[int, list[str], int]]:
    """Everything that may be the header, as in `head_rows`; the rows of one header are joined."""
    deep = contract.header_rows
    rows = list(head_rows(head, delimiter, contract.title_rows + deep))
    for at in range(len(rows) - deep + 1):
        parts = rows[at : at + deep]
        cells = parts[0][1] if deep == 1 else joined_header(_titles_filled([row for _, row, _ in parts]))
        yield parts[0][0], cells, parts[-1][2]


def _titles_filled(rows: list[list[str]]) -> list[list[str]]:
    """Rows of one header, in which a title holds for the untitled columns to its right."""
    filled = []
    for row in rows[:-1]:
        title = ""
        filled.append([title := cell if cell.strip() else title for cell in row])
    return [*filled, rows[-1]]


def refused_header(
    contract: SourceContract, text: TextFile, found: list[str], missing: list[str]
) -> FileRejected:
    """Why no header fits: another encoding, if the header fits in it, else the columns that are missing.

    `found` is empty when not one header was recognised: the line may then be data, which is never shown.
    """
    wanted = {header_key(name) for column in contract.columns for name in (column.header, *column.aliases)}
    head = raw_head(text.path)
    for encoding in decodable_as(head):
        cells = re.split("|".join(map(re.escape, DELIMITERS)), head.decode(encoding))
        hits = sum(header_key(cell.strip().strip('"')) in wanted for cell in cells)
        if encoding != text.encoding and hits >= max(1, len(wanted & {header_key(c) for c in found}) + 1):
            return wrong_encoding(text.encoding, encoding)
    if not found:
        return FileRejected(
            "unknown_columns",
            "見出しの行が見つかりません。必須の列: "
            + "、".join(contract.by_name[name].header for name in missing),
            "no header row was found; required columns: "
            + ", ".join(contract.by_name[name].header for name in missing),
            "見出しの行があるか、正しいフォルダに置いたかを確かめてください。"
            "見出しのない形式なら、契約ファイルに header: false と書いてください。",
        )
    return unknown_columns(contract, [name for name in found if name.strip()], missing)


def no_rows() -> FileRejected:
    """The refusal of a file without a row of data."""
    return FileRejected(
        "empty_file",
        "データの行が1行もありません",
        "the file has no row of data",
        "送り手に、抽出の条件が正しかったかを確かめてもらってください。",
    )


def _layout_without_header(contract: SourceContract, text: TextFile, constants: dict[str, str]) -> Layout:
    names = [column.name for column in contract.columns if column.name not in constants]
    head = text.head()
    widths = []
    for delimiter in [contract.delimiter] if contract.delimiter else DELIMITERS:
        for _, cells, _ in head_rows(head, delimiter, 1):
            widths.append((abs(len(cells) - len(names)), delimiter))
    if not widths:
        raise no_rows()
    match = HeaderMatch({name: i for i, name in enumerate(names)}, {}, [], [], [])
    return Layout(min(widths)[1], len(names), match, contract.title_rows, constants=constants)


def split_lines(text: str) -> list[str]:
    """Physical lines without their line feed; a last empty piece after a final line feed is no line."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def cut_rows(
    lines: list[str],
    first_line: int,
    delimiter: str,
    *,
    final: bool,
    quoting: bool = True,
    most: int | None = None,
) -> tuple[list[Row], int]:
    """Cut lines into rows, at most `most`; also how many lines were used up.

    If not `final`, an open quote at the end is left for later, unless it is already longer than a row may be.
    """
    rows: list[Row] = []
    at = 0
    while at < len(lines) and len(rows) != most:
        line = first_line + at
        if not quoting or '"' not in lines[at]:
            rows.append(Row(line, lines[at].removesuffix("\r").split(delimiter)))
            at += 1
            continue
        span = _row_span(lines, at, delimiter)
        if span:
            rows.append(_parse_row(line, "\n".join(lines[at : at + span]).removesuffix("\r"), delimiter))
            at += span
            continue
        remaining = len(lines) - at
        too_long = remaining > MOST_LINES_IN_ROW or sum(map(len, lines[at:])) > MOST_CHARACTERS_IN_ROW
        if not final and not too_long:
            return rows, at
        width = len(rows[-1].cells or []) if rows else 0
        resumes = any(len(later.split(delimiter)) >= max(width, 2) for later in lines[at + 1 : at + 3])
        if too_long or resumes:
            rows.append(Row(line, None, "unclosed_quote"))
            at += 1
        else:
            rows.append(Row(line, None, "truncated_row"))
            at = len(lines)
    return rows, at


def _row_span(lines: list[str], at: int, delimiter: str) -> int:
    """How many lines the row that starts at `at` takes; 0 if its quote does not close within the limits."""
    whole = _whole_row(delimiter)
    size = 0
    for span in range(1, min(len(lines) - at, MOST_LINES_IN_ROW) + 1):
        added = lines[at + span - 1]
        size += len(added) + 1
        if size > MOST_CHARACTERS_IN_ROW:
            return 0
        if '"' in added and whole.fullmatch("\n".join(lines[at : at + span])):
            return span
    return 0


@cache
def _whole_row(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    cell = rf'(?:"(?:[^"]++|"")*+"[^{d}\n]*+|[^"{d}\n][^{d}\n]*+|)'
    return re.compile(rf"{cell}(?:{d}{cell})*+")


def _parse_row(line: int, text: str, delimiter: str) -> Row:
    try:
        return Row(line, next(csv.reader([text], delimiter=delimiter)))
    except csv.Error:
        return Row(line, None, "malformed_row")


class DelimitedReader(Reader):
    """Rows of a delimited file, block by block; use `open_delimited`."""

    def __init__(self, contract: SourceContract, text: TextFile, layout: Layout) -> None:
        self.contract = contract
        self.text = text
        self.layout = layout
        self.encoding = text.encoding
        self.missing_columns = layout.match.missing
        self.passed_columns = list(layout.match.passed_through)
        self.ignored_columns = layout.match.ignored
        self.not_rows = 0
        self._seen = 0

    def batches(self) -> Iterator[RawBatch]:
        """Batches in file order; raises `FileRejected` (empty_file) at the end if there was no row."""
        self.not_rows = self._seen = 0
        line = 1
        rest = b""
        to_skip = self.layout.skip_lines
        for chunk, final in _with_last(self.text.chunks()):
            block = rest + chunk
            if to_skip:
                block, skipped = _drop_lines(block, to_skip)
                to_skip -= skipped
                line += skipped
            while block:
                used = 0
                for batch, end in self._read_block(block, line, final):
                    used = end
                    self._seen += batch.num_rows + len(batch.errors)
                    if batch.num_rows or batch.errors:
                        yield batch
                line += block.count(b"\n", 0, used)
                block = block[used:]
                if not final:
                    break
            rest = block
        if not self._seen and not self.contract.accepts_empty:
            raise no_rows()

    def _read_block(self, block: bytes, line: int, final: bool) -> Iterator[tuple[RawBatch, int]]:
        fast = None if self.contract.footer_markers else self._fast(block, line, final)
        if fast is not None:
            yield fast
        else:
            yield from self._slow(block, line, final)

    # --- the fast path

    def _fast(self, block: bytes, line: int, final: bool) -> tuple[RawBatch, int] | None:
        """Parse a block with pyarrow; None if the block is not plainly well-formed."""
        layout = self.layout
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return None
        data = np.frombuffer(block, dtype=np.uint8)
        newlines = np.flatnonzero(data == 10)
        starts_after = newlines
        quotes = np.flatnonzero(data == 34) if layout.quoting else np.empty(0, dtype=np.int64)
        if len(quotes):
            inside = np.searchsorted(quotes, newlines) % 2 == 1
            starts_after = newlines[~inside]
        used = int(starts_after[-1]) + 1 if len(starts_after) else 0
        if not used:
            return None
        quotes = quotes[quotes < used]
        if not _well_formed(data, quotes, ord(layout.delimiter), used):
            return None
        starts = np.concatenate(([0], starts_after[:-1] + 1))
        lengths = starts_after - starts
        if np.any(lengths == 0) or np.any((lengths == 1) & (data[starts] == 13)):
            return None
        numbers = line + np.concatenate(([0], np.searchsorted(newlines, starts_after[:-1]) + 1)).astype(
            np.int64
        )
        embedded = len(starts_after) != int(np.searchsorted(newlines, used))
        table, odd = self._parse(block, used, embedded)
        if table.num_rows + len(odd) != len(starts):
            return None
        blank = self._maybe_blank(table)
        if blank is not None:
            odd += np.delete(np.arange(len(starts)), odd)[blank].tolist()
            table = table.filter(pa.array(~blank))
        rows = [self._row(int(numbers[at]), block[starts[at] : starts_after[at]]) for at in odd]
        ends = np.append(numbers[1:], line + int(np.searchsorted(newlines, used)))
        batch = RawBatch(
            pa.array(np.delete(numbers, odd), pa.int64()),
            {name: _one_array(table.column(f"{at}")) for name, at in layout.match.positions.items()},
            zone=layout.zone,
        )
        passed = {name: _one_array(table.column(f"{at}")) for name, at in layout.match.passed_through.items()}
        odd_rows = [row for row in rows if not self._is_no_row(row)]
        return self._finish(batch, passed, odd_rows, np.delete(ends, odd)), used

    def _maybe_blank(self, table: pa.Table) -> np.ndarray | None:
        """Rows whose cells, as far as they were parsed, are all blank; None if there is none."""
        columns = self.contract.by_name
        order = sorted(self.layout.match.positions.items(), key=lambda item: not columns[item[0]].required)
        blank = np.ones(table.num_rows, dtype=bool)
        for _, at in order:
            empty = pc.equal(pc.utf8_trim_whitespace(_one_array(table.column(f"{at}"))), "")
            blank &= empty.to_numpy(zero_copy_only=False)
            if not blank.any():
                return None
        return blank

    def _row(self, line: int, raw: bytes) -> Row:
        text = raw.decode("utf-8").removesuffix("\r")
        if self.layout.quoting:
            return _parse_row(line, text, self.layout.delimiter)
        return Row(line, text.split(self.layout.delimiter))

    def _parse(self, block: bytes, used: int, embedded: bool) -> tuple[pa.Table, list[int]]:
        """The block's well-shaped rows, and the positions of the others among all rows."""
        odd: list[int] = []

        def note(row: pacsv.InvalidRow) -> str:
            odd.append(row.number - 1)
            return "skip"

        layout = self.layout
        wanted = sorted({*layout.match.positions.values(), *layout.match.passed_through.values()})
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(block).slice(0, used)),
            read_options=pacsv.ReadOptions(
                column_names=[f"{at}" for at in range(layout.width)], block_size=used + 1, use_threads=False
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char='"' if layout.quoting else False,
                newlines_in_values=embedded,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=pacsv.ConvertOptions(
                check_utf8=False,
                column_types={f"{at}": pa.string() for at in wanted},
                include_columns=[f"{at}" for at in wanted],
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
        return table, odd

    # --- the slow path

    def _slow(self, block: bytes, line: int, final: bool) -> Iterator[tuple[RawBatch, int]]:
        """Cut a block row by row, in batches; also how many bytes are used up after each batch."""
        layout = self.layout
        cut = len(block) if final else block.rfind(b"\n") + 1
        lines = split_lines(block[:cut].decode("utf-8"))
        rows, taken = cut_rows(lines, line, layout.delimiter, final=final, quoting=layout.quoting)
        if final and rows and not block.endswith(b"\n"):
            rows[-1] = self._maybe_truncated(rows[-1])
        kept = [row for row in rows if not self._is_no_row(row)]
        used = (
            cut
            if taken == len(lines)
            else cut
            - len("\n".join(lines[taken:]).encode("utf-8"))
            - (1 if block[:cut].endswith(b"\n") else 0)
        )
        if not kept:
            yield self._finish(RawBatch(pa.array([], pa.int64()), self._empty()), {}, [], None), used
        for at in range(0, len(kept), BATCH_ROWS):
            part = kept[at : at + BATCH_ROWS]
            following = kept[at + BATCH_ROWS].line if at + BATCH_ROWS < len(kept) else line + taken
            ends = np.array([row.line for row in part[1:]] + [following], dtype=np.int64)
            batch = RawBatch(pa.array([], pa.int64()), self._empty(), zone=layout.zone)
            yield self._finish(batch, {}, part, None, ends), used

    def _empty(self) -> dict[str, pa.StringArray]:
        return {name: pa.array([], pa.string()) for name in self.layout.match.positions}

    def _maybe_truncated(self, row: Row) -> Row:
        short = row.cells is not None and len(row.cells) < (self.layout.pad_from or self.layout.width)
        return Row(row.line, None, "truncated_row") if short and not self._is_footer(row) else row

    def _is_no_row(self, row: Row) -> bool:
        blank = row.cells is not None and not any(cell.strip() for cell in row.cells)
        if blank or self._is_footer(row):
            self.not_rows += 1
            return True
        return False

    def _is_footer(self, row: Row) -> bool:
        return row.cells is not None and is_footer(self.contract, row.cells)

    # --- both paths

    def _finish(
        self,
        batch: RawBatch,
        passed: dict[str, pa.StringArray],
        odd_rows: list[Row],
        ends: np.ndarray | None,
        odd_ends: np.ndarray | None = None,
    ) -> RawBatch:
        """Add rows that were cut one by one, refuse undecodable ones, fill constants and missing columns."""
        layout = self.layout
        bad = np.array(sorted(self.text.bad_lines), dtype=np.int64)
        if len(bad) and ends is not None and batch.num_rows:
            numbers = batch.row_numbers.to_numpy()
            hit = np.searchsorted(bad, numbers) != np.searchsorted(bad, ends)
            batch.errors.extend(self._undecodable(int(number)) for number in numbers[hit])
            keep = pa.array(~hit)
            batch.row_numbers = batch.row_numbers.filter(keep)
            batch.columns = {name: values.filter(keep) for name, values in batch.columns.items()}
            passed = {name: values.filter(keep) for name, values in passed.items()}
        good_rows: list[Row] = []
        for index, row in enumerate(odd_rows):
            end = int(odd_ends[index]) if odd_ends is not None else row.line + 1
            checked = self._checked(
                row, any(row.line <= line < end for line in bad.tolist()) if len(bad) else False
            )
            if isinstance(checked, Reject):
                batch.errors.append(checked)
            else:
                good_rows.append(checked)
        if good_rows:
            batch, passed = self._with_rows(batch, passed, good_rows)
        batch.extra = extra_json(passed)
        count = batch.num_rows
        for name, value in layout.constants.items():
            batch.columns[name] = pa.array([value], pa.string()).take(
                pa.array(np.zeros(count, dtype=np.int64))
            )
        for name in layout.match.missing:
            batch.columns[name] = pa.nulls(count, pa.string())
        batch.errors.sort(key=lambda error: error.row_number)
        return batch

    def _undecodable(self, line: int) -> Reject:
        return reject(line, "undecodable", fact=self.text.encoding)

    def _checked(self, row: Row, is_bad: bool) -> Row | Reject:
        width = self.layout.width
        if is_bad:
            return self._undecodable(row.line)
        if row.cells is None:
            return reject(row.line, row.reason_code)
        count = len(row.cells)
        fact = f"{count} / {width}"
        if count > width:
            if any(cell.strip() for cell in row.cells[width:]):
                return reject(row.line, "too_many_columns", fact=fact)
            return Row(row.line, row.cells[:width])
        if count < width:
            if count < (self.layout.pad_from or width):
                return reject(row.line, "too_few_columns", fact=fact)
            return Row(row.line, row.cells + [""] * (width - count))
        return row

    def _with_rows(
        self, batch: RawBatch, passed: dict[str, pa.StringArray], rows: list[Row]
    ) -> tuple[RawBatch, dict[str, pa.StringArray]]:
        """Put rows cut one by one in their place among the rows of the fast path."""
        numbers = np.concatenate((batch.row_numbers.to_numpy(), [row.line for row in rows])).astype(np.int64)
        order = pa.array(np.argsort(numbers, kind="stable"))
        cells = [row.cells or [] for row in rows]
        match = self.layout.match

        def joined(values: pa.StringArray | None, at: int) -> pa.StringArray:
            added = pa.array([row[at] for row in cells], pa.string())
            return (pa.concat_arrays([values, added]) if values is not None and len(values) else added).take(
                order
            )

        batch.columns = {name: joined(batch.columns.get(name), at) for name, at in match.positions.items()}
        passed = {name: joined(passed.get(name), at) for name, at in match.passed_through.items()}
        batch.row_numbers = pa.array(numbers).take(order)
        return batch, passed


def is_footer(contract: SourceContract, cells: list[str]) -> bool:
    """Whether the first cell that is not empty starts with one of the contract's footer markers."""
    if not contract.footer_markers:
        return False
    first = next((cell.strip() for cell in cells if cell.strip()), "")
    return first.startswith(contract.footer_markers)


def _well_formed(data: np.ndarray, quotes: np.ndarray, delimiter: int, used: int) -> bool:
    """Whether every opening quote starts a cell and every closing quote ends one; escaped quotes are both."""
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[np.maximum(opening - 1, 0)]
    starts_cell = (opening == 0) | (before == delimiter) | (before == 10)
    escaped = np.append(False, opening[1:] == closing[:-1] + 1)
    after = data[np.minimum(closing + 1, used - 1)]
    ends_cell = (closing == used - 1) | (after == delimiter) | (after == 10) | (after == 13)
    followed = np.append(opening[1:] == closing[:-1] + 1, False)
    return bool(np.all(starts_cell | escaped) and np.all(ends_cell | followed))


def _drop_lines(block: bytes, lines: int) -> tuple[bytes, int]:
    at = dropped = 0
    while dropped < lines and (found := block.find(b"\n", at)) >= 0:
        at = found + 1
        dropped += 1
    return (block[at:], dropped) if dropped == lines else (b"", max(dropped, 1))


def _with_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each chunk, and whether it is the last."""
    held: bytes | None = None
    for chunk in chunks:
        if held is not None:
            yield held, False
        held = chunk
    if held is not None:
        yield held, True


def _one_array(values: pa.ChunkedArray) -> pa.StringArray:
    combined = values.combine_chunks()
    return combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined

"""What every reader gives: batches of text cells with row numbers, row rejects, and file rejects."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from shirube.contracts.model import SourceContract, header_key
from shirube.readers.reasons import ROW_REASONS

HEADER_SEPARATOR = "/"
"""Between the texts of a header of several rows."""

BATCH_ROWS = 65_536
"""Most rows in one batch."""


@dataclass(frozen=True)
class Reject:
    """Why one row was refused: physical row number (1-based), column if one is to blame, and a reason.

    Messages say what is wrong and never contain the cell's value.
    """

    row_number: int
    column: str | None
    reason_code: str
    message_ja: str
    message_en: str


def reject(
    row_number: int, reason_code: str, column: str | None = None, fact: str = "", label: str = ""
) -> Reject:
    """A `Reject` in the words of its reason; `label` is the column in Japanese, `fact` a contract's fact."""
    reason = ROW_REASONS[reason_code]
    return Reject(
        row_number,
        column,
        reason_code,
        reason.message_ja.format(column=label or column, fact=fact),
        reason.message_en.format(column=column, fact=fact),
    )


class FileRejected(Exception):
    """A whole file is refused: reason code, message in both languages, what to do about it (Japanese)."""

    def __init__(self, reason_code: str, message_ja: str, message_en: str, advice_ja: str) -> None:
        self.reason_code = reason_code
        self.message_ja = message_ja
        self.message_en = message_en
        self.advice_ja = advice_ja
        super().__init__(f"{reason_code}: {message_en}")


@dataclass
class RawBatch:
    """Some rows of a file as text.

    `row_numbers` (int64) are physical lines or sheet rows, 1-based, where each row starts; `columns` has one
    string array per contract column; `extra` is JSON of passed-through columns or null; `errors` are rows
    that are not in `columns` because they could not be cut into cells. `zone` overrides the contract's zone.
    """

    row_numbers: pa.Int64Array
    columns: dict[str, pa.StringArray]
    extra: pa.StringArray | None = None
    errors: list[Reject] = field(default_factory=list)
    zone: str | None = None

    @property
    def num_rows(self) -> int:
        """Rows in `columns`; rows in `errors` are not counted."""
        return len(self.row_numbers)


class Reader(ABC):
    """One opened file.

    `missing_columns` are declared, optional columns the file lacks (they become null); `passed_columns` are
    undeclared headers that are kept, `ignored_columns` those that nobody asked for; `not_rows` counts footers
    and blank lines, complete after `batches()` has been read to its end.
    """

    encoding: str | None = None
    missing_columns: list[str]
    passed_columns: list[str]
    ignored_columns: list[str]
    not_rows: int = 0

    @abstractmethod
    def batches(self) -> Iterator[RawBatch]:
        """The file's rows in order, in bounded memory; may raise `FileRejected` when the file breaks off."""


@dataclass(frozen=True)
class HeaderMatch:
    """Which position of a file feeds which contract column."""

    positions: dict[str, int]
    passed_through: dict[str, int]
    ignored: list[str]
    missing: list[str]
    missing_required: list[str]


def match_header(contract: SourceContract, header: list[str], given: set[str]) -> HeaderMatch:
    """Match a file's header with the contract's physical names, then aliases.

    `given` are columns that do not come from cells (file name, preamble) and so are not looked for.
    """
    by_key: dict[str, int] = {}
    for position, name in enumerate(header):
        by_key.setdefault(header_key(name), position)
    positions: dict[str, int] = {}
    missing: list[str] = []
    for column in contract.columns:
        if column.name in given:
            continue
        hit = next(
            (by_key[key] for name in (column.header, *column.aliases) if (key := header_key(name)) in by_key),
            None,
        )
        if hit is None:
            missing.append(column.name)
        else:
            positions[column.name] = hit
    used = set(positions.values())
    passed: dict[str, int] = {}
    ignored: list[str] = []
    for position, name in enumerate(header):
        if position not in used and name.strip():
            if is_passed_through(name, contract.pass_through):
                passed.setdefault(name.strip(), position)
            else:
                ignored.append(name.strip())
    required = [name for name in missing if contract.by_name[name].required]
    # A table in which nothing is recognised is another table, even where the contract requires no column.
    return HeaderMatch(positions, passed, ignored, missing, required if positions else missing)


def joined_header(rows: list[list[str]]) -> list[str]:
    """One header out of several rows: 視聴 over 開始 is 視聴/開始; blanks above or below are left out."""
    width = max(map(len, rows))
    padded = [[*row, *[""] * (width - len(row))] for row in rows]
    return [
        HEADER_SEPARATOR.join(text.strip() for text in texts if text.strip())
        for texts in zip(*padded, strict=True)
    ]


def is_passed_through(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a header fits one of the contract's `passThrough` patterns and none of those after a `!`.

    Case does not count.
    """

    def fits(pattern: str) -> bool:
        return fnmatchcase(name.strip().casefold(), pattern.casefold())

    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    return any(map(fits, wanted)) and not any(map(fits, unwanted))


def unknown_columns(contract: SourceContract, found: list[str], missing: list[str]) -> FileRejected:
    """The refusal of a file that lacks required columns, naming the headers expected and found."""
    expected = "、".join(contract.by_name[name].header for name in missing)
    shown = "、".join(name for name in found[:60]) or "（なし）"
    return FileRejected(
        "unknown_columns",
        f"必須の列がありません: {expected}。ファイルにある見出し: {shown}",
        f"required columns are missing: {expected}; headers found: {shown}",
        "列名が変わったときは、契約ファイルの synonyms に新しい列名を足して replay してください。"
        "別のファイルが届いたときは、正しいフォルダに置き直してください。",
    )


def extra_json(passed: dict[str, pa.StringArray]) -> pa.StringArray | None:
    """JSON of passed-through cells, one object per row; empty cells are left out, a row with none is null."""
    if not passed:
        return None
    pieces = []
    for name, values in passed.items():
        encoded = values.dictionary_encode()
        key = json.dumps(name, ensure_ascii=False)
        texts = [
            f", {key}: {json.dumps(text, ensure_ascii=False)}" if text else ""
            for text in encoded.dictionary.to_pylist()
        ]
        pieces.append(pc.take(pa.array(texts, pa.string()), encoded.indices))
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*pieces, ""), 2)
    wrapped = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), wrapped)

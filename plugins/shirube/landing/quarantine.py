"""Quarantine folders: what was refused, where, why, and what a person can do; never a value.

quarantine/<source>/<batch_id>/rows.parquet   row_number, column, reason_code, message_ja, message_en
quarantine/<source>/<batch_id>/reasons.md     the same by reason, to read
quarantine/<source>/<batch_id>/file.json      instead of the two, when the whole file was refused
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shirube import durable
from shirube.home import Home
from shirube.readers import FileRejected, Reject
from shirube.readers.reasons import ROW_REASONS

SHOWN_ROWS = 10
"""How many row numbers of a reason are listed; rows.parquet has all of them."""

_ROWS_SCHEMA = pa.schema(
    [
        ("row_number", pa.int64()),
        ("column", pa.string()),
        ("reason_code", pa.string()),
        ("message_ja", pa.string()),
        ("message_en", pa.string()),
    ]
)


@dataclass
class ReasonSummary:
    """All refusals of one reason in one column."""

    reason_code: str
    column: str | None
    message_ja: str
    message_en: str
    rows: int = 0
    first_rows: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class FileReason:
    """Why a whole file was refused, and what to do about it (Japanese)."""

    reason_code: str
    message_ja: str
    message_en: str
    advice_ja: str

    @classmethod
    def of(cls, rejection: FileRejected) -> FileReason:
        """The reason as a reader gave it."""
        return cls(rejection.reason_code, rejection.message_ja, rejection.message_en, rejection.advice_ja)


class RefusalSummary:
    """Counts refusals in bounded memory: by reason and column for people, once per row for the ledger."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, str], ReasonSummary] = {}
        self.rows_by_reason: Counter[str] = Counter()

    def add(self, refusals: Iterable[Reject]) -> int:
        """Take the refusals of one batch of rows; returns how many distinct rows they refuse.

        A row with several refusals counts once in `rows_by_reason`, under the first that was reported.
        """
        rows: set[int] = set()
        for refusal in refusals:
            place = (refusal.reason_code, refusal.column or "")
            summary = self._by_place.setdefault(
                place,
                ReasonSummary(refusal.reason_code, refusal.column, refusal.message_ja, refusal.message_en),
            )
            summary.rows += 1
            if len(summary.first_rows) < SHOWN_ROWS:
                summary.first_rows.append(refusal.row_number)
            if refusal.row_number not in rows:
                rows.add(refusal.row_number)
                self.rows_by_reason[refusal.reason_code] += 1
        return len(rows)

    def reasons(self) -> list[ReasonSummary]:
        """Most frequent first, then by code and column."""
        return sorted(self._by_place.values(), key=lambda one: (-one.rows, one.reason_code, one.column or ""))


def advice(reason_code: str) -> str:
    """What a person can do about a row's reason, in Japanese."""
    known = ROW_REASONS.get(reason_code)
    return known.advice_ja if known else ""


def folder_of(home: Home, source: str, batch_id: str) -> Path:
    """The quarantine folder of a batch; it exists only while something of the batch is refused."""
    return home.quarantine / source / batch_id


class QuarantineDraft:
    """A quarantine folder being written under a hidden name; `publish` makes it visible whole.

    Nothing is created until the first refusal. As a context manager it removes what was not published.
    """

    def __init__(self, home: Home, source: str, batch_id: str) -> None:
        self.summary = RefusalSummary()
        self._target = folder_of(home, source, batch_id)
        self._draft = durable.draft_beside(self._target)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> QuarantineDraft:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._close_rows()
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def add(self, refusals: list[Reject]) -> int:
        """Write the refusals of one batch of rows; returns how many distinct rows they refuse."""
        if not refusals:
            return 0
        if self._writer is None:
            self._draft.mkdir(parents=True)
            self._writer = pq.ParquetWriter(self._draft / "rows.parquet", _ROWS_SCHEMA, compression="zstd")
        ordered = sorted(refusals, key=lambda refusal: refusal.row_number)
        self._writer.write_table(
            pa.table(
                {name: [getattr(refusal, name) for refusal in ordered] for name in _ROWS_SCHEMA.names},
                schema=_ROWS_SCHEMA,
            )
        )
        return self.summary.add(ordered)

    def publish(self, file_name: str, whole_file: FileReason | None = None, rows_in: int = 0) -> None:
        """Put the folder in place of the batch's earlier one; without any refusal, just remove that."""
        self._close_rows()
        if whole_file is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            self._draft.mkdir(parents=True)
            facts = {"file_name": file_name, **asdict(whole_file), "rows_read": rows_in}
            self._write("file.json", json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        elif self._draft.exists():
            self._write("reasons.md", _reasons_page(file_name, self.summary, rows_in))
            durable.sync(self._draft / "rows.parquet")
        remove(self._target)
        if self._draft.exists():
            self._draft.rename(self._target)

    def _write(self, name: str, text: str) -> None:
        with durable.replacing(self._draft / name) as handle:
            handle.write(text.encode())

    def _close_rows(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def remove(folder: Path) -> None:
    """Take a quarantine folder away, out of sight first, so that nobody reads a half-removed one."""
    if folder.exists():
        leaving = durable.draft_beside(folder)
        folder.rename(leaving)
        shutil.rmtree(leaving)


def _reasons_page(file_name: str, summary: RefusalSummary, rows_in: int) -> str:
    refused = sum(summary.rows_by_reason.values())
    lines = [
        f"# 隔離された行: {file_name}",
        "",
        f"{rows_in:,} 行のうち {refused:,} 行を隔離しました。残りは取り込まれています。 / "
        f"{refused:,} of {rows_in:,} rows were quarantined; the rest is landed.",
        "値はここに書きません。行番号で元のファイルを見てください。 / "
        "No values are shown; look them up in the file by row number.",
        "",
        "| 理由 | 列 | 行数 | 最初の行 | 説明 | どうするか |",
        "|---|---|---:|---|---|---|",
    ]
    for one in summary.reasons():
        numbers = ", ".join(str(number) for number in one.first_rows) + (
            " …" if one.rows > SHOWN_ROWS else ""
        )
        lines.append(
            f"| `{one.reason_code}` | {one.column or ''} | {one.rows:,} | {numbers} | "
            f"{one.message_ja}<br>{one.message_en} | {advice(one.reason_code)} |"
        )
    return "\n".join(lines) + "\n"

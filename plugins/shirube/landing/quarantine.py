"""Quarantine folders: what was refused, where, why, and what a person can do; never a value.

quarantine/<source>/<batch_id>/rows.parquet   row_number, column, reason_code, message_ja, message_en
quarantine/<source>/<batch_id>/reasons.md     the same by reason, to read
quarantine/<source>/<batch_id>/file.json      instead of the two, when the whole file was refused
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shirube.home import Home
from shirube.readers import FileRejected, Reject

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

_ADVICE = {
    "missing_key": (
        "キーになる列が空です。抽出条件を確かめ、届け直してください。",
        "A key column is empty: check the extract and deliver it again.",
    ),
    "bad_date": (
        "日付として読めません。元のシステムの書式か、契約の日付の書式を直してください。",
        "Not a date: mend the source's format, or the date formats in the contract.",
    ),
    "impossible_era_date": (
        "その元号にない日付です。元のデータを直してください。",
        "That era has no such date: mend it at the source.",
    ),
    "bad_number": (
        "数として読めません。元のデータを直してください。",
        "Not a number: mend it at the source.",
    ),
    "scientific_notation": (
        "表計算ソフトがコードを指数(1.2E+11)に変えています。列を文字列にして書き出し直してください。",
        "A spreadsheet turned codes into 1.2E+11: format the column as text and export again.",
    ),
    "lost_leading_zero": (
        "先頭の 0 が落ちています。列を文字列にして書き出し直してください。",
        "Leading zeros are lost: format the column as text and export again.",
    ),
    "too_few_columns": (
        "列が足りない行です。書き出しが途中で切れていないか確かめてください。",
        "The row is short of columns: check whether the export was cut off.",
    ),
    "too_many_columns": (
        "列が多すぎる行です。値の中の区切り文字が引用符で囲まれているか確かめてください。",
        "The row has too many columns: check that separators inside values are quoted.",
    ),
    "undecodable": (
        "文字コードとして読めない行です。書き出しの文字コードを確かめてください。",
        "The row cannot be decoded: check the encoding of the export.",
    ),
    "empty_file": (
        "中身がありません。抽出が動いたか確かめ、届け直してください。",
        "There is nothing in it: check that the extract ran and deliver it again.",
    ),
    "unknown_columns": (
        "必要な列が見つかりません。列名が変わったのなら、契約に別名を足して `shirube replay` してください。",
        "Required columns are missing: if they were renamed, add the alias to the contract and run `shirube replay`.",
    ),
    "wrong_encoding": (
        "文字コードが違います。契約にある文字コードで書き出し直してください。",
        "Wrong encoding: export again in an encoding the contract names.",
    ),
    "truncated_file": (
        "ファイルが途中で切れています。転送をやり直してください。",
        "The file is cut off: transfer it again.",
    ),
    "directory": (
        "フォルダーです。中のファイルを指定してください。",
        "This is a folder: name a file in it.",
    ),
}
_ADVICE_OTHERWISE = (
    "元のファイルを直して届け直すか、契約が現実と違うなら契約を直して `shirube replay` してください。",
    "Mend the file and deliver it again, or, if the contract is what is wrong, mend it and run `shirube replay`.",
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
    """Why a whole file was refused, and what to do about it."""

    reason_code: str
    message_ja: str
    message_en: str
    what_to_do_ja: str
    what_to_do_en: str

    @classmethod
    def of(cls, rejection: FileRejected) -> FileReason:
        """The reason as a reader gave it, with advice in both languages."""
        general_ja, general_en = advice(rejection.reason_code)
        return cls(
            rejection.reason_code,
            rejection.message_ja,
            rejection.message_en,
            rejection.advice_ja or general_ja,
            general_en,
        )


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


def advice(reason_code: str) -> tuple[str, str]:
    """What to do about a reason, in Japanese and English."""
    return _ADVICE.get(reason_code, _ADVICE_OTHERWISE)


def folder_of(home: Home, source: str, batch_id: str) -> Path:
    """The quarantine folder of a batch; it exists only while something of the batch is refused."""
    return home.quarantine / source / batch_id


class QuarantineDraft:
    """A quarantine folder being written under a hidden name; `publish` makes it visible whole.

    Nothing is created until the first refusal. Use it as a context manager: what was not published is removed.
    """

    def __init__(self, home: Home, source: str, batch_id: str) -> None:
        self.summary = RefusalSummary()
        self._target = folder_of(home, source, batch_id)
        self._draft = self._target.with_name(f".{batch_id}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
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
            _write_text(self._draft / "file.json", json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        elif self._draft.exists():
            _write_text(self._draft / "reasons.md", _reasons_page(file_name, self.summary, rows_in))
            _sync(self._draft / "rows.parquet")
        remove(self._target)
        if self._draft.exists():
            self._draft.rename(self._target)

    def _close_rows(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def remove(folder: Path) -> None:
    """Take a quarantine folder away, out of sight first, so that nobody reads a half-removed one."""
    if folder.exists():
        leaving = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
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
        action_ja, action_en = advice(one.reason_code)
        lines.append(
            f"| `{one.reason_code}` | {one.column or ''} | {one.rows:,} | {numbers} | "
            f"{one.message_ja}<br>{one.message_en} | {action_ja}<br>{action_en} |"
        )
    return "\n".join(lines) + "\n"


def _write_text(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())

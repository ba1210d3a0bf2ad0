"""`shirube check`: what landing would make of a file, told to a person; nothing is landed or written."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shirube.contracts import SourceContract, load_contracts, source_names
from shirube.home import Home
from shirube.inbox_names import is_unfinished, is_utf8, shown
from shirube.landing.intake import Intake
from shirube.landing.land import select_sources, sighting_of
from shirube.landing.quarantine import (
    SHOWN_ROWS,
    FileReason,
    ReasonSummary,
    RefusalSummary,
    advice,
)
from shirube.landing.scan import has_writers
from shirube.ledger import is_plausible
from shirube.readers import FileRejected


@dataclass
class CheckResult:
    """What would be accepted of a file and what not. Reasons hold row numbers and column names, no values.

    `file_reason` is set when the whole file would be refused; counts then cover what was read until then.
    `not_rows` counts blank lines and footers (合計). `matched` maps contract columns to the header the
    contract looks for; `named_at` is the date in the file's name, `delivered_at` the delivery that landing
    makes of it; `tokenised` maps columns to the kind of identifier they are replaced for; `warnings`
    are (Japanese, English) remarks that refuse nothing.
    """

    file: Path
    source: str
    business_name: str
    rows_in: int = 0
    rows_accepted: int = 0
    rows_refused: int = 0
    not_rows: int = 0
    file_reason: FileReason | None = None
    reasons: list[ReasonSummary] = field(default_factory=list)
    matched: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    passed_through: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    tokenised: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    event_min_on: date | None = None
    event_max_on: date | None = None
    named_at: datetime | None = None
    delivered_at: datetime | None = None
    period: str | None = None
    name_values: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_accepted(self) -> bool:
        """Whether every row of the file would be landed."""
        return self.file_reason is None and self.rows_refused == 0


def check(
    home: Home, file: Path, source: str, *, contracts: Mapping[str, SourceContract] | None = None
) -> CheckResult:
    """Read and cast a whole file as landing would, and say what came of it.

    A file that is missing, a folder, empty, unreadable or in the wrong format is a result with `file_reason`.
    Raises `LookupError` for a source without contract.
    """
    select_sources(source_names() if contracts is None else contracts, source)
    contract = (load_contracts(names=[source]) if contracts is None else contracts)[source]
    result = CheckResult(file, source, contract.business_name)
    name = _name_in_inbox(home, file, source)
    sighting = sighting_of(contract, name)
    result.named_at, result.delivered_at, result.period = (
        sighting.delivered_at,
        sighting.delivered_at,
        sighting.period,
    )
    result.name_values = contract.values_from_name(Path(name).name) or {}
    result.file_reason = _refused_unread(file)
    if result.file_reason is None:
        _read(contract, file, name, result)
    _warn(result, name)
    return result


def render(result: CheckResult) -> RenderableType:
    """The result for a terminal, Japanese first."""
    parts: list[RenderableType] = [_verdict(result)]
    if result.rows_in:
        parts.append(
            Text(
                f"{result.rows_in:,} 行: 受け入れ {result.rows_accepted:,} · 隔離 {result.rows_refused:,}\n"
                f"{result.rows_in:,} rows: {result.rows_accepted:,} accepted, "
                f"{result.rows_refused:,} quarantined"
            )
        )
    if result.reasons:
        parts.append(_reasons_table(result.reasons))
    parts.append(_facts_table(result))
    parts += [Text(f"⚠ {japanese}\n  {english}", style="yellow") for japanese, english in result.warnings]
    return Group(*parts)


def _read(contract: SourceContract, file: Path, name: str, result: CheckResult) -> None:
    refusals = RefusalSummary()
    intake: Intake | None = None
    try:
        intake = Intake(contract, file, name)
        for portion in intake.portions():
            refusals.add(portion.refusals)
        intake.finish()
    except FileRejected as rejection:
        result.file_reason = FileReason.of(rejection)
    if intake is None:
        return
    result.rows_in = intake.rows_in
    result.rows_accepted = 0 if result.file_reason else intake.rows_kept
    result.rows_refused = result.rows_in - result.rows_accepted
    result.not_rows = intake.reader.not_rows
    result.reasons = refusals.reasons()
    result.event_min_on, result.event_max_on = intake.event_min_on, intake.event_max_on
    result.period = result.period or intake.column_period
    newest_on = intake.newest_on
    if newest_on and not (result.named_at and is_plausible(result.named_at, newest_on)):
        result.delivered_at = datetime.combine(newest_on, time())
    result.encoding = intake.reader.encoding
    missing = set(intake.reader.missing_columns)
    for column in contract.columns:
        (result.missing if column.name in missing else result.matched)[column.name] = column.header
        if column.identifier_kind and column.name not in missing:
            result.tokenised[column.name] = column.identifier_kind
    result.passed_through = list(intake.reader.passed_columns)
    result.ignored = list(intake.reader.ignored_columns)


def _refused_unread(file: Path) -> FileReason | None:
    """Why a path cannot be read as a file at all, or None."""
    if not is_utf8(file.name):
        return FileReason(
            "name_not_utf8",
            "ファイル名の文字コードが UTF-8 ではありません",
            "the file's name is not in UTF-8",
            "UTF-8 の名前に直してください(ZIP は文字コードを指定して展開します)。",
        )
    try:
        facts = file.stat()
        if stat.S_ISDIR(facts.st_mode):
            return FileReason(
                "directory",
                "ファイルではなくフォルダです",
                "this is a folder",
                "中のファイルを指定してください。",
            )
        if not stat.S_ISREG(facts.st_mode):
            return FileReason(
                "not_a_file",
                "普通のファイルではありません",
                "this is not a regular file",
                "中身を置いてください。",
            )
        with file.open("rb") as handle:
            if has_writers(handle.fileno()):
                return FileReason(
                    "being_written",
                    "別のプログラムが書き込み中です",
                    "another program is still writing to it",
                    "書き込みが終わってから、もう一度確かめてください。",
                )
    except FileNotFoundError:
        return FileReason(
            "not_found", "ファイルがありません", "there is no such file", "場所と名前を確かめてください。"
        )
    except OSError as error:
        return FileReason(
            "unreadable",
            "ファイルを開けません",
            f"cannot be opened: {error.strerror}",
            "権限を確かめてください。",
        )
    return None


def _name_in_inbox(home: Home, file: Path, source: str) -> str:
    """The name landing would see: with its folders when the file already lies in the inbox."""
    folder = (home.inbox / source).resolve()
    whole = file.resolve()
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else file.name


def _warn(result: CheckResult, name: str) -> None:
    if is_unfinished(Path(name).name):
        result.warnings.append(
            (
                "この名前のファイルは書き込み中とみなされ、取り込まれません。名前を変えてください。",
                "A file of this name counts as unfinished and is not landed: rename it.",
            )
        )
    if result.file_reason is not None:
        return
    if result.named_at is None:
        result.warnings.append(
            (
                "ファイル名に日付がありません。中の最後の日が届いた日とみなされます。",
                "There is no date in the file name: the last day in the file counts as the delivery day.",
            )
        )
    elif result.named_at != result.delivered_at:
        result.warnings.append(
            (
                f"ファイル名の日付 {result.named_at:%Y-%m-%d} は中の最後の日より10年以上後なので、"
                "届いた日とみなされません。名前を直してください。",
                f"The date {result.named_at:%Y-%m-%d} in the file name is more than ten years after the last "
                "day in the file and is not believed: mend the name.",
            )
        )


def _verdict(result: CheckResult) -> Panel:
    title = f"{shown(result.file.name)} → {result.source}({result.business_name})"
    if result.file_reason:
        reason = result.file_reason
        text = (
            f"取り込めません: {reason.message_ja}\n"
            f"Cannot be landed: {reason.message_en} [{reason.reason_code}]\n\n"
            f"どうするか: {reason.advice_ja}"
        )
        return Panel(Text(text), title=Text(title), border_style="red")
    if result.rows_refused:
        text = (
            "一部の行が隔離されます。ほかの行は取り込めます。\n"
            "Some rows would be quarantined; the rest would be landed."
        )
        return Panel(Text(text), title=Text(title), border_style="yellow")
    return Panel(
        Text("すべて取り込めます。\nEverything would be landed."), title=Text(title), border_style="green"
    )


def _reasons_table(reasons: list[ReasonSummary]) -> Table:
    table = Table(
        "理由 / Reason", "列 / Column", "行数 / Rows", "最初の行 / First rows", "どうするか / What to do"
    )
    table.columns[2].justify = "right"
    for one in reasons:
        numbers = ", ".join(str(number) for number in one.first_rows) + (
            " …" if one.rows > SHOWN_ROWS else ""
        )
        table.add_row(
            Text(f"{one.message_ja}\n{one.message_en} [{one.reason_code}]"),
            Text(one.column or ""),
            f"{one.rows:,}",
            numbers,
            Text(advice(one.reason_code)),
        )
    return table


def _facts_table(result: CheckResult) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    events = f"{result.event_min_on} – {result.event_max_on}" if result.event_min_on else ""
    delivered = ""
    if result.delivered_at and result.delivered_at == result.named_at:
        delivered = f"{result.delivered_at:%Y-%m-%d %H:%M} (名前から / from the name)"
    elif result.delivered_at:
        delivered = f"{result.delivered_at:%Y-%m-%d} (中の最後の日 / last day in the file)"
    rows = (
        ("見つかった列 / Columns found", ", ".join(f"{k} ← {v}" for k, v in result.matched.items())),
        ("ない列 / Missing", ", ".join(f"{k} ← {v}" for k, v in result.missing.items())),
        ("そのまま残す列 / Passed through", ", ".join(result.passed_through)),
        ("使わない列 / Ignored", ", ".join(result.ignored)),
        ("トークンにする列 / Tokenised", ", ".join(f"{k} ({v})" for k, v in result.tokenised.items())),
        (
            "空行・合計など / Blank or footer",
            f"{result.not_rows:,}" if result.not_rows else "",
        ),
        ("文字コード / Encoding", result.encoding or ""),
        ("出来事の期間 / Events", events),
        ("届いた日時 / Delivered", delivered),
        ("対象期間 / Period", result.period or ""),
        ("名前から読んだ値 / From the name", ", ".join(f"{k}={v}" for k, v in result.name_values.items())),
    )
    for label, value in rows:
        if value:
            table.add_row(Text(label, style="bold"), Text(value))
    return table

"""`shirube status`: per source what arrived, what is missing, what was refused and why, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shirube.contracts import SourceContract, load_contracts
from shirube.home import Home
from shirube.keys import TokenKeyError
from shirube.landing.quarantine import advice
from shirube.landing.replay import is_outdated
from shirube.landing.scan import InboxScan, scan
from shirube.ledger import Batch, Ledger
from shirube.release.manifest import ReleaseError, read_current_manifest
from shirube.stopped import last_left_out, stopped_physicians


def status(home: Home, *, contracts: Mapping[str, SourceContract] | None = None) -> dict[str, Any]:
    """The state of a data home, ready for JSON. Nothing is read from the files themselves.

    Freshness is the age, in hours, of a source's newest delivery at `as_of` (the newest delivery of any
    source): the clock is not asked, so the same ledger gives the same status.
    """
    declared = load_contracts() if contracts is None else contracts
    with Ledger(home) as ledger:
        batches = ledger.batches()
        reasons: dict[str, dict[str, int]] = {}
        for batch_id, code, rows in ledger.reasons():
            reasons.setdefault(batch_id, {})[code] = rows
        pending = ledger.pending()
        found = scan(home, declared)
        waiting = [
            file
            for file in found.files
            if not ledger.known_file(file.inbox_path, file.size_bytes, file.mtime_ns)
        ]
        misdated = ledger.names_not_believed()
        releases = {release.release_id: release for release in ledger.releases()}
    delivered = [batch.delivered_at for batch in batches if batch.state == "landed"]
    as_of = max(delivered, default=None)
    unreleased = {batch.batch_id for batch in pending.unreleased}
    sources = []
    for name, contract in sorted(declared.items()):
        mine = [batch for batch in batches if batch.source == name]
        facts = _source(contract, mine, reasons, as_of)
        facts["files_waiting"] = sum(file.source == name for file in waiting)
        facts["files_unreleased"] = sum(batch.batch_id in unreleased for batch in mine)
        facts["next_ja"], facts["next_en"] = _next_step(facts)
        sources.append(facts)
    current = home.current.resolve().name if home.current.is_symlink() else None
    stopped = _stopped(home)
    return {
        "home": str(home.root),
        "as_of": as_of.date().isoformat() if as_of else None,
        "current_release": current,
        "current_release_status": releases[current].status if current in releases else None,
        "not_as_built": _not_as_built(home),
        "releases": len(releases),
        "stopped": stopped,
        "is_everything_released": not (waiting or pending),
        "sources": sources,
        "quarantine": _quarantine(home, batches, reasons),
        "unknown_folders": list(found.unknown_folders),
        "stray_files": list(found.stray_files),
        "unreadable": list(found.unreadable),
        "misdated": misdated,
        "next": [
            *_next_steps(sources, found, misdated, bool(waiting), bool(pending), current),
            *_stopped_steps(stopped),
        ],
    }


def render(facts: dict[str, Any]) -> RenderableType:
    """The status for a terminal, Japanese first."""
    head = Text(
        f"基準日 / As of: {facts['as_of'] or '—'}    "
        f"公開中 / Current release: {facts['current_release'] or '—'}"
    )
    # Ten columns do not fit a terminal of 80: counts stay in the table, what to do stands below it in words.
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column("ソース\nSource", no_wrap=True)
    for heading in ("件\nFiles", "行\nRows", "隔離 行/件\nRefused", "待ち\nWaiting", "未公開\nPending"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("最新の届け\nNewest", no_wrap=True)
    by_step: dict[tuple[str, str], list[str]] = {}
    for source in facts["sources"]:
        refused = f"{source['quarantined_rows']:,}/{source['quarantined_files']:,}"
        late = source["is_late"]
        table.add_row(
            source["source"],
            f"{source['files']:,}",
            f"{source['rows']:,}",
            Text(refused, style="" if refused == "0/0" else "yellow"),
            f"{source['files_waiting']:,}",
            f"{source['files_unreleased']:,}",
            Text((source["newest_delivery"] or "—") + (" 遅れ" if late else ""), style="red" if late else ""),
        )
        if source["next_ja"]:
            by_step.setdefault((source["next_ja"], source["next_en"]), []).append(source["source"])
    parts: list[RenderableType] = [head, table]
    if facts["stopped"]["listed"] or facts["stopped"]["left_out"]:
        parts.append(
            Text(
                f"利用停止の先生 / Physicians not to be used: 一覧 / listed {facts['stopped']['listed']:,}、"
                f"最新の組み立てで除いた / left out of the last build {facts['stopped']['left_out']:,}\n"
            )
        )
    parts += [
        Text(
            f"公開していない、または前回のままの表 / Withheld or carried over: {mart['name']}\n"
            f"  {mart['reason_ja']}\n  {mart['reason_en']}\n"
            f"{_details(Path(facts['home']), mart)}",
            style="yellow",
        )
        for mart in facts["not_as_built"]
    ]
    if facts["quarantine"]:
        parts.append(_quarantine_table(facts["quarantine"]))
        parts += [Text(f"→ {what}: {'、'.join(codes)}") for what, codes in _advice(facts["quarantine"])]
    parts += [Text(f"→ {ja} ({en}): {', '.join(names)}") for (ja, en), names in by_step.items()]
    parts += [Text(f"→ {step['ja']}\n  {step['en']}") for step in facts["next"]]
    return Group(*parts)


def _stopped(home: Home) -> dict[str, Any]:
    """How many physicians may not be used any more and how many the last build left out, never who."""
    facts = {"listed": 0, "left_out": 0, "unknown": 0, "is_built": True, "problem": None}
    try:
        facts["listed"] = len(stopped_physicians(home))
        before = last_left_out(home)
        if not (facts["listed"] or (before and before.physicians)):
            return facts
        # Only here, where there is a list: it loads the estimators' libraries.
        from shirube.warehouse import is_list_built, last_build

        facts["is_built"] = is_list_built(home)
    except (OSError, ValueError, TokenKeyError) as error:
        return facts | {"problem": str(error), "is_built": False}
    try:
        left_out = last_build(home).left_out
    except FileNotFoundError:
        return facts
    return facts | {"left_out": left_out.physicians, "unknown": left_out.unknown}


def _stopped_steps(stopped: dict[str, Any]) -> list[dict[str, str]]:
    if stopped["problem"]:
        ja, _, en = stopped["problem"].partition(" / ")
        return [
            {
                "ja": f"利用停止の一覧が読めないので組み立てられません。{ja}",
                "en": f"The list of stopped physicians cannot be read, so nothing is built. {en}",
            }
        ]
    steps = []
    if not stopped["is_built"]:
        steps.append(
            {
                "ja": "利用停止の一覧が変わりました。`shirube run` でその先生を除いた版を公開し、"
                "`shirube recall` で前の版に残るものを調べます。",
                "en": "The list of stopped physicians changed: `shirube run` publishes a release without"
                " them, then `shirube recall` says what earlier releases still hold.",
            }
        )
    elif stopped["unknown"]:
        steps.append(
            {
                "ja": f"利用停止の一覧のうち {stopped['unknown']} 件は、どの記録にもない先生のキーです。"
                "写し間違いでないか確かめてください。",
                "en": f"{stopped['unknown']} key(s) on the list of stopped physicians belong to nobody in"
                " what was delivered: check that they are right.",
            }
        )
    return steps


def _details(home: Path, mart: dict[str, Any]) -> str:
    """Where the checks of a mart can be read, as a line of its own; empty where there is no such page."""
    page = home / "releases" / "current" / "docs" / "data_docs" / f"marts.{mart['name']}.html"
    return f"  くわしくは / Details: {page}\n" if page.is_file() else ""


def _not_as_built(home: Home) -> list[dict[str, Any]]:
    """Marts that the current release withholds or carries over from an earlier one, with the reason."""
    try:
        manifest = read_current_manifest(home)
    except ReleaseError as error:
        unreadable = {"reason_ja": "この版の目録を読めません", "reason_en": str(error)}
        return [{"name": home.current.resolve().name, "status": "unreadable", **unreadable}]
    wanted = ("name", "status", "reason_ja", "reason_en")
    return [
        {field: mart[field] for field in wanted}
        for mart in (manifest["marts"] if manifest else [])
        if mart["status"] != "published"
    ]


def _source(
    contract: SourceContract, batches: list[Batch], reasons: dict[str, dict[str, int]], as_of: datetime | None
) -> dict[str, Any]:
    landed = [batch for batch in batches if batch.state == "landed"]
    refused = [batch for batch in batches if batch.state == "quarantined"]
    newest = max((batch.delivered_at for batch in landed), default=None)
    age_hours = int((as_of - newest) / timedelta(hours=1)) if as_of and newest else None
    by_reason: dict[str, int] = {}
    for batch in batches:
        for code, rows in reasons.get(batch.batch_id, {}).items():
            by_reason[code] = by_reason.get(code, 0) + rows
    last = max(
        (batch for batch in batches if batch.batch_id in reasons),
        key=lambda batch: (batch.delivered_at, batch.file_name),
        default=None,
    )
    return {
        "source": contract.name,
        "business_name": contract.business_name,
        "is_expected": contract.is_expected,
        "files": len(landed),
        "rows": sum(batch.rows_landed for batch in landed),
        "quarantined_rows": sum(batch.rows_quarantined for batch in batches),
        "quarantined_files": len(refused),
        "quarantined_by_reason": dict(sorted(by_reason.items())),
        "newest_delivery": newest.date().isoformat() if newest else None,
        "newest_event": max((b.event_max_on for b in landed if b.event_max_on), default=None),
        "age_hours": age_hours,
        "freshness_hours": contract.freshness_hours,
        "is_late": bool(
            age_hours is not None and contract.freshness_hours and age_hours > contract.freshness_hours
        ),
        "files_unfinished": sum(batch.state == "received" for batch in batches),
        "contract_changed": sum(is_outdated(batch, contract) for batch in batches),
        "last_reason": None
        if last is None
        else last.reason_code or next(iter(sorted(reasons[last.batch_id])), None),
        "last_reason_file": None if last is None else last.file_name,
    }


def _next_step(source: dict[str, Any]) -> tuple[str, str]:
    """The most urgent thing to do about one source."""
    name = source["source"]
    if source["files_waiting"] or source["files_unfinished"]:
        return f"shirube land -s {name}", "files are waiting"
    if source["contract_changed"]:
        return f"shirube replay all -s {name}", "the contract changed since these files were landed"
    if source["quarantined_files"]:
        return "隔離されたファイルを見る", "look at the quarantined files"
    if source["is_expected"] and not source["files"]:
        return "まだ届いていません", "nothing has arrived yet"
    if source["is_late"]:
        return "届いていません。送り手に確かめる", "late: ask the sender"
    if source["files_unreleased"]:
        return "shirube run", "landed, not yet released"
    return "", ""


def _next_steps(
    sources: list[dict[str, Any]],
    found: InboxScan,
    misdated: list[str],
    waiting: bool,
    pending: bool,
    current: str | None,
) -> list[dict[str, str]]:
    steps = []
    if waiting or pending or current is None:
        steps.append(
            {
                "ja": "`shirube run` で取り込みから公開まで進めます。",
                "en": "`shirube run` lands and publishes.",
            }
        )
    if any(source["contract_changed"] for source in sources):
        steps.append(
            {
                "ja": "契約が変わりました。`shirube replay all` で前のファイルにも当てはめます。",
                "en": "A contract changed: `shirube replay all` applies it to earlier files.",
            }
        )
    if any(source["is_expected"] and not source["files"] for source in sources):
        steps.append(
            {
                "ja": "一度も届いていない記録があります。この会社にないものは、その契約の "
                "customProperties に {property: expected, value: false} と書きます。",
                "en": "Some records never came. Where the company has none, say so in the contract's "
                "customProperties: {property: expected, value: false}.",
            }
        )
    for folder in found.unknown_folders:
        steps.append(
            {
                "ja": f"inbox/{folder} には契約がありません。"
                f"expectations/sources/{folder}.odcs.yaml を書いてください。",
                "en": f"inbox/{folder} has no contract: write expectations/sources/{folder}.odcs.yaml.",
            }
        )
    for name in found.stray_files:
        steps.append(
            {
                "ja": f"inbox/{name} はソースのフォルダーの外にあります。移してください。",
                "en": f"inbox/{name} lies outside a source's folder: move it into one.",
            }
        )
    for name in misdated:
        steps.append(
            {
                "ja": f"inbox/{name} の名前の日付は中の最後の日より10年以上後なので、使っていません。"
                "名前を直して置き直してください。",
                "en": f"The date in the name of inbox/{name} is more than ten years after the last day in it "
                "and is not used: put it there again under a mended name.",
            }
        )
    for name in found.unreadable:
        steps.append(
            {
                "ja": f"inbox/{name} が読めません。権限を確かめ、名前が文字化けしていれば "
                "UTF-8 の名前に直してください。",
                "en": f"inbox/{name} cannot be read: mend its permissions, or its name if that is not UTF-8.",
            }
        )
    return steps


def _quarantine(home: Home, batches: list[Batch], reasons: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """Batches with something refused, whole files first."""
    refused = [batch for batch in batches if batch.batch_id in reasons]
    return [
        {
            "source": batch.source,
            "batch_id": batch.batch_id,
            "file_name": batch.file_name,
            "is_whole_file": batch.state == "quarantined",
            "rows": batch.rows_quarantined,
            "reasons": reasons[batch.batch_id],
            "message_ja": batch.message_ja,
            "message_en": batch.message_en,
            "folder": str(Path("quarantine", batch.source, batch.batch_id)),
        }
        for batch in sorted(refused, key=lambda one: (one.state != "quarantined", one.source, one.file_name))
    ]


def _advice(rows: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What a person can do about the rows that were refused, each advice once with the reasons it is for."""
    by_advice: dict[str, list[str]] = {}
    for code in sorted({code for row in rows if not row["is_whole_file"] for code in row["reasons"]}):
        by_advice.setdefault(advice(code), []).append(code)
    return [(what, codes) for what, codes in by_advice.items() if what]


def _quarantine_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        "隔離\nQuarantined", "行\nRows", "理由\nReasons", "バッチ\nBatch", box=SIMPLE_HEAD, padding=(0, 0)
    )
    table.columns[0].overflow = "fold"
    table.columns[1].justify = "right"
    table.columns[3].no_wrap = True
    for row in rows:
        words = row["message_ja"] or ", ".join(f"{code} {count:,}" for code, count in row["reasons"].items())
        whole = "全体" if row["is_whole_file"] else f"{row['rows']:,}"
        table.add_row(Text(f"{row['source']}/{row['file_name']}"), whole, Text(words), row["batch_id"])
    return table

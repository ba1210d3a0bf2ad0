"""The recall list: which releases still hold rows of a physician whose data may not be used any more.

    recalls/<physician_key>.json      one per physician, readable by its owner alone; tokens and counts only

Released files never change, so a row leaves a reader's hand only with its release: the list says which files
hold it and what to do with each release. Nothing is removed here: a build leaves out whom the vault's list
names, and `shirube retire` takes a release off the shelf.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from shirube import durable
from shirube.engine import bounded
from shirube.home import Home
from shirube.ledger import Ledger
from shirube.release import shelf
from shirube.stopped import checked_keys, stopped_physicians

SCHEMA_VERSION = 1

_KEY_COLUMN = re.compile(r"(.*_)?physician_key", re.IGNORECASE)
# What a log called a physician; it stays in a row whose physician is no longer known.
_REFERENCE = ("physician_reference_type", "physician_reference")
_DELIMITED = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_TEXT = frozenset({".css", ".htm", ".html", ".js", ".json", ".jsonl", ".md", ".ndjson", ".sha256", ".sql"})
_TEXT |= {".csv", ".svg", ".tsv", ".txt", ".xml", ".yaml", ".yml"}
# Drawn or typeset from the same aggregates as the page of text beside them.
_RENDERED = frozenset({".ico", ".pdf", ".png", ".woff2"})
_SHEETS = Path("reports", "mr")
_REFERENCES_FROM = Path("star", "fct_touchpoint.parquet")
_SHEETS_FROM = Path("star", "fct_physician_month.parquet")

STATEMENT_JA = (
    "営業所・本社の1枚と、数字の一覧は集計だけで、ひとりの先生の行を載せていません。"
    "古い版の集計には、この先生も人数のひとりとして入っています。担当の先生の一覧（reports/mr）は、ひとりずつの行です。"
)
STATEMENT_EN = (
    "The pages per office and for head office and the catalogue are aggregates: they hold no row of one"
    " person. Aggregates of older releases count this physician as one of many. The sheets of own physicians"
    " (reports/mr) are rows of persons."
)


@dataclass(frozen=True)
class Recall:
    """What is left of one physician.

    `holding`: ids of releases in which rows were found, oldest first; `retirable`: those of them to be
    retired now. `unread`: places that could not be searched, `<release id>/<path>`. `was_known`: found now or
    by an earlier recall. `is_listed`: builds leave the physician out. `file`: the list written.
    """

    physician_key: str
    file: Path
    holding: tuple[str, ...]
    retirable: tuple[str, ...]
    unread: tuple[str, ...]
    was_known: bool
    is_listed: bool

    @property
    def is_clear(self) -> bool:
        """Every release on the shelf was searched, and none holds a row."""
        return not self.holding and not self.unread

    def summary(self) -> str:
        """What remains and what is to be done, in one paragraph for a terminal."""
        head = f"{self.physician_key}: "
        if self.holding:
            names = ", ".join(self.holding)
            head += f"{len(self.holding)} 個の版に残っています（{names}）。 / still in these releases."
            if self.retirable:
                head += "".join(f" `shirube retire {name}`" for name in self.retirable)
            if not self.is_listed:
                head += (
                    " 次の版から除くには vault の stopped_physicians.txt に載せてください。 / "
                    "To leave the physician out of the next release: the vault's stopped_physicians.txt."
                )
            elif len(self.retirable) < len(self.holding):
                head += (
                    " 先に `shirube run` で、この先生を除いた版を公開してください。 / "
                    "First publish a release without the physician: `shirube run`."
                )
        elif self.unread:
            head += (
                "見つかりませんが、調べられないファイルがあります。 / not found, but not everything was read."
            )
        elif self.was_known:
            head += "どの版にも残っていません。 / no release holds it any more."
        else:
            head += (
                "どの版にもなく、前にも見つかっていません。キーの写し間違いでないか確かめてください。 / "
                "never found in a release: check that the key is right."
            )
        if self.unread:
            head += f" 未確認 / unread: {', '.join(self.unread)}."
        return f"{head} → {self.file}"


def recall(home: Home, physician_keys: Iterable[str]) -> list[Recall]:
    """Search every release on the shelf for rows of each physician and write one list per physician.

    The shelf is held meanwhile: nothing is published or pruned. The same shelf gives the same bytes.

    Raises: ValueError if a key is not 12 letters and digits; what was given is not repeated, for it may be a
    name.
    """
    keys = checked_keys(physician_keys)
    listed = set(stopped_physicians(home))
    with shelf.locked(home):
        history = shelf.read_history(home)
        shown = shelf.current_id(home)
        folders = _folders(home, history.order)
        wanted = {key: _references(folders, key) for key in keys}
        scans = [(folder.name, _scan(folder, wanted)) for folder in folders]
        gone = _no_longer_kept(home, {folder.name for folder in folders})
        shelf_now = _Shelf(shown, gone, sorted(history.retired))
        return [_write(home, key, scans, shelf_now, key in listed) for key in keys]


def _folders(home: Home, order: Sequence[str]) -> list[Path]:
    """Every folder on the shelf that a reader can open, damaged ones too, in the order of publishing."""
    place = {name: number for number, name in enumerate(order)}
    found = (path for path in home.releases.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(
        (path for path in found if not path.name.startswith(".")),
        key=lambda path: (place.get(path.name, -1), path.name),
    )


def _no_longer_kept(home: Home, kept: set[str]) -> list[str]:
    """Ids of releases that were made and are gone from the shelf: copies of them cannot be searched."""
    if not home.ledger_file.exists():
        return []
    with Ledger(home) as ledger:
        return [one.release_id for one in ledger.releases() if one.release_id not in kept]


@dataclass(frozen=True)
class _Scan:
    """Of one release: physician → artefacts that hold rows, and the places that could not be searched."""

    found: dict[str, list[dict[str, Any]]]
    unread: list[str]


Wanted = Mapping[str, Sequence[str]]
"""Physician → the references that logs used for the physician, as `<type>:<reference>`."""


def _references(folders: Iterable[Path], key: str) -> list[str]:
    """Every reference under which any kept release knew the physician. They never leave this process."""
    files = [str(folder / _REFERENCES_FROM) for folder in folders if (folder / _REFERENCES_FROM).is_file()]
    found: set[str] = set()
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config=bounded(Path(spill))) as connection:
        for file in files:
            with suppress(duckdb.Error):  # the search itself names a file that cannot be read
                rows = connection.execute(
                    f"select distinct {_reference()} from read_parquet(?) where physician_key = ?",
                    [file, key],
                ).fetchall()
                found |= {str(reference) for (reference,) in rows if reference is not None}
    return sorted(found)


def _reference() -> str:
    return " || ':' || ".join(f"cast({column} as varchar)" for column in _REFERENCE)


def _scan(folder: Path, wanted: Wanted) -> _Scan:
    keys = list(wanted)
    scan = _Scan({key: [] for key in keys}, [])
    sheets_of: dict[str, set[str]] | None = None
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config=bounded(Path(spill))) as connection:
        for file in _files(folder, scan.unread):
            place = file.relative_to(folder)
            if place.is_relative_to(_SHEETS):
                continue
            if place.parts[0].startswith("."):  # pages half written by a process that died: nobody's sheet
                scan.unread.append(place.as_posix())
                continue
            try:
                for one in _counted(connection, file, wanted):
                    for key, rows in one.rows.items():
                        if rows:
                            scan.found[key].append(_artefact(place, one.found_by, rows, one.table))
                if place == _SHEETS_FROM:
                    sheets_of = _employees(connection, file, keys)
            except (duckdb.Error, OSError, _UnreadError):
                scan.unread.append(place.as_posix())
    _add_sheets(folder, scan, sheets_of)
    return scan


def _files(folder: Path, unread: list[str]) -> list[Path]:
    """Every file below a folder, sorted; a folder that may not be entered is added to `unread`."""

    def refused(error: OSError) -> None:
        unread.append(Path(error.filename).relative_to(folder).as_posix())

    walked = os.walk(folder, onerror=refused)
    return sorted(Path(place, name) for place, _, names in walked for name in names)


def _artefact(place: Path, found_by: str, rows: int | None, table: str | None = None) -> dict[str, Any]:
    return {"path": place.as_posix(), "table": table, "found_by": found_by, "rows": rows}


@dataclass(frozen=True)
class _Count:
    """Rows per physician of a table in a file (None: the file itself), and what they were found by."""

    table: str | None
    found_by: str
    rows: dict[str, int]


class _UnreadError(Exception):
    """A kind of file that cannot be searched."""


def _counted(connection: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted) -> list[_Count]:
    """What a file holds by key and by reference; text without the column counts the key's mentions."""
    name, ending = file.name.lower(), file.suffix.lower()
    quoted = "'" + str(file).replace("'", "''") + "'"
    if ending == ".parquet":
        return _rows(connection, f"read_parquet({quoted})", wanted)
    if ending in (".duckdb", ".db"):
        return _database(file, wanted)
    if name.endswith(_DELIMITED):
        counts: list[_Count] = []
        with suppress(duckdb.Error):
            counts = _rows(connection, f"read_csv({quoted}, all_varchar = true, header = true)", wanted)
        if any(one.rows for one in counts):
            return counts
    if ending in _TEXT:
        return [_Count(None, "text", _mentions(file, list(wanted)))]
    if ending in _RENDERED:
        return []
    raise _UnreadError


def _rows(
    connection: duckdb.DuckDBPyConnection, relation: str, wanted: Wanted, table: str | None = None
) -> list[_Count]:
    names = [str(name) for name, *_ in connection.execute(f"describe select * from {relation}").fetchall()]
    columns = [f'cast("{name}" as varchar)' for name in names if _KEY_COLUMN.fullmatch(name)]
    if not columns:
        return []
    is_held = f"coalesce(? in ({', '.join(columns)}), false)"
    found = [_Count(table, "physician_key", _count(connection, relation, is_held, {k: k for k in wanted}))]
    if {"physician_key", *_REFERENCE} <= {*names}:
        is_meant = f"physician_key is null and list_contains(?, {_reference()})"
        references = {key: list(known) for key, known in wanted.items() if known}
        found.append(_Count(table, "reference", _count(connection, relation, is_meant, references)))
    return found


def _count(
    connection: duckdb.DuckDBPyConnection, relation: str, condition: str, values: Mapping[str, Any]
) -> dict[str, int]:
    """Rows for which the condition holds with each value; keys without any are left out."""
    if not values:
        return {}
    counts = ", ".join(f"count(*) filter (where {condition})" for _ in values)
    found = connection.execute(f"select {counts} from {relation}", list(values.values())).fetchone()
    return {key: int(rows) for key, rows in zip(values, found or (), strict=True) if rows}


def _database(file: Path, wanted: Wanted) -> list[_Count]:
    """Every table and view of a DuckDB file, by schema and name."""
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(str(file), read_only=True, config=bounded(Path(spill))) as database,
    ):
        tables = database.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_catalog = current_database() order by 1, 2"
        ).fetchall()
        return [
            count
            for schema, name in tables
            for count in _rows(
                database, f'"{schema}"."{name}"', wanted, name if schema == "main" else f"{schema}.{name}"
            )
        ]


def _mentions(file: Path, keys: Sequence[str]) -> dict[str, int]:
    if not file.stat().st_size:
        return {}
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {
            key: sum(
                1
                for encoding in ("ascii", "utf-16-le")
                for _ in re.finditer(re.escape(key.encode(encoding)), content)
            )
            for key in keys
        }


def _employees(connection: duckdb.DuckDBPyConnection, file: Path, keys: Sequence[str]) -> dict[str, set[str]]:
    """Physician → the representatives that ever had the physician: one of them has the name on a sheet."""
    found = connection.execute(
        "select distinct physician_key, employee_key from read_parquet(?)"
        " where employee_key is not null and list_contains(?, physician_key)",
        [str(file), list(keys)],
    ).fetchall()
    return {key: {str(employee) for one, employee in found if one == key} for key in keys}


def _add_sheets(folder: Path, scan: _Scan, sheets_of: dict[str, set[str]] | None) -> None:
    """The sheets of own physicians carry names and no key: they follow from who had the physician."""
    files = [file for file in _files(folder, []) if file.is_relative_to(folder / _SHEETS)]
    if files and sheets_of is None:
        scan.unread.append(_SHEETS.as_posix())
        return
    for file in files:
        place = file.relative_to(folder)
        for key, employees in (sheets_of or {}).items():
            if place.parts[2] in employees:
                scan.found[key].append(_artefact(place, "sheet", None))


@dataclass(frozen=True)
class _Shelf:
    """The release that readers see, those made and no longer kept, and those retired on purpose."""

    shown: str | None
    gone: list[str]
    retired: list[str]


def _write(
    home: Home, key: str, scans: list[tuple[str, _Scan]], shelf_now: _Shelf, is_listed: bool
) -> Recall:
    folder = home.root / "recalls"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{key}.json"
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    holding = tuple(name for name, scan in scans if scan.found[key])
    newest = scans[-1][0] if scans else None
    # What readers see and what comes next must both be free of the physician before anything is retired.
    is_replaced = bool(scans) and not {newest, shelf_now.shown} & {
        name for name, scan in scans if scan.found[key] or scan.unread
    }
    releases = [
        {
            "release_id": name,
            "is_current": name == shelf_now.shown,
            "is_newest": name == newest,
            "action": _action(bool(scan.found[key]), bool(scan.unread), is_replaced),
            "artefacts": scan.found[key],
            "unread": scan.unread,
        }
        for name, scan in scans
    ]
    unread = tuple(f"{name}/{place}" for name, scan in scans for place in scan.unread)
    ever = sorted({*earlier.get("releases_ever_found", []), *holding})
    document = {
        "schema_version": SCHEMA_VERSION,
        "physician_key": key,
        "is_clear": not holding and not unread,
        "is_newest_clear": is_replaced,
        "releases": releases,
        "releases_ever_found": ever,
        "releases_no_longer_kept": shelf_now.gone,
        "releases_retired": shelf_now.retired,
        "is_left_out_of_builds": is_listed,
        "aggregates_ja": STATEMENT_JA,
        "aggregates_en": STATEMENT_EN,
    }
    with durable.replacing(file, durable.PRIVATE) as handle:
        handle.write((json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
    retirable = tuple(str(one["release_id"]) for one in releases if one["action"] == "retire")
    return Recall(key, file, holding, retirable, unread, bool(ever), is_listed)


def _action(holds: bool, has_unread: bool, is_replaced: bool) -> str:
    """`retire`: take it off the shelf (`shirube retire`) and call back its copies. `replace_then_retire`:
    first publish a release without the physician. `inspect`: a file could not be searched. `keep`: nothing to
    do."""
    if holds:
        return "retire" if is_replaced else "replace_then_retire"
    return "inspect" if has_unread else "keep"

"""Write a release whole under a temporary name, check it, make it read-only, then show it to readers.

    releases/.tmp-<id>-<pid>/   everything is written and read back here; `restricted/` holds the marts for
                                Medical and compliance, which only the files' owner can enter
    releases/<id>/              one rename
    releases/history.json       its place in the order
    ledger                      which landings it holds
    releases/current            one atomic switch, last

Killed between any two of these and run again, the result is the same. A reader only sees whole releases.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from shirube import __version__, durable
from shirube.audit.gates import Decision, Reason, decide
from shirube.audit.results import AuditResult
from shirube.audit.run import Candidate
from shirube.engine import bounded
from shirube.home import Home
from shirube.ledger import Ledger
from shirube.release import kpi_rows, retention, shelf
from shirube.release.declared import RESTRICTED_FOLDER, Declared, read_declared
from shirube.release.lineage import described, rule_versions
from shirube.release.manifest import (
    DUCKDB_CHECKSUM_FILE,
    DUCKDB_FILE,
    MANIFEST_FILE,
    SCHEMA_VERSION,
    ReleaseError,
    check_contents,
    read_manifest,
    sha256,
    write_manifest,
)
from shirube.release.rollback import Release
from shirube.release.stopped_rows import named_in
from shirube.stopped import exported_stopped

# The KPI table takes its marks of arrival and linkage from this mart.
TRUST_MART = "mart_data_trust"
Progress = Callable[[str, dict[str, Any]], None]


SPILL_FOLDER = ".spill"
PUBLISHED_DIGITS = 9
"""Decimal places of a published floating-point number."""


class ReleaseBlockedError(ReleaseError):
    """The audit forbids this release; readers keep what they have. `reasons` says why in both languages."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__(
            "the audit blocks this release:\n" + "\n".join(f"- {reason.en}" for reason in reasons)
        )
        self.reasons = reasons


@dataclass
class _Draft:
    """A release while it is written."""

    folder: Path
    connection: duckdb.DuckDBPyConnection
    declared: Declared
    decision: Decision
    withheld: dict[str, Reason] = field(default_factory=dict)
    carried_from: dict[str, Path] = field(default_factory=dict)
    marts: list[dict[str, Any]] = field(default_factory=list)
    star: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Good:
    """Where a mart can be taken from: the folder that holds it now, and the release that once made it."""

    folder: Path
    release_id: str
    as_of: str


def publish(home: Home, build: Candidate, audit: AuditResult, *, progress: Progress | None = None) -> Release:
    """Publish an audited candidate and make it what readers see.

    A release with this id that is there already is not written again; it becomes current unless a person
    rolled back from it. Waits while another process publishes.

    Raises: ReleaseBlockedError if a critical check failed on a landed source or the core; ReleaseError if
    the audit is of another candidate, the release was retired, the disk is full, or what was written does not
    read back. Readers see nothing of it then.
    """
    if (audit.release_id, audit.config_version) != (build.release_id, build.config_version):
        raise ReleaseError(
            f"点検の結果は {audit.release_id} のもので、組み立てた {build.release_id} のものではありません。"
            "先に `shirube audit` で点検してください。 / "
            f"the audit is of {audit.release_id}, the build is {build.release_id}: audit it first"
            " (`shirube audit`)"
        )
    keep = retention.configured_keep()  # a mistake in it must show before readers see anything
    decision = decide(audit)
    if decision.blocked:
        raise ReleaseBlockedError(decision.blocked)
    with shelf.locked(home), _full_disk_explained(home, build.release_id):
        target = home.releases / build.release_id
        _refuse_retired(home, build.release_id)
        status = "already_published"
        if not target.exists():
            _write(home, build, audit, decision, target, progress)
            status = "published"
        elif build.release_id in shelf.read_history(home).rolled_back:
            return Release(build.release_id, target, "rolled_back")
        _show(home, build, target)
        retention.prune_locked(home, keep)
    if progress:
        progress("release_published", {"release_id": build.release_id, "status": status})
    return Release(build.release_id, target, status)


def _refuse_retired(home: Home, release_id: str) -> None:
    if release_id in shelf.read_history(home).retired:
        raise ReleaseError(
            f"{release_id} は `shirube retire` で棚から下ろした版なので、もう一度は公開しません。"
            "もとのファイルと利用停止の一覧が前と同じです。それでも公開するなら、先に "
            f"`shirube retire --undo {release_id}` を。 / "
            f"{release_id} was retired and is not published again: its files and the list of stopped"
            f" physicians are the same as then. If it shall be: `shirube retire --undo {release_id}` first."
        )


def _show(home: Home, build: Candidate, target: Path) -> None:
    """Give a whole release its place in the order, the ledger, and readers' sight."""
    read_manifest(target)
    history = shelf.read_history(home)
    if build.release_id not in history.order:
        shelf.write_history(home, replace(history, order=(*history.order, build.release_id)))
    with Ledger(home) as ledger:
        ledger.record_release(build.release_id, build.as_of, "published", _landing_ids(build))
    if shelf.current_id(home) != build.release_id:
        shelf.switch(home, build.release_id)


def _write(
    home: Home,
    build: Candidate,
    audit: AuditResult,
    decision: Decision,
    target: Path,
    progress: Progress | None,
) -> None:
    folder = shelf.temporary(home, build.release_id)
    (folder / "marts").mkdir(parents=True)
    (folder / "star").mkdir()
    (folder / RESTRICTED_FOLDER).mkdir(mode=0o700)
    try:
        with duckdb.connect(
            str(build.warehouse_file), read_only=True, config=bounded(folder / SPILL_FOLDER)
        ) as connection:
            connection.execute("set preserve_insertion_order = true")
            connection.execute("set timezone = 'UTC'")
            draft = _Draft(folder, connection, read_declared(build.dbt_manifest), decision)
            _write_marts(home, draft, build, progress)
            _write_star(draft, progress)
            core_rows = _row_counts(connection, "core")
            lineage = _lineage(draft)
        shutil.copytree(audit.folder, folder / "audit")
        tables = _write_database(draft)
        shutil.rmtree(folder / SPILL_FOLDER, ignore_errors=True)
        manifest = _manifest(build, audit, draft, core_rows, tables, lineage)
        check_contents(folder, manifest)
        write_manifest(folder, manifest)
        _seal(folder)
        folder.rename(target)
        durable.sync(home.releases)
    except BaseException:
        shelf.discard(folder)
        raise


def _write_marts(home: Home, draft: _Draft, build: Candidate, progress: Progress | None) -> None:
    """Every mart of the candidate: as built, from the last good release, or not at all; KPI values last."""
    names = _row_counts(draft.connection, "marts").keys() | draft.decision.withheld.keys()
    draft.withheld |= _drawn_in(names, draft.decision.withheld, draft.declared)
    for name in sorted(names - {kpi_rows.KPI_TABLE}):
        draft.marts.append(_mart_entry(home, draft, build, name, f'marts."{name}"'))
        if progress:
            progress("mart_written", {"mart": name, "status": draft.marts[-1]["status"]})
    if kpi_rows.KPI_TABLE not in names:
        return
    values = f'marts."{kpi_rows.KPI_TABLE}"'
    if kpi_rows.KPI_TABLE not in draft.withheld:
        values = kpi_rows.adapt(draft.connection, values, _kpi_changes(draft))
    for name in (kpi_rows.KPI_TABLE, kpi_rows.RESTRICTED_KPI_TABLE):
        is_restricted = name in draft.declared.restricted
        if name == kpi_rows.KPI_TABLE or is_restricted:
            share = kpi_rows.share_of(values, draft.declared.restricted_kpis, is_restricted)
            draft.marts.append(_mart_entry(home, draft, build, name, share))


def _drawn_in(names: Set[str], failed: dict[str, Reason], declared: Declared) -> dict[str, Reason]:
    """The failed marts, and every mart that reads one of them, directly or through others.

    The KPI table is spared where the failed mart counts KPIs: its rows are dealt with one by one. A calendar
    or a trust mark that failed is in every row.
    """
    withheld = dict(failed)
    while True:
        found: dict[str, Reason] = {}
        for name in sorted(names - withheld.keys()):
            read = [parent for parent in declared.mart_parents.get(name, ()) if parent in withheld]
            if name == kpi_rows.KPI_TABLE:
                read = [mart for mart in read if mart == TRUST_MART or not declared.kpis_of(mart)]
            if read:
                found[name] = Reason(
                    f"もとになる{'、'.join(read)}が記録の点検に通らなかったため",
                    f"computed from {', '.join(read)}, which did not pass",
                )
        if not found:
            return withheld
        withheld |= found


def _mart_entry(home: Home, draft: _Draft, build: Candidate, name: str, relation: str) -> dict[str, Any]:
    """Write one mart's file, if it gets one, and describe it for the manifest; `relation` holds its rows."""
    place = RESTRICTED_FOLDER if name in draft.declared.restricted else "marts"
    file = draft.folder / place / f"{name}.parquet"
    entry: dict[str, Any] = {
        "name": name,
        "status": "published",
        "file": f"{place}/{file.name}",
        "rows": None,
        "sha256": None,
        "reason_ja": None,
        "reason_en": None,
        "source_release": None,
        "source_as_of": None,
        "warnings": [],
    }
    is_kpi_table = name in (kpi_rows.KPI_TABLE, kpi_rows.RESTRICTED_KPI_TABLE)
    built = kpi_rows.KPI_TABLE if is_kpi_table else name
    reason = draft.withheld.get(built)
    if reason is None:
        _copy_out(draft.connection, relation, file, draft.declared.grain.get(built))
        entry["warnings"] = [check.why for check in draft.decision.warned.get(f"marts.{built}", ())]
    else:
        good = _last_good(home, draft.connection, build, name)
        if good is None:
            return {
                **entry,
                "status": "withheld",
                "file": None,
                "reason_ja": _withheld(reason),
                "reason_en": reason.en,
            }
        carried = f"{reason.ja}、更新していません。{_day(good.as_of)}時点の値です"
        draft.carried_from[name] = good.folder
        if is_kpi_table:
            relation = kpi_rows.stale(draft.connection, good.folder / entry["file"], carried)
            _copy_out(draft.connection, relation, file, None)
        else:
            shutil.copyfile(good.folder / entry["file"], file)
        entry |= {
            "status": "carried_over",
            "reason_ja": carried,
            "reason_en": f"{reason.en}; the values as of {good.as_of} are carried over",
            "source_release": good.release_id,
            "source_as_of": good.as_of,
        }
    return {**entry, "rows": pq.read_metadata(file).num_rows, "sha256": sha256(file)}


def _withheld(reason: Reason) -> str:
    return f"{reason.ja}、出していません"


def _day(iso: str) -> str:
    day = date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日"


def _last_good(
    home: Home, connection: duckdb.DuckDBPyConnection, build: Candidate, mart: str
) -> _Good | None:
    """The newest release up to the current one that holds this mart, its bytes proven, and in it no row of a
    physician whom the candidate leaves out: what is carried over must not bring him back."""
    stopped = exported_stopped(build.ledger)
    order = shelf.read_history(home).order
    shown = shelf.current_id(home)
    if shown in order:
        order = order[: order.index(shown) + 1]
    for release_id in reversed(order):
        folder = home.releases / release_id
        if not folder.is_dir():
            continue
        manifest = read_manifest(folder)
        if manifest["as_of"] > build.as_of.isoformat():
            continue
        for entry in manifest["marts"]:
            if entry["name"] != mart or not entry["file"]:
                continue
            file = folder / entry["file"]
            if sha256(file) == entry["sha256"] and not named_in(connection, file, stopped):
                return _Good(
                    folder, entry["source_release"] or release_id, entry["source_as_of"] or manifest["as_of"]
                )
    return None


def _kpi_changes(draft: _Draft) -> kpi_rows.KpiChanges:
    """What the marts' fates mean for the values that were computed from them."""
    changes = kpi_rows.KpiChanges({}, {}, {})
    for entry in draft.marts:
        kpis = draft.declared.kpis_of(entry["name"])
        if entry["status"] == "withheld":
            changes.withheld.update(dict.fromkeys(kpis, entry["reason_ja"]))
        elif entry["status"] == "carried_over":
            values = draft.carried_from[entry["name"]] / (
                f"{RESTRICTED_FOLDER}/{kpi_rows.RESTRICTED_KPI_TABLE}.parquet"
                if entry["name"] in draft.declared.restricted
                else f"marts/{kpi_rows.KPI_TABLE}.parquet"
            )
            without = _withheld(draft.withheld[entry["name"]])
            if values.is_file():
                carried = kpi_rows.Carried(values, entry["reason_ja"], without)
                changes.carried.update(dict.fromkeys(kpis, carried))
            else:
                changes.withheld.update(dict.fromkeys(kpis, without))
    for name, checks in draft.decision.warned.items():
        mart = name.removeprefix("marts.")
        for check in checks:
            if check.trust and name != mart:
                affected = draft.declared.kpis if mart == kpi_rows.KPI_TABLE else draft.declared.kpis_of(mart)
                changes.caution.setdefault(check.trust, set()).update(affected)
    return changes


def _write_star(draft: _Draft, progress: Progress | None) -> None:
    """The core tables that dbt's exposures publish, as they are: pseudonymous, tokens only."""
    built = _row_counts(draft.connection, "core")
    for name in draft.declared.star:
        entry: dict[str, Any] = {"name": name, "status": "published", "file": f"star/{name}.parquet"}
        entry |= {"rows": None, "sha256": None, "reason_ja": None, "reason_en": None}
        reason = draft.decision.unpublishable.get(name)
        if name not in built:
            reason = Reason("今回は作られなかったため", "this build did not make it")
        if reason is not None:
            draft.star.append(
                {
                    **entry,
                    "status": "withheld",
                    "file": None,
                    "reason_ja": _withheld(reason),
                    "reason_en": reason.en,
                }
            )
            continue
        file = draft.folder / "star" / f"{name}.parquet"
        _copy_out(draft.connection, f'core."{name}"', file, draft.declared.grain.get(name))
        draft.star.append({**entry, "rows": pq.read_metadata(file).num_rows, "sha256": sha256(file)})
        if progress:
            progress("star_written", {"table": name, "rows": draft.star[-1]["rows"]})


def _copy_out(
    connection: duckdb.DuckDBPyConnection, relation: str, file: Path, grain: tuple[str, ...] | None
) -> None:
    """One table as Parquet, always in one order: by its grain, or by all columns where none is declared.

    Floating-point sums depend on the order in which threads add: digits beyond the ninth say nothing and
    would make two equal releases differ.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    rounded = ", ".join(
        f'round("{column}", {PUBLISHED_DIGITS}) as "{column}"'
        for column, kind, *_ in described
        if kind == "DOUBLE"
    )
    columns = f"* replace ({rounded})" if rounded else "*"
    order = ", ".join(f'"{column}"' for column in grain) if grain else "all"
    connection.execute(
        f"copy (select {columns} from {relation} order by {order}) to {_quoted(file)}"
        " (format parquet, compression zstd)"
    )


def _write_database(draft: _Draft) -> dict[str, int]:
    """`shirube.duckdb` from the Parquet files just written: marts for everyone, exposed dimensions."""
    file = draft.folder / DUCKDB_FILE
    tables: dict[str, int] = {}
    with duckdb.connect(str(file), config=bounded(draft.folder / SPILL_FOLDER)) as database:
        for entry in [*draft.marts, *draft.star]:
            name = entry["name"]
            is_meant = entry in draft.marts or name.startswith("dim_")
            if entry["file"] and is_meant and name not in draft.declared.restricted:
                source = _quoted(draft.folder / entry["file"])
                database.execute(f'create table "{name}" as from read_parquet({source})')
                tables[name] = entry["rows"]
        database.execute("checkpoint")
    (draft.folder / DUCKDB_CHECKSUM_FILE).write_text(sha256(file) + "\n", encoding="ascii")
    return tables


def _lineage(draft: _Draft) -> dict[str, Any]:
    """Mart → what it is made of and by which versions of the rules; a mart that was carried over keeps its
    own."""
    versions = rule_versions(draft.connection)
    found = {}
    for entry in draft.marts:
        name = entry["name"]
        earlier = draft.carried_from.get(name)
        if earlier is not None:
            found[name] = read_manifest(earlier).get("lineage", {}).get(name)
        elif name in draft.declared.lineage:
            found[name] = described(draft.declared.lineage[name], versions)
    return found


def _manifest(
    build: Candidate,
    audit: AuditResult,
    draft: _Draft,
    core_rows: dict[str, int],
    tables: dict[str, int],
    lineage: dict[str, Any],
) -> dict[str, Any]:
    unlisted = {MANIFEST_FILE, DUCKDB_FILE, DUCKDB_CHECKSUM_FILE}
    files = sorted(path for path in draft.folder.rglob("*") if path.is_file() and path.name not in unlisted)
    return {
        "schema_version": SCHEMA_VERSION,
        "release_id": build.release_id,
        "as_of": build.as_of.isoformat(),
        "code_version": __version__,
        "config_version": build.config_version,
        "sources": _sources(build),
        "marts": draft.marts,
        "star": draft.star,
        "lineage": lineage,
        "core_rows": core_rows,
        "duckdb": {"file": DUCKDB_FILE, "tables": tables},
        "audit": {
            "counts": audit.counts,
            "tables": [{"name": table.name, "status": table.status} for table in audit.tables],
        },
        "files": {path.relative_to(draft.folder).as_posix(): sha256(path) for path in files},
    }


def _sources(build: Candidate) -> list[dict[str, Any]]:
    """Per source what arrived up to as_of, those from which nothing came included."""
    batch, source = (_quoted(build.ledger / f"{name}.parquet") for name in ("batch", "source"))
    with duckdb.connect(config=bounded()) as connection:
        found = connection.execute(
            f"""
            select
                source.source, source.business_name, source.is_expected, source.freshness_hours,
                count(batch.batch_id) filter (where batch.state = 'landed') as batches_landed,
                count(batch.batch_id) filter (where batch.state = 'quarantined') as batches_quarantined,
                cast(coalesce(sum(batch.rows_in), 0) as bigint) as rows_in,
                cast(coalesce(sum(batch.rows_landed), 0) as bigint) as rows_landed,
                cast(coalesce(sum(batch.rows_quarantined), 0) as bigint) as rows_quarantined,
                cast(max(batch.delivered_on) as varchar) as last_delivered_on
            from read_parquet({source}) as source
            left join read_parquet({batch}) as batch
                on batch.source = source.source
            group by all order by all
            """
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _landing_ids(build: Candidate) -> list[str]:
    batch = _quoted(build.ledger / "batch.parquet")
    with duckdb.connect(config=bounded()) as connection:
        rows = connection.execute(
            f"select landing_id from read_parquet({batch}) where state = 'landed' order by 1"
        ).fetchall()
    return [str(row[0]) for row in rows]


def _row_counts(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, int]:
    names = connection.execute(
        "select table_name from information_schema.tables where table_schema = ? order by 1", [schema]
    ).fetchall()
    counts = {}
    for (name,) in names:
        row = connection.execute(f'select count(*) from {schema}."{name}"').fetchone()
        counts[str(name)] = int(row[0]) if row else 0
    return counts


def _seal(folder: Path) -> None:
    """Make every file read-only and durable, then the folders."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o400 if path.parent.name == RESTRICTED_FOLDER else 0o444)
        durable.sync(path)
    durable.sync(folder)


@contextmanager
def _full_disk_explained(home: Home, release_id: str) -> Iterator[None]:
    """Say what a full disk means here; the temporary folder is gone by then."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and not any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT)):
            raise
        raise ReleaseError(
            f"{home.releases} のあるディスクがいっぱいで、{release_id} は公開していません（読者が見る版は"
            "前のままです）。空きを作って（残す版の数は SHIRUBE_KEEP_RELEASES で減らせます）、"
            "もう一度公開してください。 / "
            f"the disk that holds {home.releases} is full: release {release_id} was not published and readers"
            " keep what they have. Free space (fewer releases: SHIRUBE_KEEP_RELEASES) and publish again"
        ) from error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

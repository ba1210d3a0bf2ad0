"""The ledger: every file ever seen, what became of it, which release it went into, and how many physicians
the newest build left out.

One SQLite file, safe for several processes: each change is one immediate transaction, and a process that
finds it locked waits. It holds no clock times: a ledger is a function of the files that arrived, not of when
or in which order they did.

States of a batch: `received` (copied to the vault, not yet decided) → `landed` or `quarantined` (the whole
file was refused). A replay makes a new landing of the same batch; the batch then points at the new one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from shirube import durable
from shirube.contracts import SourceContract, load_contracts
from shirube.home import Home
from shirube.locks import held

SCHEMA_VERSION = 3
BUSY_TIMEOUT_SECONDS = 60.0
OPENING_LOCK = ".opening.lock"
MOST_DAYS_UNDELIVERED = 3_660
"""How long after a file's newest row a date in its name is still believed to be its delivery.

Ten years, for a first load of old records. What lies beyond is a slip or a number that looks like a date, and
one such name would move the day as of which everything is counted for good.
"""
NO_DATE = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time of the sender, without a zone by definition

_SCHEMA = """
create table batch (
    batch_id text primary key,
    source text not null,
    content_hash text not null,
    size_bytes integer not null,
    name_values text not null,
    state text not null check (state in ('received', 'landed', 'quarantined')),
    landing_id text,
    contract_fingerprint text,
    rows_in integer not null default 0,
    rows_landed integer not null default 0,
    rows_quarantined integer not null default 0,
    event_min_on text,
    event_max_on text,
    newest_on text,
    column_period text,
    ignored_columns text not null default '[]',
    reason_code text,
    message_ja text,
    message_en text,
    check (rows_in = rows_landed + rows_quarantined),
    check ((state = 'received') = (landing_id is null))
) strict;
create index batch_by_source on batch (source, state);
create table sighting (
    batch_id text not null references batch,
    file_name text not null,
    delivered_at text,
    name_period text,
    primary key (batch_id, file_name)
) strict, without rowid;
create table inbox_file (
    path text primary key,
    size_bytes integer not null,
    mtime_ns integer not null,
    batch_id text not null references batch
) strict, without rowid;
create table quarantine_reason (
    batch_id text not null references batch,
    reason_code text not null,
    rows integer not null,
    primary key (batch_id, reason_code)
) strict, without rowid;
create table release (
    release_id text primary key,
    as_of text not null,
    status text not null
) strict, without rowid;
create table release_member (
    release_id text not null references release,
    landing_id text not null,
    primary key (release_id, landing_id)
) strict, without rowid;
create table left_out (
    only_one integer primary key check (only_one = 1),
    physicians integer not null,
    digest text,
    check ((physicians = 0) = (digest is null))
) strict;
"""

_MIGRATIONS = {
    1: "alter table batch add column newest_on text",
    2: """
        create table left_out (
            only_one integer primary key check (only_one = 1),
            physicians integer not null,
            digest text,
            check ((physicians = 0) = (digest is null))
        ) strict
    """,
}
"""From each earlier version of the schema to the next."""

_BELIEVED = """
with believed as (
    select
        sighting.batch_id,
        sighting.file_name,
        sighting.name_period,
        case
            when is_plausible(sighting.delivered_at, coalesce(batch.newest_on, batch.event_max_on))
                then sighting.delivered_at
        end as delivered_at,
        sighting.delivered_at as named_at
    from sighting inner join batch using (batch_id)
)
"""

_BATCH_QUERY = (
    _BELIEVED
    + """
, seen as (
    select
        batch_id,
        max(delivered_at) as delivered_at,
        max(name_period) as name_period
    from believed group by batch_id
), named as (
    select batch_id, file_name, row_number() over (
        partition by batch_id order by coalesce(delivered_at, '') desc, file_name desc
    ) as place
    from believed
)
select
    batch.*, named.file_name, seen.delivered_at, coalesce(seen.name_period, batch.column_period) as period
from batch
inner join seen using (batch_id)
inner join named on named.batch_id = batch.batch_id and named.place = 1
where (:source is null or batch.source = :source)
    and (:state is null or batch.state = :state)
    and (:batch_id is null or batch.batch_id = :batch_id)
order by batch.source, batch.batch_id
"""
)

_BATCH_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("landing_id", pa.string()),
        ("source", pa.string()),
        ("file_name", pa.string()),
        ("delivered_at", pa.timestamp("us")),
        ("delivered_on", pa.date32()),
        ("period", pa.string()),
        ("state", pa.string()),
        ("rows_in", pa.int64()),
        ("rows_landed", pa.int64()),
        ("rows_quarantined", pa.int64()),
        ("event_min_on", pa.date32()),
        ("event_max_on", pa.date32()),
        ("content_hash", pa.string()),
    ]
)
_SIGHTING_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("landing_id", pa.string()),
        ("source", pa.string()),
        ("file_name", pa.string()),
        ("delivered_at", pa.timestamp("us")),
        ("delivered_on", pa.date32()),
    ]
)
_QUARANTINE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("batch_id", pa.string()),
        ("landing_id", pa.string()),
        ("reason_code", pa.string()),
        ("rows", pa.int64()),
    ]
)
_SOURCE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("business_name", pa.string()),
        ("freshness_hours", pa.int64()),
        ("is_periodic", pa.bool_()),
        ("is_expected", pa.bool_()),
    ]
)


class LedgerError(RuntimeError):
    """The ledger cannot be used, or was asked for something it does not know."""


@dataclass(frozen=True)
class Sighting:
    """One name under which a content was delivered; what the name tells is null when it tells nothing."""

    file_name: str
    delivered_at: datetime | None
    period: str | None


@dataclass(frozen=True)
class Batch:
    """One content of one source and what became of it; `file_name` is relative to the source's inbox."""

    batch_id: str
    source: str
    content_hash: str
    size_bytes: int
    name_values: Mapping[str, str]
    state: str
    landing_id: str | None
    contract_fingerprint: str | None
    file_name: str
    delivered_at: datetime
    period: str | None
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    event_min_on: date | None
    event_max_on: date | None
    ignored_columns: tuple[str, ...]
    reason_code: str | None
    message_ja: str | None
    message_en: str | None


@dataclass(frozen=True)
class Landing:
    """The outcome of landing one batch, as the ledger records it.

    `newest_on` is the last day that anything in the file was recorded, where it may hold events that are only
    planned. `reasons` counts every quarantined row once, under its first reason; a refused file has the state
    `quarantined` and the reason of the file.
    """

    batch_id: str
    landing_id: str
    contract_fingerprint: str
    state: str
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    event_min_on: date | None = None
    event_max_on: date | None = None
    newest_on: date | None = None
    column_period: str | None = None
    ignored_columns: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    reason_code: str | None = None
    message_ja: str | None = None
    message_en: str | None = None


@dataclass(frozen=True)
class Pending:
    """Work the ledger knows of: batches to land, and landed batches that no release holds yet."""

    received: tuple[Batch, ...]
    unreleased: tuple[Batch, ...]

    def __len__(self) -> int:
        return len(self.received) + len(self.unreleased)


@dataclass(frozen=True)
class RecordedRelease:
    """A release and the landings it was built from."""

    release_id: str
    as_of: date
    status: str
    landing_ids: tuple[str, ...]


@dataclass(frozen=True)
class LeftOutBefore:
    """Whom the newest build left out: how many, and a keyed digest of their keys; None for nobody."""

    physicians: int
    digest: str | None


def batch_id_of(source: str, content_hash: str, name_values: Mapping[str, str] | None = None) -> str:
    """16 hex that identify a content of a source.

    Values that a contract takes from the file's name belong to the content: the same bytes delivered for two
    months are two batches.
    """
    identity = f"{source}\0{content_hash}"
    if name_values:
        identity += "\0" + json.dumps(dict(name_values), ensure_ascii=False, sort_keys=True)
    return sha256(identity.encode()).hexdigest()[:16]


class Ledger:
    """Access to the ledger of a data home; use it as a context manager.

    Raises `LedgerError` when the file was made by a newer version.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        home.ledger_file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            home.ledger_file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.create_function("is_plausible", 2, _is_plausible_text, deterministic=True)
        self._connection.execute("pragma foreign_keys = on")
        # Switching to a write-ahead log does not wait for other processes: they open the file in turn.
        with held(home.ledger_file.with_name(OPENING_LOCK), wait_seconds=BUSY_TIMEOUT_SECONDS):
            # With such a log a commit costs one flush instead of three; "full" keeps every commit durable.
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._prepare()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def known_file(self, path: str, size_bytes: int, mtime_ns: int) -> str | None:
        """The batch of an inbox file that has not changed since it was registered, else None."""
        row = self._connection.execute(
            "select batch_id from inbox_file where path = ? and size_bytes = ? and mtime_ns = ?",
            (path, size_bytes, mtime_ns),
        ).fetchone()
        return row["batch_id"] if row else None

    def register(
        self,
        source: str,
        content_hash: str,
        size_bytes: int,
        sighting: Sighting,
        *,
        inbox_path: str,
        mtime_ns: int,
        name_values: Mapping[str, str] | None = None,
    ) -> tuple[str, bool]:
        """Note that a content was seen under a name; returns its batch id and whether the content is new.

        `inbox_path` (relative to the inbox), `size_bytes` and `mtime_ns` make the file known, so that the
        next scan need not read it.
        """
        batch_id = batch_id_of(source, content_hash, name_values)
        with self._transaction() as connection:
            new = connection.execute(
                "insert into batch (batch_id, source, content_hash, size_bytes, name_values, state) "
                "values (?, ?, ?, ?, ?, 'received') on conflict do nothing",
                (
                    batch_id,
                    source,
                    content_hash,
                    size_bytes,
                    json.dumps(dict(name_values or {}), ensure_ascii=False, sort_keys=True),
                ),
            ).rowcount
            _put_sighting(connection, batch_id, sighting)
            connection.execute(
                "insert into inbox_file values (?, ?, ?, ?) on conflict (path) do update set "
                "size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, "
                "batch_id = excluded.batch_id",
                (inbox_path, size_bytes, mtime_ns, batch_id),
            )
        return batch_id, new == 1

    def batches(self, source: str | None = None, state: str | None = None) -> list[Batch]:
        """All batches, or those of a source or state, sorted by source and id."""
        return self._batches(source=source, state=state)

    def batch(self, batch_id: str) -> Batch:
        """One batch; raises `LedgerError` when there is none with this id."""
        found = self._batches(batch_id=batch_id)
        if not found:
            raise LedgerError(f"バッチ {batch_id} は台帳にありません。 / The ledger has no batch {batch_id}.")
        return found[0]

    def sightings(self, batch_id: str) -> list[Sighting]:
        """Every name a content was delivered under, sorted; a date that is not believed is left out."""
        rows = self._connection.execute(
            f"{_BELIEVED} select * from believed where batch_id = ? order by file_name", (batch_id,)
        )
        return [Sighting(row["file_name"], _moment(row["delivered_at"]), row["name_period"]) for row in rows]

    def names_not_believed(self) -> list[str]:
        """Inbox names whose date cannot be the file's delivery, sorted: it counts as none."""
        rows = self._connection.execute(
            f"{_BELIEVED} select source || '/' || file_name from believed inner join batch using (batch_id) "
            "where named_at is not null and believed.delivered_at is null order by 1"
        )
        return [row[0] for row in rows]

    def reasons(self, source: str | None = None) -> list[tuple[str, str, int]]:
        """(batch id, reason code, rows) of everything in quarantine, sorted."""
        rows = self._connection.execute(
            "select batch_id, quarantine_reason.reason_code, rows from quarantine_reason "
            "inner join batch using (batch_id) where (:source is null or source = :source) order by 1, 2",
            {"source": source},
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def commit_landing(self, landing: Landing, sightings: Sequence[Sighting] = ()) -> None:
        """Record how a batch was landed, at once; an earlier landing of the same batch is replaced.

        `sightings` are written again when a replay reads more from the file names than was known before.
        """
        if sum(landing.reasons.values()) != landing.rows_quarantined:
            raise LedgerError(
                f"batch {landing.batch_id}: reasons cover {sum(landing.reasons.values())} of "
                f"{landing.rows_quarantined} quarantined rows"
            )
        with self._transaction() as connection:
            changed = connection.execute(
                "update batch set state = ?, landing_id = ?, contract_fingerprint = ?, rows_in = ?, "
                "rows_landed = ?, rows_quarantined = ?, event_min_on = ?, event_max_on = ?, newest_on = ?, "
                "column_period = ?, ignored_columns = ?, reason_code = ?, message_ja = ?, "
                "message_en = ? where batch_id = ?",
                (
                    landing.state,
                    landing.landing_id,
                    landing.contract_fingerprint,
                    landing.rows_in,
                    landing.rows_landed,
                    landing.rows_quarantined,
                    landing.event_min_on and landing.event_min_on.isoformat(),
                    landing.event_max_on and landing.event_max_on.isoformat(),
                    landing.newest_on and landing.newest_on.isoformat(),
                    landing.column_period,
                    json.dumps(sorted(landing.ignored_columns), ensure_ascii=False),
                    landing.reason_code,
                    landing.message_ja,
                    landing.message_en,
                    landing.batch_id,
                ),
            ).rowcount
            if changed != 1:
                raise LedgerError(f"the ledger has no batch {landing.batch_id}")
            connection.execute("delete from quarantine_reason where batch_id = ?", (landing.batch_id,))
            connection.executemany(
                "insert into quarantine_reason values (?, ?, ?)",
                [(landing.batch_id, code, rows) for code, rows in sorted(landing.reasons.items())],
            )
            for sighting in sightings:
                _put_sighting(connection, landing.batch_id, sighting)

    def pending(self) -> Pending:
        """What is left to do with the files the ledger knows; `landing.new_files` finds those it does not."""
        released = {
            row["landing_id"]
            for row in self._connection.execute("select distinct landing_id from release_member")
        }
        unreleased = [batch for batch in self.batches(state="landed") if batch.landing_id not in released]
        return Pending(tuple(self.batches(state="received")), tuple(unreleased))

    def record_release(self, release_id: str, as_of: date, status: str, landing_ids: Iterable[str]) -> None:
        """Note a release and what it was built from; the same release again only updates its status."""
        with self._transaction() as connection:
            connection.execute(
                "insert into release values (?, ?, ?) "
                "on conflict (release_id) do update set status = excluded.status",
                (release_id, as_of.isoformat(), status),
            )
            connection.executemany(
                "insert into release_member values (?, ?) on conflict do nothing",
                [(release_id, landing_id) for landing_id in sorted(set(landing_ids))],
            )

    def releases(self) -> list[RecordedRelease]:
        """All releases ever made, sorted by id."""
        members: dict[str, list[str]] = {}
        for row in self._connection.execute(
            "select release_id, landing_id from release_member order by 1, 2"
        ):
            members.setdefault(row["release_id"], []).append(row["landing_id"])
        return [
            RecordedRelease(
                row["release_id"],
                date.fromisoformat(row["as_of"]),
                row["status"],
                tuple(members.get(row["release_id"], ())),
            )
            for row in self._connection.execute("select * from release order by release_id")
        ]

    def record_left_out(self, physicians: int, digest: str | None) -> None:
        """Note whom the newest build left out, in place of what was noted before: a number and a digest."""
        with self._transaction() as connection:
            connection.execute(
                "insert into left_out values (1, ?, ?) on conflict (only_one) do update set "
                "physicians = excluded.physicians, digest = excluded.digest",
                (physicians, digest),
            )

    def left_out(self) -> LeftOutBefore | None:
        """Whom the newest build left out; None where no build was noted yet."""
        row = self._connection.execute("select physicians, digest from left_out").fetchone()
        return LeftOutBefore(row["physicians"], row["digest"]) if row else None

    def export_parquet(
        self,
        folder: Path,
        contracts: Mapping[str, SourceContract] | None = None,
        as_of: date | None = None,
    ) -> None:
        """Write batch, sighting, quarantine and source as Parquet for dbt, each replaced atomically.

        Only what had been delivered by `as_of` (default: everything), with the day it had last come by then.
        Batches that are still `received` are left out. The rows are sorted and tell nothing about when or in
        which order files arrived: equal deliveries give equal bytes.
        """
        declared = load_contracts() if contracts is None else contracts
        with self._transaction():
            decided = [batch for batch in self.batches() if batch.state != "received"]
            reasons = self.reasons()
            sightings = [
                (batch, seen, seen.delivered_at or batch.delivered_at)
                for batch in decided
                for seen in self.sightings(batch.batch_id)
            ]
        sightings = [one for one in sightings if as_of is None or one[2].date() <= as_of]
        last_come: dict[str, datetime] = {}
        for batch, _, delivered_at in sightings:
            last_come[batch.batch_id] = max(delivered_at, last_come.get(batch.batch_id, delivered_at))
        decided = [
            replace(batch, delivered_at=last_come[batch.batch_id])
            for batch in decided
            if batch.batch_id in last_come
        ]
        known = {batch.batch_id: batch for batch in decided}
        _write_table(
            folder / "batch.parquet",
            _BATCH_SCHEMA,
            [
                {
                    "batch_id": batch.batch_id,
                    "landing_id": batch.landing_id,
                    "source": batch.source,
                    "file_name": batch.file_name,
                    "delivered_at": batch.delivered_at,
                    "delivered_on": batch.delivered_at.date(),
                    "period": batch.period,
                    "state": batch.state,
                    "rows_in": batch.rows_in,
                    "rows_landed": batch.rows_landed,
                    "rows_quarantined": batch.rows_quarantined,
                    "event_min_on": batch.event_min_on,
                    "event_max_on": batch.event_max_on,
                    "content_hash": batch.content_hash,
                }
                for batch in decided
            ],
        )
        _write_table(
            folder / "sighting.parquet",
            _SIGHTING_SCHEMA,
            [
                {
                    "batch_id": batch.batch_id,
                    "landing_id": batch.landing_id,
                    "source": batch.source,
                    "file_name": seen.file_name,
                    "delivered_at": delivered_at,
                    "delivered_on": delivered_at.date(),
                }
                for batch, seen, delivered_at in sightings
            ],
        )
        _write_table(
            folder / "quarantine.parquet",
            _QUARANTINE_SCHEMA,
            [
                {
                    "source": known[batch_id].source,
                    "batch_id": batch_id,
                    "landing_id": known[batch_id].landing_id,
                    "reason_code": reason_code,
                    "rows": rows,
                }
                for batch_id, reason_code, rows in reasons
                if batch_id in known
            ],
        )
        _write_table(
            folder / "source.parquet",
            _SOURCE_SCHEMA,
            [
                {
                    "source": name,
                    "business_name": contract.business_name,
                    "freshness_hours": contract.freshness_hours,
                    "is_periodic": contract.is_periodic,
                    "is_expected": contract.is_expected,
                }
                for name, contract in sorted(declared.items())
            ],
        )

    def _batches(
        self, source: str | None = None, state: str | None = None, batch_id: str | None = None
    ) -> list[Batch]:
        rows = self._connection.execute(
            _BATCH_QUERY, {"source": source, "state": state, "batch_id": batch_id}
        )
        return [_batch(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("begin immediate")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def _prepare(self) -> None:
        version = self._connection.execute("pragma user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if version > SCHEMA_VERSION:
            self._connection.close()
            raise LedgerError(
                f"台帳の版 {version} はこのプログラム(版 {SCHEMA_VERSION})より新しいものです。 / "
                "The ledger was made by a newer version of this program."
            )
        with self._transaction() as connection:
            version = connection.execute("pragma user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
            else:
                for earlier in range(version, SCHEMA_VERSION):
                    connection.execute(_MIGRATIONS[earlier])
            connection.execute(f"pragma user_version = {SCHEMA_VERSION}")


def is_plausible(delivered_at: datetime, newest_on: date | None) -> bool:
    """Whether a date in a file's name can be its delivery, given the newest day in the file."""
    return newest_on is None or (delivered_at.date() - newest_on).days <= MOST_DAYS_UNDELIVERED


def _is_plausible_text(delivered_at: str | None, newest_on: str | None) -> bool:
    moment = _moment(delivered_at)
    return moment is not None and is_plausible(moment, _day(newest_on))


def _put_sighting(connection: sqlite3.Connection, batch_id: str, sighting: Sighting) -> None:
    connection.execute(
        "insert into sighting values (?, ?, ?, ?) on conflict (batch_id, file_name) do update set "
        "delivered_at = excluded.delivered_at, name_period = excluded.name_period",
        (
            batch_id,
            sighting.file_name,
            sighting.delivered_at and sighting.delivered_at.isoformat(),
            sighting.period,
        ),
    )


def _write_table(file: Path, schema: pa.Schema, rows: list[dict[str, object]]) -> None:
    table = pa.Table.from_pylist(rows, schema=schema)
    with durable.replacing(file) as handle:
        pq.write_table(table, handle, compression="zstd")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _batch(row: sqlite3.Row) -> Batch:
    event_max_on = _day(row["event_max_on"])
    delivered_at = _moment(row["delivered_at"])
    if delivered_at is None:
        last_day = _day(row["newest_on"]) or event_max_on
        delivered_at = datetime.combine(last_day, NO_DATE.time()) if last_day else NO_DATE
    return Batch(
        batch_id=row["batch_id"],
        source=row["source"],
        content_hash=row["content_hash"],
        size_bytes=row["size_bytes"],
        name_values=json.loads(row["name_values"]),
        state=row["state"],
        landing_id=row["landing_id"],
        contract_fingerprint=row["contract_fingerprint"],
        file_name=row["file_name"],
        delivered_at=delivered_at,
        period=row["period"],
        rows_in=row["rows_in"],
        rows_landed=row["rows_landed"],
        rows_quarantined=row["rows_quarantined"],
        event_min_on=_day(row["event_min_on"]),
        event_max_on=_day(row["event_max_on"]),
        ignored_columns=tuple(json.loads(row["ignored_columns"])),
        reason_code=row["reason_code"],
        message_ja=row["message_ja"],
        message_en=row["message_en"],
    )

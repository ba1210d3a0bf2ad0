"""Landing: from files in the inbox to rows in the lake, identifiers in the vault and counts in the ledger.

For each file: copy to the vault while hashing → register → read, cast, split off identifiers → write under
hidden names → rename → commit to the ledger. Only the commit makes rows count, so a crash anywhere leaves a
batch that is `received` and is simply done again.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shirube import durable, vault
from shirube.contracts import SourceContract, load_contracts, source_names
from shirube.home import Home
from shirube.keys import TokenKey, load_key
from shirube.landing import quarantine
from shirube.landing.intake import ConservationError, Intake, split_identifiers
from shirube.landing.locks import clearing_lake, landing_source, writing_schemas
from shirube.landing.scan import InboxFile, StillBeingWritten, receive, scan
from shirube.ledger import Batch, Landing, Ledger, Sighting
from shirube.readers import FileRejected

Progress = Callable[[str, dict[str, Any]], None]

SCHEMA_FILE = "00000000-schema.parquet"
"""Zero rows, every column: in each source's lake folder, so that a source without files can be read too."""

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskFullError(OSError):
    """There was no room to write; nothing half-written is visible and the next run goes on from here."""


class LandingError(RuntimeError):
    """Some files could not be decided; all others were landed or quarantined, as `result` says."""

    def __init__(self, failures: list[str], result: LandResult) -> None:
        self.failures = failures
        self.result = result
        super().__init__(
            "取り込めないファイルがあります。 / Files that could not be landed: " + "; ".join(failures)
        )


@dataclass(frozen=True)
class BatchOutcome:
    """What became of one batch in this run; a whole refused file is `quarantined` with its reason."""

    batch_id: str
    landing_id: str
    source: str
    file_name: str
    state: str
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    seconds: float
    reason_code: str | None = None
    message_ja: str | None = None
    message_en: str | None = None


@dataclass
class LandResult:
    """What one run of landing did and what it left lying, and why."""

    new_batches: list[BatchOutcome] = field(default_factory=list)
    known_files: int = 0
    unfinished: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unknown_folders: list[str] = field(default_factory=list)
    stray_files: list[str] = field(default_factory=list)
    busy_sources: list[str] = field(default_factory=list)

    @property
    def rows_landed(self) -> int:
        """Rows that are in the lake now and were not before."""
        return sum(outcome.rows_landed for outcome in self.new_batches)

    @property
    def rows_quarantined(self) -> int:
        """Rows refused in this run, those of refused files included."""
        return sum(outcome.rows_quarantined for outcome in self.new_batches)

    def summary(self) -> str:
        """A few lines to read, Japanese first."""
        landed = [outcome for outcome in self.new_batches if outcome.state == "landed"]
        refused = [outcome for outcome in self.new_batches if outcome.state == "quarantined"]
        lines = [
            f"取り込み {len(landed)} 件({self.rows_landed:,} 行)・隔離 {len(refused)} 件と "
            f"{self.rows_quarantined:,} 行・既知 {self.known_files} 件",
            f"Landed {len(landed)} files ({self.rows_landed:,} rows), quarantined {len(refused)} files and "
            f"{self.rows_quarantined:,} rows, {self.known_files} files known already",
        ]
        lines += [f"{one.source}/{one.file_name}: {one.message_ja} / {one.message_en}" for one in refused]
        for names, japanese, english in (
            (self.unfinished, "書き込み中のため次回に", "still being written, left for the next run"),
            (
                self.unreadable,
                "読めません。権限を確かめ、名前が文字化けしていれば UTF-8 の名前に直してください",
                "cannot be read: mend its permissions, or its name if that is not UTF-8",
            ),
            (self.unknown_folders, "契約のないフォルダー", "folder without a contract"),
            (self.stray_files, "ソースのフォルダーの外のファイル", "file outside a source's folder"),
            (self.busy_sources, "別の処理が取り込み中", "another process is landing it"),
        ):
            lines += [f"{name}: {japanese} / {english}" for name in names]
        return "\n".join(lines)


def land(
    home: Home,
    source: str | None = None,
    progress: Progress | None = None,
    *,
    wait: bool = True,
    contracts: Mapping[str, SourceContract] | None = None,
) -> LandResult:
    """Land everything in the inbox that the ledger does not know, and whatever an earlier run left undone.

    Progress events: `file_started`, `file_landed`, `file_quarantined` (facts: source, file_name, rows,
    quarantined, seconds), `file_known` (a known content under a new name), `files_known` (source, files).
    Two processes may land at once: the second waits for each source, or, with `wait` off, leaves it as busy.

    Raises `LookupError` for an unknown source, `DiskFullError`, `TokenKeyError`, and `LandingError` after
    everything else was done.
    """
    names = source_names() if contracts is None else contracts
    chosen = select_sources(names, source)
    # One source needs its own contract only: a mistake in another's must not keep it from landing.
    declared = load_contracts(names=chosen) if contracts is None else contracts
    result = LandResult()
    tell = progress or _silent
    with disk_watch(), Ledger(home) as ledger:
        write_schemas(home, declared)
        found = scan(home, names)
        result.unknown_folders = list(found.unknown_folders)
        result.stray_files = list(found.stray_files)
        result.unreadable = [
            name for name in found.unreadable if source is None or name.startswith(f"{source}/")
        ]
        failures: list[str] = []
        for name in chosen:
            files = [file for file in found.files if file.source == name]
            with landing_source(home, name, wait) as held:
                if not held:
                    result.busy_sources.append(name)
                    continue
                clear_leftovers(home, ledger, name)
                _receive_all(home, ledger, declared[name], files, result, tell)
                waiting = sorted(ledger.batches(name, "received"), key=lambda batch: batch.file_name)
                failures += land_batches(home, ledger, declared[name], waiting, result, tell)
    if failures:
        raise LandingError(failures, result)
    return result


def select_sources(declared: Collection[str], source: str | None) -> list[str]:
    """All sources, or the one that was asked for; raises `LookupError` when it has no contract."""
    if source is None:
        return sorted(declared)
    if source not in declared:
        raise LookupError(
            f"ソース {source} の契約がありません。あるのは: {', '.join(sorted(declared))} / "
            "There is no such source."
        )
    return [source]


def landing_id_of(batch_id: str, contract: SourceContract) -> str:
    """Id of what a batch becomes under a contract: a mended contract gives another landing."""
    return f"{batch_id}-{contract.landing_fingerprint[:8]}"


def lake_file(home: Home, source: str, landing_id: str) -> Path:
    """Where the rows of one landing are."""
    return home.lake / source / f"{landing_id}.parquet"


def received_copy(home: Home, batch: Batch) -> Path:
    """The file of a batch as it arrived."""
    return vault.received_file(home, batch.source, batch.content_hash)


def without_copy(batch: Batch) -> str:
    """That a batch cannot be landed because its received copy is gone, and what to do."""
    return (
        f"バッチ {batch.batch_id}({batch.file_name})の控えが vault にありません。"
        "ファイルを届け直してください。 / "
        "The received copy of this batch is gone: deliver the file again."
    )


def write_schemas(home: Home, contracts: Mapping[str, SourceContract]) -> None:
    """Make sure that the lake folder of every source can be read and has the columns of its contract.

    Waits for another process that does the same. No source's landing lock is needed: landing never touches
    these files, nor their drafts.
    """
    with writing_schemas(home):
        for name, contract in contracts.items():
            file = home.lake / name / SCHEMA_FILE
            for leftover in file.parent.glob(f".{SCHEMA_FILE}{durable.LEFTOVERS}"):
                leftover.unlink()
            schema = contract.lake_schema()
            if not file.exists() or not pq.read_schema(file).equals(schema):
                with durable.replacing(file) as handle:
                    pq.write_table(schema.empty_table(), handle)


def clear_leftovers(home: Home, ledger: Ledger, source: str) -> None:
    """Remove what a crash or a replay left: hidden drafts, landings the ledger does not know, old quarantine.

    The caller holds the source's landing lock. Landings are left alone while somebody reads the lake.
    """
    places = (
        home.lake / source,
        home.quarantine / source,
        home.vault / "received" / source,
        home.vault / "identifiers" / source,
    )
    for folder in places:
        for draft in folder.glob(durable.LEFTOVERS):
            if not draft.name.startswith(f".{SCHEMA_FILE}"):
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()
    batches = ledger.batches(source)
    current = {batch.landing_id for batch in batches if batch.state == "landed"}
    refused = {batch.batch_id for batch in batches if batch.rows_quarantined or batch.reason_code}
    with clearing_lake(home) as held:
        if held:
            for folder in (home.lake / source, home.vault / "identifiers" / source):
                for file in folder.glob("*.parquet"):
                    if file.name != SCHEMA_FILE and file.stem not in current:
                        file.unlink()
    for folder in (home.quarantine / source).glob("*"):
        if folder.name not in refused:
            quarantine.remove(folder)


def land_batches(
    home: Home,
    ledger: Ledger,
    contract: SourceContract,
    batches: Iterable[Batch],
    result: LandResult,
    tell: Progress,
) -> list[str]:
    """Land these batches one by one into `result`; the caller holds the source's lock.

    A fault of the program in one file, or a received copy that is gone, does not keep the others from
    landing: it is returned as text that names file and place, never a value. A disk that is full does.
    """
    failures: list[str] = []
    key: TokenKey | None = None
    for batch in batches:
        key = key or load_key(home)
        tell(
            "file_started", {"source": batch.source, "file_name": batch.file_name, "bytes": batch.size_bytes}
        )
        try:
            outcome = _land_batch(home, ledger, contract, batch, key)
        except FileNotFoundError as error:
            if error.filename is None or Path(error.filename) != received_copy(home, batch):
                raise
            failures.append(without_copy(batch))
            continue
        except (OSError, MemoryError, sqlite3.OperationalError):
            raise
        except ConservationError as error:
            failures.append(str(error))
            continue
        except Exception as error:
            failures.append(f"{batch.source}/{batch.file_name}: {_place_of(error)}")
            continue
        result.new_batches.append(outcome)
        tell(
            "file_landed" if outcome.state == "landed" else "file_quarantined",
            {
                "source": outcome.source,
                "file_name": outcome.file_name,
                "rows": outcome.rows_landed,
                "quarantined": outcome.rows_quarantined,
                "reason": outcome.reason_code,
                "seconds": outcome.seconds,
            },
        )
    return failures


def _receive_all(
    home: Home,
    ledger: Ledger,
    contract: SourceContract,
    files: list[InboxFile],
    result: LandResult,
    tell: Progress,
) -> None:
    unchanged = 0
    for file in files:
        if ledger.known_file(file.inbox_path, file.size_bytes, file.mtime_ns):
            unchanged += 1
            continue
        try:
            content_hash = receive(home, file)
        except StillBeingWritten:
            result.unfinished.append(file.inbox_path)
            continue
        except (PermissionError, FileNotFoundError) as error:
            if error.filename and Path(error.filename) == file.path:
                result.unreadable.append(file.inbox_path)
                continue
            raise
        _, is_new = ledger.register(
            file.source,
            content_hash,
            file.size_bytes,
            sighting_of(contract, file.name),
            inbox_path=file.inbox_path,
            mtime_ns=file.mtime_ns,
            name_values=contract.values_from_name(file.path.name),
        )
        if not is_new:
            result.known_files += 1
            tell("file_known", {"source": file.source, "file_name": file.name})
    result.known_files += unchanged
    if unchanged:
        tell("files_known", {"source": contract.name, "files": unchanged})


def sighting_of(contract: SourceContract, file_name: str) -> Sighting:
    """What a file's name tells under a contract; if it has no date, that of the folders above it counts."""
    name = Path(file_name).name
    delivered_at = contract.delivered_at(name) or contract.delivered_at(file_name)
    return Sighting(file_name, delivered_at, contract.period_of(name))


def _land_batch(
    home: Home, ledger: Ledger, contract: SourceContract, batch: Batch, key: TokenKey
) -> BatchOutcome:
    started = time.perf_counter()
    landing_id = landing_id_of(batch.batch_id, contract)
    refused: quarantine.FileReason | None = None
    intake: Intake | None = None
    with quarantine.QuarantineDraft(home, batch.source, batch.batch_id) as refusals:
        try:
            intake = Intake(contract, received_copy(home, batch), batch.file_name)
            _write_landing(home, contract, landing_id, intake, refusals, key)
        except FileRejected as rejection:
            refused = quarantine.FileReason.of(rejection)
        rows_in = intake.rows_in if intake else 0
        refusals.publish(batch.file_name, refused, rows_in)
        reasons = dict(refusals.summary.rows_by_reason)
    if refused:
        reasons = {refused.reason_code: rows_in}
    landing = Landing(
        batch_id=batch.batch_id,
        landing_id=landing_id,
        contract_fingerprint=contract.landing_fingerprint,
        state="quarantined" if refused else "landed",
        rows_in=rows_in,
        rows_landed=0 if refused or intake is None else intake.rows_kept,
        rows_quarantined=sum(reasons.values()),
        event_min_on=None if refused or intake is None else intake.event_min_on,
        event_max_on=None if refused or intake is None else intake.event_max_on,
        newest_on=None if refused or intake is None else intake.newest_on,
        column_period=None if refused or intake is None else intake.column_period,
        ignored_columns=tuple(intake.reader.ignored_columns) if intake else (),
        reasons=reasons,
        reason_code=refused.reason_code if refused else None,
        message_ja=refused.message_ja if refused else None,
        message_en=refused.message_en if refused else None,
    )
    if landing.rows_in != landing.rows_landed + landing.rows_quarantined:
        raise ConservationError(
            f"{batch.source}/{batch.file_name}: {landing.rows_in} rows in, {landing.rows_landed} landed, "
            f"{landing.rows_quarantined} quarantined"
        )
    ledger.commit_landing(
        landing, [sighting_of(contract, one.file_name) for one in ledger.sightings(batch.batch_id)]
    )
    return BatchOutcome(
        batch_id=batch.batch_id,
        landing_id=landing_id,
        source=batch.source,
        file_name=batch.file_name,
        state=landing.state,
        rows_in=landing.rows_in,
        rows_landed=landing.rows_landed,
        rows_quarantined=landing.rows_quarantined,
        seconds=time.perf_counter() - started,
        reason_code=landing.reason_code,
        message_ja=landing.message_ja,
        message_en=landing.message_en,
    )


def _write_landing(
    home: Home,
    contract: SourceContract,
    landing_id: str,
    intake: Intake,
    refusals: quarantine.QuarantineDraft,
    key: TokenKey,
) -> None:
    """Stream the file into its lake and vault files; they appear only when the whole file was read."""
    rows = lake_file(home, contract.name, landing_id)
    identifiers = vault.identifiers_file(home, contract.name, landing_id)
    folder = vault.private_folder(home, "identifiers", contract.name)
    with durable.undecided(folder, durable.PRIVATE) as hidden:
        with (
            vault.IdentifierWriter(hidden.handle) as found_identifiers,
            durable.replacing(rows) as handle,
            pq.ParquetWriter(handle, contract.lake_schema(), compression="zstd") as writer,
        ):
            for portion in intake.portions():
                refusals.add(portion.refusals)
                lake_rows, found = split_identifiers(portion.kept, contract, landing_id, key)
                if lake_rows.num_rows:
                    writer.write_batch(lake_rows)
                found_identifiers.write(found)
            intake.finish()
        if found_identifiers.rows:
            hidden.keep_as(identifiers)


@contextmanager
def disk_watch() -> Iterator[None]:
    """Turn "no room" errors, from files or the ledger, into `DiskFullError` with a message to act on."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        full = error.errno in _FULL_DISK if isinstance(error, OSError) else "full" in str(error)
        if not full or isinstance(error, DiskFullError):
            raise
        raise DiskFullError(
            errno.ENOSPC,
            "ディスクの空きがありません。途中のものは残っていません。空きを作って、もう一度実行してください。"
            " / No room on the disk. Nothing half-written is left: make room and run again.",
        ) from error


def _place_of(error: Exception) -> str:
    """Kind and place of a fault, without its message, which might hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if "shirube" in frame.filename), frames[-1])
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


def _silent(event: str, facts: dict[str, Any]) -> None:
    """Progress that nobody watches."""

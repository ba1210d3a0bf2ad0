"""Build a candidate: everything landed by a day, through dbt, in a folder that counts once it is finished.

    warehouse/builds/<release id>/   ledger/ (the exports that the build read), warehouse.duckdb, estimates/,
                                     dbt's artefacts, build.json (last: without it there is no build)
    warehouse/last                   the id of the newest finished build
    warehouse/failed/                what dbt said of the last build that failed, for its owner alone

Everything here may be deleted at any time: the next build makes it again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from shirube import durable
from shirube.audit.results import AUDIT_DRAFT, audits_folder
from shirube.engine import bounded
from shirube.estimation.step import EstimationError, estimate_all
from shirube.home import Home
from shirube.landing.locks import reading_lake
from shirube.ledger import Ledger
from shirube.locks import held
from shirube.stopped import digest_of, last_left_out, stopped_physicians
from shirube.warehouse.inputs import Inputs, prepare
from shirube.warehouse.run_dbt import LOG_FILE, DbtError, DbtPlaces, ModelResult, Progress, run_dbt
from shirube.warehouse.versions import config_version, release_id_of

KEEP_PREPARATION_VARIABLE = "SHIRUBE_KEEP_PREPARATION"
_FACTS = "build.json"


class BuildError(RuntimeError):
    """The build could not be made; what readers see is untouched."""


class BuildBusyError(BuildError):
    """Another process is building in this data home."""


@dataclass(frozen=True)
class LeftOut:
    """How many physicians a build left out because their data may not be used any more, never who.

    `unknown`: keys of the vault's list that no master and no log knows.
    """

    physicians: int = 0
    unknown: int = 0

    def summary(self) -> str:
        """What to tell the operator; empty where there is nothing to tell."""
        words = ""
        if self.physicians:
            words = (
                f"利用停止の先生 {self.physicians} 人を除きました。 / "
                f"{self.physicians} physician(s) left out: their data may not be used."
            )
        if self.unknown:
            words += " " * bool(words) + (
                f"利用停止の一覧のうち {self.unknown} 件は、届いたどの記録にもない先生のキーです。"
                "vault の一覧の写し間違いでないか確かめてください。 / "
                f"{self.unknown} key(s) of the vault's list belong to nobody in what was delivered: check"
                " that they are right (`shirube recall` says which were never found)."
            )
        return words


@dataclass(frozen=True)
class BuildResult:
    """A finished candidate and what it was made of."""

    warehouse_file: Path
    dbt_manifest: Path
    ledger: Path
    release_id: str
    as_of: date
    config_version: str
    models: list[ModelResult]
    left_out: LeftOut = LeftOut()


def build(
    home: Home, as_of: date | None = None, progress: Progress | None = None, wait_seconds: float = 900.0
) -> BuildResult:
    """Build the star and the marts of everything delivered by `as_of` (default: the newest delivery's day).

    A physician of the vault's list of those whose data may not be used any more is in no table of it. A
    candidate of the same inputs, list, code and configuration is not built twice. A second builder waits up
    to `wait_seconds` for the first.

    Raises: BuildBusyError when the wait was in vain; BuildError when nothing was landed, or with dbt's
    reasons; VaultPermissionError or ValueError if the vault's list cannot be trusted or read.
    """
    with _alone(home, wait_seconds), reading_lake(home):
        inputs = prepare(home, as_of)
        try:
            day = as_of or inputs.last_delivered_on
            if day is None:
                raise BuildError(
                    "まだ取り込まれたファイルがありません。 / "
                    "Nothing has been landed yet: there is nothing to build from."
                )
            configuration = config_version()
            release_id = release_id_of(day, inputs.deliveries, configuration, inputs.stopped_digest)
            finished = _read(_folder(home, release_id))
            if finished:
                _say(progress, "build_reused", {"release_id": release_id})
            else:
                finished = _build(home, inputs, day, configuration, release_id, progress)
        finally:
            shutil.rmtree(inputs.ledger, ignore_errors=True)
        with Ledger(home) as ledger:  # the warehouse may be deleted; whom it left out must not be forgotten
            ledger.record_left_out(len(inputs.stopped), inputs.stopped_digest)
        _point_at(home, release_id)
        if finished.left_out.summary():
            _say(progress, "left_out", {**asdict(finished.left_out), "told": finished.left_out.summary()})
        return finished


def last_build(home: Home) -> BuildResult:
    """The newest finished build. Raises FileNotFoundError when there is none."""
    pointer = home.warehouse / "last"
    if not pointer.exists():
        raise FileNotFoundError(
            "まだ組み立てられていません。 / Nothing has been built yet: run `shirube build`."
        )
    return load_build(home, pointer.read_text(encoding="ascii").strip())


def load_build(home: Home, release_id: str) -> BuildResult:
    """A finished build by its release id. Raises FileNotFoundError when the warehouse does not hold it."""
    found = _read(_folder(home, release_id))
    if found is None:
        raise FileNotFoundError(
            f"組み立てた {release_id} はもう手元にありません。`shirube build` で組み立て直してください。 / "
            f"the warehouse does not hold the build {release_id}: run `shirube build`"
        )
    return found


def is_list_built(home: Home) -> bool:
    """Whether the last build left out exactly whom the vault's list names now; true before the first build.

    Raises: VaultPermissionError or ValueError if the list cannot be trusted or read.
    """
    built = last_left_out(home)
    return built is None or digest_of(home, stopped_physicians(home)) == built.digest


def _build(
    home: Home, inputs: Inputs, as_of: date, configuration: str, release_id: str, progress: Progress | None
) -> BuildResult:
    """Make the build in its own place, where views over the ledger's export stay valid. The only builder."""
    folder = _folder(home, release_id)
    _clear(home)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _say(progress, "build_started", {"release_id": release_id, "batches": inputs.batches})
    started = time.perf_counter()
    file, target, ledger = folder / "warehouse.duckdb", folder / "target", folder / "ledger"
    try:
        inputs.ledger.rename(ledger)
        variables = {"as_of": as_of.isoformat(), "release_id": release_id, "config_version": configuration}
        places = DbtPlaces(file, target, home.lake, ledger, folder / "estimates")
        models = run_dbt(places, "core", variables, progress)
        left_out = _left_out(places.preparation_file, inputs)
        _forget_preparation(places)
        (target / "run_results.json").rename(folder / "run_results_core.json")
        estimate_all(file, places.estimates, as_of, progress)
        models += run_dbt(places, "marts", variables, progress)
        _forget_preparation(places)
        (target / "run_results.json").rename(folder / "run_results_marts.json")
        if file.with_name("warehouse.duckdb.wal").exists():
            raise BuildError(
                "組み立てが書きかけで終わったので、使えません。もう一度 `shirube build` を実行してください。"
                " / "
                "dbt left an unfinished write-ahead log behind: the candidate is not usable; run"
                " `shirube build` again"
            )
        (target / "manifest.json").rename(folder / "manifest.json")
        shutil.rmtree(target)
        durable.sync(file)
        facts = {"release_id": release_id, "as_of": as_of.isoformat(), "config_version": configuration}
        made = {"models": [asdict(model) for model in models], "left_out": asdict(left_out)}
        facts_text = json.dumps(facts | made, indent=1)
        with durable.replacing(folder / _FACTS) as handle:
            handle.write(facts_text.encode("utf-8"))
        durable.sync(folder.parent)
    except DbtError as error:
        kept = _keep_what_dbt_said(home, target)
        shutil.rmtree(folder, ignore_errors=True)
        raise BuildError(
            f"{error}\ndbtの記録（値を含むことがあります） / What dbt said (it may quote values): {kept}"
        ) from error
    except EstimationError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BuildError(f"{error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _say(progress, "build_finished", {"release_id": release_id, "seconds": time.perf_counter() - started})
    found = _read(folder)
    assert found is not None
    return found


def _forget_preparation(places: DbtPlaces) -> None:
    """Delete what the core was made of: a third of the bytes, and whatever names those who were left out.

    Who mends a source wants to see it: `$SHIRUBE_KEEP_PREPARATION` leaves it beside the warehouse.
    """
    if os.environ.get(KEEP_PREPARATION_VARIABLE):
        return
    file = places.preparation_file
    for written in (file, file.with_name(f"{file.name}.wal")):
        written.unlink(missing_ok=True)


def _left_out(preparation_file: Path, inputs: Inputs) -> LeftOut:
    """How many of the listed physicians the build knew and left out, and how many nobody knows."""
    if not inputs.stopped:
        return LeftOut()
    with duckdb.connect(str(preparation_file), read_only=True, config=bounded()) as connection:
        row = connection.execute(
            "select count(distinct physician_key) from intermediate.int_stopped_reference"
        ).fetchone()
    known = int(row[0]) if row else 0
    return LeftOut(known, len(inputs.stopped) - known)


def _keep_what_dbt_said(home: Home, target: Path) -> Path:
    """Move dbt's log and results where the next failure overwrites them; only their owner may look."""
    failed = home.warehouse / "failed"
    shutil.rmtree(failed, ignore_errors=True)
    failed.mkdir(mode=0o700)
    for name in (LOG_FILE, "run_results.json"):
        if (target / name).exists():
            (target / name).rename(failed / name)
    return failed


def _read(folder: Path) -> BuildResult | None:
    """A finished build, or None where there is none or only part of one."""
    facts_file, file, ledger = folder / _FACTS, folder / "warehouse.duckdb", folder / "ledger"
    if not (facts_file.is_file() and file.is_file() and ledger.is_dir()):
        return None
    facts: dict[str, Any] = json.loads(facts_file.read_text(encoding="utf-8"))
    return BuildResult(
        warehouse_file=file,
        dbt_manifest=folder / "manifest.json",
        ledger=ledger,
        release_id=facts["release_id"],
        as_of=date.fromisoformat(facts["as_of"]),
        config_version=facts["config_version"],
        models=[ModelResult(**model) for model in facts["models"]],
        left_out=LeftOut(**facts.get("left_out", {})),
    )


def _folder(home: Home, release_id: str) -> Path:
    return home.warehouse / "builds" / release_id


def _clear(home: Home) -> None:
    """Make room: all builds and audits but those of the last build, which may still be at work."""
    pointer = home.warehouse / "last"
    kept = pointer.read_text(encoding="ascii").strip() if pointer.exists() else ""
    for place in (home.warehouse / "builds", audits_folder(home)):
        for folder in place.iterdir() if place.exists() else ():
            if folder.name != kept:
                shutil.rmtree(folder)
    for leftover in home.warehouse.glob(f"{AUDIT_DRAFT}*"):
        if not (kept and leftover.name.startswith(f"{AUDIT_DRAFT}{kept}")):
            shutil.rmtree(leftover)


def _point_at(home: Home, release_id: str) -> None:
    with durable.replacing(home.warehouse / "last") as handle:
        handle.write(release_id.encode("ascii"))


def _say(progress: Progress | None, event: str, facts: dict[str, Any]) -> None:
    if progress:
        progress(event, facts)


@contextmanager
def _alone(home: Home, wait_seconds: float) -> Iterator[None]:
    """Be the only builder."""
    with held(home.warehouse / ".build.lock", wait_seconds=wait_seconds) as taken:
        if not taken:
            raise BuildBusyError(
                "ほかの処理が組み立て中です。終わってから再実行してください。 / "
                "Another process is building in this data home; run again when it has finished."
            )
        yield

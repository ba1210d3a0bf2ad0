"""Build a candidate: everything landed by a day, through dbt, into a file that appears whole or not at all.

    warehouse/ledger/…                 the ledger's export that the build read
    warehouse/builds/<release id>/     warehouse.duckdb, manifest.json, run_results.json, build.json (last)
    warehouse/last                     the id of the newest finished build

Everything here may be deleted at any time: the next build makes it again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from shirube import durable
from shirube.home import Home
from shirube.landing.locks import reading_lake
from shirube.locks import held
from shirube.warehouse.inputs import Inputs, prepare
from shirube.warehouse.run_dbt import DbtError, ModelResult, Progress, run_dbt
from shirube.warehouse.versions import config_version, release_id_of

_FACTS = "build.json"


class BuildError(RuntimeError):
    """The build could not be made; what readers see is untouched."""


class BuildBusyError(BuildError):
    """Another process is building in this data home."""


@dataclass(frozen=True)
class BuildResult:
    """A finished candidate and what it was made of."""

    warehouse_file: Path
    dbt_manifest: Path
    release_id: str
    as_of: date
    config_version: str
    models: list[ModelResult]


def build(
    home: Home, as_of: date | None = None, progress: Progress | None = None, wait_seconds: float = 900.0
) -> BuildResult:
    """Build the star and the marts of everything delivered by `as_of` (default: the newest delivery's day).

    A candidate of the same inputs, code and configuration is not built twice. A second builder waits up to
    `wait_seconds` for the first.

    Raises: BuildBusyError when the wait was in vain; BuildError when nothing was landed, or with dbt's
    reasons.
    """
    with _alone(home, wait_seconds), reading_lake(home):
        inputs = prepare(home, as_of)
        day = as_of or inputs.last_delivered_on
        if day is None:
            raise BuildError(
                "まだ取り込まれたファイルがありません。 / "
                "Nothing has been landed yet: there is nothing to build from."
            )
        configuration = config_version()
        release_id = release_id_of(day, inputs.deliveries, configuration)
        finished = _read(_folder(home, release_id))
        if finished:
            _say(progress, "build_reused", {"release_id": release_id})
        else:
            finished = _build(home, inputs, day, configuration, release_id, progress)
        _point_at(home, release_id)
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
        raise FileNotFoundError(f"the warehouse does not hold the build {release_id}: run `shirube build`")
    return found


def _build(
    home: Home, inputs: Inputs, as_of: date, configuration: str, release_id: str, progress: Progress | None
) -> BuildResult:
    """Make the build in a draft folder and give it its name at the end. Called by the only builder."""
    folder = _folder(home, release_id)
    _clear(home)
    draft = folder.with_name(f".draft-{release_id}")
    draft.mkdir(parents=True)
    _say(progress, "build_started", {"release_id": release_id, "batches": inputs.batches})
    started = time.perf_counter()
    try:
        variables = {"as_of": as_of.isoformat(), "release_id": release_id, "config_version": configuration}
        file = draft / "warehouse.duckdb"
        models = run_dbt(file, draft / "target", home.lake, inputs.ledger, variables, progress)
        if file.with_name("warehouse.duckdb.wal").exists():
            raise BuildError("dbt left an unfinished write-ahead log behind: the candidate is not usable")
        for artefact in ("manifest.json", "run_results.json"):
            (draft / "target" / artefact).rename(draft / artefact)
        shutil.rmtree(draft / "target")
        facts = {"release_id": release_id, "as_of": as_of.isoformat(), "config_version": configuration}
        facts_text = json.dumps(facts | {"models": [asdict(model) for model in models]}, indent=1)
        (draft / _FACTS).write_text(facts_text, encoding="utf-8")
        for name in ("warehouse.duckdb", _FACTS):
            durable.sync(draft / name)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        durable.sync(folder.parent)
    except DbtError as error:
        raise BuildError(str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _say(progress, "build_finished", {"release_id": release_id, "seconds": time.perf_counter() - started})
    found = _read(folder)
    assert found is not None
    return found


def _read(folder: Path) -> BuildResult | None:
    """A finished build, or None where there is none or only part of one."""
    facts_file, file = folder / _FACTS, folder / "warehouse.duckdb"
    if not (facts_file.is_file() and file.is_file()):
        return None
    facts: dict[str, Any] = json.loads(facts_file.read_text(encoding="utf-8"))
    return BuildResult(
        warehouse_file=file,
        dbt_manifest=folder / "manifest.json",
        release_id=facts["release_id"],
        as_of=date.fromisoformat(facts["as_of"]),
        config_version=facts["config_version"],
        models=[ModelResult(**model) for model in facts["models"]],
    )


def _folder(home: Home, release_id: str) -> Path:
    return home.warehouse / "builds" / release_id


def _clear(home: Home) -> None:
    """Make room: drafts of builders that died, and all builds but the last, which may be in an audit."""
    pointer = home.warehouse / "last"
    kept = pointer.read_text(encoding="ascii").strip() if pointer.exists() else None
    builds = home.warehouse / "builds"
    for folder in builds.iterdir() if builds.exists() else ():
        if folder.name != kept:
            shutil.rmtree(folder)


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

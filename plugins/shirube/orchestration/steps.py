"""What the tasks of the Dags call: one function per step, ids in and ids out.

Each imports its heavy libraries when it is called, never when a Dag file is parsed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from shirube.home import Home
from shirube.orchestration.journal import Journal
from shirube.orchestration.settings import CONTRACT_ENDING, contracts_folder, is_shared, list_sources

if TYPE_CHECKING:
    from shirube.landing import LandResult

SETTLE_LIMIT = timedelta(minutes=5)

LASTING = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)
"""Errors of the file system that no waiting mends."""


@contextmanager
def _reported(home: Home, step: str, **facts: str) -> Iterator[Journal]:
    """Report start, end and failure of a step, and let only failures be retried that may pass by themselves.

    A full disk, a lock or a lost file system may be gone in a minute. Everything else comes out the same
    the second time, so the task fails at once and the person on call sees the first message.
    """
    journal = Journal(home, step, **facts)
    started = time.monotonic()
    journal("step_started", {})
    try:
        yield journal
    except AirflowSkipException as reason:
        journal("step_skipped", {"reason": str(reason), "seconds": time.monotonic() - started})
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        if isinstance(error, (OSError, sqlite3.OperationalError)) and not isinstance(error, LASTING):
            journal("step_retried", {"error": message})
            raise
        journal("step_failed", {"error": message})
        raise AirflowFailException(message) from error
    journal("step_finished", {"seconds": time.monotonic() - started})


class LeftBehindError(RuntimeError):
    """Files that a person must look at, because they could not be landed or not even be read."""

    def __init__(self, left: list[str]) -> None:
        super().__init__("\n".join(left))


def land_source(source: str) -> list[str]:
    """Land everything pending of one source; what could not be landed and why, for `report_left`.

    Where something is new the task succeeds, so that it is built, whatever was left behind.

    Raises: AirflowSkipException when nothing is new; AirflowFailException when that is because of files that
    could not be landed or read.
    """
    home = Home.resolve()
    with _reported(home, "land", source=source) as journal:
        from shirube.contracts import load_contract
        from shirube.landing import land

        # Only its own contract: a mistake in another source's must not keep this one from landing.
        contract = load_contract(contracts_folder() / f"{source}{CONTRACT_ENDING}")
        result, left = _landed(lambda: land(home, source, progress=journal, contracts={source: contract}))
        if result.new_batches:
            return left
        if left:
            raise LeftBehindError(left)
        if result.unfinished:
            raise AirflowSkipException(f"{source}: still being written: {', '.join(result.unfinished)}")
        raise AirflowSkipException(f"{source}: every file in the inbox is known already")


def report_left(left: list[str], source: str = "") -> None:
    """Fail, naming what could not be landed: what could be was handed on by the task before.

    Raises: AirflowFailException.
    """
    with _reported(Home.resolve(), "land", source=source):
        raise LeftBehindError(left)


def _landed(land: Callable[[], LandResult]) -> tuple[LandResult, list[str]]:
    """What was landed, and what could not be and why."""
    from shirube.landing import LandingError

    failures: list[str] = []
    try:
        result = land()
    except LandingError as error:
        result, failures = error.result, error.failures
    return result, [*failures, *(f"{name}: 読めません / cannot be read" for name in result.unreadable)]


def is_inbox_landed(waiting_since: datetime) -> bool:
    """Whether nothing is being landed and nothing that may be is left in the inbox, or the wait is over.

    A delivery of many files to many sources then starts one build and not two. Files that cannot be read are
    not waited for, and nothing is waited for longer than `SETTLE_LIMIT`.
    """
    from shirube.landing import new_files
    from shirube.landing.locks import landing_source
    from shirube.ledger import Ledger

    if datetime.now(UTC) - waiting_since > SETTLE_LIMIT:
        return True
    home = Home.resolve()
    for source in list_sources():
        with landing_source(home, source, wait=False) as nobody_lands:
            if not nobody_lands:
                return False
    with Ledger(home) as ledger:
        return not any(os.access(file.path, os.R_OK) for file in new_files(home, ledger, list_sources()))


def build_pending() -> str:
    """Build a candidate from everything landed; its release id.

    Raises: AirflowSkipException when the current release holds everything landed already.
    """
    home = Home.resolve()
    with _reported(home, "build") as journal:
        from shirube.ledger import Ledger
        from shirube.warehouse import BuildBusyError, build

        with Ledger(home) as ledger:
            if not ledger.batches(state="landed"):
                raise AirflowSkipException("Nothing has been landed yet")
        try:
            release_id = build(home, progress=journal).release_id
        except BuildBusyError as busy:
            raise BlockingIOError(str(busy)) from busy
        if home.current.resolve().name == release_id:
            raise AirflowSkipException(f"Release {release_id} is current and holds everything landed")
        return release_id


def audit_candidate(release_id: str) -> str:
    """Run the suites on the candidate; its release id."""
    home = Home.resolve()
    with _reported(home, "audit", release_id=release_id):
        from shirube.audit import audit
        from shirube.warehouse import load_build

        audit(home, load_build(home, release_id))
        return release_id


def publish_candidate(release_id: str) -> str:
    """Write the audited candidate as a release and make it current; its release id."""
    home = Home.resolve()
    with _reported(home, "publish", release_id=release_id):
        from shirube.audit import read_audit
        from shirube.release import publish
        from shirube.warehouse import load_build

        return publish(home, load_build(home, release_id), read_audit(home, release_id)).release_id


def share_current() -> int:
    """Write reports and catalogue of the current release; the number of pages."""
    home = Home.resolve()
    with _reported(home, "share") as journal:
        from shirube.share import share

        return len(share(home, progress=journal).pages)


def land_missed() -> list[str]:
    """Land what still lies in the inbox; what could not be landed and why, for `report_left`.

    Raises: AirflowSkipException when nothing was missed; AirflowFailException when nothing waits for a
    release, but there are files that could not be landed or read. A list of stopped physicians that the last
    build did not know waits for a release too.
    """
    home = Home.resolve()
    with _reported(home, "sweep") as journal:
        from shirube.landing import land
        from shirube.ledger import Ledger
        from shirube.warehouse import is_list_built

        _, left = _landed(lambda: land(home, progress=journal))
        with Ledger(home) as ledger:
            unreleased = ledger.pending().unreleased
        if unreleased or not is_list_built(home):
            return left
        if left:
            raise LeftBehindError(left)
        raise AirflowSkipException("Everything in the inbox is landed and released")


def share_missed() -> int:
    """Write the pages of the current release if it has none; their number.

    Raises: AirflowSkipException when there is no release, or it has its pages.
    """
    home = Home.resolve()
    if not home.current.exists() or is_shared(home):
        raise AirflowSkipException("The current release has its pages")
    return share_current()

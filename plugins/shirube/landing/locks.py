"""Who may write and who may clear: advisory file locks that end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shirube.home import Home


@contextmanager
def landing_source(home: Home, source: str, wait: bool = True) -> Iterator[bool]:
    """Hold the right to land one source; yields False, at once, when another has it and `wait` is off."""
    with _locked(home.ledger_file.parent / f"{source}.lock", fcntl.LOCK_EX, wait) as held:
        yield held


@contextmanager
def writing_schemas(home: Home) -> Iterator[None]:
    """Hold the right to write the lake's empty files, one per source."""
    with _locked(home.ledger_file.parent / "schemas.lock", fcntl.LOCK_EX, wait=True):
        yield


@contextmanager
def reading_lake(home: Home) -> Iterator[None]:
    """Keep replaced lake files from being cleared while they may be read; any number of readers at once."""
    with _locked(home.ledger_file.parent / "lake.lock", fcntl.LOCK_SH, wait=True):
        yield


@contextmanager
def clearing_lake(home: Home) -> Iterator[bool]:
    """Hold the right to clear replaced lake files; yields False, at once, while somebody reads the lake."""
    with _locked(home.ledger_file.parent / "lake.lock", fcntl.LOCK_EX, wait=False) as held:
        yield held


@contextmanager
def _locked(file: Path, mode: int, wait: bool) -> Iterator[bool]:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

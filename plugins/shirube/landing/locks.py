"""Who may write the lake and who may clear it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shirube.home import Home
from shirube.locks import held


@contextmanager
def landing_source(home: Home, source: str, wait: bool = True) -> Iterator[bool]:
    """Hold the right to land one source; yields False, at once, when another has it and `wait` is off."""
    with held(home.ledger_file.parent / f"{source}.lock", wait_seconds=None if wait else 0) as taken:
        yield taken


@contextmanager
def writing_schemas(home: Home) -> Iterator[None]:
    """Hold the right to write the lake's empty files, one per source."""
    with held(home.ledger_file.parent / "schemas.lock"):
        yield


@contextmanager
def reading_lake(home: Home) -> Iterator[None]:
    """Keep replaced lake files from being cleared while they may be read; any number of readers at once."""
    with held(home.ledger_file.parent / "lake.lock", shared=True):
        yield


@contextmanager
def clearing_lake(home: Home) -> Iterator[bool]:
    """Hold the right to clear replaced lake files; yields False, at once, while somebody reads the lake."""
    with held(home.ledger_file.parent / "lake.lock", wait_seconds=0) as taken:
        yield taken

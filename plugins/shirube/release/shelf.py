"""The `releases/` folder: the lock of its one writer, the order of releases, the `current` link.

`history.json` holds the ids in the order in which they were first published, those that a person rolled back
from, and those that a person retired: neither becomes current again by itself.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shirube import durable
from shirube.home import Home
from shirube.locks import held

LOCK_FILE = ".lock"
HISTORY_FILE = "history.json"
TEMPORARY_PREFIX = ".tmp-"


@dataclass(frozen=True)
class History:
    """`order`: release ids as first published; `rolled_back`: those that readers were taken away from;
    `retired`: those taken off the shelf on purpose, whose copies elsewhere are called back."""

    order: tuple[str, ...] = ()
    rolled_back: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the shelf alone: waits for another publisher; the kernel frees the lock of a process that died.

    What dead writers left behind is removed first: whoever holds the lock owns every temporary name.
    """
    with held(home.releases / LOCK_FILE):
        for pattern in (f"{TEMPORARY_PREFIX}*", durable.LEFTOVERS):
            for leftover in home.releases.glob(pattern):
                discard(leftover)
        yield


def temporary(home: Home, name: str) -> Path:
    """A name on the shelf that no reader looks at and the next writer removes."""
    return home.releases / f"{TEMPORARY_PREFIX}{name}-{os.getpid()}"


def discard(path: Path) -> None:
    """Remove a temporary file, link or folder, read-only parts included."""
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):
            Path(folder).chmod(0o755)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove(home: Home, release_id: str) -> None:
    """Remove a release: it first gets a name that no reader looks at, so none is ever seen half removed."""
    doomed = temporary(home, release_id)
    (home.releases / release_id).rename(doomed)
    durable.sync(home.releases)
    discard(doomed)


def read_history(home: Home) -> History:
    """The order of releases; empty before the first one."""
    file = home.releases / HISTORY_FILE
    if not file.exists():
        return History()
    document = json.loads(file.read_text(encoding="utf-8"))
    return History(
        tuple(document["order"]), frozenset(document["rolled_back"]), frozenset(document.get("retired", ()))
    )


def write_history(home: Home, history: History) -> None:
    """Replace the history in one step."""
    document = {"order": list(history.order), "rolled_back": sorted(history.rolled_back)}
    text = json.dumps(document | {"retired": sorted(history.retired)}, indent=1)
    with durable.replacing(home.releases / HISTORY_FILE) as handle:
        handle.write(f"{text}\n".encode())


def current_id(home: Home) -> str | None:
    """The id that `current` points at, None before the first release."""
    return home.current.readlink().name if home.current.is_symlink() else None


def switch(home: Home, release_id: str) -> None:
    """Point `current` at a release; a reader sees the old one or the new one, nothing between."""
    link = temporary(home, "current")
    link.unlink(missing_ok=True)
    link.symlink_to(release_id)
    link.replace(home.current)
    durable.sync(home.releases)

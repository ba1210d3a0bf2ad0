"""Files that appear under their name whole and synced, or not at all, wherever process or disk gives up.

Drafts are hidden files beside their target, so that the rename stays within one file system. What a killed
process leaves behind matches `LEFTOVERS`; whoever holds the lock of a folder may remove those.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LEFTOVERS = ".*.tmp"
"""Glob pattern of every draft's name."""

PUBLIC, PRIVATE = 0o666, 0o600
"""Modes of a new file: as the user's umask has it, or for the owner alone."""


def draft_beside(target: Path) -> Path:
    """A hidden name in `target`'s folder that no other process uses."""
    return target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


class Draft:
    """A file being written; `keep_as` says what it becomes when the block it belongs to ends well."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self.path = path
        self.handle = handle
        self.target: Path | None = None

    def keep_as(self, target: Path) -> None:
        """Choose the final name, in the same folder; an existing file of that name is replaced."""
        self.target = target


@contextmanager
def undecided(folder: Path, mode: int = PUBLIC) -> Iterator[Draft]:
    """Write a file in `folder` whose name is chosen within the block; without `keep_as` nothing stays."""
    with _drafted(folder / "undecided", mode) as draft:
        yield draft


@contextmanager
def replacing(target: Path, mode: int = PUBLIC) -> Iterator[IO[bytes]]:
    """Write `target` anew, its folder too; on any error, a full disk included, the old file stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _drafted(target, mode) as draft:
        yield draft.handle
        draft.keep_as(target)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _drafted(target: Path, mode: int) -> Iterator[Draft]:
    path = draft_beside(target)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            draft = Draft(path, handle)
            yield draft
            handle.flush()
            os.fsync(handle.fileno())
        if draft.target is not None:
            path.replace(draft.target)
            sync(draft.target.parent)
    finally:
        path.unlink(missing_ok=True)

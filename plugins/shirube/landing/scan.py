"""What lies in the inbox: one walk for all sources, and copies taken while nobody writes."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from shirube import durable, vault
from shirube.home import Home
from shirube.inbox_names import is_unfinished, is_utf8, shown
from shirube.ledger import Ledger

SETTLE_SECONDS = 1.0
"""How long a file must have been unchanged where the file system cannot tell whether somebody has it open."""

_CHUNK_BYTES = 1 << 20


class StillBeingWritten(Exception):
    """The file changed while it was copied, or another program has it open for writing."""


@dataclass(frozen=True)
class InboxFile:
    """One file of a source; `name` is its path below the source's folder, with forward slashes."""

    source: str
    name: str
    path: Path
    size_bytes: int
    mtime_ns: int

    @property
    def inbox_path(self) -> str:
        """Path below the inbox, as the ledger knows it."""
        return f"{self.source}/{self.name}"


@dataclass(frozen=True)
class InboxScan:
    """The inbox at one moment: files of known sources, and names that belong to no source.

    `unreadable` also holds names that are not UTF-8, as far as they can be shown.
    """

    files: tuple[InboxFile, ...]
    unknown_folders: tuple[str, ...]
    stray_files: tuple[str, ...]
    unreadable: tuple[str, ...]


def scan(home: Home, sources: Iterable[str]) -> InboxScan:
    """List the inbox without opening a file, sorted, folders that belong to no source reported apart.

    Links to folders are not followed. A missing inbox is an empty one.
    """
    known = set(sources)
    files: list[InboxFile] = []
    unknown: list[str] = []
    stray: list[str] = []
    unreadable: list[str] = []
    for entry in sorted(home.inbox.iterdir()) if home.inbox.is_dir() else ():
        if is_unfinished(entry.name):
            continue
        if not is_utf8(entry.name):
            unreadable.append(shown(entry.name))
        elif not entry.is_dir():
            stray.append(entry.name)
        elif entry.name in known:
            files.extend(_files(entry, unreadable))
        else:
            lost: list[str] = []
            if any(_files(entry, lost)) or lost:
                unknown.append(entry.name)
    return InboxScan(tuple(files), tuple(unknown), tuple(stray), tuple(sorted(unreadable)))


def new_files(home: Home, ledger: Ledger, sources: Iterable[str]) -> list[InboxFile]:
    """The files of these sources that the ledger does not know yet, or that changed since it saw them."""
    return [
        file
        for file in scan(home, sources).files
        if ledger.known_file(file.inbox_path, file.size_bytes, file.mtime_ns) is None
    ]


def receive(home: Home, file: InboxFile) -> str:
    """Copy a file to the vault while hashing it; returns the SHA-256 of its content.

    Raises `StillBeingWritten` when it changed meanwhile or is open for writing, and OSError when it cannot be
    read or the disk is full; in both cases the vault holds nothing of it.
    """
    folder = vault.private_folder(home, "received", file.source)
    digest = sha256()
    with file.path.open("rb") as incoming, durable.undecided(folder, durable.PRIVATE) as draft:
        _assert_finished(incoming.fileno(), file)
        while chunk := incoming.read(_CHUNK_BYTES):
            digest.update(chunk)
            draft.handle.write(chunk)
        _assert_finished(incoming.fileno(), file)
        draft.keep_as(vault.received_file(home, file.source, digest.hexdigest()))
    return digest.hexdigest()


def _assert_finished(descriptor: int, file: InboxFile) -> None:
    """Raise `StillBeingWritten` unless the file is as the scan saw it and nobody has it open for writing."""
    writers = has_writers(descriptor)
    if writers is None:
        time.sleep(max(0.0, min(SETTLE_SECONDS, file.mtime_ns / 1e9 + SETTLE_SECONDS - time.time())))
    now = os.fstat(descriptor)
    if writers or (now.st_size, now.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
        raise StillBeingWritten(file.inbox_path)


def has_writers(descriptor: int) -> bool | None:
    """Whether another program has the file open for writing; None where the file system cannot tell.

    A read lease is only granted while there are no writers. Should one come just then, the kernel's signal is
    one that is ignored by default.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False


def _files(folder: Path, unreadable: list[str]) -> Iterator[InboxFile]:
    """Regular files below a source's folder, sorted by name; what cannot be read goes to `unreadable`."""
    found: list[InboxFile] = []

    def give_up(path: Path) -> None:
        unreadable.append(shown(path.relative_to(folder.parent).as_posix()))

    for parent, folders, names in os.walk(folder, onerror=lambda error: give_up(Path(error.filename))):
        for name in folders:
            if not is_unfinished(name) and not is_utf8(name):
                give_up(Path(parent, name))
        folders[:] = [name for name in folders if not is_unfinished(name) and is_utf8(name)]
        for name in names:
            path = Path(parent, name)
            if is_unfinished(name):
                continue
            try:
                facts = path.stat()
            except OSError:
                give_up(path)
                continue
            if not stat.S_ISREG(facts.st_mode) or not is_utf8(name):
                give_up(path)
                continue
            relative = path.relative_to(folder).as_posix()
            found.append(InboxFile(folder.name, relative, path, facts.st_size, facts.st_mtime_ns))
    return iter(sorted(found, key=lambda file: file.name))

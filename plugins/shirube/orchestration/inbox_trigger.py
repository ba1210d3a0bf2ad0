"""Turns files that arrive in the inbox into Airflow asset events, with one directory scan for all sources."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Hashable
from pathlib import Path
from typing import Any

import structlog
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from shirube.inbox_names import is_unfinished, is_utf8

log = structlog.get_logger(__name__)

Stamp = tuple[int, int]
"""Size in bytes and modification time in nanoseconds: together they tell one state of a file from another."""

Snapshot = dict[str, dict[str, Stamp]]
"""Source → path below the source's folder → stamp."""

PATIENCE_SCANS = 10
"""Scans that finished files wait for others of their source that are still being written."""


def scan_inbox(inbox: Path) -> Snapshot:
    """List every file a source could land, without opening any.

    Temporary and hidden names are left out, as landing leaves them out, and so is what cannot be looked at
    or has a name that is not UTF-8: landing reports those. Links to folders are not followed, so a loop
    cannot hold the scan. A missing inbox is an empty one.

    Raises: PermissionError, NotADirectoryError when the inbox itself cannot be listed.
    """
    try:
        with os.scandir(inbox) as entries:
            sources = sorted(entry.name for entry in entries if _is_source(entry))
    except FileNotFoundError:
        return {}
    return {source: _list_files(inbox / source) for source in sources}


def _is_source(entry: os.DirEntry[str]) -> bool:
    try:
        return not is_unfinished(entry.name) and is_utf8(entry.name) and entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _list_files(folder: Path) -> dict[str, Stamp]:
    files: dict[str, Stamp] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_unfinished(name)]
        for name in names:
            path = Path(parent, name)
            below = str(path.relative_to(folder))
            if is_unfinished(name) or not is_utf8(below):
                continue
            try:
                facts = path.stat()
            except OSError:
                # Renamed since the listing (the next scan sees the new name), a link that leads to itself, a
                # folder that may be listed but not entered: no reason to stop watching all other files.
                continue
            files[below] = (facts.st_size, facts.st_mtime_ns)
    return files


class InboxTrigger(BaseEventTrigger):
    """Fires when files of one source have arrived and stopped changing.

    Nothing is deleted or moved. What has been seen is kept in memory only: after a restart of the triggerer
    it fires once more for the files that are still there, and the ledger makes that harmless. Equally, an
    event says only *that* something came; landing takes everything pending.

    Args:
        inbox: the inbox folder (absolute path as text, as it is stored with the Dag).
        source: name of the source's folder in it.
        poke_interval: seconds between two scans.
    """

    def __init__(self, *, inbox: str, source: str, poke_interval: float = 5.0) -> None:
        super().__init__()
        self.inbox = inbox
        self.source = source
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments from which the triggerer makes this trigger again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"inbox": self.inbox, "source": self.source, "poke_interval": self.poke_interval},
        )

    def shared_stream_key(self) -> Hashable | None:
        """All sources of one inbox share one scan."""
        return ("shirube-inbox", os.path.realpath(self.inbox), self.poke_interval)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Snapshot]:
        """Yield a snapshot of the whole inbox again and again.

        A short failure of the file system is logged and tried again. An inbox that may not be read, or is
        not a folder, ends the stream, so that the trigger visibly fails in Airflow.
        """
        inbox = Path(kwargs["inbox"])
        while True:
            try:
                yield await asyncio.to_thread(scan_inbox, inbox)
            except (PermissionError, NotADirectoryError):
                raise
            except OSError as error:
                log.warning("Inbox scan failed, trying again", inbox=str(inbox), error=type(error).__name__)
            await asyncio.sleep(kwargs["poke_interval"])

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[Snapshot]
    ) -> AsyncIterator[TriggerEvent]:
        """Fire once per burst of files of this source that two scans in a row saw unchanged.

        While another file of the source is still growing the event is held back, for `PATIENCE_SCANS` scans
        at most, so that a delivery of many files starts one run.
        """
        fired: dict[str, Stamp] = {}
        previous: dict[str, Stamp] = {}
        waited = 0
        async for snapshot in shared_stream:
            files = snapshot.get(self.source, {})
            settled = {path for path, stamp in files.items() if previous.get(path) == stamp}
            ready = sorted(path for path in settled if fired.get(path) != files[path])
            previous = files
            fired = {path: stamp for path, stamp in fired.items() if path in files}
            if not ready:
                waited = 0
                continue
            if len(settled) < len(files) and waited < PATIENCE_SCANS:
                waited += 1
                continue
            waited = 0
            fired.update((path, files[path]) for path in ready)
            yield TriggerEvent(
                {"source": self.source, "files": len(ready), "bytes": sum(files[path][0] for path in ready)}
            )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch alone, without a shared scan: Airflow asks for this method of every trigger."""
        stream = type(self).open_shared_stream(self.serialize()[1])
        async for event in self.filter_shared_stream(stream):
            yield event

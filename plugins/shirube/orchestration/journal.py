"""What the running tasks report, line by line, for whoever watches: the live display of the demo."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from shirube.home import Home

LIMIT_BYTES = 4 * 2**20
"""Size at which the journal begins anew; the one before is kept beside it, as `journal.1.jsonl`."""


def journal_file(home: Home) -> Path:
    """The journal: one JSON object per line: `at` (seconds since 1970), `event`, and its facts."""
    return home.root / "airflow" / "journal.jsonl"


class Journal:
    """Appends progress events to the home's journal; an instance is a `progress` callable for any step.

    Each line is one `write` in append mode, so the processes of several tasks can share the file. Facts are
    counts, names of sources, models and steps: no values from the data.
    """

    def __init__(self, home: Home, step: str, **facts: Any) -> None:
        self._path = journal_file(home)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size > LIMIT_BYTES:
            # Writers open the file by its name for every line, so none goes on in the one that stepped aside.
            self._path.replace(self._path.with_name("journal.1.jsonl"))
        self._facts = {"step": step, **facts}

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        """Record one event."""
        line = json.dumps(
            {"at": time.time(), "event": event, **self._facts, **facts}, ensure_ascii=False, default=str
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)


def read_events(home: Home, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events written since `offset` (bytes), and the offset to read on from; a half-written line waits.

    A journal that began anew is read from its start.
    """
    path = journal_file(home)
    if not path.exists():
        return [], 0
    with path.open("rb") as stream:
        if offset > os.fstat(stream.fileno()).st_size:
            offset = 0
        stream.seek(offset)
        data = stream.read()
    end = data.rfind(b"\n") + 1
    return [json.loads(line) for line in data[:end].splitlines()], offset + end

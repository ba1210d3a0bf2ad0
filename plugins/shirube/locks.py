"""Advisory file locks: the kernel frees them when the process that holds them ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def held(file: Path, *, shared: bool = False, wait_seconds: float | None = None) -> Iterator[bool]:
    """Hold the lock `file`, made with its folder where missing; yields False where another had it too long.

    `shared` locks are held by any number of processes at once, others by one. Waits for ever, or at most
    `wait_seconds`; 0 asks once.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if wait_seconds is None:
            fcntl.flock(descriptor, mode)
            yield True
        else:
            yield _taken(descriptor, mode, time.monotonic() + wait_seconds)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, mode: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return True

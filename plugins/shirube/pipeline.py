"""The whole path in one process, without Airflow: land, build, audit, publish, share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from shirube.home import Home

Progress = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class RunResult:
    """What one run did: the release readers now see and the seconds each step took."""

    release_id: str
    release_status: str
    seconds: dict[str, float]


def run(home: Home, as_of: date | None = None, progress: Progress | None = None) -> RunResult:
    """Carry everything pending in the inbox to a published and shared release.

    The same calls as the Dags make, in the same order. Running it again with nothing new is cheap: a known
    file is a no-op and a release that exists already is not written twice.

    Raises: whatever a step raises; nothing half-done is visible to a reader then.
    """
    # Each step imports its own heavy libraries, so that `shirube check` does not pay for dbt and GX.
    from shirube.audit import audit
    from shirube.landing import land
    from shirube.release import publish
    from shirube.share import share
    from shirube.warehouse import build

    seconds: dict[str, float] = {}

    def timed(step: str, call: Callable[[], Any]) -> Any:
        if progress:
            progress("step_started", {"step": step})
        started = time.perf_counter()
        result = call()
        seconds[step] = time.perf_counter() - started
        if progress:
            progress("step_finished", {"step": step, "seconds": seconds[step]})
        return result

    timed("land", lambda: land(home, progress=progress))
    built = timed("build", lambda: build(home, as_of=as_of, progress=progress))
    audited = timed("audit", lambda: audit(home, built))
    release = timed("publish", lambda: publish(home, built, audited))
    timed("share", lambda: share(home, release.release_id, progress=progress))
    return RunResult(release.release_id, release.status, seconds)

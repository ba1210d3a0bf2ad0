from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest
from handmade import make_audit, make_build, prepared
from shirube.audit.results import read_audit
from shirube.home import Home
from shirube.release import Release, current, publish, shelf, verify
from shirube.release.manifest import sha256

MOMENTS = 12
TOUCHPOINTS = 20_000


class Reader(threading.Thread):
    """Opens what `current` points at, over and over, and keeps everything that was wrong with it."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.stopped = threading.Event()
        self.seen: Counter[str] = Counter()
        self.faults: list[str] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            shown = current(self.home)
            if shown is None:
                self.faults.append("no release is shown")
                continue
            try:
                manifest = verify(shown.path)
                with duckdb.connect(str(shown.path / "shirube.duckdb"), read_only=True) as connection:
                    found = connection.execute("select count(*) from fct_kpi_value").fetchone()
                assert found == (9,)
                assert manifest["release_id"] == shown.release_id
                self.seen[shown.release_id] += 1
            except Exception as error:
                self.faults.append(f"{shown.release_id}: {error}")


@contextmanager
def reading(home: Home) -> Iterator[Reader]:
    reader = Reader(home)
    reader.start()
    try:
        yield reader
    finally:
        reader.stopped.set()
        reader.join(30)


class Publisher:
    """A process of its own that publishes what it is told to, in children that can be killed."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("publish_server.py")), str(home.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, release_id: str) -> int:
        """Start publishing; the process id."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{release_id}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def outcome(self) -> str:
        """The status of the release, or `killed`."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def publisher(home: Home) -> Iterator[Publisher]:
    started = Publisher(home)
    try:
        yield started
    finally:
        started.process.communicate(timeout=60)


def _candidate(home: Home, release_id: str, shift: int) -> None:
    make_audit(home, make_build(home, release_id, touchpoints=TOUCHPOINTS, shift=shift))


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("shirube.duckdb")
    }


def test_killed_anywhere_and_run_again_gives_the_same_release(home: Home, tmp_path: Path) -> None:
    """`kill -9` at seeded random moments of publishing, with a reader that only ever sees whole releases."""
    chance = random.Random(20261031)
    undisturbed = Home.resolve(tmp_path / "undisturbed")
    outcomes: Counter[str] = Counter()
    with publisher(home) as publishing:
        whole = 0.0
        for release_id in ("2026-09-29-0000000000", "2026-09-30-0000000000"):
            _candidate(home, release_id, 0)
            started = time.perf_counter()
            publishing.begin(release_id)
            assert publishing.outcome() == "published"
            whole = time.perf_counter() - started
        with reading(home) as reader:
            for moment in range(MOMENTS):
                release_id = f"2026-10-{moment + 1:02d}-{moment:010x}"
                _candidate(home, release_id, moment)
                victim = publishing.begin(release_id)
                # One moment in each part of the whole, so that early and late steps are all hit.
                time.sleep(whole * (moment + chance.random()) / MOMENTS)
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                outcomes[_fate(home, release_id, publishing.outcome())] += 1
                shown = current(home)
                assert shown is not None
                verify(shown.path)

                again = publish(home, prepared(home, release_id), read_audit(home, release_id))
                assert again.status in ("published", "already_published")
                assert current(home) == Release(release_id, again.path, "current")
                assert not list(home.releases.glob(".tmp-*"))
                _candidate(undisturbed, release_id, moment)
                alone = publish(
                    undisturbed, prepared(undisturbed, release_id), read_audit(undisturbed, release_id)
                )
                assert _hashes(again.path) == _hashes(alone.path)
    assert sum(outcomes.values()) == MOMENTS
    assert outcomes["killed while writing"] >= 3, outcomes
    assert reader.faults == []
    assert sum(reader.seen.values()) >= MOMENTS
    assert len(reader.seen) >= 3


def _fate(home: Home, release_id: str, outcome: str) -> str:
    if outcome != "killed":
        return "finished first"
    if (home.releases / release_id).exists():
        return "killed after the rename"
    if list(home.releases.glob(f".tmp-{release_id}-*")):
        return "killed while writing"
    return "killed before writing"


@pytest.mark.parametrize("second", ["2026-10-31-aaaaaaaaaa", "2026-10-31-bbbbbbbbbb"])
def test_two_publishers_at_once_are_one_after_the_other(home: Home, second: str) -> None:
    first = "2026-10-31-aaaaaaaaaa"
    _candidate(home, first, 0)
    _candidate(home, second, 0)
    with publisher(home) as one, publisher(home) as other:
        one.begin(first)
        other.begin(second)
        statuses = sorted((one.outcome(), other.outcome()))
    assert statuses == (["already_published", "published"] if second == first else ["published"] * 2)
    assert set(shelf.read_history(home).order) == {first, second}
    for release_id in {first, second}:
        verify(home.releases / release_id)
    shown = current(home)
    assert shown is not None
    assert shown.release_id == shelf.read_history(home).order[-1]

"""Landing killed, starved of disk, or run twice at once comes to the same result."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shirube import durable
from shirube.contracts import SourceContract
from shirube.home import Home
from shirube.landing import DiskFullError, land
from shirube.landing.land import clear_leftovers
from shirube.landing.locks import landing_source, reading_lake
from shirube.ledger import Ledger

from tests.landing.deliveries import Delivered, accounts, calls, deliver, result_of

Contracts = dict[str, SourceContract]
NewHome = Callable[[str], Home]

KILLS = 12
"""How often landing is killed at work in this file."""

LANDER = """
import os, sys, traceback
from pathlib import Path
import shirube.landing
from shirube.contracts import load_contracts
from shirube.home import Home
contracts = {name: load_contracts()[name] for name in ("crm_account", "crm_call")}
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        try:
            result = shirube.landing.land(Home.resolve(Path(line.rstrip())), contracts=contracts)
            Path(line.rstrip() + ".landed").open("a").write(f"{len(result.new_batches)}\\n")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(process, flush=True)
    if not sys.argv[1:]:
        print(os.waitpid(process, 0)[1], flush=True)
if sys.argv[1:]:
    print(*sorted(os.wait()[1] for _ in range(int(sys.argv[1]))), flush=True)
"""
"""Starts a landing process for each line (a data home), forked from one that has loaded everything.

Without an argument it waits for each; with one it lets so many run at once.
"""


class Landers:
    """Processes that land, one after the other or at once, to be killed at will."""

    def __init__(self, at_once: int | None = None, limit_bytes: int | None = None) -> None:
        def limit() -> None:
            if limit_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        self.process = subprocess.Popen(
            [sys.executable, "-c", LANDER, *([str(at_once)] if at_once else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )

    def start(self, home: Home) -> int:
        """Start landing in `home`; the process id."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{home.root}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self) -> int:
        """Wait status of the landing process that was started last: 0, or 9 when it was killed."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def close(self) -> tuple[str, str]:
        """Output and errors of all of them."""
        return self.process.communicate(timeout=300)


@cache
def deliveries() -> list[tuple[str, str, str | bytes]]:
    """Several files of two sources, some rows bad, one file broken."""
    files: list[tuple[str, str, str | bytes]] = [
        ("crm_call", "crm_call_20250603.csv", b"PK\x03\x04" + b"\0" * 100)
    ]
    for month in range(1, 4):
        numbers = list(range(month * 1000, month * 1000 + 2500))
        files.append(("crm_call", f"crm_call_2025{month:02d}03.csv", calls(numbers, bad_dates=(numbers[5],))))
        files.append(
            ("crm_account", f"crm_account_2025{month:02d}03.csv", accounts(numbers, bad=(numbers[7],)))
        )
    return files


def deliver_much(home: Home) -> int:
    """Put all `deliveries` into the inbox; returns how many files."""
    for source, name, content in deliveries():
        deliver(home, source, name, content)
    return len(deliveries())


def wait_for_work(home: Home) -> None:
    """Return as soon as the landing process touches the first file."""
    while not (home.vault / "received").exists():
        time.sleep(0.001)


def assert_nothing_half_visible(home: Home) -> None:
    """What is visible at any moment: whole Parquet files, whole quarantine folders, a ledger that adds up."""
    for file in [*home.lake.glob("*/[!.]*.parquet"), *home.quarantine.glob("*/[!.]*/rows.parquet")]:
        assert pq.read_metadata(file).num_rows >= 0
    for folder in home.quarantine.glob("*/[!.]*"):
        assert (folder / "file.json").exists() or (folder / "reasons.md").exists()
    with Ledger(home) as ledger:
        for batch in ledger.batches(state="landed"):
            rows = pq.read_metadata(home.lake / batch.source / f"{batch.landing_id}.parquet").num_rows
            assert rows == batch.rows_landed == batch.rows_in - batch.rows_quarantined


def assert_no_leftovers(home: Home) -> None:
    leftovers = [path for path in home.root.rglob(".*.tmp") if not path.is_relative_to(home.inbox)]
    assert leftovers == []


@pytest.fixture(scope="module")
def two(contracts: Contracts) -> Contracts:
    """The two sources that are delivered here."""
    return {name: contracts[name] for name in ("crm_account", "crm_call")}


@pytest.fixture
def undisturbed(new_home: NewHome, two: Contracts) -> Delivered:
    """What landing makes of the deliveries when nothing goes wrong."""
    home = new_home("undisturbed")
    files = deliver_much(home)
    assert len(land(home, contracts=two).new_batches) == files
    return result_of(home, two)


def test_killed_at_random_moments_and_run_again(
    new_home: NewHome, two: Contracts, undisturbed: Delivered
) -> None:
    rng = random.Random(20251103)
    landers = Landers()
    calibration = new_home("calibration")
    deliver_much(calibration)
    landers.start(calibration)
    wait_for_work(calibration)
    began = time.monotonic()
    assert landers.wait() == 0
    at_work = time.monotonic() - began
    killed = undecided = victims = 0
    while killed < KILLS and victims < 3 * KILLS:  # some find landing done when the machine is less busy
        home = new_home(f"victim{victims}")
        victims += 1
        deliver_much(home)
        process = landers.start(home)
        wait_for_work(home)
        time.sleep(rng.uniform(0, 0.8) * at_work)
        with suppress(ProcessLookupError):  # landing was done before its turn came
            os.kill(process, signal.SIGKILL)
        killed += landers.wait() == signal.SIGKILL
        assert_nothing_half_visible(home)
        with Ledger(home) as ledger:
            undecided += bool(ledger.batches(state="received"))
        land(home, contracts=two)
        assert result_of(home, two) == undisturbed
        assert_no_leftovers(home)
    landers.close()
    assert killed == KILLS, f"only {killed} of {victims} kills found landing at work"
    assert undecided >= 1, "no kill left a batch undecided"


def test_a_full_disk_at_any_write_loses_nothing(
    new_home: NewHome, two: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every single sync to disk fails in turn; each time the next run comes to the same result."""
    calm = new_home("calm")
    _deliver_little(calm)
    real = os.fsync
    syncs = 0

    def failing_at(turn: int) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            nonlocal syncs
            syncs += 1
            if syncs == turn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        return sync

    monkeypatch.setattr(os, "fsync", failing_at(0))
    land(calm, contracts=two)
    writes = syncs
    expected = result_of(calm, two)
    assert writes >= 18
    for turn in range(1, writes + 1):
        home = new_home(f"starved{turn}")
        _deliver_little(home)
        syncs = 0
        monkeypatch.setattr(os, "fsync", failing_at(turn))
        with pytest.raises(DiskFullError, match="ディスクの空きがありません"):
            land(home, contracts=two)
        monkeypatch.setattr(os, "fsync", real)
        assert_nothing_half_visible(home)
        assert_no_leftovers(home)
        land(home, contracts=two)
        assert result_of(home, two) == expected


def test_a_ledger_that_finds_no_room_is_a_full_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_room(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    monkeypatch.setattr(Ledger, "commit_landing", without_room)
    with pytest.raises(DiskFullError, match="ディスクの空きがありません"):
        land(home)
    monkeypatch.undo()
    assert land(home).rows_landed == 1


def test_a_disk_that_takes_no_more_bytes_is_told(new_home: NewHome) -> None:
    home = new_home("small disk")
    deliver(home, "crm_call", "crm_call_20251103.csv", calls(list(range(9000))))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1, 2]))
    landers = Landers(limit_bytes=200_000)
    landers.start(home)
    assert landers.wait() != 0
    _, errors = landers.close()
    assert "DiskFullError" in errors and "ディスクの空きがありません" in errors
    assert_nothing_half_visible(home)
    assert_no_leftovers(home)
    assert sum(outcome.rows_landed for outcome in land(home).new_batches) == 9000


def test_two_landers_at_once_share_the_work(
    new_home: NewHome, two: Contracts, undisturbed: Delivered
) -> None:
    home = new_home("shared")
    files = deliver_much(home)
    landers = Landers(at_once=2)
    assert landers.start(home) != landers.start(home)
    outcomes, errors = landers.close()
    assert outcomes == "0 0\n", errors
    shares = [int(line) for line in Path(f"{home.root}.landed").read_text().split()]
    assert len(shares) == 2 and sum(shares) == files
    assert result_of(home, two) == undisturbed


def test_landing_leaves_another_writers_schema_draft_alone(home: Home) -> None:
    schema = home.lake / "crm_call" / "00000000-schema.parquet"
    dead = durable.draft_beside(schema)
    schema.parent.mkdir(parents=True)
    with durable.replacing(schema) as handle, Ledger(home) as ledger:
        pq.write_table(pa.table({"as_it_was_before": [1]}), handle)
        clear_leftovers(home, ledger, "crm_call")
    dead.write_bytes(b"of a process that was killed")
    land(home)
    assert [path.name for path in schema.parent.iterdir()] == [schema.name]
    assert pq.read_table(schema).num_rows == 0


def test_a_lander_that_does_not_want_to_wait_says_busy(home: Home) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1]))
    with landing_source(home, "crm_call"):
        result = land(home, wait=False)
    assert result.busy_sources == ["crm_call"]
    assert [outcome.source for outcome in result.new_batches] == ["crm_account"]
    assert [outcome.source for outcome in land(home, wait=False).new_batches] == ["crm_call"]


def test_replaced_files_stay_while_the_lake_is_read(home: Home) -> None:
    stale = home.lake / "crm_call" / "0123456789abcdef-00000000.parquet"
    land(home)
    pq.write_table(pq.read_table(home.lake / "crm_call" / "00000000-schema.parquet"), stale)
    with reading_lake(home):
        land(home)
        assert stale.exists()
    land(home)
    assert not stale.exists()


def _deliver_little(home: Home) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1, 2, 3], bad_dates=(2,)))
    deliver(home, "crm_call", "crm_call_20251110.csv", b"")
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1, 2]))

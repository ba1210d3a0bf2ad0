"""Landing killed, starved of disk, or run twice at once comes to the same result."""

from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shirube.contracts import SourceContract
from shirube.home import Home
from shirube.landing import DiskFullError, land
from shirube.landing.locks import landing_source, reading_lake
from shirube.ledger import Ledger

from tests.landing.deliveries import Delivered, accounts, calls, deliver, result_of

Contracts = dict[str, SourceContract]
NewHome = Callable[[str], Home]

KILLS = 12
"""How often landing is killed in this file."""

LANDER = """
import sys
from pathlib import Path
import shirube.landing
from shirube.home import Home
home = Home.resolve(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
result = shirube.landing.land(home)
print(len(result.new_batches), flush=True)
"""


def deliver_much(home: Home, rows: int = 12_000) -> int:
    """Several files of two sources, some rows bad; returns how many files."""
    for month in range(1, 5):
        numbers = list(range(month * 1000, month * 1000 + rows))
        deliver(home, "crm_call", f"crm_call_2025{month:02d}03.csv", calls(numbers, bad_dates=(numbers[5],)))
        deliver(
            home, "crm_account", f"crm_account_2025{month:02d}03.csv", accounts(numbers, bad=(numbers[7],))
        )
    deliver(home, "crm_call", "crm_call_20250603.csv", b"PK\x03\x04" + b"\0" * 100)
    return 9


def start(home: Home, limit_bytes: int | None = None) -> subprocess.Popen[str]:
    """A landing process that has loaded everything and waits for a line on its input."""

    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    process = subprocess.Popen(
        [sys.executable, "-c", LANDER, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


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


@pytest.fixture
def undisturbed(new_home: NewHome, contracts: Contracts) -> Delivered:
    """What landing makes of the deliveries when nothing goes wrong."""
    home = new_home("undisturbed")
    files = deliver_much(home)
    assert len(land(home).new_batches) == files
    return result_of(home, contracts)


def test_killed_at_random_moments_and_run_again(
    new_home: NewHome, contracts: Contracts, undisturbed: Delivered
) -> None:
    rng = random.Random(20251103)
    calibration = new_home("calibration")
    deliver_much(calibration)
    process = start(calibration)
    began = time.monotonic()
    go(process)
    process.wait(300)
    whole = time.monotonic() - began
    hit = unfinished = 0
    for victim in range(KILLS // 3):
        home = new_home(f"victim{victim}")
        deliver_much(home)
        for _ in range(3):
            process = start(home)
            go(process)
            time.sleep(rng.uniform(0.02, 0.6) * whole)
            hit += process.poll() is None
            process.kill()
            process.wait(60)
            assert_nothing_half_visible(home)
            with Ledger(home) as ledger:
                unfinished += len(ledger.batches(state="received")) > 0
        land(home)
        assert result_of(home, contracts) == undisturbed
        assert_no_leftovers(home)
    assert hit >= KILLS * 2 // 3, f"only {hit} of {KILLS} kills found landing at work"
    assert unfinished >= 1, "no kill left a batch undecided"


def test_a_full_disk_at_any_write_loses_nothing(
    new_home: NewHome, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every single sync to disk fails in turn; each time the next run goes on from there."""
    calm = new_home("calm")
    _deliver_little(calm)
    real = os.fsync
    syncs = 0

    def counting(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counting)
    land(calm)
    monkeypatch.setattr(os, "fsync", real)
    expected = result_of(calm, contracts)
    schemas = len(contracts)
    assert syncs > schemas + 8
    home = new_home("starved")
    _deliver_little(home)
    failed = 0
    for turn in range(schemas + 1, syncs + 1):
        remaining = turn - schemas - failed

        def failing(descriptor: int, left: list[int] = [remaining]) -> None:  # noqa: B006
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            try:
                land(home)
            except DiskFullError as error:
                failed += 1
                assert "ディスクの空きがありません" in str(error)
                patch.setattr(os, "fsync", real)
                assert_nothing_half_visible(home)
                assert_no_leftovers(home)
    assert failed >= 1
    land(home)
    assert result_of(home, contracts) == expected


def test_a_disk_that_takes_no_more_bytes_is_told(new_home: NewHome, contracts: Contracts) -> None:
    home = new_home("small disk")
    deliver(home, "crm_call", "crm_call_20251103.csv", calls(list(range(9000))))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1, 2]))
    process = start(home, limit_bytes=200_000)
    _, errors = process.communicate("\n", 120)
    assert process.returncode == 1 and "DiskFullError" in errors and "ディスクの空きがありません" in errors
    assert_nothing_half_visible(home)
    assert_no_leftovers(home)
    assert sum(outcome.rows_landed for outcome in land(home).new_batches) == 9000


def test_two_landers_at_once_share_the_work(
    new_home: NewHome, contracts: Contracts, undisturbed: Delivered
) -> None:
    home = new_home("shared")
    files = deliver_much(home)
    landers = [start(home), start(home)]
    for process in landers:
        go(process)
    outputs = [process.communicate(timeout=300) for process in landers]
    assert [process.returncode for process in landers] == [0, 0], outputs
    assert sum(int(out) for out, _ in outputs) == files
    assert result_of(home, contracts) == undisturbed


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


def test_the_lander_of_these_tests_is_the_product(tmp_path: Path) -> None:
    """The killed process runs `land` itself: it lands what it is given."""
    home = Home.resolve(tmp_path / "product")
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    out, errors = start(home).communicate("\n", 120)
    assert out == "1\n", errors

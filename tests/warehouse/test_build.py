"""A candidate appears whole or not at all, once per input, by one builder at a time; dbt is stood in for."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from shirube.estimation.step import EstimationError
from shirube.home import Home
from shirube.landing import land
from shirube.ledger import Ledger
from shirube.stopped import EXPORT_FILE, STOPPED_FILE, exported_stopped
from shirube.vault import VaultPermissionError
from shirube.warehouse import (
    BuildBusyError,
    BuildError,
    LeftOut,
    build,
    config_version,
    is_list_built,
    last_build,
    load_build,
    release_id_of,
)
from shirube.warehouse import run_dbt as run_dbt_module
from shirube.warehouse.build import KEEP_PREPARATION_VARIABLE

KNOWN, NOBODY = "K" * 12, "N" * 12
HEADER = (
    "Id,IsDeleted,Name,Product_Type_vod__c,Parent_Product_vod__c,External_ID_vod__c,Company_Product_vod__c"
)
HEADER += ",Therapeutic_Area_vod__c,YJ_Code__c,SystemModstamp\n"


def drop(home: Home, day: str, name: str = "シルベリン錠") -> None:
    """Put one product file of a day into the inbox and land it."""
    folder = home.inbox / "crm_product"
    folder.mkdir(exist_ok=True)
    row = f"a005g00000000AAAAA,false,{name},Detail,,PRD-A,true,循環器,2149099F1020,2026-01-01T00:00:00.000Z\n"
    (folder / f"crm_product_{day}T0100.csv").write_text(HEADER + row, encoding="utf-8")
    land(home, source="crm_product")


class FakeDbt:
    """Writes what dbt would leave, and counts how often it was asked."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.parts: list[str] = []
        self.problem: Exception | None = None
        self.estimation_problem: Exception | None = None

    def __call__(
        self, places: run_dbt_module.DbtPlaces, part: str, variables: Any, progress: Any
    ) -> list[run_dbt_module.ModelResult]:
        self.parts.append(part)
        places.target.mkdir(parents=True, exist_ok=True)
        for name in ("manifest.json", "run_results.json", "dbt.log"):
            (places.target / name).write_text("{}")
        if part == "marts":
            assert places.preparation_file.exists() == bool(os.environ.get(KEEP_PREPARATION_VARIABLE))
            places.preparation_file.touch()  # dbt makes it again, empty, wherever its profile names it
            return [run_dbt_module.ModelResult("mart_cx", "marts", "success", 0.1)]
        self.runs.append(dict(variables))
        places.warehouse_file.write_text(f"warehouse {len(self.runs)}")
        self.ledger = places.ledger
        self.stopped = exported_stopped(self.ledger)
        if self.stopped:  # how many of them the build knew is read from what was prepared
            with duckdb.connect(str(places.preparation_file)) as connection:
                connection.execute("create schema intermediate")
                connection.execute(
                    "create table intermediate.int_stopped_reference as"
                    " select * from (values ('dcf_code', '1', ?), ('member_id', 'M1', ?)) as known"
                    " (reference_type, reference, physician_key)",
                    [KNOWN, KNOWN],
                )
        else:
            places.preparation_file.touch()
        self.landings = pq.read_table(self.ledger / "batch.parquet")["landing_id"].to_pylist()
        if self.problem:
            raise self.problem
        return [run_dbt_module.ModelResult("fct_touchpoint", "core", "success", 0.1)]

    def estimate(self, warehouse_file: Path, out: Path, as_of: date, progress: Any) -> None:
        self.parts.append("estimates")
        assert (warehouse_file.parent, out.name) == (out.parent, "estimates")
        if self.estimation_problem:
            raise self.estimation_problem


@pytest.fixture
def dbt(monkeypatch: pytest.MonkeyPatch) -> FakeDbt:
    fake = FakeDbt()
    monkeypatch.setattr(sys.modules["shirube.warehouse.build"], "run_dbt", fake)
    monkeypatch.setattr(sys.modules["shirube.warehouse.build"], "estimate_all", fake.estimate)
    return fake


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home.resolve(tmp_path / "データ ホーム")
    drop(made, "20260401")
    yield made


def test_the_day_is_that_of_the_newest_delivery(home: Home, dbt: FakeDbt) -> None:
    result = build(home)
    assert result.as_of == date(2026, 4, 1)
    assert result.release_id.startswith("2026-04-01-")
    assert len(result.release_id) == len("2026-04-01-") + 10
    assert dbt.runs == [
        {"as_of": "2026-04-01", "release_id": result.release_id, "config_version": config_version()}
    ]
    assert [model.name for model in result.models] == ["fct_touchpoint", "mart_cx"]
    assert dbt.parts == ["core", "estimates", "marts"]
    assert result.warehouse_file.read_text() == "warehouse 1"
    assert last_build(home) == load_build(home, result.release_id) == result


@pytest.mark.parametrize("kept", [False, True])
def test_what_the_core_was_made_of_is_deleted_unless_asked_for(
    home: Home, dbt: FakeDbt, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    if kept:
        monkeypatch.setenv(KEEP_PREPARATION_VARIABLE, "1")
    else:
        stop(home, KNOWN)  # then the file is a database, and is read before it goes
    folder = build(home).warehouse_file.parent
    assert [file.name for file in folder.glob("*preparation*")] == ["warehouse.duckdb.preparation"] * kept


def test_the_same_inputs_are_not_built_twice(home: Home, dbt: FakeDbt) -> None:
    events: list[str] = []
    first = build(home)
    again = build(home, progress=lambda event, facts: events.append(event))
    assert (again, len(dbt.runs), events) == (first, 1, ["build_reused"])
    drop(home, "20260408", "シルベリン錠10mg")
    newer = build(home)
    assert newer.release_id != first.release_id
    assert newer.as_of == date(2026, 4, 8)
    assert build(home, as_of=date(2026, 4, 1)).release_id == first.release_id
    assert len(dbt.runs) == 2


def test_a_later_delivery_does_not_change_the_id_of_an_earlier_day(home: Home, dbt: FakeDbt) -> None:
    first = build(home)
    inbox = home.inbox / "crm_product"
    same = (inbox / "crm_product_20260401T0100.csv").read_bytes()
    (inbox / "crm_product_20260501T0100.csv").write_bytes(same)
    land(home, source="crm_product")
    assert build(home, as_of=date(2026, 4, 1)).release_id == first.release_id
    assert build(home).as_of == date(2026, 5, 1)


def test_a_failed_build_leaves_the_last_one_and_nothing_else(home: Home, dbt: FakeDbt) -> None:
    good = build(home)
    drop(home, "20260408", "シルベリン錠10mg")
    dbt.problem = run_dbt_module.DbtError("dbt build failed:\n  fct_touchpoint: no room")
    with pytest.raises(BuildError, match="fct_touchpoint: no room") as error:
        build(home)
    failed = home.warehouse / "failed"
    assert str(failed) in str(error.value)
    assert sorted(file.name for file in failed.iterdir()) == ["dbt.log", "run_results.json"]
    assert failed.stat().st_mode & 0o777 == 0o700
    assert last_build(home) == good
    assert [folder.name for folder in (home.warehouse / "builds").iterdir()] == [good.release_id]


def test_a_failed_estimation_leaves_the_last_build(home: Home, dbt: FakeDbt) -> None:
    good = build(home)
    drop(home, "20260408", "シルベリン錠10mg")
    dbt.estimation_problem = EstimationError("estimator necessity failed: ValueError")
    with pytest.raises(BuildError, match=r"^estimator necessity failed: ValueError$"):
        build(home)
    assert last_build(home) == good
    assert [folder.name for folder in (home.warehouse / "builds").iterdir()] == [good.release_id]


def test_a_build_keeps_the_ledger_that_it_read(home: Home, dbt: FakeDbt) -> None:
    """Landed after the build began: in neither its rows nor its ledger, whatever is exported later."""
    first = build(home)
    read = list(dbt.landings)
    assert dbt.ledger == first.ledger == home.warehouse / "builds" / first.release_id / "ledger"
    drop(home, "20260408", "シルベリン錠10mg")
    dbt.problem = run_dbt_module.DbtError("dbt build failed")
    with pytest.raises(BuildError):
        build(home)
    assert len(dbt.landings) == 2
    assert pq.read_table(first.ledger / "batch.parquet")["landing_id"].to_pylist() == read
    assert len(read) == 1
    assert not (home.warehouse / ".ledger").exists()


def test_the_audits_of_cleared_builds_go_with_them(home: Home, dbt: FakeDbt) -> None:
    kept = build(home).release_id
    old = "2026-03-01-0123456789"
    for name in (old, kept):
        (home.warehouse / "audit" / name).mkdir(parents=True)
        (home.warehouse / f".audit-{name}-x1y2").mkdir()
    drop(home, "20260408", "シルベリン錠10mg")
    build(home)
    assert [folder.name for folder in (home.warehouse / "audit").iterdir()] == [kept]
    assert [folder.name for folder in home.warehouse.glob(".audit-*")] == [f".audit-{kept}-x1y2"]


def test_an_unfinished_write_ahead_log_fails_the_build(
    home: Home, dbt: FakeDbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_log(places: run_dbt_module.DbtPlaces, *others: Any) -> list[run_dbt_module.ModelResult]:
        models = dbt(places, *others)
        places.warehouse_file.with_name("warehouse.duckdb.wal").write_text("unfinished")
        return models

    monkeypatch.setattr(sys.modules["shirube.warehouse.build"], "run_dbt", leave_log)
    with pytest.raises(BuildError, match="write-ahead log"):
        build(home)
    with pytest.raises(FileNotFoundError):
        last_build(home)


def test_nothing_landed_is_said_plainly(tmp_path: Path, dbt: FakeDbt) -> None:
    empty = Home.resolve(tmp_path / "empty")
    with pytest.raises(BuildError, match="Nothing has been landed yet"):
        build(empty)
    assert dbt.runs == []


def test_a_second_builder_waits_and_then_finds_the_first_ones_work(home: Home, dbt: FakeDbt) -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(build(home).release_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len(dbt.runs) == 1


def test_a_builder_that_waited_in_vain_says_so(home: Home, dbt: FakeDbt) -> None:
    with (home.warehouse / ".build.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(BuildBusyError, match="Another process is building"):
            build(home, wait_seconds=0.3)
    assert dbt.runs == []


def test_only_the_last_build_and_the_new_one_take_room(home: Home, dbt: FakeDbt) -> None:
    for day in ("20260408", "20260415", "20260422"):
        build(home)
        drop(home, day, f"シルベリン錠{day}")
    newest = build(home)
    names = {folder.name for folder in (home.warehouse / "builds").iterdir()}
    assert len(names) == 2
    assert newest.release_id in names


def test_killed_at_any_moment_the_next_build_is_the_same(home: Home, tmp_path: Path, dbt: FakeDbt) -> None:
    """Another process builds slowly and is killed; what it left is cleared, and the lock is free."""
    expected = build(home)
    (home.warehouse / "last").unlink()
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time, json\n"
        "from pathlib import Path\n"
        "from shirube.home import Home\n"
        "import shirube.warehouse\n"
        "module = sys.modules['shirube.warehouse.build']\n"
        "def slow(places, part, variables, progress):\n"
        "    places.target.mkdir(parents=True)\n"
        "    for part in range(1000):\n"
        "        places.warehouse_file.write_text('part ' * part)\n"
        "        print('building', flush=True)\n"
        "        time.sleep(0.01)\n"
        "module.run_dbt = slow\n"
        "module.build(Home.resolve(sys.argv[1]))\n"
    )
    for waits in (1, 3, 7):
        for folder in (home.warehouse / "builds").iterdir():
            shutil.rmtree(folder)
        with subprocess.Popen(
            [sys.executable, str(script), str(home.root)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(waits):
                assert child.stdout.readline() == "building\n"
            os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(FileNotFoundError):
            last_build(home)
        after = build(home, wait_seconds=5)
        assert (after.release_id, after.as_of) == (expected.release_id, expected.as_of)
        assert [folder.name for folder in (home.warehouse / "builds").iterdir()] == [expected.release_id]
        (home.warehouse / "last").unlink()


def stop(home: Home, *lines: str) -> Path:
    """The vault's list of physicians whose data may not be used any more."""
    file = home.vault / STOPPED_FILE
    file.touch(mode=0o600)
    file.write_text("\n".join(lines))
    return file


def test_a_changed_list_of_stopped_physicians_is_another_build(home: Home, dbt: FakeDbt) -> None:
    said: list[str] = []
    before = build(home)
    assert (dbt.stopped, before.left_out, before.left_out.summary()) == ([], LeftOut(), "")
    stop(home, "# nobody", "")
    assert build(home) == before, "a list without keys is no list"
    stop(home, f"{KNOWN}  # by letter", NOBODY, KNOWN)
    assert not is_list_built(home)
    after = build(home, progress=lambda event, facts: said.append(f"{event} {facts}"))
    assert after.release_id != before.release_id
    assert dbt.stopped == [KNOWN, NOBODY] == exported_stopped(after.ledger)
    assert (after.left_out, is_list_built(home)) == (LeftOut(1, 1), True)
    (told,) = [line for line in said if line.startswith("left_out")]
    assert "1 人" in told and "shirube recall" in told
    assert KNOWN not in "".join(said) and NOBODY not in "".join(said)
    assert build(home, as_of=date(2026, 4, 1)) == after == last_build(home), "the same list, the same build"
    listed = stop(home, KNOWN)
    assert build(home).release_id not in {before.release_id, after.release_id}
    listed.unlink()
    with pytest.raises(ValueError, match="除いた利用停止の一覧"):
        build(home)
    with pytest.raises(ValueError, match="put it back, or an empty file"):
        is_list_built(home)
    assert last_build(home).left_out == LeftOut(1, 0), "a lost list brings nobody back"
    stop(home)
    assert build(home).release_id == before.release_id


def test_who_was_left_out_is_remembered_when_the_warehouse_is_deleted(home: Home, dbt: FakeDbt) -> None:
    """Everything there may be deleted at any time: a list that is gone too must still bring nobody back."""
    listed = stop(home, KNOWN, NOBODY)
    left_out = build(home)
    shutil.rmtree(home.warehouse)
    home.warehouse.mkdir()
    assert is_list_built(home), "the same list, and nothing to do"
    stop(home, KNOWN)
    assert not is_list_built(home)
    listed.unlink()
    with pytest.raises(ValueError, match="2 人を除いた利用停止の一覧"):
        build(home)
    with Ledger(home) as ledger:
        noted = ledger.left_out()
    assert noted is not None and noted.physicians == 2
    assert noted.digest is not None and KNOWN not in noted.digest
    stop(home, NOBODY, KNOWN)
    assert build(home).release_id == left_out.release_id
    stop(home)  # an empty list is one that was meant
    assert not is_list_built(home)
    build(home)
    stop(home).unlink()
    assert is_list_built(home) and build(home).left_out == LeftOut()


def test_a_build_from_before_the_ledger_noted_it_is_remembered_too(home: Home, dbt: FakeDbt) -> None:
    listed = stop(home, KNOWN)
    build(home)
    with sqlite3.connect(home.ledger_file) as connection:
        connection.execute("drop table left_out")
        connection.execute("pragma user_version = 2")
    assert is_list_built(home)
    listed.unlink()
    with pytest.raises(ValueError, match="1 人を除いた利用停止の一覧"):
        build(home)


def test_the_list_is_private_and_its_keys_are_in_no_other_file_of_the_build(home: Home, dbt: FakeDbt) -> None:
    stop(home, NOBODY)
    built = build(home)
    holding = [
        file for file in home.warehouse.rglob("*") if file.is_file() and NOBODY.encode() in file.read_bytes()
    ]
    assert [file.relative_to(built.ledger) for file in holding] == [Path(EXPORT_FILE)]
    assert holding[0].stat().st_mode & 0o777 == 0o600


def test_a_list_that_cannot_be_trusted_or_read_stops_the_build(home: Home, dbt: FakeDbt) -> None:
    good = build(home)
    file = stop(home, KNOWN)
    file.chmod(0o640)
    with pytest.raises(VaultPermissionError):
        build(home)
    stop(home, "標 太郎").chmod(0o600)
    with pytest.raises(ValueError, match="12") as told:
        build(home)
    assert "太郎" not in str(told.value)
    assert last_build(home) == good
    assert not (home.warehouse / ".ledger").exists()


def test_the_id_is_a_function_of_every_input() -> None:
    day = date(2026, 4, 1)
    ids = {
        release_id_of(day, ["a 2026-04-01", "b 2026-04-01"], "c" * 12),
        release_id_of(day, ["b 2026-04-01", "a 2026-04-01"], "c" * 12),
        release_id_of(day, ["a 2026-04-01"], "c" * 12),
        release_id_of(day, ["a 2026-04-01", "b 2026-04-01"], "d" * 12),
        release_id_of(date(2026, 4, 2), ["a 2026-04-01", "b 2026-04-01"], "c" * 12),
        release_id_of(day, ["a 2026-04-01", "b 2026-04-01"], "c" * 12, "e" * 64),
        release_id_of(day, ["a 2026-04-01", "b 2026-04-01"], "c" * 12, "f" * 64),
        release_id_of(day, ["a 2026-04-01", "b 2026-04-01"], "c" * 12, None),
    }
    assert len(ids) == 6


def test_configuration_is_contracts_suites_seeds_and_models(tmp_path: Path) -> None:
    def write(name: str, text: str) -> str:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return config_version(tmp_path)

    seen = [write("dbt_project/dbt_project.yml", "name: x")]
    for name in (
        "expectations/sources/crm_call.odcs.yaml",
        "expectations/suites/core/fct_touchpoint.yaml",
        "dbt_project/seeds/bot_rule.csv",
        "dbt_project/models/core/fct_touchpoint.sql",
        "dbt_project/models/marts/mart_cx.yml",
        "dbt_project/macros/keys.sql",
    ):
        seen.append(write(name, "one"))
        seen.append(write(name, "two"))
    assert len(set(seen)) == len(seen) == 13
    assert all(len(version) == 12 for version in seen)
    assert write("dbt_project/README.md", "words") == seen[-1]

"""`shirube demo` as a person runs it: the embedded Airflow from inbox to pages, twice, and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from shirube.home import HOME_VARIABLE, Home, project_root
from shirube.ledger import Ledger
from shirube.orchestration.settings import list_sources

pytestmark = pytest.mark.end_to_end

ARGUMENTS = ["--physicians", "150", "--months", "2"]


def run_demo(home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shirube.cli", "demo", "--home", str(home), *ARGUMENTS],
        capture_output=True,
        text=True,
        timeout=600,
    )


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that works in this data home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, str]]:
    root = tmp_path_factory.mktemp("demo") / "データ home"
    done = run_demo(root)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    yield Home.resolve(root), done.stdout
    assert processes_of(root) == []


def test_everything_delivered_is_released_and_shared(first_run: tuple[Home, str]) -> None:
    home, _ = first_run
    truth = json.loads((home.root / "sample" / "truth.json").read_text(encoding="utf-8"))
    manifest = json.loads((home.current / "manifest.json").read_text(encoding="utf-8"))
    with Ledger(home) as ledger:
        assert len(ledger.pending()) == 0
        known = {batch.source for batch in ledger.batches()}
    assert known == {entry["source"] for entry in truth["files"]} == set(list_sources())
    assert manifest["release_id"] == home.current.resolve().name
    marts = {file.stem for file in (project_root() / "dbt_project" / "models" / "marts").glob("*.sql")}
    assert {entry["name"] for entry in manifest["marts"]} == marts | {"fct_kpi_value_restricted"}
    held = {entry["name"] for entry in manifest["marts"] if entry["status"] == "withheld"}
    restricted = {file.stem for file in (home.current / "restricted").glob("*.parquet")}
    assert restricted == {
        *("mart_medical_access", "mart_medical_worklist", "mart_content_violation"),
        "fct_kpi_value_restricted",
    }
    assert {file.stem for file in (home.current / "marts").glob("*.parquet")} == marts - held - restricted
    assert (home.current / "docs" / "catalogue" / "index.html").exists()
    assert list((home.current / "reports" / "office").glob("*.html"))


def test_it_tells_what_happened_and_where_it_is(first_run: tuple[Home, str]) -> None:
    home, told = first_run
    for source in list_sources():
        assert source in told
    for words in (
        "From arrival to release",
        "Published",
        "Reports",
        "Catalogue",
        home.current.resolve().name,
    ):
        assert words in told


def test_dags_did_it_each_source_through_its_own(first_run: tuple[Home, str]) -> None:
    home, _ = first_run
    logs = home.root / "airflow" / "logs"
    ran = {folder.name.removeprefix("dag_id=") for folder in logs.glob("dag_id=*")}
    assert ran >= {*(f"ingest_{source}" for source in list_sources()), "build", "share"}


def test_a_second_run_is_incremental_and_says_so(first_run: tuple[Home, str]) -> None:
    home, _ = first_run
    before = home.current.resolve()
    again = run_demo(home.root)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Incremental run" in again.stdout
    assert "nothing is new" in again.stdout
    assert home.current.resolve() == before


def test_another_company_does_not_mix_into_the_home(first_run: tuple[Home, str]) -> None:
    home, _ = first_run
    command = [
        sys.executable,
        "-m",
        "shirube.cli",
        "demo",
        "--home",
        str(home.root),
        "--seed",
        "8",
        *ARGUMENTS,
    ]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "another sample company" in refused.stdout


def test_interrupted_it_leaves_no_process(tmp_path: Path) -> None:
    root = tmp_path / "interrupted"
    running = subprocess.Popen(
        [sys.executable, "-m", "shirube.cli", "demo", "--home", str(root), *ARGUMENTS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    scheduler_log = root / "airflow" / "logs" / "scheduler.log"
    deadline = time.monotonic() + 120
    while not scheduler_log.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(root), "Airflow was never started"
    running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "Interrupted" in told
    assert processes_of(root) == []

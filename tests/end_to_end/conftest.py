"""The sample company carried through the whole path without Airflow, once for each file of this folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shirube.home import Home
from shirube.sample import generate


@dataclass(frozen=True)
class Company:
    """A data home that was run to its end, its warehouse, and what is true about its files."""

    home: Home
    truth: dict[str, Any]
    warehouse: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query on the warehouse."""
        return self.warehouse.execute(query).fetchall()

    def count(self, query: str) -> int:
        """The single number of a query on the warehouse."""
        return int(self.rows(query)[0][0])


def shirube(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    command = [sys.executable, "-m", "shirube.cli", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def fill_inbox(sample: Path, home: Path) -> None:
    """Deliver every file of the sample at once."""
    for source in sorted(path for path in sample.iterdir() if path.is_dir()):
        shutil.copytree(source, home / "inbox" / source.name, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def sample_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of the size and seed that the test file asks for."""
    folder = tmp_path_factory.mktemp("sample") / "見本 company"
    generate(folder, seed=request.module.SEED, physicians=request.module.PHYSICIANS, months=12)
    return folder


@pytest.fixture(scope="module")
def company(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root = tmp_path_factory.mktemp("company") / "データ home"
    fill_inbox(sample_folder, root)
    done = shirube(root, "run")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    home = Home.resolve(root)
    release_id = home.current.resolve().name
    file = home.warehouse / "builds" / release_id / "warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
        yield Company(home, truth, connection)

"""One warehouse for the golden results: the marts built by dbt over a core that is written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from shirube.home import project_root

sys.path.insert(0, str(Path(__file__).parent))
import tiny_company
from core_tables import write_core


def run_dbt(folder: Path, *arguments: str, project: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run dbt on the warehouse in `folder` as of the tiny company's day; returns the finished process."""
    project = project or project_root() / "dbt_project"
    environment = os.environ | {
        "SHIRUBE_WAREHOUSE_FILE": str(folder / "warehouse.duckdb"),
        "SHIRUBE_LAKE": str(folder / "lake"),
        "SHIRUBE_LEDGER_EXPORT": str(folder / "ledger"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    variables = {"as_of": tiny_company.AS_OF, "release_id": "tiny", "config_version": "tiny-config"}
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--project-dir", str(project)]
    command += ["--profiles-dir", str(project), "--target-path", str(folder / "target")]
    command += ["--log-path", str(folder / "logs"), "--vars", json.dumps(variables)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `warehouse.duckdb`: core of the tiny company, marts built and tested by dbt."""
    folder = tmp_path_factory.mktemp("marts")
    write_core(folder / "warehouse.duckdb", tiny_company.tables())
    done = run_dbt(folder, "build", "--select", "path:models/marts")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def warehouse(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to the built warehouse."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as connection:
        yield connection

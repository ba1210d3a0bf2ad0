"""One compiled dbt project for all architecture tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from shirube.contracts import load_contracts
from shirube.home import Home, project_root
from shirube.ledger import Ledger
from shirube.warehouse import write_empty_sources


@pytest.fixture(scope="session")
def dbt_manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`manifest.json` of the project, every model compiled, over a lake without a row."""
    folder = tmp_path_factory.mktemp("architecture")
    home = Home.resolve(folder / "home")
    write_empty_sources(home, load_contracts())
    with Ledger(home) as ledger:
        ledger.export_parquet(home.warehouse / "ledger")
    target = folder / "target"
    environment = os.environ | {
        "SHIRUBE_WAREHOUSE_FILE": str(folder / "warehouse.duckdb"),
        "SHIRUBE_LAKE": str(home.lake),
        "SHIRUBE_LEDGER_EXPORT": str(home.warehouse / "ledger"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    variables = {"as_of": "2026-10-31", "release_id": "architecture", "config_version": "architecture"}
    project = project_root() / "dbt_project"
    command = [sys.executable, "-m", "dbt.cli.main", "compile", "--project-dir", str(project)]
    command += [
        "--profiles-dir",
        str(project),
        "--target-path",
        str(target),
        "--log-path",
        str(folder / "logs"),
    ]
    command += ["--vars", json.dumps(variables)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    manifest: dict[str, Any] = json.loads(Path(target / "manifest.json").read_text(encoding="utf-8"))
    return manifest


@pytest.fixture(scope="session")
def dbt_models(dbt_manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every model node of the project by name."""
    nodes = dbt_manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}

"""One run of dbt on a folder of a test's own.

dbt reads the whole project before each run, longer than most runs take. What one run of this process has
read the next takes over: dbt itself sees whether anything changed, also in where the data lie, so they are
named from the folder, which is every run's working directory.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

_READ = "partial_parse.msgpack"
_KEPT = tempfile.TemporaryDirectory(prefix="shirube-parsed-")


def run_project(
    folder: Path,
    *arguments: str,
    variables: Mapping[str, Any],
    project: Path = PROJECT,
    warehouse: str = "warehouse",
) -> subprocess.CompletedProcess[str]:
    """Run dbt on `<warehouse>.duckdb`, `lake`, `ledger` and `estimates` of a folder; its artefacts are in
    `target_<warehouse>`.
    """
    names = {
        "SHIRUBE_WAREHOUSE_FILE": f"{warehouse}.duckdb",
        "SHIRUBE_LAKE": "lake",
        "SHIRUBE_LEDGER_EXPORT": "ledger",
        "SHIRUBE_ESTIMATES": "estimates",
    }
    environment = os.environ | names | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    target = folder / f"target_{warehouse}"
    given = json.dumps(dict(variables), sort_keys=True)
    command = [sys.executable, "-m", "dbt.cli.main", "--partial-parse", *arguments]
    command += ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    command += ["--log-path", str(folder / "logs"), "--vars", given]
    kept = Path(_KEPT.name) / sha256(f"{given} {warehouse} {project}".encode()).hexdigest()
    if kept.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, target / _READ)
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if not kept.exists() and (target / _READ).exists():
        shutil.copyfile(target / _READ, kept)
    return done

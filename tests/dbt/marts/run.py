"""dbt on a warehouse whose core is written by hand, and one number out of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt.marts import tiny_company
from tests.dbt.running import PROJECT, run_project


def run_dbt(folder: Path, *arguments: str, project: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run dbt on the warehouse in `folder` as of the tiny company's day; returns the finished process."""
    variables = {"as_of": tiny_company.AS_OF, "release_id": "tiny", "config_version": "tiny-config"}
    return run_project(folder, *arguments, variables=variables, project=project or PROJECT)


@contextmanager
def rebuilt(
    built: Path, folder: Path, change: Callable[[duckdb.DuckDBPyConnection], None], *models: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to a copy in `folder` of the built warehouse, with its core changed and the models
    named run again."""
    file = folder / "warehouse.duckdb"
    shutil.copy(built / file.name, file)
    with duckdb.connect(str(file)) as connection:
        change(connection)
    done = run_dbt(folder, "run", "--select", *models)
    assert done.returncode == 0, done.stdout[-3000:]
    with duckdb.connect(str(file), read_only=True) as connection:
        yield connection


def number(
    warehouse: duckdb.DuckDBPyConnection, kpi_id: str, scope_id: str = "OF01", **where: Any
) -> dict[str, Any]:
    """The one row of fct_kpi_value of this KPI, scope and breakdown; October 2026 unless told otherwise."""
    wanted = {"period_type": "month", "period_start": "2026-10-01"}
    wanted |= dict.fromkeys(("channel_id", "product_id", "phase_id", "breakdown")) | where
    conditions = " and ".join(f"{column} is not distinct from ?" for column in wanted)
    cursor = warehouse.execute(
        f"select * from marts.fct_kpi_value where kpi_id = ? and scope_id = ? and {conditions}",
        [kpi_id, scope_id, *wanted.values()],
    )
    rows = cursor.fetchall()
    assert len(rows) == 1, f"{kpi_id} {scope_id} {where}: {len(rows)} rows"
    return dict(zip([column[0] for column in cursor.description], rows[0], strict=True))

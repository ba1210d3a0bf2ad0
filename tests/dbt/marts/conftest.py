"""One warehouse for the golden results: the marts built by dbt over a core that is written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt.marts import necessity_estimates, pilot_estimates, tiny_company
from tests.dbt.marts.core_tables import write_core, write_estimates
from tests.dbt.marts.run import run_dbt


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `warehouse.duckdb`: core of the tiny company, marts built and tested by dbt."""
    folder = tmp_path_factory.mktemp("marts")
    write_core(folder / "warehouse.duckdb", tiny_company.tables())
    estimates = tiny_company.estimates() | necessity_estimates.tables() | pilot_estimates.tables()
    write_estimates(folder / "estimates", estimates)
    done = run_dbt(folder, "build", "--select", "path:seeds", "path:models/marts")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def warehouse(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to the built warehouse."""
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as connection:
        yield connection

"""A core of a few rows with the columns that core's contracts promise, and the project's seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import yaml
from shirube.home import project_root

Rows = Sequence[Mapping[str, Any]]

CALENDAR: Rows = [
    {"date_on": date(2025, 12, 31), "fiscal_year": 2025},
    {"date_on": date(2026, 4, 1), "fiscal_year": 2026},
]
"""As much of dim_date as says that the fiscal year begins in April."""


def make_core(
    reads: Sequence[str], tables: Mapping[str, Rows], seeds: Mapping[str, Mapping[str, Any]] | None = None
) -> duckdb.DuckDBPyConnection:
    """A database with the tables that an estimator reads, a calendar among them, and every seed; `seeds`
    changes columns of a seed's rows.

    Raises KeyError for a table that is not read or a column that core does not have.
    """
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("create schema core")
    connection.execute("create schema seeds")
    project = project_root() / "dbt_project"
    if set(tables) - set(reads):
        raise KeyError(f"not read: {sorted(set(tables) - set(reads))}")
    for name in reads:
        model = yaml.safe_load((project / "models" / "core" / f"{name}.yml").read_text(encoding="utf-8"))
        columns = {column["name"]: column["data_type"] for column in model["models"][0]["columns"]}
        declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"create table core.{name} ({declared})")
        rows = tables.get(name, CALENDAR if name == "dim_date" else [])
        strange = {column for row in rows for column in row} - set(columns)
        if strange:
            raise KeyError(f"{name} has no column {sorted(strange)}")
        if rows:
            used = sorted({column for row in rows for column in row})
            given = pa.Table.from_pylist([{column: row.get(column) for column in used} for row in rows])
            connection.register("given", given)
            connection.execute(
                f"insert into core.{name} ({', '.join(used)}) select {', '.join(used)} from given"
            )
            connection.unregister("given")
    for file in sorted((project / "seeds").glob("*.csv")):
        connection.execute(f"create table seeds.{file.stem} as select * from read_csv('{file}')")
    for name, values in (seeds or {}).items():
        for column, value in values.items():
            connection.execute(f"update seeds.{name} set {column} = ?", [value])
    return connection

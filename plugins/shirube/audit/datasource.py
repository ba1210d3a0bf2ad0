"""Great Expectations on DuckDB: one connection, kept open.

GX closes its connection before it has fetched, which DuckDB does not survive. The engine below keeps the one
connection it opened. Importing this module imports GX (several seconds): import it inside a function.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

os.environ["GX_ANALYTICS_ENABLED"] = "False"

import great_expectations as gx
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """GX's SQL engine with one connection for its whole life."""

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """Yield the one connection; it is not closed afterwards."""
        if not self._connection:
            # Each statement on its own: a check that raises must not abort those that follow.
            self._connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        yield self._connection

    def close(self) -> None:
        """Close the one connection: DuckDB lets go of a file only when the last connection is closed."""
        if self._connection:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """Defining it registers `context.data_sources.add_duckdb`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> builtins.type[DuckDBExecutionEngine]:
        """The engine that survives DuckDB's cursors."""
        return DuckDBExecutionEngine


def quiet_context() -> Any:
    """An ephemeral GX context: nothing on disk, no progress bars, no telemetry."""
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(store_backend_defaults=stores, analytics_enabled=False),
    )
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context

"""Run every estimator on a built core: `estimates/<name>.parquet`, which dbt declares as source `estimates`.

Each file is a function of the core, the seeds and the code: estimators draw from generators with a fixed
seed and read no clock.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from shirube.engine import bounded
from shirube.estimation import attribution, kpi_reliability, necessity, pilot_readout, satisfaction
from shirube.rules import RuleError

DATABASE_SHARE = 0.5
"""Of the memory limit; the other half is for the arrays that estimators make of what they read."""


class EstimationError(RuntimeError):
    """An estimator failed or broke its promise; the message names it and quotes no value."""


class Estimator(Protocol):
    """What a module of this package offers to be an estimator.

    `NAME`: the Parquet file's stem and the table of dbt's source. `SCHEMA`: its columns, in order. `READS`:
    the core tables that it reads, which dbt's source repeats in `meta.reads` so that lineage can be followed.
    """

    NAME: str
    SCHEMA: pa.Schema
    READS: tuple[str, ...]

    def estimate(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
        """Estimate from the schemas `core` and `seeds` of a read-only connection, as of a day."""
        ...


ESTIMATORS: tuple[Estimator, ...] = (
    attribution,
    kpi_reliability,
    necessity,
    pilot_readout,
    satisfaction,
)


@dataclass(frozen=True)
class Estimated:
    """One finished estimator."""

    name: str
    rows: int
    seconds: float


def estimate_all(
    warehouse_file: Path,
    out: Path,
    as_of: date,
    progress: Callable[[str, dict[str, Any]], None] | None = None,
    estimators: Iterable[Estimator] | None = None,
) -> list[Estimated]:
    """Run the estimators (default: all) on a built core; each writes `out/<name>.parquet`.

    Raises: EstimationError, naming the estimator, when one fails or returns other columns than it declares.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = []
    with (
        tempfile.TemporaryDirectory(prefix=".spill-", dir=out) as spill,
        duckdb.connect(
            str(warehouse_file), read_only=True, config=bounded(Path(spill), DATABASE_SHARE)
        ) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        for estimator in ESTIMATORS if estimators is None else estimators:
            started = time.perf_counter()
            table = _estimate(estimator, connection, as_of)
            pq.write_table(table, out / f"{estimator.NAME}.parquet")
            done.append(Estimated(estimator.NAME, table.num_rows, time.perf_counter() - started))
            if progress:
                facts = {"estimate": estimator.NAME, "rows": table.num_rows, "seconds": done[-1].seconds}
                progress("estimated", facts)
    return done


def _estimate(estimator: Estimator, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    try:
        table = estimator.estimate(connection, as_of)
    except RuleError as error:
        raise EstimationError(f"estimator {estimator.NAME}: {error}") from error
    except Exception as error:
        # The words of an error may quote a value; its class says enough, and the cause stays attached.
        raise EstimationError(f"estimator {estimator.NAME} failed: {type(error).__name__}") from error
    if not table.schema.equals(estimator.SCHEMA):
        raise EstimationError(
            f"estimator {estimator.NAME} returned other columns than it declares: "
            f"{', '.join(table.schema.names)} instead of {', '.join(estimator.SCHEMA.names)}"
        )
    return table

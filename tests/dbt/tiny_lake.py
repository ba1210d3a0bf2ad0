"""A lake and a ledger small enough to check by hand, and one `dbt build` over them.

lake = TinyLake(tmp_path)
lake.deliver("crm_call", "2026-04-06", [{"id": "C1", ...}, ...])     # one batch; missing columns are null
warehouse = lake.build(as_of="2026-10-31")                           # or select="+fct_touchpoint"
warehouse.rows("select * from core.fct_touchpoint order by 1")
lake.stopped = ["0123456789ab"]                                      # keys of physicians to leave out
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from shirube.contracts import load_contracts
from shirube.home import Home
from shirube.ledger import Ledger
from shirube.stopped import export_stopped

from tests.dbt.running import run_project

CONTRACTS = load_contracts()


def lake_schema(source: str) -> pa.Schema:
    """The columns of one source in the lake, as its contract declares them."""
    return CONTRACTS[source].lake_schema()


def _cell(value: Any, kind: pa.DataType) -> Any:
    if not isinstance(value, str):
        return value
    if pa.types.is_timestamp(kind):  # a wall time without a zone is UTC, as in the lake
        return datetime.fromisoformat(value.replace("Z", "+00:00") if "T" in value else value + "+00:00")
    return date.fromisoformat(value) if pa.types.is_date(kind) else value


def _moment(delivered: str) -> datetime:
    return datetime.combine(date.fromisoformat(delivered[:10]), time.fromisoformat(delivered[11:] or "00:00"))


def preparation_of(warehouse_file: Path) -> Path:
    """Where a build by dbt leaves its staging and intermediate tables."""
    return warehouse_file.with_name(f"{warehouse_file.name}.preparation")


@dataclass
class Warehouse:
    """A finished build."""

    file: Path
    results: list[dict[str, Any]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples; instants come back in UTC."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{preparation_of(self.file)}' as preparation (read_only)")
            return connection.execute(query).fetchall()

    def records(self, query: str) -> list[dict[str, Any]]:
        """All rows of a query as dictionaries."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass
class TinyLake:
    """Files of a data home written by hand: what landing would have left for dbt."""

    root: Path
    batches: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    again: list[tuple[str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for source in CONTRACTS:
            self._write(self.root / "lake" / source / "00000000-schema.parquet", lake_schema(source), [])
        # The export of an empty ledger gives the ledger's columns and the contracts' sources.
        with Ledger(Home.resolve(self.root / "home")) as ledger:
            ledger.export_parquet(self._ledger)

    @property
    def _ledger(self) -> Path:
        return self.root / "ledger"

    def _export(self, table: str, rows: list[dict[str, Any]]) -> None:
        file = self._ledger / f"{table}.parquet"
        self._write(file, pq.read_schema(file), rows)

    def deliver(
        self,
        source: str,
        delivered: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        period: str | None = None,
        quarantined: int = 0,
        state: str = "landed",
    ) -> str:
        """Land one batch delivered on a day (`2026-04-06` or `2026-04-06T01:00`, Japan); its batch id."""
        schema = lake_schema(source)
        given = [dict(row) for row in rows]
        for row in given:
            unknown = set(row) - set(schema.names)
            assert not unknown, f"{source} has no column {sorted(unknown)}"
        moment = _moment(delivered)
        content = json.dumps([source, delivered, period, given], default=str, sort_keys=True)
        batch_id = sha256(content.encode()).hexdigest()[:16]
        landing_id = f"{batch_id}-00c0ffee"
        table = [
            {name: _cell(row.get(name), schema.field(name).type) for name in schema.names}
            | {"_landing_id": landing_id, "_row_number": number}
            for number, row in enumerate(given, 2)
        ]
        self._write(self.root / "lake" / source / f"{landing_id}.parquet", schema, table)
        landing = {"batch_id": batch_id, "landing_id": landing_id, "source": source}
        self.batches.append(
            landing
            | {
                "file_name": f"{source}_{delivered}.csv",
                "delivered_at": moment,
                "delivered_on": moment.date(),
                "period": period,
                "state": state,
                "rows_in": len(given) + quarantined,
                "rows_landed": len(given),
                "rows_quarantined": quarantined,
                "content_hash": sha256(content.encode()).hexdigest(),
            }
        )
        if quarantined:
            self.quarantined.append(landing | {"reason_code": "bad_date", "rows": quarantined})
        return batch_id

    def deliver_again(self, batch_id: str, delivered: str) -> None:
        """Note that the same content came once more, on a later (or earlier) day."""
        self.again.append((batch_id, delivered))

    def _sightings(self) -> list[dict[str, Any]]:
        """One row per delivery; a batch's own date becomes the latest of its deliveries, as in the ledger."""
        names = ["batch_id", "landing_id", "source", "file_name", "delivered_at", "delivered_on"]
        rows = [{name: batch[name] for name in names} for batch in self.batches]
        for batch_id, delivered in self.again:
            batch = next(batch for batch in self.batches if batch["batch_id"] == batch_id)
            moment = _moment(delivered)
            seen = {"delivered_at": moment, "delivered_on": moment.date()}
            rows.append({name: batch[name] for name in names} | seen)
            if moment > batch["delivered_at"]:
                batch.update(seen)
        return rows

    def build(
        self,
        as_of: str = "2026-10-31",
        *,
        select: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
        without_tests: bool = False,
        name: str = "warehouse",
    ) -> Warehouse:
        """Run dbt once over what was delivered; fails with dbt's own words when a model or test fails."""
        self._export("sighting", self._sightings())
        self._export("batch", self.batches)
        self._export("quarantine", self.quarantined)
        export_stopped(self._ledger, self.stopped)
        file = self.root / f"{name}.duckdb"
        chosen = {"as_of": as_of, "release_id": "tiny", "config_version": "tiny"} | dict(variables or {})
        arguments = ["build"]
        if without_tests:
            arguments += ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
        if select:
            arguments += ["--select", *select]
        done = run_project(self.root, *arguments, variables=chosen, warehouse=name)
        if done.returncode != 0:
            failures = re.findall(r"^.*(?:ERROR|FAIL|Error|Failure).*$", done.stdout, flags=re.MULTILINE)
            raise AssertionError("\n".join(failures[:40]) + "\n" + done.stdout[-6000:] + done.stderr[-2000:])
        results_file = self.root / f"target_{name}" / "run_results.json"
        results = json.loads(results_file.read_text(encoding="utf-8"))["results"]
        return Warehouse(file, results)

    @staticmethod
    def _write(path: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

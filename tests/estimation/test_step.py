"""Estimators run on a built core, one file each; what fails is named without a value."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from shirube.estimation.step import ESTIMATORS, EstimationError, estimate_all
from shirube.home import project_root
from shirube.rules import RuleError

DAY = date(2026, 10, 31)


class CountContacts:
    """How many touchpoints each channel has."""

    NAME = "contacts"
    SCHEMA = pa.schema([("channel_id", pa.string()), ("contacts", pa.int64())])
    READS = ("fct_touchpoint",)

    def estimate(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
        return connection.execute(
            "select channel_id, count(*) as contacts from core.fct_touchpoint where occurred_on <= ? "
            "group by 1 order by 1",
            [as_of],
        ).to_arrow_table()


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema core")
        connection.execute(
            "create table core.fct_touchpoint as select * from (values ('webinar', date '2026-10-01'), "
            "('portal', date '2026-10-02'), ('portal', date '2026-11-01')) as t(channel_id, occurred_on)"
        )
    return file


def test_each_estimator_leaves_one_file_and_says_so(warehouse: Path, tmp_path: Path) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    out = tmp_path / "estimates"
    done = estimate_all(
        warehouse, out, DAY, lambda event, facts: said.append((event, facts)), [CountContacts()]
    )
    assert [(one.name, one.rows) for one in done] == [("contacts", 2)]
    assert [file.name for file in out.iterdir()] == ["contacts.parquet"]
    assert pq.read_table(out / "contacts.parquet").to_pylist() == [
        {"channel_id": "portal", "contacts": 1},
        {"channel_id": "webinar", "contacts": 1},
    ]
    assert [(event, facts["estimate"], facts["rows"]) for event, facts in said] == [
        ("estimated", "contacts", 2)
    ]


def test_a_failure_names_the_estimator_and_no_value(warehouse: Path, tmp_path: Path) -> None:
    class Broken(CountContacts):
        def estimate(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
            raise ValueError("山田太郎")

    with pytest.raises(EstimationError) as error:
        estimate_all(warehouse, tmp_path / "out", DAY, estimators=[Broken()])
    assert str(error.value) == "estimator contacts failed: ValueError"
    assert isinstance(error.value.__cause__, ValueError)


def test_rules_that_cannot_be_followed_are_told_in_their_own_words(warehouse: Path, tmp_path: Path) -> None:
    class Unruly(CountContacts):
        def estimate(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
            raise RuleError("seed channel_rule: two rows for 'portal'")

    with pytest.raises(EstimationError, match="estimator contacts: seed channel_rule: two rows for 'portal'"):
        estimate_all(warehouse, tmp_path / "out", DAY, estimators=[Unruly()])


def test_other_columns_than_declared_are_refused(warehouse: Path, tmp_path: Path) -> None:
    class Changed(CountContacts):
        SCHEMA = pa.schema([("channel_id", pa.string()), ("contacts", pa.int32())])

    with pytest.raises(EstimationError, match="estimator contacts returned other columns"):
        estimate_all(warehouse, tmp_path / "out", DAY, estimators=[Changed()])
    assert not (tmp_path / "out" / "contacts.parquet").exists()


def test_an_estimator_cannot_change_the_core(warehouse: Path, tmp_path: Path) -> None:
    class Writes(CountContacts):
        def estimate(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
            connection.execute("delete from core.fct_touchpoint")
            return super().estimate(connection, as_of)

    with pytest.raises(EstimationError, match="estimator contacts failed: InvalidInputException"):
        estimate_all(warehouse, tmp_path / "out", DAY, estimators=[Writes()])


def test_estimators_and_what_dbt_declares_do_not_drift() -> None:
    file = project_root() / "dbt_project" / "models" / "staging" / "sources.yml"
    sources = {one["name"]: one for one in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]}
    declared = {
        table["name"]: (
            tuple(table["config"]["meta"]["reads"]),
            tuple(column["name"] for column in table["columns"]),
        )
        for table in sources["estimates"]["tables"]
    }
    assert declared == {one.NAME: (one.READS, tuple(one.SCHEMA.names)) for one in ESTIMATORS}

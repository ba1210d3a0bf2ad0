"""A physician whose data may not be used any more is in no table, and what was left out is counted."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shirube.estimation.step import estimate_all
from shirube.stopped import EXPORT_FILE
from shirube.warehouse.run_dbt import DbtPlaces, run_dbt

from tests.dbt.core import stopped_company
from tests.dbt.core.conftest import CORE
from tests.dbt.core.stopped_company import CODE, HIS, REJECTED
from tests.dbt.running import PROJECT
from tests.dbt.tiny_lake import TinyLake, Warehouse, preparation_of

AS_OF = "2026-10-31"
Rows = set[tuple[Any, ...]]


@dataclass(frozen=True)
class Builds:
    """The same company with everybody, and without its first physician, whose key is `key`."""

    everybody: Warehouse
    without: Warehouse
    key: str
    lake: TinyLake


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    lake = TinyLake(tmp_path_factory.mktemp("stopped"))
    stopped_company.fill(lake)
    everybody = lake.build(as_of=AS_OF, select=CORE, without_tests=True, name="everybody")
    ((key,),) = everybody.rows(
        f"select distinct physician_key from core.dim_physician where physician_code = '{CODE}'"
    )
    lake.stopped = [key, "NobodyKnows1"]
    without = lake.build(as_of=AS_OF, select=(*CORE, "path:seeds"), name="without")
    _marts(lake, without.file)
    return Builds(everybody, without, key, lake)


def _marts(lake: TinyLake, file: Path) -> None:
    """The estimates and the marts on a built core, with dbt's tests, as a build makes them."""
    estimates = lake.root / "estimates"
    estimate_all(file, estimates, date.fromisoformat(AS_OF))
    places = DbtPlaces(file, lake.root / "target_marts", lake.root / "lake", lake.root / "ledger", estimates)
    run_dbt(places, "marts", {"as_of": AS_OF, "release_id": "tiny", "config_version": "tiny"}, None)


def tables(warehouse: Warehouse, *schemas: str) -> list[str]:
    listed = ", ".join(f"'{schema}'" for schema in schemas)
    return [
        f'{schema}."{name}"'
        for schema, name in warehouse.rows(
            "select table_schema, table_name from information_schema.tables"
            f" where table_schema in ({listed}) order by all"
        )
    ]


def texts(warehouse: Warehouse, table: str) -> list[str]:
    """Every row of a table as one line of JSON."""
    return [
        json.dumps(row, ensure_ascii=False, default=str) for row in warehouse.rows(f"select * from {table}")
    ]


def test_no_table_names_him(builds: Builds) -> None:
    looked_at = tables(builds.without, "core", "marts")
    made = [sum(name.startswith(f"{schema}.") for name in looked_at) for schema in ("core", "marts")]
    assert made == [len(list((PROJECT / "models" / schema).glob("*.sql"))) for schema in ("core", "marts")]
    assert made[0] >= 48 and made[1] >= 52
    # e1 was handed on and stands for its new owner; another vendor's PM1 is another person.
    elsewhere = {"e1", "MedPort:PM1"}
    names = [builds.key, *(name for known in HIS.values() for name in known - elsewhere)]
    words = [f'"{name}"' for name in names] + [CODE]
    found = {
        (table, word)
        for table in looked_at
        for row in texts(builds.without, table)
        for word in words
        if word in row
    }
    assert found == set()
    everybody = {
        word
        for table in tables(builds.everybody, "core")
        for row in texts(builds.everybody, table)
        for word in words
        if word in row
    }
    assert everybody >= {f'"{builds.key}"', CODE, '"A1"', '"A7"', '"A8"', '"A9"', '"M1"', '"M8"', '"e1new"'}


def test_an_address_that_was_handed_on_is_its_new_owners(builds: Builds) -> None:
    found = builds.without.rows(
        "select cast(occurred_on as varchar), physician.physician_code"
        " from core.fct_touchpoint inner join core.dim_physician as physician using (physician_key)"
        " where physician_reference = 'e1' and physician.is_current"
    )
    assert found == [("2026-07-15", "00000005")]
    bridge = builds.without.rows(
        "select cast(valid_from as varchar) from core.bridge_physician_identity where reference = 'e1'"
    )
    assert set(bridge) == {("2026-06-01",)}


def test_a_portals_number_for_him_is_another_persons_elsewhere(builds: Builds) -> None:
    numbered = (
        "select source_record_id from core.fct_touchpoint"
        " where physician_reference_type = 'portal_member_id' order by 1"
    )
    assert builds.everybody.rows(numbered) == [("MedPort:P7",), ("MedPort:P8",), ("Other:P1",)]
    assert builds.without.rows(numbered) == [("MedPort:P8",), ("Other:P1",)]


def test_what_he_was_called_is_known(builds: Builds) -> None:
    found: dict[str, set[str]] = {}
    for kind, reference in builds.without.rows(
        "select reference_type, reference from preparation.intermediate.int_stopped_reference"
    ):
        found.setdefault(kind, set()).add(reference)
    assert found == HIS
    assert builds.without.rows(
        "select count(distinct physician_key) from preparation.intermediate.int_stopped_reference"
    ) == [(1,)]


def test_every_row_is_in_the_star_or_counted_with_its_reason(builds: Builds) -> None:
    lost = builds.without.rows(
        "select source, batch_id from core.fct_source_delivery"
        " where rows_landed <> rows_in_core + rows_rejected"
    )
    assert lost == []
    reasons = builds.without.rows(
        "select source, cast(sum(rows) as int) from core.fct_reject where reason = 'use_stopped' group by 1"
    )
    assert dict(reasons) == {source: len(rows) for source, rows in REJECTED.items()}
    none = builds.everybody.rows("select count(*) from core.fct_reject where reason = 'use_stopped'")
    assert none == [(0,)]


def test_everybody_elses_rows_are_the_same(builds: Builds) -> None:
    """What is gone names him, or is a sum he was counted in; what is new is such a sum without him."""
    summed = {
        'core."dim_content"',
        'core."fct_content_use_month"',
        'core."fct_reject"',
        'core."fct_source_delivery"',
    }
    others = _other_keys(builds)
    assert len(others) == 4
    same = 0
    for table in tables(builds.everybody, "core"):
        before: Rows = set(builds.everybody.rows(f"select * from {table}"))
        after: Rows = set(builds.without.rows(f"select * from {table}"))
        if table in summed:
            continue
        assert after - before == set(), table
        same += len(after)
        gone = [json.dumps(row, default=str) for row in before - after]
        assert not [row for row in gone if any(f'"{other}"' in row for other in others)], table
    assert same > 300


def _other_keys(builds: Builds) -> set[str]:
    rows = builds.everybody.rows("select distinct physician_key from core.dim_physician")
    return {key for (key,) in rows} - {builds.key}


def test_an_adapter_that_does_not_ask_fails_the_build(builds: Builds) -> None:
    """What it would leave: a contact of nobody under his account, beside one under a stranger's."""
    planted = builds.lake.root / "planted.duckdb"
    shutil.copyfile(builds.without.file, planted)
    shutil.copyfile(preparation_of(builds.without.file), preparation_of(planted))
    tested = ("test_name:names_no_stopped_physician",)
    contact = (
        "insert into core.fct_touchpoint select * replace (null as physician_key,"
        " 'crm_account_id' as physician_reference_type, '{}' as physician_reference)"
        " from core.fct_touchpoint limit 1"
    )
    with duckdb.connect(str(planted)) as connection:
        connection.execute(contact.format("A77"))
    assert len(builds.lake.build(as_of=AS_OF, select=tested, name="planted").results) == 2
    with duckdb.connect(str(planted)) as connection:
        connection.execute(contact.format("A9"))
    with pytest.raises(
        AssertionError, match=r"names_no_stopped_physician_fct_touchpoint.*Got 1 result|FAIL 1"
    ):
        builds.lake.build(as_of=AS_OF, select=tested, name="planted")


def test_the_list_without_keys_is_no_list(builds: Builds, tmp_path: Path) -> None:
    """The build with everybody read a list without a key: nothing of it is left out or new."""
    references = "select count(*) from preparation.intermediate.int_stopped_reference"
    assert builds.everybody.rows(references) == [(0,)]
    export = builds.everybody.file.parent / "ledger" / EXPORT_FILE
    assert stat.S_IMODE(export.stat().st_mode) == 0o600


def test_the_keys_stay_in_the_private_file(builds: Builds) -> None:
    """A view reads them, and what he was called is beside the warehouse: neither is in what a build keeps."""
    kinds = builds.without.rows(
        "select table_catalog, table_name, table_type from information_schema.tables"
        " where table_name in ('int_stopped_physician', 'int_stopped_reference') order by 2"
    )
    assert kinds == [
        ("preparation", "int_stopped_physician", "VIEW"),
        ("preparation", "int_stopped_reference", "BASE TABLE"),
    ]
    for written in (builds.without.file, preparation_of(builds.without.file)):
        assert b"NobodyKnows1" not in written.read_bytes()

"""The star depends on what was delivered by a day, never on the order it came in or what came after."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tests.dbt.core.conftest import CORE, Star
from tests.dbt.core.star_company import fill
from tests.dbt.tiny_lake import TinyLake, Warehouse


def core_tables(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Every core table as sorted rows."""
    with duckdb.connect(str(warehouse.file), read_only=True) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'core' order by 1"
            ).fetchall()
        ]
        return {name: connection.execute(f"from core.{name} order by all").fetchall() for name in names}


def test_order_of_arrival_and_of_rows_leaves_no_trace(star: Star, tmp_path: Path) -> None:
    lake = TinyLake(tmp_path)
    fill(lake)
    lake.batches.reverse()
    lake.again.reverse()
    turned = 0
    for number, file in enumerate(sorted((tmp_path / "lake").glob("*/*.parquet"))):
        table = pq.read_table(file)
        if table.num_rows:
            turned += 1
            file.unlink()
            pq.write_table(
                table.take(list(range(table.num_rows))[::-1]), file.with_name(f"{99 - number:02}.parquet")
            )
    assert turned >= 15
    other = core_tables(lake.build(as_of="2026-10-31", select=CORE, without_tests=True))
    expected = core_tables(star.warehouse)
    assert len(expected) >= 25
    assert other.keys() == expected.keys()
    for name, rows in expected.items():
        assert other[name] == rows, name


def test_what_comes_later_does_not_change_an_earlier_day(star: Star) -> None:
    earlier = star.lake.build(as_of="2026-04-14", select=CORE, name="earlier")
    assert earlier.rows("select source_record_id from core.fct_touchpoint order by 1") == [
        ("C1",),
        ("C2",),
        ("C3",),
    ]
    assert earlier.rows("select source, reason, rows from core.fct_reject") == [
        ("crm_call", "out_of_scope", 1)
    ]
    assert earlier.rows("select count(*) from core.dim_physician where is_current") == [(5,)]
    assert (
        earlier.rows("select max(month_end) from core.fct_physician_month")[0][0].isoformat() == "2026-03-31"
    )
    late = earlier.rows("select count(*) from core.fct_source_delivery where delivered_on > '2026-04-14'")
    assert late == [(0,)]

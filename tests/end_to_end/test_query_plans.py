"""How the engine means to run the models: what is slow at ten million rows shows on a small company too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.end_to_end.conftest import Company

pytestmark = pytest.mark.end_to_end

SEED = 5
PHYSICIANS = 300

EQUALITY_OF_COLUMNS = re.compile(r"\([a-z_]+ = [a-z_]+\)")


def joins(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and condition of every join in a plan as DuckDB explains it."""
    if "JOIN" in plan["name"]:
        yield plan["name"].strip(), str(plan.get("extra_info", {}).get("Condition", ""))
    for child in plan.get("children", []):
        yield from joins(child)


def pairs_tried(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Conditions of joins that name a key and yet try every pair of rows.

    DuckDB hashes no outer join whose condition also asks something of the kept side alone.
    """
    plans = connection.execute("explain (format json) " + query).fetchall()
    found = [join for _, plan in plans for top in json.loads(plan) for join in joins(top)]
    return [
        condition
        for name, condition in found
        if name == "BLOCKWISE_NL_JOIN" and EQUALITY_OF_COLUMNS.search(condition)
    ]


def test_the_check_sees_a_join_that_tries_every_pair() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table act as select 1 as call_id, 'call' as source")
        connection.execute("create table product as select 1 as call_id")
        slow = "select * from act left join product on act.source = 'call' and act.call_id = product.call_id"
        assert pairs_tried(connection, slow)
        assert not pairs_tried(connection, "select * from act left join product using (call_id)")


def test_no_model_tries_every_pair_where_a_key_is_given(company: Company) -> None:
    build = company.home.warehouse / "builds" / company.home.current.resolve().name
    queries = {
        result["unique_id"].split(".")[2]: result["compiled_code"]
        for part in ("core", "marts")
        for result in json.loads((build / f"run_results_{part}.json").read_text(encoding="utf-8"))["results"]
        if result["unique_id"].startswith("model.") and result.get("compiled_code")
    }
    assert len(queries) > 150
    slow = {model: pairs_tried(company.warehouse, query) for model, query in queries.items()}
    assert {model: conditions for model, conditions in slow.items() if conditions} == {}

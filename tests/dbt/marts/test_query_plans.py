"""No mart tries every pair of rows where a key is given."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from tests.dbt.query_plans import models_trying_pairs


def test_no_mart_tries_every_pair_where_a_key_is_given(
    built: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    file = built / "target_warehouse" / "run_results.json"
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    seen, slow = models_trying_pairs(warehouse, results, built)
    assert seen >= 52
    assert slow == {}

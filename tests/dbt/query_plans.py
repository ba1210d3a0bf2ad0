"""How the engine means to run a query: what is slow at ten million rows shows in the plan over a few."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

EQUALITY_OF_COLUMNS = re.compile(r"\([a-z_]+ = [a-z_]+\)")


def pairs_tried(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Conditions of joins that name a key and yet try every pair of rows.

    DuckDB hashes no outer join whose condition also asks something of the kept side alone.
    """
    plans = connection.execute("explain (format json) " + query).fetchall()
    found = [join for _, plan in plans for top in json.loads(plan) for join in _joins(top)]
    return [
        condition
        for name, condition in found
        if name == "BLOCKWISE_NL_JOIN" and EQUALITY_OF_COLUMNS.search(condition)
    ]


def models_trying_pairs(
    connection: duckdb.DuckDBPyConnection, results: list[dict[str, Any]], folder: Path
) -> tuple[int, dict[str, list[str]]]:
    """Of dbt's run results: how many models were seen, and which try every pair at which join. `folder` is
    where dbt ran: its queries name files from there.
    """
    connection.execute(f"set file_search_path = '{folder}'")
    queries = {
        result["unique_id"].split(".")[2]: result["compiled_code"]
        for result in results
        if result["unique_id"].startswith("model.") and result.get("compiled_code")
    }
    tried = {model: pairs_tried(connection, query) for model, query in queries.items()}
    return len(queries), {model: conditions for model, conditions in tried.items() if conditions}


def _joins(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and condition of every join in a plan."""
    if "JOIN" in plan["name"]:
        yield plan["name"].strip(), str(plan.get("extra_info", {}).get("Condition", ""))
    for child in plan.get("children", []):
        yield from _joins(child)

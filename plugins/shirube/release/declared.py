"""What dbt declares about publishing: exposed star tables and the KPIs of each mart, from its manifest.json.

An exposure publishes the models it depends on when its `meta` says `publish: star`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Declared:
    """`star`: core tables to publish beside the marts, sorted; `kpis`: KPI id → the mart it is defined in;
    `keys`: model → a column that dbt tests to be unique and not null."""

    star: tuple[str, ...]
    kpis: dict[str, str]
    keys: dict[str, str]

    def kpis_of(self, mart: str) -> list[str]:
        """KPI ids defined beside a mart, sorted."""
        return sorted(kpi for kpi, owner in self.kpis.items() if owner == mart)


def read_declared(manifest_file: Path) -> Declared:
    """Read dbt's `manifest.json`.

    Raises: FileNotFoundError if the build left none.
    """
    document = json.loads(manifest_file.read_text(encoding="utf-8"))
    star: set[str] = set()
    for exposure in document["exposures"].values():
        if _meta(exposure).get("publish") != "star":
            continue
        for node_id in exposure["depends_on"]["nodes"]:
            node = document["nodes"].get(node_id)
            if node and node["resource_type"] == "model" and node["schema"] == "core":
                star.add(str(node["name"]))
    kpis: dict[str, str] = {}
    for node in document["nodes"].values():
        if node["resource_type"] == "model":
            for kpi in _meta(node).get("kpis") or []:
                kpis[str(kpi["id"])] = str(node["name"])
    return Declared(tuple(sorted(star)), kpis, _unique_columns(document["nodes"]))


def _unique_columns(nodes: dict[str, Any]) -> dict[str, str]:
    """Per model its first column, by name, with dbt's tests `unique` and `not_null`."""
    tested: dict[tuple[str, str], set[str]] = {}
    for node in nodes.values():
        test = node.get("test_metadata")
        column = node.get("column_name")
        if test and column and node.get("attached_node") in nodes:
            model = str(nodes[node["attached_node"]]["name"])
            tested.setdefault((model, str(column)), set()).add(str(test["name"]))
    keys: dict[str, str] = {}
    for (model, column), tests in sorted(tested.items()):
        if {"unique", "not_null"} <= tests:
            keys.setdefault(model, column)
    return keys


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}

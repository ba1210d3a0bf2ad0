"""What a mart is made of, from dbt's manifest: the tables, sources and versioned rules behind it.

A release carries this in its manifest, so that a number can be traced where no warehouse is. Estimates are
made between the core and the marts; the source that declares one names in `meta.reads` what it was made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from shirube.rules import NEWEST_FIRST, RULE_VERSION

LOGS = "lake"
ESTIMATES = "estimates"


@dataclass(frozen=True)
class MartLineage:
    """The tables behind one mart, nearest first where it reads them itself, then by name.

    `reads`: tables it reads directly. `core`: all core tables behind it. `estimates`, `sources`, `seeds`: the
    estimates, delivered logs and declared lists behind it.
    """

    reads: tuple[str, ...]
    core: tuple[str, ...]
    estimates: tuple[str, ...]
    sources: tuple[str, ...]
    seeds: tuple[str, ...]


def parents(document: dict[str, Any], key: str) -> list[str]:
    """The unique ids that a node of dbt's manifest is made from; an estimate's are the core tables it read.

    Raises: ValueError if an estimate does not say what it was made from.
    """
    source = document.get("sources", {}).get(key)
    if source is None:
        return list(document["nodes"].get(key, {}).get("depends_on", {}).get("nodes", []))
    if source["source_name"] != ESTIMATES:
        return []
    reads = meta_of(source).get("reads")
    if not reads:
        raise ValueError(f"estimate {source['name']}: meta.reads does not say what it was made from")
    nodes = document["nodes"].items()
    named = {node["name"]: other for other, node in nodes if _kind(node) in ("model", "seed")}
    unknown = [name for name in reads if name not in named]
    if unknown:
        raise ValueError(
            f"estimate {source['name']}: meta.reads names {', '.join(unknown)}, which is no model"
        )
    return [named[name] for name in reads]


def ancestors(document: dict[str, Any], key: str) -> Iterator[str]:
    """Everything a node is made from, however far back, each once, nearest first."""
    seen, waiting = {key}, [key]
    while waiting:
        for parent in parents(document, waiting.pop(0)):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
                yield parent


def read_lineage(document: dict[str, Any]) -> dict[str, MartLineage]:
    """Mart → what it is made of, for every model of the schema `marts`."""
    marts = {
        key: str(node["name"])
        for key, node in document["nodes"].items()
        if _kind(node) == "model" and node["schema"] == "marts"
    }
    return {name: _lineage_of(document, key) for key, name in marts.items()}


def _lineage_of(document: dict[str, Any], mart: str) -> MartLineage:
    everything = document["nodes"] | document.get("sources", {})
    direct = set(parents(document, mart))
    known = (key for key in ancestors(document, mart) if key in everything)
    behind = sorted(known, key=lambda key: (key not in direct, everything[key]["name"]))

    def names(kind: str, place: str) -> tuple[str, ...]:
        field = "source_name" if kind == "source" else "schema"
        kept = (everything[key] for key in behind)
        return tuple(str(one["name"]) for one in kept if _kind(one) == kind and one.get(field) == place)

    return MartLineage(
        reads=tuple(str(everything[key]["name"]) for key in behind if key in direct),
        core=names("model", "core"),
        estimates=names("source", ESTIMATES),
        sources=names("source", LOGS),
        seeds=names("seed", "seeds"),
    )


def rule_versions(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Seed → the version of its rules that the build used, for every seed that has versions."""
    seeds = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'seeds' and column_name = ?"
        " order by 1",
        [RULE_VERSION],
    ).fetchall()
    versions = {}
    for (name,) in seeds:
        row = connection.execute(
            f'select {RULE_VERSION} from seeds."{name}" order by {NEWEST_FIRST} limit 1'
        ).fetchone()
        if row and row[0] is not None:
            versions[str(name)] = str(row[0])
    return versions


def described(lineage: MartLineage, versions: dict[str, str]) -> dict[str, Any]:
    """One mart's lineage as the release's manifest holds it."""
    return {
        "reads": list(lineage.reads),
        "core": list(lineage.core),
        "estimates": list(lineage.estimates),
        "sources": list(lineage.sources),
        "rules": {seed: versions[seed] for seed in sorted(lineage.seeds) if seed in versions},
    }


def meta_of(node: dict[str, Any] | None) -> dict[str, Any]:
    """The `meta` of a dbt node or column, wherever its version of dbt keeps it."""
    if not node:
        return {}
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _kind(node: dict[str, Any]) -> str:
    return str(node.get("resource_type", "source"))

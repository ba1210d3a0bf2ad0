"""Follow Medical's content, column by column, through the compiled SQL of dbt's manifest.

Where it enters is declared at the column (`meta.medical_content: true`). From there on everything made from
it is Medical's content too, without a word in any yml: a column computed from it, and every column of a
model that filters, joins, groups or orders by it, for counting only what was off label tells what was asked.
How it is followed, which rows there are included: `column_lineage`. A model that lets something
through or leaves it behind on purpose says so (`meta.firewall`: from, columns, why); nothing else stops it.
An estimate is made of everything in the tables it read (`meta.reads`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.architecture.column_lineage import (
    ROWS,
    Column,
    Manifest,
    estimates_read,
    in_order,
    made_of,
    meta,
    qualified,
    seeds,
)
from tests.architecture.row_keys import tested_keys

INSIDE = {"medical", "compliance"}


@dataclass
class Wall:
    """What the walk found.

    `content`: (table, column) of Medical → the columns it was made from. `leaks`: where it can be read by
    others, with the way it came. `unused`: declared cuts that cut nothing.
    """

    content: dict[Column, set[Column]] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def way(self, column: Column) -> str:
        """One way by which a column came to hold Medical's content, from the source on."""
        steps = [column]
        while (earlier := sorted(self.content.get(steps[-1], set()) - set(steps))) and len(steps) < 30:
            steps.append(earlier[0])
        return " ← ".join(".".join(step) for step in steps)


def walk(manifest: Manifest) -> Wall:
    """Follow Medical's content to everything that other readers can open."""
    wall = Wall()
    tables: dict[str, list[str]] = {name: columns for name, columns in seeds(manifest)}
    published = _published(manifest)
    keys = tested_keys(manifest)
    estimates = {
        str(source["name"]): source
        for source in manifest["sources"].values()
        if source["source_name"] == "estimates"
    }
    for node in in_order(manifest):
        name = str(node["name"])
        cuts = {(cut["from"], column) for cut in meta(node).get("firewall", []) for column in cut["columns"]}
        used: set[Column] = set()
        for source in estimates_read(manifest, node):
            _add_estimate(wall, tables, estimates[source])
        tree = qualified(node, tables)
        tables[name] = list(tree.named_selects)
        made = made_of(tree, _follow(wall, cuts, used), keys)
        for column in (*tables[name], ROWS):
            if made.get(column):
                wall.content[name, column] = made[column]
            if meta(node["columns"].get(column, {})).get("medical_content"):
                wall.content.setdefault((name, column), set())
        wall.unused += [f"{name}: {table}.{column}" for table, column in sorted(cuts - used)]
        is_open = name in published or (
            node["schema"] == "marts" and not set(meta(node).get("audience") or ["everyone"]) <= INSIDE
        )
        if is_open:
            held = [column for column in (*tables[name], ROWS) if (name, column) in wall.content]
            wall.leaks += [wall.way((name, column)) for column in held]
    return wall


def _follow(wall: Wall, cuts: set[Column], used: set[Column]) -> Callable[[Column], bool]:
    """Whether a column is Medical's content to this model; what a cut stops is noted in `used`."""

    def follows(column: Column) -> bool:
        if column in cuts and column in wall.content:
            used.add(column)
        return column in wall.content and column not in cuts

    return follows


def _add_estimate(wall: Wall, tables: dict[str, list[str]], source: dict[str, Any]) -> None:
    """An estimate is Medical's content, whole, when a table it read holds any."""
    name = str(source["name"])
    tables[name] = list(source["columns"])
    reads = set(meta(source)["reads"])
    held = {column for column in wall.content if column[0] in reads}
    for column in (*source["columns"], ROWS) if held else ():
        wall.content[name, column] = held


def _published(manifest: Manifest) -> set[str]:
    return {
        key.split(".")[-1]
        for exposure in manifest["exposures"].values()
        if meta(exposure).get("publish") == "star"
        for key in exposure["depends_on"]["nodes"]
    }

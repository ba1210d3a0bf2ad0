"""Which columns a model's columns are made from, by the compiled SQL of dbt's manifest.

A column is made from what it is computed from, and from everything by which its model filters, joins, groups
or orders. Which rows a table has, and how often, is followed as a column of its own (`__rows`): a count reads
it without naming any column, and a left join that finds several rows for one changes it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any

import sqlglot
from shirube.home import project_root
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from tests.architecture.row_keys import Keys, binds_one_row

ROWS = "__rows"
"""Stands in for a column: which rows a table has, and how often. A cut names it as it names a column."""
SAME_HOWEVER_OFTEN = (exp.Max, exp.Min, exp.LogicalOr, exp.LogicalAnd, exp.AnyValue)
_READ: dict[tuple[object, ...], exp.Expression] = {}
Manifest = dict[str, Any]
Column = tuple[str, str]
"""(table, column), both as dbt names them."""


def meta(node: dict[str, Any]) -> dict[str, Any]:
    """The `meta` of a dbt node or column, wherever its version of dbt keeps it."""
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def made_of(
    tree: exp.Expression, follows: Callable[[Column], bool], tested: dict[str, Keys]
) -> dict[str, set[Column]]:
    """Output column or `__rows` → the columns it was made from, filters included, of those that `follows`."""
    by_scope: dict[int, dict[str, set[Column]]] = {}

    def named(source: object, name: str) -> set[Column]:
        if isinstance(source, Scope):
            return by_scope.get(id(source.expression), {}).get(name, set())
        if isinstance(source, exp.Table):
            found = (source.name, name)
            return {found} if follows(found) else set()
        return set()

    def of(column: exp.Column, scope: Scope) -> set[Column]:
        return named(scope.sources.get(column.table), column.name)

    for scope in traverse_scope(tree):
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            arms = [(part.expression, by_scope[id(part.expression)]) for part in scope.set_operation_scopes]
            by_scope[id(expression)] = {
                name: _together(made.get(arm.named_selects[place], set()) for arm, made in arms)
                for place, name in enumerate(arms[0][0].named_selects)
            }
            # Rows compared with rows: what they say decides which are left.
            compared = expression.args.get("distinct") or not isinstance(expression, exp.Union)
            by_scope[id(expression)][ROWS] = _together(
                part for _, made in arms for name, part in made.items() if compared or name == ROWS
            )
        elif isinstance(expression, exp.Select):
            # A left join decides what its right side says, and how often a row is there if it finds several.
            said: dict[str, set[Column]] = {}
            placed: set[int] = set()
            often: set[Column] = set()
            joined: set[str] = set()
            for join in expression.args.get("joins") or []:
                if join.side == "LEFT" and join.kind not in {"SEMI", "ANTI"}:
                    name = join.alias_or_name
                    columns = [column for column in scope.columns if _is_within(column, join)]
                    placed |= {id(column) for column in columns}
                    joined.add(name)
                    said[name] = _together(of(column, scope) for column in columns)
                    found = said[name] | named(scope.sources.get(name), ROWS)
                    if found and not binds_one_row(join, scope, tested):
                        often |= found
            rows = _together(
                named(source, ROWS)
                for name, (_, source) in scope.selected_sources.items()
                if name not in joined
            )
            chosen: dict[str, set[Column]] = {}
            for selected in expression.selects:
                columns = [column for column in scope.columns if _is_within(column, selected)]
                placed |= {id(column) for column in columns}
                chosen[selected.alias_or_name] = _together(
                    of(column, scope) | said.get(column.table, set()) for column in columns
                ) | _counted(selected, rows, often)
            # What decides which rows there are, or which belong together, is in every column.
            others = [column for column in scope.columns if id(column) not in placed]
            deciding = _together(of(column, scope) | said.get(column.table, set()) for column in others)
            for inner in scope.subquery_scopes:
                deciding |= _together(by_scope.get(id(inner.expression), {}).values())
            made = {name: made | deciding for name, made in chosen.items()}
            made[ROWS] = deciding | rows
            if expression.args.get("distinct"):
                made[ROWS] = _together(made.values())
            elif not expression.args.get("group"):
                made[ROWS] = made[ROWS] | often
                one = any(_aggregates(selected) for selected in expression.selects)
                if one and not expression.args.get("having"):
                    made[ROWS] = set()
            by_scope[id(expression)] = made
    return by_scope.get(id(tree), {})


def _counted(selected: exp.Expression, rows: set[Column], often: set[Column]) -> set[Column]:
    """What an output column learns from rows being there (`rows`) or being there repeatedly (`often`)."""
    found: set[Column] = set()
    for function in selected.find_all(exp.AggFunc, exp.Window):
        found |= rows
        of_each_once = isinstance(function.this, exp.Distinct)
        if not (of_each_once or isinstance(function, SAME_HOWEVER_OFTEN)):
            found |= often
    return found


def _aggregates(selected: exp.Expression) -> bool:
    """Whether a select of this column, without a group, is one row."""
    return any(
        function.find_ancestor(exp.Window, exp.Subquery) is None
        for function in selected.find_all(exp.AggFunc)
    )


def _together(parts: Iterable[set[Column]]) -> set[Column]:
    found: set[Column] = set()
    for part in parts:
        found |= part
    return found


def _is_within(column: exp.Expression, selected: exp.Expression) -> bool:
    place: exp.Expression | None = column
    while place is not None:
        if place is selected:
            return True
        place = place.parent
    return False


def qualified(node: dict[str, Any], tables: dict[str, list[str]]) -> exp.Expression:
    """The model's compiled SQL with every column named in full."""
    # A planted path changes one model of a hundred: the others are read once.
    read = {key.split(".")[-1] for key in node["depends_on"]["nodes"]}
    known = (node["compiled_code"], *((name, *tables[name]) for name in sorted(read & tables.keys())))
    if known in _READ:
        return _READ[known]
    schema = {name: dict.fromkeys(columns, "text") for name, columns in tables.items()}
    tree = sqlglot.parse_one(node["compiled_code"], read="duckdb")
    for table in tree.find_all(exp.Table):
        # One flat schema: dbt's names are unique in a project.
        table.set("db", None)
        table.set("catalog", None)
        if isinstance(table.this, exp.ReadParquet):
            name = PurePath(table.this.expressions[0].name).stem
            if name in tables:
                # An estimate's file: its name stands for its columns as a table's does.
                table.set("this", exp.to_identifier(name))
    _READ[known] = qualify(
        tree, schema=schema, dialect="duckdb", validate_qualify_columns=False, expand_alias_refs=False
    )
    return _READ[known]


def estimates_read(manifest: Manifest, node: dict[str, Any]) -> list[str]:
    parents = (manifest["sources"].get(key) for key in node["depends_on"]["nodes"])
    return sorted(str(one["name"]) for one in parents if one and one["source_name"] == "estimates")


def in_order(manifest: Manifest) -> list[dict[str, Any]]:
    """Every model after what it is made from; an estimate's tables count as its readers' parents."""
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    by_name = {node["name"]: key for key, node in models.items()}
    placed: dict[str, dict[str, Any]] = {}

    def place(key: str) -> None:
        source = manifest["sources"].get(key)
        if source is not None and source["source_name"] == "estimates":
            for name in meta(source)["reads"]:
                place(by_name[name])
        if key in placed or key not in models:
            return
        for parent in sorted(models[key]["depends_on"]["nodes"]):
            place(parent)
        placed[key] = models[key]

    for key in sorted(models):
        place(key)
    return list(placed.values())


def seeds(manifest: Manifest) -> Iterator[tuple[str, list[str]]]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "seed":
            file = project_root() / "dbt_project" / node["original_file_path"]
            with file.open(encoding="utf-8") as handle:
                yield str(node["name"]), next(csv.reader(handle))

"""Whether a join can find more than one row: the columns by which a relation's rows are told apart.

A table's are those its tests prove (`unique`, `unique_combination`); a subquery's follow from its SQL: what
it groups by, a `distinct`, the first of each by `row_number`, or the keys of what it reads, if nothing it
joins repeats a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

Keys = set[frozenset[str]]
"""Each set of columns is unique by itself."""


def tested_keys(manifest: dict[str, Any]) -> dict[str, Keys]:
    """Table → the sets of columns that a test of the project proves unique in it."""
    found: dict[str, Keys] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        config = node.get("config") or {}
        proves = not config.get("where") and str(config.get("severity") or "error").lower() == "error"
        if test.get("name") not in {"unique", "unique_combination"} or not proves:
            continue
        table = str(node["attached_node"]).split(".")[-1]
        arguments = test["kwargs"]
        columns = arguments["columns"] if "columns" in arguments else [arguments["column_name"]]
        found.setdefault(table, set()).add(frozenset(columns))
    return found


def binds_one_row(join: exp.Join, scope: Scope, tested: dict[str, Keys]) -> bool:
    """Whether a join finds at most one row of its relation for each row before it."""
    name = join.alias_or_name
    on = join.args.get("on")
    bound = set(_bound(on, name)) if on is not None else set()
    return any(key <= bound for key in keys_of(scope.sources.get(name), tested))


def keys_of(source: object, tested: dict[str, Keys]) -> Keys:
    """The sets of columns that tell the rows of a table or of a subquery apart."""
    if isinstance(source, exp.Table):
        return tested.get(source.name, set())
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Select):
        return set()
    select = source.expression
    names = _names(select)
    if select.args.get("distinct"):
        return {frozenset(select.named_selects)}
    group = select.args.get("group")
    if group is not None:
        if any(value for kind, value in group.args.items() if kind != "expressions"):
            return set()  # Grouping sets: the same values may stand for two sets.
        outputs = [_output(one, select, names) for one in group.expressions]
        return set() if None in outputs else {frozenset(str(one) for one in outputs)}
    start = select.args.get("from") or select.args.get("from_")
    joins = select.args.get("joins") or []
    repeats = any(one.side in {"RIGHT", "FULL"} or not binds_one_row(one, source, tested) for one in joins)
    if start is None or repeats or select.args.get("laterals") or select.find(exp.Unnest, exp.Explode):
        return set()
    name = start.this.alias_or_name
    below = source.sources.get(name)
    where = select.args.get("where")
    fixed = set(_bound(where.this, name, constants=True)) if where is not None else set()
    keys = {key - fixed for key in keys_of(below, tested) | _first_of_each(below, fixed)}
    carried = {
        one.unalias().name: one.alias_or_name
        for one in select.selects
        if isinstance(one.unalias(), exp.Column) and one.unalias().table == name
    }
    return {frozenset(carried[column] for column in key) for key in keys if key <= carried.keys()}


def _first_of_each(source: object, fixed: set[str]) -> Keys:
    """What is unique once a `row_number` among the fixed columns is held at one number."""
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Select):
        return set()
    select = source.expression
    names = _names(select)
    found: Keys = set()
    for selected in select.selects:
        window = selected.unalias()
        if selected.alias_or_name in fixed and isinstance(window, exp.Window):
            outputs = [names.get(one.sql()) for one in window.args.get("partition_by") or []]
            if isinstance(window.this, exp.RowNumber) and None not in outputs:
                found.add(frozenset(str(one) for one in outputs))
    return found


def _bound(condition: exp.Expression, name: str, constants: bool = False) -> Iterator[str]:
    """The relation's columns that a condition holds at one value (of the other side, or a constant)."""
    for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        part = part.unnest()
        if isinstance(part, exp.And):
            yield from _bound(part, name, constants)
        elif isinstance(part, exp.EQ | exp.NullSafeEQ | exp.Is) and not isinstance(part.parent, exp.Not):
            for one, other in ((part.left, part.right), (part.right, part.left)):
                named = {column.table for column in other.find_all(exp.Column)}
                is_fixed = not named if constants else name not in named
                if isinstance(one, exp.Column) and one.table == name and is_fixed:
                    yield one.name


def _names(select: exp.Select) -> dict[str, str]:
    """What a select computes, as SQL → the output column that holds it."""
    return {one.unalias().sql(): one.alias_or_name for one in select.selects}


def _output(grouped: exp.Expression, select: exp.Select, names: dict[str, str]) -> str | None:
    """The output column that holds what is grouped by, if any does."""
    if isinstance(grouped, exp.Literal) and grouped.is_int:
        return str(select.selects[int(grouped.this) - 1].alias_or_name)
    if grouped.sql() in names:
        return names[grouped.sql()]
    if isinstance(grouped, exp.Column) and not grouped.table and grouped.name in select.named_selects:
        return str(grouped.name)
    return None

"""Small groups are hidden so that nobody can subtract them: the macro alone, on random companies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from shirube.home import project_root

from tests.dbt.marts.suppression_attack import Equation, disclosed

# A cell: type of scope, scope, phase (None: all phases).
Cell = tuple[str, str, str | None]
PARTS = {"company": "branch", "branch": "office", "office": "mr"}
Physician = tuple[str | None, str | None, str | None, str]
SCOPE = """
    case when grouping(mr) = 0 then 'mr' when grouping(office) = 0 then 'office'
        when grouping(branch) = 0 then 'branch' else 'company' end as scope_type,
    case when grouping(mr) = 0 then mr when grouping(office) = 0 then office
        when grouping(branch) = 0 then branch else 'company' end as scope_id,
    case when grouping(mr) = 0 then max(office) when grouping(office) = 0 then max(branch)
        else 'company' end as parent_scope_id"""


@pytest.fixture(scope="module")
def macros() -> Any:
    path = project_root() / "dbt_project" / "macros" / "kpi_suppression.sql"
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    return environment.from_string(path.read_text(encoding="utf-8")).module


def suppressed(macros: Any, sizes: dict[str, int], beside: int = 0) -> set[str]:
    """Hidden scopes of one branch, given its offices' numbers; `beside` belong to no office."""
    rows = [("branch", "BR", "company", sum(sizes.values()) + beside)]
    rows += [("office", office, "BR", n) for office, n in sizes.items()]
    with duckdb.connect() as connection:
        connection.execute("create table cells (scope_type text, scope_id text, parent_scope_id text, n int)")
        connection.executemany("insert into cells values (?, ?, ?, ?)", rows)
        connection.execute("create table counted as select *, 'm' as period, 1 as x from cells")
        query = macros.kpi_protected("counted", ["period"], {"n": ["x"]})
        found = connection.execute(
            f"with {query} select scope_id, n, n_suppressed, x from protected"
        ).fetchall()
    assert len(found) == len(rows)
    assert all((n is None and x is None) == hidden for _, n, hidden, x in found)
    return {scope for scope, _, hidden, _ in found if hidden}


@pytest.mark.parametrize(
    ("sizes", "beside", "hidden"),
    [
        ({"a": 5, "b": 9}, 0, set()),
        ({"a": 4, "b": 9, "c": 30}, 0, {"a", "b"}),  # one alone could be subtracted
        ({"a": 4, "b": 1, "c": 30}, 0, {"a", "b"}),  # two already hide each other
        ({"a": 1, "b": 1, "c": 30}, 0, {"a", "b", "c"}),  # two that hold 2 together: one and one
        ({"a": 2, "b": 2, "c": 30, "d": 40}, 0, {"a", "b", "c"}),  # 4 together are a small group
        ({"a": 2, "b": 2, "c": 1, "d": 40}, 0, {"a", "b", "c", "d"}),  # three of 5: hardly anything to guess
        ({"a": 2, "b": 2, "c": 2, "d": 40}, 0, {"a", "b", "c"}),
        ({"a": 4, "b": 0, "c": 30}, 0, {"a", "c"}),  # an empty office hides nobody
        ({"a": 0, "b": 9}, 0, set()),  # nobody is no disclosure
        ({"a": 3}, 0, {"a", "BR"}),  # a branch of one small office is that office
        ({"a": 3, "b": 7, "c": 7}, 0, {"a", "b"}),  # ties are broken by name: the same release every time
        ({"a": 9, "b": 30}, 3, {"a"}),  # three without an office: the branch minus its offices
        ({"a": 9, "b": 30}, 5, set()),
        ({"a": 3, "b": 30}, 7, {"a"}),  # those without an office hide the small one
    ],
)
def test_who_is_suppressed(macros: Any, sizes: dict[str, int], beside: int, hidden: set[str]) -> None:
    assert suppressed(macros, sizes, beside) == hidden


def test_a_hidden_branch_is_not_given_away_by_its_offices(macros: Any) -> None:
    # BR1 has 3 and takes BR2 with it; BR2's only office has the same 6 physicians and must go too.
    cells = [
        ("company", "company", "company", 49), ("branch", "BR1", "company", 3),
        ("branch", "BR2", "company", 6), ("branch", "BR3", "company", 40),
        ("office", "OF1", "BR1", 3), ("office", "OF2", "BR2", 6),
        ("office", "OF3", "BR3", 20), ("office", "OF4", "BR3", 20), ("mr", "MR2", "OF2", 6),
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("create table cells (scope_type text, scope_id text, parent_scope_id text, n int)")
        connection.executemany("insert into cells values (?, ?, ?, ?)", cells)
        connection.execute("alter table cells add column period text")
        query = macros.kpi_protected("cells", ["period"], {"n": []})
        found = connection.execute(
            f"with {query} select scope_id from protected where n_suppressed"
        ).fetchall()
    assert {scope for (scope,) in found} == {"BR1", "BR2", "OF1", "OF2", "MR2"}


def company(random: np.random.Generator) -> Iterator[Physician]:
    """Up to 3 branches of 3 offices of 3 representatives, 4 phases, few physicians, some unplaced."""
    density, unplaced = random.choice([1.0, 3.0, 6.0]), random.choice([0.0, 0.03])
    for branch in range(random.integers(1, 4)):
        for office in range(random.integers(1, 4)):
            for mr in range(random.integers(1, 4)):
                names = (f"BR{branch}", f"BR{branch}-OF{office}", f"BR{branch}-OF{office}-MR{mr}")
                for phase in range(4):
                    for _ in range(random.poisson(density * random.choice([0, 0.3, 1, 2, 4]))):
                        known = 3 if random.random() >= unplaced else random.integers(0, 3)
                        b, o, m = (name if place < known else None for place, name in enumerate(names))
                        yield b, o, m, f"P{phase}"


def published(
    macros: Any, physicians: list[Physician], has_own_total: bool
) -> tuple[dict[Cell, int], dict[Cell, int | None], list[tuple[Cell, list[Cell]]]]:
    """True sizes, published sizes and sums; without `has_own_total` the phases' total is another base."""
    with duckdb.connect() as connection:
        connection.execute("create table physician (branch text, office text, mr text, phase text)")
        connection.executemany("insert into physician values (?, ?, ?, ?)", physicians)
        connection.execute(
            f"create table counted as select {SCOPE}, phase, count(*) as n, 'm' as period from physician"
            " group by grouping sets ((), (branch), (office), (mr),"
            " (phase), (branch, phase), (office, phase), (mr, phase))"
        )
        connection.execute(
            "create table cells as select counted.* exclude (n), total.n as n_total,"
            " case when counted.phase is not null then counted.n end as n_phase from counted"
            " join counted as total on counted.scope_type = total.scope_type and total.phase is null"
            " and counted.scope_id is not distinct from total.scope_id"
        )
        keys = ["period", "phase"]
        if has_own_total:
            query = macros.kpi_protected("counted", keys, {"n": []}, "phase")
        else:
            query = macros.kpi_protected(
                "cells",
                keys,
                {"n_total": [], "n_phase": []},
                "phase",
                {"n_phase": "n_total"},
                {"n_total": ["phase"]},
            )
        size = "n" if has_own_total else "case when phase is null then n_total else n_phase end"
        rows = connection.execute(
            f"with {query} select scope_type, scope_id, phase, {size} from protected"
        ).fetchall()
        shown = {(kind, scope, phase): n for kind, scope, phase, n in rows}
        counted = connection.execute("select * from counted where scope_id is not null").fetchall()
    sizes = {(kind, scope, phase): n for kind, scope, _, phase, n, _ in counted}
    parents = {(kind, scope, phase): parent for kind, scope, parent, phase, _, _ in counted}
    sums: list[tuple[Cell, list[Cell]]] = []
    for whole in sizes:
        kind, scope, phase = whole
        below = [cell for cell in sizes if cell[0] == PARTS.get(kind) and parents[cell] == scope]
        sums.append((whole, [cell for cell in below if cell[2] == phase]))
        if phase is None:
            sums.append(
                (whole, [cell for cell in sizes if cell[:2] == (kind, scope) and cell[2] is not None])
            )
    return sizes, shown, [(whole, parts) for whole, parts in sums if parts]


@pytest.mark.parametrize("has_own_total", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_nobody_can_subtract_a_small_group(macros: Any, seed: int, has_own_total: bool) -> None:
    # One system of equations per phase for the whole tree of scopes, and one per scope for its phases.
    physicians = list(company(np.random.default_rng(seed)))
    sizes, shown, sums = published(macros, physicians, has_own_total)
    assert set(shown) == set(sizes)
    assert all(n is None or n == sizes[cell] for cell, n in shown.items())
    for phase in {cell[2] for cell in sizes}:
        tree: list[Equation] = [(w, parts) for w, parts in sums if w[2] == phase and parts[0][2] == phase]
        within = {cell: n for cell, n in shown.items() if cell[2] == phase}
        assert disclosed(sizes, within, tree) == [], f"phase {phase}"
    for whole, parts in sums:
        if parts[0][2] != whole[2]:
            within = {cell: shown[cell] for cell in (whole, *parts)}
            assert disclosed(sizes, within, [(whole, parts)]) == [], whole


@pytest.mark.parametrize("has_own_total", [True, False])
def test_a_total_goes_with_its_only_part(macros: Any, has_own_total: bool) -> None:
    # M2's six in P1 hide M1's three. They are all he has: his total would say that they are six.
    groups = {("M1", "P0"): 27, ("M1", "P1"): 3, ("M2", "P1"): 6, ("M3", "P0"): 50}
    physicians = [("BR", "OF", mr, phase) for (mr, phase), n in groups.items() for _ in range(n)]
    _, shown, _ = published(macros, list(physicians), has_own_total)
    assert shown["mr", "M2", "P1"] is None and shown["mr", "M2", None] is None


def test_an_office_without_a_branch_does_not_give_away_who_else_has_none(macros: Any) -> None:
    # Company minus branch: ten. OFX shows six of them; the other four have no office either.
    physicians: list[Physician] = [("BR", "OF", "M", "P0")] * 30
    physicians += [(None, "OFX", "MX", "P0")] * 6 + [(None, None, None, "P0")] * 4
    _, shown, _ = published(macros, physicians, has_own_total=True)
    assert (shown["company", "company", None], shown["branch", "BR", None]) == (40, 30)
    assert shown["office", "OFX", None] is None and shown["mr", "MX", None] is None


def test_what_needs_no_protection_is_shown(macros: Any) -> None:
    physicians: list[Physician] = [
        (f"B{n % 2}", f"B{n % 2}-O{n % 4}", f"B{n % 2}-O{n % 4}-M{n % 8}", f"P{n % 3}") for n in range(24 * 5)
    ]
    sizes, shown, _ = published(macros, physicians, has_own_total=True)
    assert min(sizes.values()) == 5
    assert shown == sizes


def test_the_attack_finds_what_can_be_subtracted() -> None:
    sums = [("all", ["a", "b", "c"]), ("b", ["x", "y"])]
    sizes = {"all": 20, "a": 3, "b": 10, "c": 7, "x": 6, "y": 4}
    lone = disclosed(sizes, sizes | {"a": None}, sums[:1])
    assert {"y"} in lone and {"a"} in lone
    assert {"a"} in disclosed(sizes, sizes | {"a": None, "b": None}, sums)
    assert disclosed(sizes, sizes | {"a": None, "b": None, "x": None, "y": None}, sums) == []
    ones = {"all": 12, "a": 1, "b": 1, "c": 10}
    assert {"a", "b"} in disclosed(ones, ones | {"a": None, "b": None}, sums[:1])
    # Five physicians in five hidden cells: each is one, although no equation says so.
    five = {"all": 5} | dict.fromkeys("abcde", 1)
    assert disclosed(five, five | dict.fromkeys("abcde"), [("all", list("abcde"))])

"""The highest version of a seed's rules is in force, also from the tenth on."""

from __future__ import annotations

import csv
import re

import duckdb
from shirube.home import project_root
from shirube.rules import NEWEST_FIRST, RULE_VERSION, rows_in_force

DBT = project_root() / "dbt_project"


def test_the_tenth_version_comes_after_the_ninth() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema seeds")
        connection.execute(
            "create table seeds.limits as select * from (values ('limit-9', 1), ('limit-10', 2), "
            "('limit-10', 3), ('limit-2', 4)) as v (rule_version, value)"
        )
        found = connection.execute(f"select value from {rows_in_force('limits')} order by value").fetchall()
    assert found == [(2,), (3,)]


def test_dbt_orders_versions_as_python_does() -> None:
    macro = (DBT / "macros" / "rules.sql").read_text(encoding="utf-8")
    assert f"order by {NEWEST_FIRST}\n" in macro


def test_a_version_is_a_name_and_a_number() -> None:
    """Of one name per seed, without leading zeros: the order by length and text is right for nothing else."""
    versioned = 0
    for seed in sorted((DBT / "seeds").glob("*.csv")):
        with seed.open(encoding="utf-8", newline="") as lines:
            versions = {row[RULE_VERSION] for row in csv.DictReader(lines) if RULE_VERSION in row}
        if versions:
            versioned += 1
            parted = [re.fullmatch(r"([a-z][a-z-]*)-([1-9][0-9]*)", version) for version in versions]
            assert all(parted), (seed.name, versions)
            assert len({part[1] for part in parted if part}) == 1, (seed.name, versions)
    assert versioned >= 40

"""What a mart is made of, walked through estimates too, and the versions of the rules behind it."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from shirube.release.lineage import ancestors, described, read_lineage, rule_versions


def node(kind: str, name: str, schema: str, parents: list[str]) -> dict[str, Any]:
    return {"resource_type": kind, "name": name, "schema": schema, "depends_on": {"nodes": parents}}


def manifest(reads: list[str] | None) -> dict[str, Any]:
    """lake.log → stg → int (reads the seed) → core; core → an estimate → mart; core → mart."""
    return {
        "nodes": {
            "seed.p.rule": node("seed", "rule", "seeds", []),
            "seed.p.other": node("seed", "other", "seeds", []),
            "model.p.stg_log": node(
                "model", "stg_log", "staging", ["source.p.lake.log", "source.p.ledger.batch"]
            ),
            "model.p.int_log": node("model", "int_log", "intermediate", ["model.p.stg_log", "seed.p.rule"]),
            "model.p.fct_far": node("model", "fct_far", "core", ["model.p.int_log"]),
            "model.p.fct_near": node("model", "fct_near", "core", []),
            "model.p.mart_one": node(
                "model", "mart_one", "marts", ["model.p.fct_near", "source.p.estimates.effect"]
            ),
        },
        "sources": {
            "source.p.lake.log": {"source_name": "lake", "name": "log"},
            "source.p.ledger.batch": {"source_name": "ledger", "name": "batch"},
            "source.p.estimates.effect": {
                "source_name": "estimates",
                "name": "effect",
                "config": {"meta": {"reads": reads}},
            },
        },
    }


def test_an_estimate_is_walked_through_to_what_it_read() -> None:
    lineage = read_lineage(manifest(["fct_far"]))["mart_one"]
    assert lineage.reads == ("effect", "fct_near")
    assert lineage.core == ("fct_near", "fct_far"), "what the mart reads itself comes first"
    assert (lineage.estimates, lineage.sources, lineage.seeds) == (("effect",), ("log",), ("rule",))


@pytest.mark.parametrize("reads", [None, [], ["fct_gone"]])
def test_an_estimate_that_does_not_say_what_it_read_is_no_lineage(reads: list[str] | None) -> None:
    with pytest.raises(ValueError, match="estimate effect"):
        list(ancestors(manifest(reads), "model.p.mart_one"))


def test_only_rules_behind_the_mart_are_named_in_the_version_the_models_use() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema seeds")
        connection.execute(
            "create table seeds.rule as select * from (values ('r-1'), ('r-2')) as t(rule_version)"
        )
        connection.execute("create table seeds.other as select 'o-1' as rule_version")
        connection.execute("create table seeds.words as select 'x' as name_ja")
        versions = rule_versions(connection)
    assert versions == {"rule": "r-2", "other": "o-1"}
    assert described(read_lineage(manifest(["fct_far"]))["mart_one"], versions)["rules"] == {"rule": "r-2"}

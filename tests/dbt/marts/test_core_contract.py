"""The hand-written core has the columns and types that core promises: neither can drift alone."""

from __future__ import annotations

import yaml
from shirube.home import project_root

from tests.dbt.marts.core_tables import CORE


def test_hand_written_core_matches_the_contracts_of_core() -> None:
    folder = project_root() / "dbt_project" / "models" / "core"
    compared, wrong = 0, []
    for table, columns in CORE.items():
        declared = yaml.safe_load((folder / f"{table}.yml").read_text(encoding="utf-8"))
        promised = {column["name"]: column["data_type"] for column in declared["models"][0]["columns"]}
        for column, kind in columns.items():
            compared += 1
            if promised.get(column) != kind:
                wrong.append(f"{table}.{column}: {kind} here, {promised.get(column)} in core")
    assert wrong == []
    assert compared > 80

"""What is told of a dbt run: progress per model, and reasons without values from the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shirube.warehouse.run_dbt import (
    LOG_FILE,
    DbtError,
    DbtPlaces,
    _explain,
    _follow,
    models_at_once,
    run_dbt,
)


def event(name: str, level: str = "info", message: str = "", **node: Any) -> str:
    return json.dumps(
        {
            "info": {"name": name, "level": level, "msg": message},
            "data": {"node_info": node, "execution_time": 0.5},
        }
    )


def test_models_and_seeds_are_reported_tests_are_not() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    told: list[str] = []
    logged: list[str] = []
    for line in (
        event("LogModelResult", node_name="fct_touchpoint", node_status="success", resource_type="model"),
        event("LogSeedResult", node_name="channel", node_status="success", resource_type="seed"),
        event("LogTestResult", node_name="unique_x", node_status="pass", resource_type="test"),
        event("LogStartLine", node_name="fct_touchpoint", node_status="started", resource_type="model"),
        event("Other", "error", "something broke"),
        "not json at all",
    ):
        logged.append(_follow(line, told, lambda name, facts: seen.append((name, facts))))
    assert seen == [
        ("model_built", {"model": "fct_touchpoint", "status": "success", "seconds": 0.5}),
        ("model_built", {"model": "channel", "status": "success", "seconds": 0.5}),
    ]
    assert told == ["something broke", "not json at all"]
    assert [line.split()[-1] for line in logged[-2:]] == ["broke", "all"]
    assert len(logged) == 6


WRAPPER = "Runtime Error in model mart_cx (models/marts/mart_cx.sql)\n  "


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            f"{WRAPPER}Conversion Error: Could not convert string '山田太郎' to INT32 when casting from x",
            "Conversion Error",
        ),
        (f'{WRAPPER}Constraint Error: duplicate key "山田太郎"', "Constraint Error"),
        (
            f'{WRAPPER}Invalid Input Error: Could not parse string "山田太郎" by "%Y"\n山田太郎\n^\n'
            "Error: Expected a number",
            "Invalid Input Error",
        ),
        ("Database Error in model mart_cx (models/mart_cx.sql)\n  山田太郎", "Database Error"),
        (
            f'{WRAPPER}Binder Error: Referenced column "phone" not found in FROM clause!\n\nLINE 1: 山田太郎',
            'Binder Error: Referenced column "phone" not found in FROM clause!',
        ),
        (
            f"{WRAPPER}IO Error: Could not write: No space left on device",
            "IO Error: Could not write: No space left on device",
        ),
        (
            "Compilation Error in model mart_cx (models/mart_cx.sql)\n  This model's contract failed.",
            "Compilation Error in model mart_cx (models/mart_cx.sql) This model's contract failed.",
        ),
        ("山田太郎", "error"),
    ],
)
def test_reasons_name_the_model_and_its_error_but_no_value(tmp_path: Path, message: str, shown: str) -> None:
    results = [
        {"unique_id": "model.shirube.fct_touchpoint", "status": "success", "message": "OK"},
        {"unique_id": "model.shirube.mart_cx", "status": "error", "message": message},
        {
            "unique_id": "test.shirube.unique_touchpoint.abc",
            "status": "fail",
            "message": "Got 2 results, configured to fail if != 0",
        },
    ]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}), encoding="utf-8")
    text = _explain(tmp_path, [])
    said, *problems = text.splitlines()
    assert said.startswith("組み立てに失敗しました。") and "dbt build failed" in said
    assert problems == [
        f"  mart_cx: {shown}",
        "  unique_touchpoint: Got 2 results",
    ]
    assert "山田" not in text


def test_whoever_ran_out_of_memory_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIRUBE_MEMORY_LIMIT", "1GB")
    message = (
        "Runtime Error in model fct_reaction (models/core/fct_reaction.sql)\n"
        "  Out of Memory Error: failed to pin block of size 256.0 KiB (953.6 MiB/953.6 MiB used)\n"
    )
    result = {"unique_id": "model.shirube.fct_reaction", "status": "error", "message": message}
    (tmp_path / "run_results.json").write_text(json.dumps({"results": [result]}), encoding="utf-8")
    _, problem, advice = _explain(tmp_path, []).splitlines()
    assert problem.startswith("  fct_reaction: Out of Memory Error: failed to pin block")
    assert "SHIRUBE_MEMORY_LIMIT（今は 1GB）" in advice and "SHIRUBE_DBT_THREADS=1" in advice


def test_without_results_dbts_own_words_are_passed_on(tmp_path: Path) -> None:
    assert _explain(tmp_path, ["Parsing Error in x.yml"]).endswith("  Parsing Error in x.yml")
    assert _explain(tmp_path, ["  File x, line 1", "ValueError: 山田太郎"]).endswith("\n  ValueError")
    assert _explain(tmp_path, ["山田太郎"]).endswith("dbt ended without saying why")
    assert _explain(tmp_path, []).endswith("dbt ended without saying why")


def test_a_lake_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The one test here that starts dbt: no lake at all."""
    variables = {"as_of": "2026-04-01", "release_id": "x", "config_version": "y"}
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    pq.write_table(pa.table({"rows_landed": pa.array([], pa.int64())}), nowhere / "batch.parquet")
    with pytest.raises(DbtError, match="dbt build failed"):
        places = DbtPlaces(tmp_path / "w.duckdb", tmp_path / "target", nowhere, nowhere, nowhere)
        run_dbt(places, "core", variables, None)
    log = tmp_path / "target" / LOG_FILE
    assert "Error" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("rows", "models"), [([], 2), ([4_000_000, 5_999_999], 2), ([4_000_000, 6_000_000], 1)]
)
def test_models_of_a_large_company_are_built_one_at_a_time(
    tmp_path: Path, rows: list[int], models: int
) -> None:
    pq.write_table(pa.table({"rows_landed": pa.array(rows, pa.int64())}), tmp_path / "batch.parquet")
    assert models_at_once(tmp_path) == models

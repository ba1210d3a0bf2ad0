"""What the bench says of its measurements: each step with what it handled, the ratios as divided by hand."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from shirube.home import project_root

BENCHMARKS = project_root() / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        spec = importlib.util.spec_from_file_location("bench", BENCHMARKS / "bench.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "bench", module)
        spec.loader.exec_module(module)
        return module


RAW = {
    "sample": (10.0, 10.0, 100.0),
    "land": (20.0, 20.0, 200.0),
    "repeat": (30.0, 40.0, 300.0),
    "build": (100.0, 150.0, 3000.0),
    "audit": (10.0, 10.0, 500.0),
    "publish": (10.0, 20.0, 900.0),
    "plain script": (60.0, 90.0, 2000.0),
}


def test_a_step_before_the_copies_handled_a_part_of_the_touchpoints(bench: ModuleType) -> None:
    measured = {one.step: one for one in bench.measurements_of(RAW, 1_000_000, 10)}
    assert list(measured) == list(RAW)
    assert (measured["land"].touchpoints, measured["land"].rows_per_second) == (100_000, 5_000)
    assert (measured["repeat"].touchpoints, measured["build"].touchpoints) == (1_000_000, 1_000_000)
    assert measured["build"].rows_per_second == 10_000


def test_the_ratios_are_of_the_whole_and_of_what_both_make(bench: ModuleType) -> None:
    parts = {part: 20.0 for part in bench.MADE_BY_BOTH} | {"other core": 30.0, "other marts": 30.0}
    run = bench.Run(1, "2500MB", bench.measurements_of(RAW, 1_000_000, 1), parts, {"fct_touchpoint": 9.0})
    said = "\n".join(bench.in_words(run))
    assert "build + audit + publish 120.0 s, **2.00 times** the plain script" in said
    assert "(2.00 times its CPU seconds)" in said  # 180 / 90
    # 40 of the models' 100 seconds are what both make: 120 - 100 * 0.6 = 60.
    assert "What both make: 60.0 s, **1.00 times** its seconds." in said
    assert "peak 3000 MiB (the database was given 2500MB)" in said
    copied = bench.in_words(
        bench.Run(10, "5500MB", bench.measurements_of(RAW, 1_000_000, 10), parts, {"fct_touchpoint": 9.0})
    )
    assert "100,000 touchpoints were landed; their rows stand in the lake 10 times" in copied[1]


def test_what_is_behind_a_mart_is_found_through_every_layer(bench: ModuleType) -> None:
    def model(name: str, *parents: str) -> tuple[str, dict[str, object]]:
        nodes = [f"model.shirube.{parent}" for parent in parents]
        return f"model.shirube.{name}", {
            "name": name, "resource_type": "model", "depends_on": {"nodes": [*nodes, "seed.shirube.channel"]},
        }  # fmt: skip

    nodes = dict([
        model("stg_call"), model("int_call", "stg_call"), model("fct_touchpoint", "int_call"),
        model("fct_story", "stg_story"), model("stg_story"), model("mart_journey", "fct_touchpoint"),
    ])  # fmt: skip
    behind = bench.models_behind({"nodes": nodes}, {"mart_journey"})
    assert behind == {"fct_touchpoint", "int_call", "stg_call"}

"""The KPI registry refuses what is incomplete, contradictory or too much, naming mart, KPI and field."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shirube.home import project_root

from tests.dbt.marts.core_tables import CORE
from tests.dbt.marts.run import run_dbt

Registry = dict[str, Any]


def copy_of_the_marts(folder: Path) -> Path:
    """A dbt project with the real marts and macros; core is only named, for nothing is built."""
    source, copy = project_root() / "dbt_project", folder / "project"
    for name in ("macros", "seeds", "tests"):
        shutil.copytree(source / name, copy / name)
    shutil.copytree(source / "models" / "marts", copy / "models" / "marts")
    for table in CORE:
        (copy / "models" / "core").mkdir(exist_ok=True)
        (copy / "models" / "core" / f"{table}.sql").write_text(
            "{{ config(contract={'enforced': false}) }} select 1 as nothing\n", encoding="utf-8"
        )
    (copy / "models" / "staging").mkdir()
    shutil.copy(source / "models" / "staging" / "sources.yml", copy / "models" / "staging" / "sources.yml")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(source / name, copy / name)
    return copy


def change_kpis(project: Path, mart: str, change: Callable[[list[Registry]], None]) -> None:
    declared = project / "models" / "marts" / f"{mart}.yml"
    content = yaml.safe_load(declared.read_text(encoding="utf-8"))
    change(content["models"][0]["config"]["meta"]["kpis"])
    declared.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def lose_the_english_formula(kpis: list[Registry]) -> None:
    kpis[0]["formula_en"] = ""


def lose_a_field(kpis: list[Registry]) -> None:
    next(kpi for kpi in kpis if kpi["id"] == "cx.nps").pop("must_not_conclude_ja")


def declare_twice(kpis: list[Registry]) -> None:
    kpis.append(dict(kpis[0]))


def show_everything_to_representatives(kpis: list[Registry]) -> None:
    for kpi in kpis:
        kpi["audience"] = ["mr"]


def name_a_column_that_is_not_there(kpis: list[Registry]) -> None:
    kpis[0]["numerator"] = "n_delighted"


@pytest.mark.parametrize(
    ("mart", "change", "message"),
    [
        ("mart_cx", lose_a_field, "mart mart_cx, KPI cx.nps, field must_not_conclude_ja: is missing"),
        (
            "mart_cx",
            lose_the_english_formula,
            "mart mart_cx, KPI cx.usefulness_top_rate, field formula_en: is missing",
        ),
        ("mart_cx", declare_twice, "KPI cx.usefulness_top_rate version 1, field id: declared twice"),
        (
            "mart_channel_quality",
            show_everything_to_representatives,
            "field audience: role mr would see more than seven KPIs",
        ),
        (
            "mart_cx",
            name_a_column_that_is_not_there,
            "mart mart_cx, KPI cx.usefulness_top_rate, field numerator: the mart has no column 'n_delighted'",
        ),
    ],
)
def test_a_broken_declaration_fails_the_build(
    tmp_path: Path, mart: str, change: Callable[[list[Registry]], None], message: str
) -> None:
    project = copy_of_the_marts(tmp_path)
    change_kpis(project, mart, change)
    done = run_dbt(tmp_path, "compile", "--select", "dim_kpi", project=project)
    assert done.returncode != 0
    assert f"KPI registry: mart {mart}" in done.stdout
    assert message in done.stdout


def declared_kpis() -> list[Registry]:
    found: list[Registry] = []
    for file in sorted((project_root() / "dbt_project" / "models" / "marts").glob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            found += model["config"]["meta"].get("kpis", [])
    return found


def test_what_readers_see_is_short_plain_japanese() -> None:
    kpis = declared_kpis()
    assert len(kpis) == 60
    too_long, foreign = [], []
    for kpi in kpis:
        for field in (
            "name_ja",
            "formula_ja",
            "numerator_ja",
            "denominator_ja",
            "decision_ja",
            "must_not_conclude_ja",
        ):
            sentences = [part for part in kpi[field].split("。") if part]
            too_long += [f"{kpi['id']} {field}" for part in sentences if len(part) > 60]
            latin = set("".join(c if c.isascii() and c.isalpha() else " " for c in kpi[field]).split()) - {
                "MR"
            }
            foreign += [f"{kpi['id']} {field}: {word}" for word in latin]
        assert kpi["decision_ja"].endswith("ために使います。") or kpi["decision_ja"].endswith("使います。")
    assert too_long == []
    assert foreign == []


def numbers_in(formula: str) -> set[str]:
    """Every number a formula names; "1回" is "once" in English, a word."""
    return set(re.findall(r"\d+", formula.replace("1回", "")))


def test_every_formula_says_the_same_in_english() -> None:
    japanese = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
    faults = []
    for kpi in declared_kpis():
        ja, en = kpi["formula_ja"], kpi["formula_en"]
        if japanese.search(en) or not en.endswith("."):
            faults.append(f"{kpi['id']}: not an English sentence")
        if ja.count("÷") != en.count("÷"):
            faults.append(f"{kpi['id']}: one is a ratio, the other not")
        if numbers_in(ja) != numbers_in(en):
            faults.append(f"{kpi['id']}: {numbers_in(ja) ^ numbers_in(en)} stand in one only")
    formulas = [kpi["formula_en"] for kpi in declared_kpis()]
    assert faults == []
    assert len(set(formulas)) == len(formulas)

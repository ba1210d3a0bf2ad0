"""The layers of the dbt project, its public models' promises, and its portability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
from shirube.contracts import load_contracts
from shirube.home import project_root

LAYERS = {
    # layer: (allowed prefixes, layers it may read)
    "staging": (("stg_",), {"source", "staging", "seed"}),
    "intermediate": (("int_",), {"staging", "intermediate", "seed", "source"}),
    "core": (("dim_", "fct_", "bridge_"), {"staging", "intermediate", "core", "seed", "source"}),
    "marts": (("mart_", "fct_kpi_value", "dim_kpi"), {"core", "marts", "seed", "estimates"}),
}
CORE = {
    "dim_date", "dim_physician", "dim_facility", "bridge_physician_facility", "dim_employee",
    "dim_organization", "dim_channel", "dim_product", "dim_content", "bridge_physician_identity",
    "fct_touchpoint", "fct_reaction", "fct_consent_event", "fct_medical_inquiry", "fct_survey_response",
    "fct_journey_phase", "fct_journey_transition", "fct_channel_exposure_agg", "fct_reject",
}  # fmt: skip
MARTS = {
    "mart_channel_quality", "mart_channel_preference", "mart_channel_fit", "mart_journey", "mart_cx",
    "mart_medical_handoff", "mart_data_trust", "fct_kpi_value",
}  # fmt: skip

Models = dict[str, dict[str, Any]]


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def public(models: Models) -> Models:
    return {name: node for name, node in models.items() if layer(node) in {"core", "marts"}}


def test_the_promised_models_exist(dbt_models: Models) -> None:
    assert CORE - {n for n, node in dbt_models.items() if layer(node) == "core"} == set()
    assert MARTS - {n for n, node in dbt_models.items() if layer(node) == "marts"} == set()


def test_names_follow_their_layer(dbt_models: Models) -> None:
    assert len(dbt_models) > 40
    wrong = [n for n, node in dbt_models.items() if not n.startswith(LAYERS[layer(node)][0])]
    assert wrong == []


def test_each_layer_reads_only_what_it_may(dbt_manifest: dict[str, Any], dbt_models: Models) -> None:
    edges, wrong = 0, []
    for name, node in dbt_models.items():
        for parent_id in node["depends_on"]["nodes"]:
            kind, _, source = parent_id.split(".")[:3]
            if kind == "source" and source == "estimates":
                kind = "estimates"
            parent_layer = layer(dbt_manifest["nodes"][parent_id]) if kind == "model" else kind
            edges += 1
            if parent_layer not in LAYERS[layer(node)][1]:
                wrong.append(f"{name} reads {parent_id}")
    assert edges > 60
    assert wrong == []


def test_public_models_keep_their_promises(dbt_models: Models) -> None:
    problems = []
    for name, node in public(dbt_models).items():
        meta = node["config"].get("meta") or node.get("meta") or {}
        if not node["config"]["contract"]["enforced"]:
            problems.append(f"{name}: the contract is not enforced")
        if not node["description"].startswith("One row per"):
            problems.append(f"{name}: the description does not begin with the grain")
        problems += [
            f"{name}: meta.{field} is missing" for field in ("grain", "owner") if not meta.get(field)
        ]
        problems += [
            f"{name}.{column['name']}: no description or type"
            for column in node["columns"].values()
            if not column.get("data_type")
        ]
    assert problems == []


def test_every_core_table_and_mart_says_in_japanese_what_a_row_is(dbt_models: Models) -> None:
    told = public(dbt_models)
    assert len(told) >= 90
    wordless = [
        name
        for name, node in sorted(told.items())
        if not str(node["config"]["meta"].get("description_ja", "")).startswith("1行は、")
    ]
    assert wordless == []


def test_every_core_table_and_mart_has_a_japanese_name_of_its_own(dbt_models: Models) -> None:
    """The catalogue's heading: a reader looks for 「先生の段階」, not for mart_journey."""
    names = {name: node["config"]["meta"].get("name_ja") for name, node in public(dbt_models).items()}
    assert [name for name, name_ja in sorted(names.items()) if not name_ja] == []
    assert len(set(names.values())) == len(names)


def test_no_japanese_name_leans_on_the_column_before_it(dbt_models: Models) -> None:
    """A name is read alone, in a search: 「同・下限」 says nothing there. And brackets are full-width."""
    leaning = [
        f"{name}.{column['name']}"
        for name, node in sorted(public(dbt_models).items())
        for column in node["columns"].values()
        if str((column["config"].get("meta") or {}).get("name_ja", "")).startswith("同・")
        or "(" in str((column["config"].get("meta") or {}).get("name_ja", ""))
    ]
    assert leaning == []


def test_every_column_that_people_get_has_a_japanese_name(
    dbt_manifest: dict[str, Any], dbt_models: Models
) -> None:
    """The catalogue lists every mart and each star table that an exposure publishes, column by column."""
    exposed = {
        key
        for one in dbt_manifest["exposures"].values()
        if (one["config"].get("meta") or one.get("meta") or {}).get("publish") == "star"
        for key in one["depends_on"]["nodes"]
    }
    star = {name: node for name, node in dbt_models.items() if node["unique_id"] in exposed}
    marts = {name: node for name, node in dbt_models.items() if layer(node) == "marts"}
    assert len(star) >= 22
    assert sum(len(node["columns"]) for node in star.values()) >= 239
    assert sum(len(node["columns"]) for node in marts.values()) >= 1100
    nameless = [
        f"{name}.{column['name']}"
        for name, node in sorted((star | marts).items())
        for column in node["columns"].values()
        if not str((column["config"].get("meta") or column.get("meta") or {}).get("name_ja") or "").strip()
    ]
    assert nameless == []


def test_every_public_model_proves_its_grain(dbt_manifest: dict[str, Any], dbt_models: Models) -> None:
    proven = {
        node["attached_node"]
        for node in dbt_manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("attached_node") and "unique" in node["name"]
    }
    unproven = [name for name, node in public(dbt_models).items() if node["unique_id"] not in proven]
    assert unproven == []


def test_one_yml_beside_each_model(dbt_models: Models) -> None:
    root = project_root() / "dbt_project"
    missing = [
        name
        for name, node in dbt_models.items()
        if not (root / Path(node["original_file_path"])).with_suffix(".yml").is_file()
    ]
    assert missing == []


def test_contracts_sources_and_staging_do_not_drift(dbt_manifest: dict[str, Any], dbt_models: Models) -> None:
    contracts = load_contracts()
    lake = {s["name"] for s in dbt_manifest["sources"].values() if s["source_name"] == "lake"}
    staging = {name.removeprefix("stg_") for name, node in dbt_models.items() if layer(node) == "staging"}
    suites = {f.stem for f in (project_root() / "expectations" / "suites" / "landed").glob("*.yaml")}
    assert len(contracts) == 29
    assert set(contracts) == lake == staging == suites


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_compiled_models_parse_in_other_engines(dbt_models: Models, dialect: str) -> None:
    parsed, broken = 0, []
    for name, node in dbt_models.items():
        try:
            statements = sqlglot.parse(node["compiled_code"], read=dialect)
        except sqlglot.errors.ParseError as error:
            broken.append(f"{name}: {error.errors[0].get('description')} line {error.errors[0].get('line')}")
            continue
        parsed += len(statements)
    assert broken == []
    assert parsed == len(dbt_models)


def test_no_rule_reads_the_clock(dbt_models: Models) -> None:
    words = ("current_date", "current_timestamp", "now()", "get_current_timestamp", "today()")
    offenders = [
        n for n, node in dbt_models.items() if any(w in node["compiled_code"].lower() for w in words)
    ]
    assert offenders == []


def test_no_mart_for_medical_representatives_reads_sales_or_ranks_people(dbt_models: Models) -> None:
    columns = [
        f"{name}.{column}"
        for name, node in dbt_models.items()
        if layer(node) == "marts"
        for column in node["columns"]
        if any(word in column for word in ("sales", "revenue", "rank_of_mr", "mr_rank"))
    ]
    assert columns == []


def test_deliveries_to_facilities_are_nobodys_result(
    dbt_manifest: dict[str, Any], dbt_models: Models
) -> None:
    """Goods that reached a place are context (R55): no mart reads them, no physician is beside them."""

    def readers(name: str) -> set[str]:
        key = dbt_models[name]["unique_id"]
        return {other for other, node in dbt_models.items() if key in node["depends_on"]["nodes"]}

    assert readers("stg_jdnet_delivery") == {"int_facility_delivery"}
    assert readers("int_facility_delivery") == {"fct_facility_delivery", "int_row_outcome"}
    assert readers("fct_facility_delivery") == set()
    columns = dbt_models["fct_facility_delivery"]["columns"]
    assert [column for column in columns if "physician" in column or "employee" in column] == []
    behind = " ".join(dbt_models["int_facility_delivery"]["depends_on"]["nodes"])
    assert "physician" not in behind
    published = [key for one in dbt_manifest["exposures"].values() for key in one["depends_on"]["nodes"]]
    assert "model.shirube.fct_facility_delivery" not in published

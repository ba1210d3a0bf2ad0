"""The plain script that the pipeline is timed against makes the pipeline's numbers, cell by cell."""

from __future__ import annotations

import importlib.util
import json

import duckdb
import pytest
from shirube.home import Home, project_root
from shirube.landing import land
from shirube.sample import generate
from shirube.warehouse import BuildResult, build
from shirube.warehouse.build import KEEP_PREPARATION_VARIABLE

from tests.dbt.tiny_lake import preparation_of

# Columns that name a cell. People have natural keys in the script and hashes in the pipeline, so the cells of
# representatives are compared in number and in what is hidden, not by name.
CELLS = {
    "mart_channel_quality": ("scope_type", "scope_id", "channel_id", "product_id"),
    "mart_preference_diversity": ("scope_type", "scope_id", "breakdown"),
    "mart_channel_fit": ("scope_type", "scope_id"),
    "mart_journey": ("scope_type", "scope_id", "product_id", "phase_id"),
    "mart_journey_exposure": ("channel_id",),
    "mart_cx": ("scope_type", "scope_id", "channel_id", "product_id"),
    "mart_medical_handoff": ("scope_type", "scope_id"),
    "mart_data_trust": ("scope_type", "scope_id", "source"),
}
# Models that may compare every row with every row: one side is a handful of rules or kinds, or one day.
EVERY_WITH_EVERY = {
    "int_account", "int_email_activity", "fct_content_use", "fct_digital_signal", "fct_journey_evidence",
    "fct_medical_inquiry", "fct_moment", "mart_information_catalogue",
}  # fmt: skip
# The script has the channels, and no signals that were taken up.
NOT_IN_SCRIPT = {"mart_journey_exposure": "exposure_id = 'orchestrated'"}
COUNTED = {"BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "BOOLEAN", "DECIMAL(38,0)"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, BuildResult]:
    """One small company through the pipeline, with what its core was made of."""
    home = Home(tmp_path_factory.mktemp("plain") / "home")
    generate(home.inbox, seed=7, physicians=200, months=12, mrs=24, offices=4)
    land(home)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(KEEP_PREPARATION_VARIABLE, "1")
        return home, build(home)


@pytest.fixture(scope="module")
def both(
    built: tuple[Home, BuildResult], tmp_path_factory: pytest.TempPathFactory
) -> duckdb.DuckDBPyConnection:
    """The company through the pipeline (`pipeline.marts`) and through the script (views `plain_…`)."""
    home, result = built
    spec = importlib.util.spec_from_file_location("plain", project_root() / "benchmarks" / "plain.py")
    assert spec is not None and spec.loader is not None
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    out = tmp_path_factory.mktemp("out")
    plain.run(home.root, out)
    connection = duckdb.connect()
    connection.execute(f"attach '{result.warehouse_file}' as pipeline (read_only)")
    for mart in plain.MARTS:
        connection.execute(f"create view plain_{mart} as from '{out / mart}.parquet'")
    return connection


def measures(connection: duckdb.DuckDBPyConnection, mart: str) -> list[str]:
    """Columns that both sides count."""
    described = connection.execute(f"describe pipeline.marts.{mart}").fetchall()
    ours = {row[0] for row in connection.execute(f"describe plain_{mart}").fetchall()}
    return [name for name, kind, *_ in described if name in ours and kind in COUNTED]


@pytest.mark.parametrize("mart", CELLS)
def test_every_cell_is_the_same(both: duckdb.DuckDBPyConnection, mart: str) -> None:
    keys = ("period_type", "period_start", *CELLS[mart])
    columns = measures(both, mart)
    assert len(columns) >= 4, columns
    no_people = "where scope_type <> 'mr'" if "scope_type" in keys else ""
    # Sums of doubles depend on the order of summing in their last digits.
    chosen = ", ".join([*keys, *(f"round({column}::double, 9) + 0 as {column}" for column in columns)])
    ours = f"select {chosen} from plain_{mart} {no_people}"
    left_out = f"where not ({NOT_IN_SCRIPT[mart]})" if mart in NOT_IN_SCRIPT else no_people
    theirs = f"select {chosen} from pipeline.marts.{mart} {left_out}"
    counted = both.execute(f"select count(*) from ({theirs})").fetchone()
    assert counted is not None and counted[0] >= 10
    assert both.execute(f"({ours}) except all ({theirs})").fetchall() == []
    assert both.execute(f"({theirs}) except all ({ours})").fetchall() == []


@pytest.mark.parametrize("mart", [mart for mart, keys in CELLS.items() if "scope_id" in keys])
def test_as_many_cells_of_representatives_are_made_and_hidden(
    both: duckdb.DuckDBPyConnection, mart: str
) -> None:
    hidden = [column for column in measures(both, mart) if column.endswith("_suppressed")]
    sums = ", ".join(["count(*)", *(f"sum({column}::integer)" for column in hidden)])
    chosen = f"select period_type, {sums} from"
    query = chosen + " {}" + mart + " where scope_type = 'mr' group by period_type order by all"
    assert (
        both.execute(query.format("plain_")).fetchall()
        == both.execute(query.format("pipeline.marts.")).fetchall()
    )


def test_preferences_are_the_same(both: duckdb.DuckDBPyConnection) -> None:
    columns = measures(both, "mart_channel_preference")
    sums = ", ".join(f"round(sum({column}::double), 6)" for column in columns)
    chosen = f"select snapshot_on, channel_id, preference_basis, count(*), {sums}"
    query = chosen + " from {} group by all order by all"
    ours = both.execute(query.format("plain_mart_channel_preference")).fetchall()
    theirs = both.execute(query.format("pipeline.marts.mart_channel_preference")).fetchall()
    assert len(ours) >= 50
    assert ours == theirs


def test_the_rates_are_the_same(both: duckdb.DuckDBPyConnection) -> None:
    compared = both.execute(
        """
        select count(*), count(distinct kpi_id), max(abs(ours.value - theirs.value)),
            max(abs(ours.ci_low - theirs.ci_low)), max(abs(ours.ci_high - theirs.ci_high))
        from plain_fct_kpi_value as ours join pipeline.marts.fct_kpi_value as theirs
            using (kpi_id, period_type, period_start, scope_type, scope_id)
        where theirs.value is not null and theirs.scope_type <> 'mr'
            and ours.channel_id is not distinct from theirs.channel_id
            and ours.product_id is not distinct from theirs.product_id
            and ours.phase_id is not distinct from theirs.phase_id
            and ours.breakdown is not distinct from theirs.breakdown
        """
    ).fetchone()
    assert compared is not None
    rows, kpis, *differences = compared
    # Of the KPIs that the script counts; it need not count every one.
    shown = both.execute(
        "select count(*) from pipeline.marts.fct_kpi_value where value is not null and scope_type <> 'mr'"
        " and kpi_id in (select kpi_id from plain_fct_kpi_value)"
    ).fetchone()
    assert (rows,) == shown and kpis >= 15
    assert max(differences) < 1e-9, differences


def test_no_model_compares_every_row_with_every_row(built: tuple[Home, BuildResult]) -> None:
    _, result = built
    file = result.warehouse_file
    models = {
        node["unique_id"].split(".")[2]: node["compiled_code"]
        for part in ("core", "marts")
        for node in json.loads(file.with_name(f"run_results_{part}.json").read_text())["results"]
        if node["unique_id"].startswith("model.") and node["compiled_code"]
    }
    assert len(models) >= 80
    slow = set()
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute(f"attach '{preparation_of(file)}' as preparation (read_only)")
        for name, query in models.items():
            # As JSON: the drawn plan cuts the names of what stands side by side.
            plan = connection.execute(f"explain (format json) {query}").fetchall()[0][1]
            if "BLOCKWISE_NL_JOIN" in plan:
                slow.add(name)
    assert slow and slow <= EVERY_WITH_EVERY, slow - EVERY_WITH_EVERY

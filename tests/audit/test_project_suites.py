"""The project's own suites against tables as dbt's contracts and the source contracts declare them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from handmade import HandmadeBuild, change, make_build
from shirube.audit import audit, decide, load_suites
from shirube.contracts import load_contracts
from shirube.home import Home, project_root
from shirube.ledger import Ledger
from shirube.stopped import EXPORT_FILE, export_stopped


def _models() -> dict[str, dict[str, Any]]:
    """`schema.name` → dbt's yml entry of every core and mart model."""
    found = {}
    for schema in ("core", "marts"):
        for file in sorted((project_root() / "dbt_project" / "models" / schema).rglob("*.yml")):
            for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models", []):
                found[f"{schema}.{model['name']}"] = model
    return found


def _declared_build(home: Home, *statements: str) -> HandmadeBuild:
    """An empty candidate with every declared table, and one landed batch without rows for every source."""
    build = make_build(home)
    (home.warehouse / "shirube.duckdb").unlink()
    tables = []
    for name, model in _models().items():
        columns = ", ".join(f'"{column["name"]}" {column["data_type"]}' for column in model["columns"])
        tables.append(f"create table {name} ({columns})")
    change(build, "create schema core", "create schema marts", *tables, *statements)
    contracts = load_contracts()
    with Ledger(home) as ledger:
        ledger.export_parquet(build.ledger, contracts)
    export_stopped(build.ledger, ())
    rows = ", ".join(f"('b-{name}', 'l-{name}', '{name}')" for name in contracts)
    batch = build.ledger / "batch.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select batch_id, landing_id, source, 'landed' as state, date '2026-10-31' as delivered_on,"
            " 0 as rows_in, 0 as rows_landed, 0 as rows_quarantined"
            f" from (values {rows}) as t (batch_id, landing_id, source)) to '{batch}'"
        )
    for name, contract in contracts.items():
        folder = home.lake / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.parquet"):
            file.unlink()
        pq.write_table(contract.lake_schema().empty_table(), folder / f"l-{name}.parquet")
    return build


def test_every_core_and_mart_model_has_a_suite_and_every_suite_a_model() -> None:
    models = set(_models())
    assert len(models) >= 40
    assert {suite.name for suite in load_suites() if suite.gate != "landed"} == models


def test_every_rule_runs_on_the_declared_columns(home: Home) -> None:
    """A renamed column shows here, not at three in the morning: no check may raise, even on empty tables."""
    result = audit(home, _declared_build(home))
    broken = [
        f"{table.name}: {check.why} {check.message}"
        for table in result.tables
        for check in table.checks
        if check.outcome == "error"
    ]
    assert broken == []
    assert result.counts["checks"] > 250
    assert {table.status for table in result.tables} <= {"passed", "warning", "critical"}
    empty = {table.name for table in result.tables if table.status == "critical"}
    assert "core.fct_touchpoint" in empty, "an empty star is not published"
    assert not [name for name in empty if name.startswith("landed.")]


PLANTED = {
    "core.fct_source_delivery": (
        "insert into core.fct_source_delivery (source, batch_id, rows_in, rows_landed, rows_quarantined,"
        " rows_in_core, rows_rejected) values ('crm_call', 'b', 12, 10, 2, 8, 1)",
        "Conservation",
    ),
    "core.fct_email_recipient": (
        "insert into core.fct_email_recipient (sent_email_id, is_sent, consent_state, is_after_opt_out)"
        " values ('e', true, 'opted_out', false)",
        "Such sends must stay visible",
    ),
    "core.bridge_physician_identity": (
        "insert into core.bridge_physician_identity (physician_key, method, is_ambiguous)"
        " values ('p', 'email', true)",
        "A null rather than a wrong join",
    ),
    "core.dim_physician": (
        "insert into core.dim_physician (physician_key, valid_from, valid_to, practice_type) values"
        " ('p', date '2026-01-01', date '2026-06-01', 'HP'),"
        " ('p', date '2026-05-01', date '9999-12-31', 'GP')",
        "Two valid versions on one day",
    ),
    "core.fct_touchpoint": (
        "insert into core.fct_touchpoint (touchpoint_key, depth, occurred_on)"
        " values ('t', 1, date '2026-12-01')",
        "Contacts of the future",
    ),
    "core.fct_need_signal": (
        "insert into core.fct_need_signal (need_signal_key, physician_key, learned_by, topic_id)"
        " values ('n', 'p', 'inquiry', 'T-DOSE')",
        "What was asked of Medical stays with Medical",
    ),
    "core.fct_moment": (
        "insert into core.fct_moment (moment_key, employee_key, opened_on, is_opened, is_mr_contact_wanted,"
        " is_mr_contact_refused) values ('m', 'e', date '2026-10-01', true, true, true)",
        "Who does not want to be visited",
    ),
    "marts.mart_mr_strength": (
        "insert into marts.mart_mr_strength (scope_type, n_mr_with_need, n_mr_with_need_suppressed)"
        " values ('office', 4, false)",
        "Small groups are people",
    ),
    "marts.mart_not_needed": (
        "insert into marts.mart_not_needed (scope_type, n_physicians_with_need, verdict, sufficed_low)"
        " values ('segment', 29, 'single_channel_enough', 0.8)",
        "What was not shown to be enough",
    ),
    "marts.mart_content_need": (
        "insert into marts.mart_content_need (scope_type, needs, needs_covered) values ('company', 3, 4)",
        "A rate above one",
    ),
    "marts.mart_moment_rule": (
        "insert into marts.mart_moment_rule (verdict, judged, min_judged, precision_high, min_precision,"
        " is_judgeable) values ('retired', 60, 50, 0.31, 0.3, true)",
        "Too few voices retire nothing",
    ),
    "marts.mart_survey_nonresponse": (
        "insert into marts.mart_survey_nonresponse (verdict, standardised_difference, standardised_low,"
        " standardised_high) values ('differs', 0.2, 0.2, 0.2)",
        "A difference without a width",
    ),
    "marts.mart_cx": (
        "insert into marts.mart_cx (scope_type, n_csat, n_csat_suppressed) values ('office', 3, false)",
        "Small groups are people",
    ),
    "marts.mart_channel_fit": (
        "insert into marts.mart_channel_fit (scope_type, push_contacts_with_choice,"
        " push_contacts_honouring_choice) values ('office', 30, 31)",
        "A rate above one",
    ),
    "marts.mart_medical_handoff": (
        "insert into core.fct_medical_inquiry (category, answered_at, is_open, gl_record_complete) values"
        " ('off_label', timestamp '2026-10-01 09:00:00', false, false),"
        " ('off_label', null, true, false), ('on_label', timestamp '2026-10-01 09:00:00', false, false)",
        "a record of every answer beyond the label",
    ),
    "marts.mart_medical_worklist": (
        "insert into core.fct_medical_inquiry (inquiry_key, category, is_open) values"
        " ('on no list', 'safety', true)",
        "A question that is on no list",
    ),
    "core.fct_story": (
        "insert into core.fct_story (story_id, is_publishable, action) values ('s', false, 'a')",
        "A text that nobody approved",
    ),
    "core.fct_assignment": (
        "insert into core.fct_assignment (assignment_key, initiative_id, unit_type, unit_id, arm) values"
        " ('a', 'i', 'physician', 'p', 'treatment'), ('b', 'i', 'physician', 'p', 'control')",
        "A physician on both sides",
    ),
    "core.dim_strategy": (
        "insert into core.dim_strategy (strategy_key, valid_from, valid_to) values"
        " ('s', date '2026-01-01', date '2026-06-01'), ('t', date '2026-05-01', date '9999-12-31')",
        "Two strategies on one day",
    ),
    "marts.mart_success_case": (
        "insert into marts.mart_success_case (story_id, has_evidence, n_at_start, action) values"
        " ('s', true, 4, '佐藤先生に資料を届けました。')",
        "Masking is done by people",
    ),
    "marts.mart_field_voice": (
        "insert into marts.mart_field_voice"
        " (scope_type, scope_id, story_id, balance_state, set_note_ja, n_published) values"
        " ('office', 'OF01', 's', 'selected', '同じ割合で載せています。', 1)",
        "Shown successes without a word",
    ),
    "marts.mart_pilot_readiness": (
        "insert into marts.mart_pilot_readiness (initiative_id, check_id, measured_value, is_met)"
        " values ('i', 'consented_physicians', 3, 'no')",
        "Small groups are people",
    ),
    "marts.mart_necessity": (
        "insert into marts.mart_necessity (verdict, evidence_level, failed_diagnostics)"
        " values ('not_needed', 'E2', 'pre_trend')",
        "A check that failed lowers the level",
    ),
    "marts.mart_pilot_readout": (
        "insert into marts.mart_pilot_readout (initiative_id, design, verdict, evidence_level)"
        " values ('i', 'matched', 'needed', 'E4')",
        "Only a lot or a roll-out",
    ),
    "marts.mart_effect_period": (
        "insert into marts.mart_effect_period"
        " (subject_type, subject_id, months_from_start, is_before, n_treated, n_control, difference_per_100,"
        " evidence_level, design) values ('initiative', 'i', 0, false, 400, 29, 5.0, 'E4', 'staggered')",
        "Comparisons need thirty",
    ),
    "marts.mart_attribution": (
        "insert into marts.mart_attribution (period_start, channel_id, position_weight, state) values"
        " (date '2026-07-01', 'portal', 0.6, 'computed'), (date '2026-07-01', 'webinar', 0.6, 'computed')",
        "Shares of one whole",
    ),
    "marts.mart_evaluation_fitness": (
        "insert into marts.mart_evaluation_fitness (kpi_id, reliability, min_reliability, verdict)"
        " values ('k', 0.5, 0.7, 'reliable_enough')",
        "must not be judged by noise",
    ),
    "marts.mart_leadership_case": (
        "insert into marts.mart_leadership_case (n_smaller_side, pull_verdict)"
        " values (29, 'more_with_satisfaction')",
        "Comparisons need thirty",
    ),
    "marts.mart_journey_dwell": (
        "insert into marts.mart_journey_dwell (stays, dwell_days_median) values (9, 60)",
        "Below ten only counts",
    ),
    "marts.fct_kpi_value": (
        "insert into marts.fct_kpi_value (kpi_id, display_state, reason, value)"
        " values ('k', 'suppressed', 'r', 1)",
        "A hidden number that is still in the file",
    ),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """One audit with every defect planted: table → why of its critical failures."""
    home = Home.resolve(tmp_path_factory.mktemp("planted"))
    result = audit(home, _declared_build(home, *(statement for statement, _ in PLANTED.values())))
    decision = decide(result)
    assert decision.blocked
    assert {name.removeprefix("marts.") for name in PLANTED if name.startswith("marts.")} <= set(
        decision.withheld
    )
    return {table.name: [check.why for check in table.failed("critical")] for table in result.tables}


@pytest.mark.parametrize("table", PLANTED)
def test_a_planted_defect_is_caught_by_its_rule(planted: dict[str, list[str]], table: str) -> None:
    assert [why for why in planted[table] if PLANTED[table][1] in why], planted[table]


NAMING = (
    "insert into core.fct_suggestion (suggestion_key, physician_key) values ('s', 'StoppedOne12')",
    # A restricted mart, and a column that is not called a physician's key.
    "insert into marts.mart_pilot_readiness (initiative_id, check_id) values ('i', 'StoppedOne12')",
)


@pytest.mark.parametrize(
    ("stopped", "statements", "is_caught"),
    [
        (["StoppedOne12"], NAMING[:1], True),
        (["SomebodyElse", "StoppedOne12"], NAMING[1:], True),
        (["SomebodyElse"], NAMING, False),
        ([], NAMING, False),
    ],
)
def test_a_row_of_a_stopped_physician_anywhere_blocks(
    home: Home, stopped: list[str], statements: tuple[str, ...], is_caught: bool
) -> None:
    build = _declared_build(home, *statements)
    export_stopped(build.ledger, stopped)
    result = audit(home, build)
    table = result.table("core.dim_physician")
    assert table is not None
    assert [check.outcome for check in table.checks if "利用停止" in check.why] == [
        "failed" if is_caught else "passed"
    ]
    if is_caught:
        assert any("利用停止" in reason.en for reason in decide(result).blocked)
    kept = [file for file in home.warehouse.rglob("*") if file.is_file() and "audit" in file.parts]
    assert len(kept) > 40
    assert not [file for file in kept for key in stopped if key.encode() in file.read_bytes()]


def test_without_the_list_that_the_build_read_there_is_no_audit(home: Home) -> None:
    build = _declared_build(home)
    (build.ledger / EXPORT_FILE).unlink()
    with pytest.raises(Exception, match="No files found"):
        audit(home, build)


def test_rows_missing_from_the_lake_block(home: Home) -> None:
    build = _declared_build(home)
    Path(home.lake / "crm_call" / "l-crm_call.parquet").unlink()
    table = audit(home, build).table("landed.crm_call")
    assert table is not None
    assert table.status == "critical"

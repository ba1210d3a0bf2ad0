"""A small data home made by hand: two sources, a core and three marts, as a build would leave them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
from shirube.audit.results import AuditResult, CheckResult, TableResult, audit_folder, save_audit
from shirube.home import Home
from shirube.stopped import export_stopped

KPI_MARTS = {
    "cx.csat_top2_rate": "mart_cx",
    "channel.reach_rate": "mart_channel_quality",
    "channel.delivered_rate": "mart_channel_quality",
}
AUDITED = (
    "landed.crm_call",
    "core.dim_channel",
    "core.dim_physician",
    "core.fct_touchpoint",
    "marts.mart_period",
    "marts.mart_cx",
    "marts.mart_channel_quality",
    "marts.fct_kpi_value",
)
GRAIN = {"fct_touchpoint": ["touchpoint_key"], "fct_kpi_value": ["kpi_id", "scope_id"]}
PARENTS = {
    "mart_cx": ["mart_period"],
    "fct_kpi_value": ["mart_cx", "mart_channel_quality", "mart_period"],
}
SECRET = "t1.5ec2e75ec2e75ec2e75ec2e75ec2e75e"


@dataclass(frozen=True)
class HandmadeBuild:
    """What `warehouse.build` returns, as far as audit and publish read it."""

    warehouse_file: Path
    dbt_manifest: Path
    ledger: Path
    release_id: str
    as_of: date
    config_version: str = "0123456789ab"


def make_build(
    home: Home, release_id: str = "2026-10-31-aaaaaaaaaa", touchpoints: int = 400, shift: int = 0
) -> HandmadeBuild:
    """Fill the lake, the ledger export and the warehouse; `shift` changes every number that is published."""
    build = prepared(home, release_id)
    _land(home, "crm_call", 40)
    _land(home, "webinar_zoom", 10)
    _export_ledger(build.ledger)
    build.warehouse_file.unlink(missing_ok=True)
    with duckdb.connect(str(build.warehouse_file)) as connection:
        for statement in _tables(touchpoints, shift, release_id, build.as_of):
            connection.execute(statement)
    build.dbt_manifest.write_text(json.dumps(_dbt_manifest()), encoding="utf-8")
    return build


def prepared(home: Home, release_id: str) -> HandmadeBuild:
    """The build that `make_build` left in this home."""
    return HandmadeBuild(
        home.warehouse / "shirube.duckdb",
        home.warehouse / "manifest.json",
        home.warehouse / "builds" / release_id / "ledger",
        release_id,
        date.fromisoformat(release_id[:10]),
    )


def change(build: HandmadeBuild, *statements: str) -> HandmadeBuild:
    """Plant a defect in the candidate."""
    with duckdb.connect(str(build.warehouse_file)) as connection:
        for statement in statements:
            connection.execute(statement)
    return build


def renamed(build: HandmadeBuild, release_id: str) -> HandmadeBuild:
    """The same candidate under another id."""
    return replace(build, release_id=release_id, as_of=date.fromisoformat(release_id[:10]))


def make_audit(home: Home, build: HandmadeBuild, **found: tuple[str, str, str | None]) -> AuditResult:
    """The audit of a build without running Great Expectations: every table passed but for those in `found`.

    `found` maps `gate__table` to (severity, outcome, trust mark); severity `unaudited` stands for no suite.
    """
    tables = []
    for name in AUDITED:
        gate, _, table = name.partition(".")
        severity, outcome, trust = found.get(f"{gate}__{table}", ("critical", "passed", None))
        if severity in ("unaudited", "absent"):
            tables.append(TableResult(gate, table, severity, ()))
            continue
        check = CheckResult(
            expectation="expect_table_row_count_to_be_between",
            column=None,
            severity=severity,
            outcome=outcome,
            owner="data-platform",
            why="An empty table must not replace a full one.",
            trust=trust,
            observed=1,
            unexpected_count=None,
            message=None,
        )
        tables.append(TableResult(gate, table, check.counts_as or "passed", (check,)))
    folder = audit_folder(home, build.release_id)
    (folder / "data_docs").mkdir(parents=True, exist_ok=True)
    (folder / "data_docs" / "index.html").write_text("<html></html>", encoding="utf-8")
    result = AuditResult(build.release_id, build.as_of, build.config_version, tuple(tables), folder)
    save_audit(result)
    return result


def write_suites(folder: Path, suites: dict[str, str]) -> Path:
    """One YAML file per suite, `core.fct_touchpoint` → its list of expectations as YAML text."""
    for name, expectations in suites.items():
        gate, _, table = name.partition(".")
        file = folder / gate / f"{table}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        body = "\n".join(f"  {line}" for line in expectations.strip().splitlines())
        file.write_text(f"table: {name}\nowner: data-platform\nexpectations:\n{body}\n", encoding="utf-8")
    return folder


NOT_EMPTY = """
- expectation: expect_table_row_count_to_be_between
  arguments: {min_value: 1}
  severity: critical
  why: An empty table must not replace a full one.
"""
SUITES = {
    "landed.crm_call": NOT_EMPTY,
    "landed.webinar_zoom": NOT_EMPTY,
    "core.fct_touchpoint": NOT_EMPTY
    + """
- expectation: expect_column_values_to_be_between
  arguments: {column: depth, min_value: 0, max_value: 4}
  severity: critical
  why: Depth has five levels.
""",
    "core.dim_physician": NOT_EMPTY,
    "marts.mart_cx": NOT_EMPTY
    + """
- expectation: expect_column_values_to_be_between
  arguments: {column: n_responses, min_value: 0}
  severity: critical
  why: A count is never negative.
- expectation: expect_column_max_to_be_between
  arguments: {column: n_responses, max_value: 1000}
  severity: warning
  trust: count
  why: More answers than physicians were invited.
""",
    "marts.mart_period": NOT_EMPTY,
    "marts.mart_channel_quality": NOT_EMPTY,
    "marts.fct_kpi_value": NOT_EMPTY,
}


def _land(home: Home, source: str, rows: int) -> None:
    folder = home.lake / source
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        select = (
            "select 'id' || range as id, 'text' as note, 'b-c' as _landing_id, range + 1 as _row_number"
            f" from range({rows})"
        )
        connection.execute(f"copy ({select}) to '{folder / f'{source}-1.parquet'}' (format parquet)")
        connection.execute(
            f"copy ({select} limit 0) to '{folder / '00000000-schema.parquet'}' (format parquet)"
        )


def _export_ledger(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "batch": """
            select * from (values
                ('b1', 'crm_call-1', 'crm_call', date '2026-10-31', 'landed', 42, 40, 2),
                ('b2', 'webinar_zoom-1', 'webinar_zoom', date '2026-10-05', 'landed', 10, 10, 0),
                ('b3', 'crm_call-2', 'crm_call', date '2026-10-06', 'quarantined', 0, 0, 0)
            ) as t (
                batch_id, landing_id, source, delivered_on, state, rows_in, rows_landed, rows_quarantined
            )""",
        "quarantine": """
            select * from (values ('crm_call', 'b1', 'crm_call-1', 'bad_date', 2))
                as t (source, batch_id, landing_id, reason_code, rows)""",
        "source": """
            select * from (values
                ('crm_call', 'CRM calls', 168, true),
                ('webinar_zoom', 'Webinars', 744, true),
                ('dcf_physician', 'Physician master', 744, true)
            ) as t (source, business_name, freshness_hours, is_expected)""",
    }
    with duckdb.connect() as connection:
        for name, select in tables.items():
            connection.execute(f"copy ({select}) to '{folder / name}.parquet' (format parquet)")
    export_stopped(folder, [])


def _tables(touchpoints: int, shift: int, release_id: str, as_of: date) -> list[str]:
    return [
        "create schema core",
        "create schema marts",
        "create table core.fct_touchpoint as select md5(range::varchar) as touchpoint_key,"
        f" 'crm_call' as source, range % 5 as depth, '{SECRET}' as physician_reference,"
        f" date '2026-10-01' + (range % 30)::int as occurred_on from range({touchpoints})",
        "create table core.dim_physician as select 'p' || range as physician_key, 'HP' as practice_type"
        " from range(50) order by hash(range)",
        "create table core.dim_channel as select 'mr_visit' as channel_id",
        "create table marts.mart_period as select 'month' as period_type, range as place from range(6)",
        "create table marts.mart_cx as select 'OF0' || range as scope_id,"
        f" (range * 7 + {shift}) as n_responses from range(9) order by hash(range)",
        "create table marts.mart_channel_quality as select 'ch' || range as channel_id,"
        f" range * 0.125 + {shift} as reach from range(12) order by hash(range)",
        "create table marts.fct_kpi_value as select kpi_id, 1 as kpi_version, 'OF0' || range as scope_id,"
        f" 10.0 + range + {shift} as numerator, 40.0 as denominator, (10 + range + {shift}) / 40 as value,"
        " 0.1 as ci_low, 0.9 as ci_high, 40 as n_physicians, 'improved' as verdict,"
        " case when range = 2 then 'counts_only' else 'shown' end as display_state,"
        " case when range = 2 then '人数が足りません' end as reason, 'enough' as trust_arrival,"
        " 'enough' as trust_linkage, case when range = 1 then 'lacking' else 'enough' end as trust_count,"
        f" date '{as_of}' as as_of, '{release_id}' as release_id"
        f" from (select unnest({sorted(KPI_MARTS)!r}) as kpi_id), range(3) order by hash(kpi_id, range)",
    ]


def _dbt_manifest() -> dict[str, object]:
    nodes: dict[str, object] = {}
    for schema, names in {
        "core": ["fct_touchpoint", "dim_physician", "dim_channel"],
        "marts": ["mart_cx", "mart_channel_quality", "mart_period", "fct_kpi_value"],
    }.items():
        for name in names:
            kpis = [{"id": kpi} for kpi, mart in sorted(KPI_MARTS.items()) if mart == name]
            nodes[f"model.shirube.{name}"] = {
                "name": name,
                "resource_type": "model",
                "schema": schema,
                "depends_on": {"nodes": [f"model.shirube.{parent}" for parent in PARENTS.get(name, ())]},
                "config": {"meta": {"kpis": kpis, "grain": GRAIN.get(name)}},
            }
    nodes["test.shirube.unique_touchpoint_key"] = {
        "name": "unique",
        "resource_type": "test",
        "schema": "tests",
    }
    star = ["model.shirube.fct_touchpoint", "model.shirube.dim_physician", "model.shirube.dim_channel"]
    exposure = {"depends_on": {"nodes": star}, "config": {"meta": {"publish": "star"}}}
    return {"nodes": nodes, "exposures": {"exposure.shirube.star": exposure}}

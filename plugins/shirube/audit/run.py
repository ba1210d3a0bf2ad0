"""Run every suite against the landed batches and the candidate core and marts, in one process.

The gate database is a throw-away DuckDB file of views: `landed.<source>` over the lake's Parquet, `core.*`
and `marts.*` over the candidate warehouse (attached read-only), `ledger.*` over the ledger's export that
the build read, and `audit.*` with what a rule may compare against:

- `audit.run(release_id, as_of, previous_release_id, previous_as_of)`: one row
- `audit.lake_batch(source, batch_id, landing_id, rows_landed, rows_in_lake)`: the last is null if the file is
  gone
- `audit.previous_table(name, rows)`, `audit.previous_source(source, rows_landed)`: the release that readers
  see now; empty if there is none or if it is newer than the candidate
- `audit.stopped_table(name, rows)`: tables of core and marts with rows that name a physician whom the build
  had to leave out, in whatever column of text; who it is stays in the build's private file
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from shirube.audit.results import (
    AUDIT_DRAFT,
    AuditResult,
    CheckResult,
    TableResult,
    audit_folder,
    save_audit,
)
from shirube.audit.suites import Check, Suite, SuiteError, load_suites
from shirube.engine import bounded
from shirube.home import Home
from shirube.landing.locks import reading_lake
from shirube.stopped import EXPORT_FILE

Progress = Callable[[str, dict[str, Any]], None]

COUNTS = (
    "element_count",
    "missing_count",
    "missing_percent",
    "unexpected_count",
    "unexpected_percent",
    "unexpected_percent_nonmissing",
    "unexpected_percent_total",
)
SPILL_FOLDER = "spill"
"""In the draft of an audit: what did not fit into memory."""
# Messages of these DuckDB errors speak of SQL, the others may quote a value of the data.
SQL_ERRORS = re.compile(r"\(_duckdb\.((?:Binder|Catalog|Parser)Exception)\)\s*([^\n]*)")
ERROR_CLASS = re.compile(r"\(_duckdb\.(\w+)\)")


class Candidate(Protocol):
    """What the audit needs to know of a build."""

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file with the schemas core and marts."""

    @property
    def release_id(self) -> str:
        """The id that this candidate will be published under."""

    @property
    def as_of(self) -> date:
        """The last day that counts."""

    @property
    def config_version(self) -> str:
        """Digest of contracts, seeds, models, suites and registry."""

    @property
    def dbt_manifest(self) -> Path:
        """dbt's manifest.json of this build."""

    @property
    def ledger(self) -> Path:
        """The folder of the ledger's export that this build read."""


def audit(
    home: Home, build: Candidate, *, suites_folder: Path | None = None, progress: Progress | None = None
) -> AuditResult:
    """Audit one candidate and keep the findings below `warehouse/audit/<release_id>/`.

    `results/<gate>.<table>.json` is GX's own result, without clock times, random ids and values from the
    data; `data_docs/` the same as pages. A check that raises counts as a failed critical one.

    Raises: SuiteError if a suite names an unknown expectation or argument (nothing is audited then),
    FileNotFoundError if the warehouse file is missing.
    """
    suites = load_suites(suites_folder)
    if not build.warehouse_file.is_file():
        raise FileNotFoundError(f"no warehouse at {build.warehouse_file.name}: build before the audit")
    from shirube.audit import data_docs
    from shirube.audit.datasource import DuckDBDatasource, quiet_context

    folder = audit_folder(home, build.release_id)
    scratch = Path(tempfile.mkdtemp(prefix=f"{AUDIT_DRAFT}{build.release_id}-", dir=home.warehouse))
    try:
        with _gx_advice_unheard():
            expectations = _compile(suites)
        context = quiet_context()
        source: DuckDBDatasource = context.data_sources.add_duckdb(
            "candidate", connection_string=f"duckdb:///{scratch / 'gate.duckdb'}", create_temp_table=False
        )
        (scratch / "results").mkdir()
        with reading_lake(home), _gate_database(source, home, build, scratch / SPILL_FOLDER) as facts:
            tables: list[TableResult] = []
            documents: dict[str, dict[str, Any]] = {}
            for suite in suites:
                status = facts.missing_status(suite)
                if status:
                    tables.append(TableResult(suite.gate, suite.table, status, ()))
                    continue
                with _gx_advice_unheard():
                    document = _validate(context, source, suite, expectations[suite.name], build)
                documents[suite.name] = document
                tables.append(_table_result(suite, document))
                if progress:
                    progress("table_audited", {"table": suite.name, "status": tables[-1].status})
            audited = {suite.name for suite in suites}
            for name in facts.tables:
                if name not in audited:
                    gate, _, table = name.partition(".")
                    tables.append(TableResult(gate, table, "unaudited", ()))
        for name, document in documents.items():
            text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
            (scratch / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        result = AuditResult(build.release_id, build.as_of, build.config_version, tuple(tables), scratch)
        save_audit(result)
        with _gx_advice_unheard():
            data_docs.write(result, documents, scratch / "data_docs")
        for leftover in scratch.glob("gate.duckdb*"):
            leftover.unlink()
        shutil.rmtree(scratch / SPILL_FOLDER, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return AuditResult(build.release_id, build.as_of, build.config_version, tuple(tables), folder)


class _Facts:
    """Which tables the gate database offers: core and marts by the catalogue, sources by the ledger."""

    def __init__(self, tables: list[str], arrived: set[str]) -> None:
        self.tables = tables
        self.arrived = arrived

    def missing_status(self, suite: Suite) -> str | None:
        if suite.gate == "landed":
            return None if suite.table in self.arrived else "not_arrived"
        return None if suite.name in self.tables else "absent"


def _compile(suites: list[Suite]) -> dict[str, list[Any]]:
    """Each check as a GX expectation; every unknown name or argument in one SuiteError with file and line."""
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.registry import get_expectation_impl

    problems: list[str] = []
    compiled: dict[str, list[Any]] = {}
    for suite in suites:
        compiled[suite.name] = []
        for position, check in enumerate(suite.checks):
            try:
                kind = get_expectation_impl(check.expectation)
            except ExpectationNotFoundError:
                problems.append(f"{check.place}: Great Expectations knows no {check.expectation!r}")
                continue
            try:
                compiled[suite.name].append(
                    kind(
                        **check.arguments,
                        severity=FailureSeverity(check.severity),
                        notes=check.why,
                        meta={"position": position, "owner": check.owner},
                    )
                )
            except ValidationError as error:
                faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
                problems.append(f"{check.place}: {check.expectation}: {faults}")
            except (TypeError, ValueError) as error:
                problems.append(f"{check.place}: {check.expectation}: {error}")
    if problems:
        raise SuiteError(problems)
    return compiled


@contextlib.contextmanager
def _gate_database(source: Any, home: Home, build: Candidate, spill: Path) -> Iterator[_Facts]:
    """Fill the gate database and keep its attachment alive while the suites run."""
    from sqlalchemy import text

    connection = source.get_engine().connect()

    def execute(statement: str, **values: Any) -> list[Any]:
        result = connection.execute(text(statement.replace(":", "\\:") if not values else statement), values)
        return list(result.fetchall()) if result.returns_rows else []

    try:
        # GX opens the database by itself, so what every other one is opened with is set afterwards.
        for setting, value in bounded(spill).items():
            execute(f"set {setting} = {_quote(str(value))}")
        execute(f"attach {_quote(build.warehouse_file)} as candidate (read_only)")
        for schema in ("landed", "core", "marts", "ledger", "audit"):
            execute(f"create schema {schema}")
        rows = execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_catalog = 'candidate' and table_schema in ('core', 'marts') order by all"
        )
        for schema, table in rows:
            execute(f'create view {schema}."{table}" as select * from candidate.{schema}."{table}"')
        for name in ("batch", "quarantine", "source"):
            export = build.ledger / f"{name}.parquet"
            execute(f"create view ledger.{name} as from read_parquet({_quote(export)})")
        arrived = _landed_views(execute, home)
        _comparison_tables(execute, home, build)
        _stopped_tables(execute, build, [(str(schema), str(table)) for schema, table in rows])
        connection.commit()
        yield _Facts([f"{schema}.{table}" for schema, table in rows], arrived)
    finally:
        source.get_execution_engine().close()
        connection.rollback()
        # The next step opens the same file: nothing of this audit may still hold it.
        execute("detach database if exists candidate")
        connection.close()
        source.get_engine().dispose()


def _landed_views(execute: Callable[..., list[Any]], home: Home) -> set[str]:
    """One view per source over the batches that count, and `audit.lake_batch`; the sources that arrived.

    The export that the build read holds what had been delivered by its `as_of`, and nothing later.
    """
    execute(
        "create table audit.lake_batch"
        " (source varchar, batch_id varchar, landing_id varchar, rows_landed bigint, rows_in_lake bigint)"
    )
    batches = execute(
        "select source, batch_id, landing_id, rows_landed from ledger.batch"
        " where state = 'landed' order by all"
    )
    by_source: dict[str, list[Path]] = {}
    for row in batches:
        by_source.setdefault(row[0], []).append(home.lake / row[0] / f"{row[2]}.parquet")
    for name, files in by_source.items():
        present = [file for file in files if file.is_file()]
        schema_file = home.lake / name / "00000000-schema.parquet"
        readable = [*present, schema_file] if schema_file.is_file() else present
        if readable:
            listed = ", ".join(_quote(file) for file in readable)
            execute(f'create view landed."{name}" as from read_parquet([{listed}], union_by_name = true)')
        counted = ""
        if present:
            listed = ", ".join(_quote(file) for file in present)
            counted = (
                " left join (select parse_filename(file_name, true) as landing_id, num_rows"
                f" from parquet_file_metadata([{listed}])) as lake using (landing_id)"
            )
        execute(
            "insert into audit.lake_batch select source, batch_id, landing_id, rows_landed,"
            f" {'lake.num_rows' if present else 'null'} from ledger.batch {counted}"
            f" where source = {_quote(name)} and state = 'landed' order by all"
        )
    return set(by_source)


def _comparison_tables(execute: Callable[..., list[Any]], home: Home, build: Candidate) -> None:
    """What the release that readers see now held, as far as it is older than the candidate."""
    from shirube.release.manifest import read_current_manifest

    previous = read_current_manifest(home)
    if previous is not None and (
        date.fromisoformat(previous["as_of"]) > build.as_of or previous["release_id"] == build.release_id
    ):
        previous = None
    execute(
        "create table audit.run as select :release_id as release_id, cast(:as_of as date) as as_of,"
        " cast(:previous_id as varchar) as previous_release_id,"
        " cast(:previous_as_of as date) as previous_as_of",
        release_id=build.release_id,
        as_of=build.as_of.isoformat(),
        previous_id=previous["release_id"] if previous else None,
        previous_as_of=previous["as_of"] if previous else None,
    )
    execute("create table audit.previous_table (name varchar, rows bigint)")
    execute("create table audit.previous_source (source varchar, rows_landed bigint)")
    if previous is None:
        return
    for mart in previous["marts"]:
        if mart["rows"] is not None:
            execute(
                "insert into audit.previous_table values (:name, :rows)",
                name=f"marts.{mart['name']}",
                rows=mart["rows"],
            )
    for name, rows in previous["core_rows"].items():
        execute("insert into audit.previous_table values (:name, :rows)", name=f"core.{name}", rows=rows)
    for entry in previous["sources"]:
        execute(
            "insert into audit.previous_source values (:source, :rows)",
            source=entry["source"],
            rows=entry["rows_landed"],
        )


def _stopped_tables(
    execute: Callable[..., list[Any]], build: Candidate, tables: list[tuple[str, str]]
) -> None:
    """Look for the stopped physicians' keys in every table, whatever the models did to leave them out."""
    execute("create table audit.stopped_table (name varchar, rows bigint)")
    export = _quote(build.ledger / EXPORT_FILE)
    if execute(f"select count(*) from read_parquet({export})")[0][0] == 0:
        return
    for schema, table in tables:
        texts = execute(
            "select column_name from information_schema.columns where table_catalog = 'candidate'"
            f" and table_schema = '{schema}' and table_name = '{table}' and data_type = 'VARCHAR'"
        )
        if texts:
            named = " or ".join(f'"{column}" in (from stopped)' for (column,) in texts)
            execute(
                f"insert into audit.stopped_table with stopped as materialized"
                f" (select physician_key from read_parquet({export}))"
                f""" select '{schema}.{table}', count(*) from {schema}."{table}" where {named}"""
                " having count(*) > 0"
            )


def _validate(
    context: Any, source: Any, suite: Suite, expectations: list[Any], build: Candidate
) -> dict[str, Any]:
    """One suite's GX result as a canonical document; a suite that cannot run at all has only errors."""
    import great_expectations as gx

    try:
        asset = source.add_table_asset(suite.name, table_name=suite.table, schema_name=suite.gate)
        definition = gx.ValidationDefinition(
            name=suite.name,
            data=asset.add_batch_definition_whole_table("whole"),
            suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations)),
        )
        result = context.validation_definitions.add(definition).run(
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0}
        )
        found = {
            int(entry["expectation_config"]["meta"]["position"]): entry
            for entry in result.to_json_dict()["results"]
        }
        failure = "the check gave no result"
    except Exception as error:  # whatever breaks inside GX is a failed gate, never a missing result
        found = {}
        failure = _message(str(error), type(error).__name__)
    entries = [_canonical(check, found.get(position), failure) for position, check in enumerate(suite.checks)]
    succeeded = sum(entry["success"] for entry in entries)
    return {
        "success": succeeded == len(entries),
        "suite_name": suite.name,
        "suite_parameters": {},
        "results": entries,
        "statistics": {
            "evaluated_expectations": len(entries),
            "successful_expectations": succeeded,
            "unsuccessful_expectations": len(entries) - succeeded,
            "success_percent": 100.0 * succeeded / len(entries) if entries else None,
        },
        "meta": {
            "great_expectations_version": gx.__version__,
            "run_id": {"run_name": build.release_id, "run_time": f"{build.as_of.isoformat()}T00:00:00+09:00"},
            "owner": suite.owner,
        },
    }


def _gx_advice_unheard() -> contextlib.AbstractContextManager[Any]:
    """GX prints advice about {batch} to standard output, which belongs to our own caller."""
    return contextlib.redirect_stdout(io.StringIO())


def _canonical(check: Check, entry: dict[str, Any] | None, failure: str) -> dict[str, Any]:
    """GX's result of one check, reduced to counts: what the data held is left out."""
    found = (entry or {}).get("result") or {}
    result: dict[str, Any] = {key: found[key] for key in COUNTS if found.get(key) is not None}
    if "unexpected_percent" not in result:
        # GX's page for a set of values promises a share that it does not compute.
        result.pop("unexpected_count", None)
    observed = found.get("observed_value")
    if isinstance(observed, (int, float)) and not isinstance(observed, bool):
        result["observed_value"] = observed
    message = failure if entry is None else _raised(entry.get("exception_info") or {})
    if message is None and not found and not (entry or {}).get("success"):
        message = "the check gave no result"
    return {
        "success": bool(entry and entry["success"] and message is None),
        "expectation_config": {
            "type": check.expectation,
            "kwargs": check.arguments,
            "severity": check.severity,
            "notes": check.why,
            "meta": {"owner": check.owner, **({"trust": check.trust} if check.trust else {})},
        },
        "result": result,
        "exception_info": {
            "raised_exception": message is not None,
            "exception_message": message,
            "exception_traceback": "",
        },
        "meta": {},
    }


def _raised(info: dict[str, Any]) -> str | None:
    """The message if the check raised: GX keeps one entry per metric, or a single flat one."""
    entries = (
        [info]
        if "raised_exception" in info
        else [entry for entry in info.values() if isinstance(entry, dict)]
    )
    raised = [entry for entry in entries if entry.get("raised_exception")]
    return _message(str(raised[0].get("exception_message")), "Exception") if raised else None


def _message(text: str, kind: str) -> str:
    """What may be shown of an exception: SQL errors with their first line, others by class only."""
    about_sql = SQL_ERRORS.search(text)
    if about_sql:
        return f"{about_sql.group(1)}: {about_sql.group(2).strip()}"
    named = ERROR_CLASS.search(text)
    return f"the check raised {named.group(1) if named else kind}"


def _table_result(suite: Suite, document: dict[str, Any]) -> TableResult:
    checks = []
    for check, entry in zip(suite.checks, document["results"], strict=True):
        raised = entry["exception_info"]["raised_exception"]
        column = check.arguments.get("column")
        checks.append(
            CheckResult(
                expectation=check.expectation,
                column=str(column) if column else None,
                severity=check.severity,
                outcome="error" if raised else "passed" if entry["success"] else "failed",
                owner=check.owner,
                why=check.why,
                trust=check.trust,
                observed=entry["result"].get("observed_value"),
                unexpected_count=entry["result"].get("unexpected_count"),
                message=entry["exception_info"]["exception_message"],
            )
        )
    severities = {check.counts_as for check in checks}
    status = next((level for level in ("critical", "warning") if level in severities), "passed")
    return TableResult(suite.gate, suite.table, status, tuple(checks))


def _quote(value: Path | str) -> str:
    """A SQL string literal."""
    return "'" + os.fspath(value).replace("'", "''") + "'"

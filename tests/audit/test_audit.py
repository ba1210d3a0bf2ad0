from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from handmade import NOT_EMPTY, SECRET, SUITES, HandmadeBuild, change, make_build, write_suites
from shirube.audit import AuditResult, SuiteError, audit, decide, read_audit
from shirube.engine import MEMORY_LIMIT_VARIABLE
from shirube.home import Home
from shirube.release import publish, read_manifest

FIRST = "2026-10-31-aaaaaaaaaa"


def _audit(home: Home, build: HandmadeBuild, suites: dict[str, str]) -> AuditResult:
    return audit(home, build, suites_folder=write_suites(home.root / "suites", suites))


def _rule(sql: str, severity: str) -> str:
    return (
        "\n- expectation: unexpected_rows_expectation\n"
        f'  arguments: {{unexpected_rows_query: "{sql}"}}\n'
        f"  severity: {severity}\n  why: A rule of the business.\n"
    )


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_clean_candidate_passes_both_gates(home: Home) -> None:
    build = make_build(home)
    loud = _rule("select 1 from audit.run where as_of is null", "critical")
    seen: list[str] = []
    result = audit(
        home,
        build,
        suites_folder=write_suites(
            home.root / "suites", {**SUITES, "landed.dcf_physician": NOT_EMPTY, "core.dim_channel": loud}
        ),
        progress=lambda event, facts: seen.append(f"{event} {facts['table']} {facts['status']}"),
    )
    assert {table.name: table.status for table in result.tables} == {
        **dict.fromkeys(SUITES, "passed"),
        "landed.dcf_physician": "not_arrived",
        "core.dim_channel": "passed",
    }
    assert result.counts == {"checks": 12, "passed": 12, "info": 0, "warning": 0, "critical": 0, "errors": 0}
    assert len(seen) == len(SUITES) + 1
    assert "table_audited core.fct_touchpoint passed" in seen
    assert not result.is_blocked
    assert result.folder == home.warehouse / "audit" / FIRST
    assert read_audit(home, FIRST) == result
    assert not [path for path in home.warehouse.iterdir() if path.name.startswith(".audit-")]


def test_the_checks_keep_to_the_memory_they_may_take(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "100MiB")
    limit = "current_setting('memory_limit') = '100.0 MiB'"
    spill = "current_setting('temp_directory') like '%/.audit-%/spill'"
    suites = {**SUITES, "core.dim_channel": _rule(f"select 1 where not ({limit} and {spill})", "critical")}
    result = _audit(home, make_build(home), suites)
    assert {table.name: table.status for table in result.tables}["core.dim_channel"] == "passed"
    assert result.counts["critical"] == result.counts["errors"] == 0
    assert not (result.folder / "spill").exists()


def test_the_same_candidate_gives_the_same_bytes(home: Home, tmp_path: Path) -> None:
    suites = {**SUITES, "core.dim_channel": NOT_EMPTY + _rule("select nope from {batch}", "warning")}
    other = Home.resolve(tmp_path / "other")
    first = _tree(_audit(home, make_build(home), suites).folder)
    second = _tree(_audit(other, make_build(other), suites).folder)
    assert len(first) >= 17
    assert first == second
    again = _tree(_audit(home, make_build(home), suites).folder)
    assert again == first


def test_each_severity_and_each_kind_of_failure_counts_as_it_should(home: Home) -> None:
    build = make_build(home)
    suites = {
        **SUITES,
        "landed.crm_call": NOT_EMPTY + _rule("select id from {batch} where id = 'id3'", "critical"),
        "core.dim_physician": _rule("select nope from {batch}", "info"),
        "core.dim_channel": _rule("select channel_id from {batch}", "warning"),
        "core.never_built": NOT_EMPTY,
        "marts.mart_cx": _rule("select scope_id from {batch}", "critical"),
        "marts.mart_channel_quality": _rule("select cast(channel_id as integer) from {batch}", "warning"),
        "marts.mart_period": _rule("select place from {batch}", "info"),
        "marts.mart_never_built": NOT_EMPTY,
    }
    result = _audit(home, build, suites)
    assert {table.name: table.status for table in result.tables} == {
        "landed.crm_call": "critical",
        "landed.webinar_zoom": "passed",
        "core.dim_channel": "warning",
        "core.dim_physician": "critical",
        "core.fct_touchpoint": "passed",
        "core.never_built": "absent",
        "marts.fct_kpi_value": "passed",
        "marts.mart_channel_quality": "critical",
        "marts.mart_cx": "critical",
        "marts.mart_never_built": "absent",
        "marts.mart_period": "passed",
    }
    assert (result.counts["errors"], result.counts["info"]) == (2, 1)
    decision = decide(result)
    assert [reason.en.split(":")[0] for reason in decision.blocked] == [
        "landed.crm_call",
        "core.dim_physician",
        "core.never_built",
    ]
    assert sorted(decision.withheld) == ["mart_channel_quality", "mart_cx", "mart_never_built"]
    assert sorted(decision.warned) == ["core.dim_channel"]
    assert decision.withheld["mart_channel_quality"].ja == "記録の点検1件が動かなかったため"
    assert result.is_blocked
    told = result.summary()
    assert "landed.crm_call: critical" in told
    assert "A rule of the business." in told
    assert "BinderException" in told
    assert "blocked" in told


def test_a_mart_without_a_suite_is_not_published(home: Home) -> None:
    suites = {name: text for name, text in SUITES.items() if name != "marts.mart_cx"}
    decision = decide(_audit(home, make_build(home), suites))
    assert not decision.blocked
    assert list(decision.withheld) == ["mart_cx"]
    assert list(decision.unpublishable) == ["dim_channel"]


def test_a_candidate_that_was_not_audited_says_what_to_run(home: Home) -> None:
    with pytest.raises(FileNotFoundError, match="run `shirube audit` first"):
        read_audit(home, FIRST)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("expectation: expect_table_to_be_nice", "knows no 'expect_table_to_be_nice'"),
        ("expectation: expect_column_values_to_not_be_null", "column: field required"),
        (
            "expectation: expect_table_row_count_to_be_between\n  arguments: {minimum: 1}",
            "minimum: extra fields",
        ),
        ('expectation: unexpected_rows_expectation\n  arguments: {unexpected_rows_query: "{"}', "brace"),
    ],
)
def test_what_gx_does_not_know_is_named_before_it_runs(home: Home, check: str, says: str) -> None:
    suites = {
        **SUITES,
        "marts.mart_cx": f"{NOT_EMPTY}\n- {check}\n  severity: critical\n  why: It must be so.\n",
    }
    with pytest.raises(SuiteError) as error:
        _audit(home, make_build(home), suites)
    (problem,) = error.value.problems
    assert re.match(r".*/marts/mart_cx\.yaml:\d+: ", problem)
    assert says in problem
    assert not (home.warehouse / "audit").exists()
    assert not [path for path in home.warehouse.iterdir() if path.name.startswith(".audit-")]


def test_an_audit_without_a_warehouse_says_so(home: Home) -> None:
    build = make_build(home)
    build.warehouse_file.unlink()
    with pytest.raises(FileNotFoundError, match="build before the audit"):
        _audit(home, build, SUITES)


def test_results_and_pages_hold_counts_and_never_a_value(home: Home) -> None:
    """Offending values are planted where GX would keep them: in sets, rows, distinct values, exceptions."""
    build = change(
        make_build(home), f"update core.fct_touchpoint set source = '{SECRET}' where depth = 3", "checkpoint"
    )
    suites = {
        **SUITES,
        "core.fct_touchpoint": """
- expectation: expect_column_values_to_be_in_set
  arguments: {column: source, value_set: [crm_call]}
  severity: warning
  why: Fails with values.
- expectation: expect_column_distinct_values_to_be_in_set
  arguments: {column: source, value_set: [crm_call]}
  severity: warning
  why: Fails with distinct values.
- expectation: expect_column_most_common_value_to_be_in_set
  arguments: {column: physician_reference, value_set: [nobody]}
  severity: warning
  why: Fails with a value.
- expectation: expect_column_values_to_be_unique
  arguments: {column: physician_reference}
  severity: warning
  why: Fails with doubled values.
"""
        + _rule("select physician_reference from {batch}", "warning")
        + _rule("select cast(physician_reference as integer) from {batch}", "warning"),
    }
    result = _audit(home, build, suites)
    table = result.table("core.fct_touchpoint")
    assert table is not None
    assert [check.outcome for check in table.checks] == ["failed"] * 5 + ["error"]
    assert (table.checks[0].unexpected_count, table.checks[4].observed) == (80, 400)
    assert table.checks[5].message == "the check raised ConversionException"
    files = _tree(result.folder)
    assert len(files) >= 16
    assert not [name for name, content in files.items() if SECRET.encode() in content or b"5ec2e7" in content]


def test_gx_s_own_json_is_kept_without_clock_times_and_random_ids(home: Home) -> None:
    suites = {**SUITES, "core.dim_channel": _rule("select nope from {batch}", "warning")}
    result = _audit(home, make_build(home), suites)
    document = json.loads((result.folder / "results" / "marts.mart_cx.json").read_text(encoding="utf-8"))
    assert document["success"] is True
    assert document["statistics"]["evaluated_expectations"] == 3
    assert document["meta"]["run_id"] == {"run_name": FIRST, "run_time": "2026-10-31T00:00:00+09:00"}
    assert document["results"][0]["result"] == {"observed_value": 9}
    everything = b"".join(_tree(result.folder).values()).decode()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", everything)
    assert str(home.root) not in everything


def test_a_lost_or_short_batch_file_fails_the_door(home: Home) -> None:
    build = make_build(home)
    rule = _rule(
        "select 1 from audit.lake_batch where source = 'crm_call'"
        " and rows_in_lake is distinct from rows_landed",
        "critical",
    )
    suites = {**SUITES, "landed.crm_call": rule}
    assert not decide(_audit(home, build, suites)).blocked
    (home.lake / "crm_call" / "crm_call-1.parquet").unlink()
    assert [reason.en.split(":")[0] for reason in decide(_audit(home, build, suites)).blocked] == [
        "landed.crm_call"
    ]
    (home.lake / "webinar_zoom" / "webinar_zoom-1.parquet").rename(
        home.lake / "crm_call" / "crm_call-1.parquet"
    )
    (home.lake / "webinar_zoom" / "00000000-schema.parquet").unlink()
    blocked = decide(_audit(home, build, suites)).blocked
    assert [reason.en.split(":")[0] for reason in blocked] == ["landed.crm_call", "landed.webinar_zoom"]


def test_rules_may_compare_with_the_release_that_readers_have(home: Home) -> None:
    shrunk = _rule(
        "select 1 from audit.previous_table where name = 'core.fct_touchpoint'"
        " and rows > 2 * (select count(*) from {batch})",
        "critical",
    )
    later = _rule("select 1 from audit.run where previous_release_id is not null", "warning")
    suites = {**SUITES, "core.fct_touchpoint": shrunk, "core.dim_channel": later}
    first = make_build(home, touchpoints=1000)
    found = _audit(home, first, suites)
    assert (found.is_blocked, found.counts["warning"]) == (False, 0)
    publish(home, first, found)
    assert read_manifest(home.current.resolve())["core_rows"]["fct_touchpoint"] == 1000
    found = _audit(home, make_build(home, "2026-11-30-bbbbbbbbbb", touchpoints=501), suites)
    assert (found.is_blocked, found.counts["warning"]) == (False, 1)
    found = _audit(home, make_build(home, "2026-11-30-cccccccccc", touchpoints=499), suites)
    assert [table.name for table in found.tables if table.status == "critical"] == ["core.fct_touchpoint"]
    found = _audit(home, make_build(home, "2026-09-30-dddddddddd", touchpoints=499), suites)
    assert not found.is_blocked, "an earlier day is not compared with a later one"


class _References(HTMLParser):
    """Everything in a page that a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "img", "link", "object", "embed", "base", "source", "video", "audio"):
            self.loaded.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "data-src", "background", "action"):
                self.loaded.append(f"{tag} {name}={value}")
            if name == "href":
                self.links.append(str(value))
            if name == "style" and "url(" in str(value):
                self.loaded.append(f"{tag} style={value}")


def test_data_docs_load_nothing_run_nothing_and_lead_somewhere(home: Home) -> None:
    suites = {
        **SUITES,
        "marts.mart_cx": SUITES["marts.mart_cx"] + _rule("select nope from {batch}", "warning"),
    }
    result = _audit(home, make_build(home), suites)
    pages = sorted((result.folder / "data_docs").glob("*.html"))
    assert {page.stem for page in pages} == {*suites, "index"}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        references = _References()
        references.feed(text)
        assert references.loaded == [], page.name
        assert "@import" not in text
        assert not re.search(r"url\(", text)
        local = [link for link in references.links if not link.startswith("#")]
        assert all((page.parent / link).is_file() for link in local), (page.name, local)
        assert "http" not in " ".join(references.links), page.name
    index = (result.folder / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert index.count(".html") == len(suites)
    page = (result.folder / "data_docs" / "marts.mart_cx.html").read_text(encoding="utf-8")
    assert "Expectation Validation Result" in page, "the page is Great Expectations' own"
    assert "More answers than physicians were invited." in page, "it says what each check is for"
    assert "BinderException" in page


def test_auditing_sends_nothing_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> object:
        asked.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    _audit(home, make_build(home), SUITES)
    assert asked == []

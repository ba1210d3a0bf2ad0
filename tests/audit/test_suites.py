from __future__ import annotations

from pathlib import Path

import pytest
from handmade import SUITES, write_suites
from shirube.audit.suites import SuiteError, load_suites

GOOD = """\
table: core.fct_touchpoint
owner: data-platform
expectations:
  - expectation: expect_table_row_count_to_be_between
    arguments: {min_value: 1}
    severity: critical
    why: An empty star would publish empty reports.
  - expectation: expect_column_values_to_not_be_null
    arguments:
      column: depth
      mostly: 0.5
    severity: warning
    owner: crm
    trust: count
    why: >-
      Two lines of
      one sentence.
"""


def _write(folder: Path, text: str, name: str = "core/fct_touchpoint.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_suite_reads_as_it_was_written(tmp_path: Path) -> None:
    file = _write(tmp_path, GOOD)
    (suite,) = load_suites(tmp_path)
    assert (suite.gate, suite.table, suite.name) == ("core", "fct_touchpoint", "core.fct_touchpoint")
    first, second = suite.checks
    assert (first.arguments, first.severity, first.owner, first.trust) == (
        {"min_value": 1},
        "critical",
        "data-platform",
        None,
    )
    assert (second.owner, second.trust, second.why) == ("crm", "count", "Two lines of one sentence.")
    assert type(second.arguments["mostly"]) is float
    assert (first.place, second.place) == (f"{file}:4", f"{file}:8")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("severity: critical", "severity: fatal", 6, "severity is one of critical, warning, info"),
        ("trust: count", "trust: faith", 14, "trust is one of arrival, linkage, count"),
        ("    why: An empty star would publish empty reports.\n", "", 4, "missing or empty: why"),
        ("    severity: critical\n", "", 4, "missing or empty: severity"),
        ("owner: data-platform\n", "", 1, "missing or empty: owner"),
        ("arguments: {min_value: 1}", "argument: {min_value: 1}", 5, "unknown key 'argument'"),
        ("arguments: {min_value: 1}", "arguments: 1", 5, "arguments is a mapping"),
        ("table: core.fct_touchpoint", "table: fct_touchpoint", 1, "table is <landed|core|marts>"),
        ("table: core.fct_touchpoint", "table: marts.fct_touchpoint", 1, "belongs in the folder marts/"),
        ("owner: data-platform", "owner: data-platform\nschedule: daily", 3, "unknown key 'schedule'"),
        ("  - expectation: expect_table", "  - [a\n  - expectation: expect_table", 5, "not readable as YAML"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert old in GOOD
    file = _write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SuiteError) as error:
        load_suites(tmp_path)
    assert any(
        problem.startswith(f"{file}:{line}: ") and says in problem for problem in error.value.problems
    ), error


def test_all_faults_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    _write(
        tmp_path,
        GOOD.replace("severity: critical", "severity: fatal").replace("trust: count", "trust: faith"),
    )
    _write(tmp_path, "- a list\n", "marts/mart_cx.yaml")
    _write(tmp_path, GOOD, "core/again.yaml")
    _write(tmp_path, GOOD, "core/and_again.yaml")
    with pytest.raises(SuiteError) as error:
        load_suites(tmp_path)
    assert len(error.value.problems) == 5
    assert sum("a second suite for core.fct_touchpoint" in problem for problem in error.value.problems) == 2


def test_the_project_s_own_suites_are_read() -> None:
    suites = load_suites()
    assert {gate: sum(suite.gate == gate for suite in suites) for gate in ("landed", "core", "marts")} == {
        "landed": 29,
        "core": 49,
        "marts": 52,
    }
    checks = [check for suite in suites for check in suite.checks]
    assert len(checks) > 250
    assert not [check.place for check in checks if not check.why.endswith(".")]
    assert not [check.place for check in checks if check.trust and check.severity != "warning"]
    assert not [suite.name for suite in suites if suite.gate == "landed" and len(suite.checks) < 6]


def test_every_source_contract_has_a_suite() -> None:
    contracts = Path(__file__).resolve().parents[2] / "expectations" / "sources"
    sources = {file.name.removesuffix(".odcs.yaml") for file in contracts.glob("*.odcs.yaml")}
    assert len(sources) >= 16
    assert {suite.table for suite in load_suites() if suite.gate == "landed"} == sources


def test_handmade_suites_are_like_the_real_ones(tmp_path: Path) -> None:
    assert len(load_suites(write_suites(tmp_path, SUITES))) == len(SUITES)

"""Expectation suites as reviewable YAML, `expectations/suites/<gate>/<table>.yaml`.

    table: core.fct_touchpoint
    owner: data-platform
    expectations:
      - expectation: expect_table_row_count_to_be_between
        arguments: {min_value: 1}
        severity: critical
        why: An empty star would publish empty reports.

The expectation's name and arguments are Great Expectations' own; `owner` of one check overrides the suite's.
`trust` (arrival, linkage or count) names the trust mark that a failed warning turns to caution.
Errors name file and line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from shirube.home import project_root

GATES = ("landed", "core", "marts")
SEVERITIES = ("critical", "warning", "info")
TRUST_MARKS = ("arrival", "linkage", "count")
SUITE_KEYS = {"table", "owner", "expectations"}
CHECK_KEYS = {"expectation", "arguments", "severity", "owner", "why", "trust"}
REQUIRED_CHECK_KEYS = ("expectation", "severity", "why")


class SuiteError(ValueError):
    """A suite file is wrong. `problems` holds one line per fault, `file:line: what`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Check:
    """One expectation on one table, as a person wrote it."""

    expectation: str
    arguments: dict[str, Any]
    severity: str
    owner: str
    why: str
    trust: str | None
    file: Path
    line: int

    @property
    def place(self) -> str:
        """`file:line`, for messages."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Suite:
    """All checks of one table; `gate` is the table's schema: landed, core or marts."""

    gate: str
    table: str
    owner: str
    checks: tuple[Check, ...]
    file: Path

    @property
    def name(self) -> str:
        """`gate.table`, unique among the suites."""
        return f"{self.gate}.{self.table}"


@dataclass
class _Problems:
    file: Path
    lines: list[str] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        self.lines.append(f"{self.file}:{line}: {what}")


def load_suites(folder: Path | None = None) -> list[Suite]:
    """Every suite below `folder` (default: the project's `expectations/suites`), sorted by gate and table.

    Raises: SuiteError with every fault found in all files.
    """
    folder = folder or project_root() / "expectations" / "suites"
    suites: list[Suite] = []
    problems: list[str] = []
    for file in sorted(folder.rglob("*.yaml")):
        found = _Problems(file)
        suite = _read_suite(file, found)
        problems += found.lines
        if suite is None:
            continue
        if any(other.name == suite.name for other in suites):
            problems.append(f"{file}:1: a second suite for {suite.name}; one table has one suite")
        suites.append(suite)
    if problems:
        raise SuiteError(problems)
    return sorted(suites, key=lambda suite: (GATES.index(suite.gate), suite.table))


def _read_suite(file: Path, problems: _Problems) -> Suite | None:
    try:
        document = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add(line, f"not readable as YAML: {error.problem}")
        return None
    if not isinstance(document, CommentedMap):
        problems.add(1, "a suite is a mapping with table, owner and expectations")
        return None
    for key in document:
        if key not in SUITE_KEYS:
            problems.add(_line(document, key), f"unknown key {key!r}; known: {', '.join(sorted(SUITE_KEYS))}")
    missing = [key for key in ("table", "owner", "expectations") if not document.get(key)]
    if missing:
        problems.add(1, f"missing or empty: {', '.join(missing)}")
        return None
    gate, _, table = str(document["table"]).partition(".")
    if gate not in GATES or not table:
        problems.add(
            _line(document, "table"), f"table is <{'|'.join(GATES)}>.<name>, not {document['table']!r}"
        )
        return None
    if file.parent.name in GATES and file.parent.name != gate:
        problems.add(_line(document, "table"), f"a suite for {gate} belongs in the folder {gate}/")
    entries = document["expectations"]
    if not isinstance(entries, CommentedSeq):
        problems.add(_line(document, "expectations"), "expectations is a list")
        return None
    checks = [
        _read_check(entries, index, str(document["owner"]), file, problems) for index in range(len(entries))
    ]
    return Suite(gate, table, str(document["owner"]), tuple(check for check in checks if check), file)


def _read_check(
    entries: CommentedSeq, index: int, owner: str, file: Path, problems: _Problems
) -> Check | None:
    entry = entries[index]
    line = int(entries.lc.item(index)[0]) + 1
    if not isinstance(entry, CommentedMap):
        problems.add(line, "an entry is a mapping with expectation, arguments, severity and why")
        return None
    before = len(problems.lines)
    for key in entry:
        if key not in CHECK_KEYS:
            problems.add(_line(entry, key), f"unknown key {key!r}; known: {', '.join(sorted(CHECK_KEYS))}")
    for key in REQUIRED_CHECK_KEYS:
        if not entry.get(key):
            problems.add(line, f"missing or empty: {key}")
    severity = entry.get("severity")
    if severity and severity not in SEVERITIES:
        problems.add(
            _line(entry, "severity"), f"severity is one of {', '.join(SEVERITIES)}, not {severity!r}"
        )
    trust = entry.get("trust")
    if trust is not None and trust not in TRUST_MARKS:
        problems.add(_line(entry, "trust"), f"trust is one of {', '.join(TRUST_MARKS)}, not {trust!r}")
    arguments = entry.get("arguments") or {}
    if not isinstance(arguments, dict):
        problems.add(_line(entry, "arguments"), "arguments is a mapping")
    if len(problems.lines) > before:
        return None
    return Check(
        expectation=str(entry["expectation"]),
        arguments=_plain(arguments),
        severity=str(severity),
        owner=str(entry.get("owner") or owner),
        why=" ".join(str(entry["why"]).split()),
        trust=str(trust) if trust else None,
        file=file,
        line=line,
    )


def _line(mapping: CommentedMap, key: Any) -> int:
    return int(mapping.lc.key(key)[0]) + 1


def _plain(value: Any) -> Any:
    """ruamel's annotated containers and scalars as Python's own."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value

"""Who may import whom: the package stays usable without Airflow, and cheap to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from shirube.home import project_root

PACKAGE = project_root() / "plugins" / "shirube"
DAGS = project_root() / "dags"
HEAVY = ("airflow", "dbt", "great_expectations", "pandas")
DUMPING_GROUNDS = {"utils", "util", "common", "base", "manager", "helpers", "misc"}


def imported_modules(file: Path) -> list[tuple[str, int]]:
    """Every module that `file` imports anywhere in it, with the line."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.module, node.lineno))
    return found


def module_level_imports(file: Path) -> list[str]:
    """Modules imported when `file` itself is imported."""
    names: list[str] = []
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names


def test_every_database_keeps_to_the_memory_that_a_step_may_take() -> None:
    """Each `duckdb.connect` is given the settings of `engine.bounded`."""
    opened, unbounded = 0, []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "duckdb.connect":
                opened += 1
                given = [ast.unparse(one.value) for one in node.keywords if one.arg == "config"]
                if not any("bounded(" in value for value in given):
                    unbounded.append(f"{file.relative_to(PACKAGE)}:{node.lineno}")
    assert opened >= 13
    assert unbounded == []


def test_only_orchestration_imports_airflow() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 30, "the package was not found"
    offenders = [
        f"{file.relative_to(PACKAGE)}:{line}"
        for file in files
        if file.relative_to(PACKAGE).parts[0] != "orchestration"
        for module, line in imported_modules(file)
        if module.split(".")[0] == "airflow"
    ]
    assert offenders == []


def test_nothing_but_the_command_line_and_dags_depends_on_orchestration() -> None:
    offenders = [
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if file.relative_to(PACKAGE).parts[0] not in {"orchestration", "cli.py"}
        for module, _ in imported_modules(file)
        if module.startswith("shirube.orchestration")
    ]
    assert offenders == []


def test_dag_files_are_thin_and_import_nothing_heavy() -> None:
    files = sorted(DAGS.glob("*.py"))
    assert {file.stem for file in files} == {"ingest", "build", "share", "sweep"}
    for file in files:
        heavy = [
            name
            for name in module_level_imports(file)
            if name.split(".")[0] in {"dbt", "great_expectations", "pandas", "pyarrow", "duckdb"}
        ]
        assert heavy == [], file.name
        code_lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        assert len(code_lines) <= 120, f"{file.name} is no table of contents any more"


def test_no_dumping_grounds() -> None:
    names = {path.stem for path in PACKAGE.rglob("*")}
    assert names & DUMPING_GROUNDS == set()


@pytest.mark.parametrize("module", ["shirube.cli", "shirube.pipeline", "shirube.status", "shirube.landing"])
def test_light_modules_stay_light(module: str) -> None:
    """`shirube status` must not pay seconds for libraries it does not use."""
    code = f"import sys, {module}; print([n for n in {HEAVY!r} if n in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "[]"

"""dbt in a child process, once for the core and once for the marts: the estimation step stands between them.

Never one process per model: DuckDB has one writer per file, and starting dbt costs seconds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc
import pyarrow.parquet as pq

from shirube import durable
from shirube.engine import MEMORY_LIMIT_VARIABLE, memory_limit
from shirube.home import project_root

Progress = Callable[[str, dict[str, Any]], None]
_FINISHED = {"LogModelResult", "LogSeedResult", "LogTestResult", "LogNodeResult"}
_PROBLEMS_SHOWN = 10
MODELS_AT_ONCE_VARIABLE = "SHIRUBE_DBT_THREADS"
ROWS_WITHOUT_COMPANY = 10_000_000
"""Landed rows from which models are built one by one: two large ones sharing the memory limit go to disk."""

LOG_FILE = "dbt.log"
"""What dbt said, line by line, beside its other artefacts; it may quote values, so it is private."""

# A line that begins with an error's class: dbt's "Runtime Error in model x", the engine's "Binder Error: …".
_ERROR = re.compile(
    r"^[ \t]*((?:[A-Z][A-Za-z]* (?:of )?){1,3}Error\b|[A-Z]\w*(?:Error|Exception)\b)(.*)$", re.MULTILINE
)
_WRAPPER = re.compile(r" in \w+ ")
# Of these the words speak of the project's own files, of SQL or of the machine; others may quote a value.
_ABOUT_THE_PROJECT = ("Compilation Error", "Parsing Error")
_OUT_OF_MEMORY = "Out of Memory Error"
_ABOUT_SQL_OR_MACHINE = ("Binder Error", "Catalog Error", "Parser Error", "IO Error", _OUT_OF_MEMORY)
_ROWS_FOUND = re.compile(r"Got \d+ results?")


@dataclass(frozen=True)
class ModelResult:
    """One model of a finished build: its layer (schema), status and seconds."""

    name: str
    layer: str
    status: str
    seconds: float


@dataclass(frozen=True)
class DbtPlaces:
    """What dbt reads (`lake`, `ledger`, `estimates`) and writes (`warehouse_file`, artefacts in `target`)."""

    warehouse_file: Path
    target: Path
    lake: Path
    ledger: Path
    estimates: Path

    @property
    def preparation_file(self) -> Path:
        """The database of staging and intermediate tables, beside the warehouse as in profiles.yml."""
        return self.warehouse_file.with_name(f"{self.warehouse_file.name}.preparation")


Part = Literal["core", "marts"]
_SELECTION: dict[Part, tuple[str, str]] = {
    "core": ("--exclude", "path:models/marts"),
    "marts": ("--select", "path:models/marts"),
}


class DbtError(RuntimeError):
    """dbt did not finish well; the message names the models and tests and says why."""


def models_at_once(ledger: Path) -> int:
    """How many models dbt builds side by side: two; one for a large company. `ledger` is its export."""
    rows = pq.read_table(ledger / "batch.parquet", columns=["rows_landed"])["rows_landed"]
    return 1 if (pc.sum(rows).as_py() or 0) >= ROWS_WITHOUT_COMPANY else 2


def run_dbt(
    places: DbtPlaces, part: Part, variables: Mapping[str, str], progress: Progress | None
) -> list[ModelResult]:
    """Build and test the core with everything before it, or the marts.

    Raises: DbtError with the failed models and tests.
    """
    project = project_root() / "dbt_project"
    environment = os.environ | {
        "SHIRUBE_WAREHOUSE_FILE": str(places.warehouse_file),
        MEMORY_LIMIT_VARIABLE: memory_limit(),
        MODELS_AT_ONCE_VARIABLE: os.environ.get(MODELS_AT_ONCE_VARIABLE)
        or str(models_at_once(places.ledger)),
        "SHIRUBE_LAKE": str(places.lake),
        "SHIRUBE_LEDGER_EXPORT": str(places.ledger),
        "SHIRUBE_ESTIMATES": str(places.estimates),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    target = places.target
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--log-format", "json"]
    command += ["--log-level", "info", "--log-level-file", "none", "--no-use-colors"]
    # Within one build nothing of the project changes: the second part takes the first one's parsing over.
    command += ["--partial-parse", "build", *_SELECTION[part]]
    # Unit tests prove the rules when the project changes; a build proves the data.
    command += ["--exclude-resource-type", "unit_test"]
    command += ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    command += ["--log-path", str(target), "--vars", json.dumps(dict(variables))]
    told: list[str] = []
    target.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, durable.PRIVATE)
    with (
        os.fdopen(descriptor, "a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        ) as child,
    ):
        try:
            assert child.stdout is not None
            for line in child.stdout:
                log.write(_follow(line, told, progress) + "\n")
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        raise DbtError(_explain(target, told))
    return _models(target)


def _follow(line: str, told: list[str], progress: Progress | None) -> str:
    """Pass a finished model on to `progress`, keep what dbt says about errors; the line as the log has it."""
    try:
        entry = json.loads(line)
        info, data = entry["info"], entry["data"]
    except (ValueError, KeyError, TypeError):
        told.append(line.rstrip())
        return line.rstrip()
    if info["level"] == "error":
        told.append(str(info["msg"]).strip())
    node = data.get("node_info") or {}
    if progress and info["name"] in _FINISHED and node.get("resource_type") in {"model", "seed"}:
        facts = {"model": node["node_name"], "status": node["node_status"]}
        progress("model_built", facts | {"seconds": float(data.get("execution_time") or 0.0)})
    return f"{info.get('ts', '')} {info['level']:<5} {info['msg']}"


_FAILED = (
    "組み立てに失敗しました。次の表を直して、もう一度組み立ててください（読者が見る版は前のままです）。 / "
    "dbt build failed: mend what is named and build again; readers keep what they have:"
)
_NO_REASON = "dbt は理由を言わずに終わりました。 / dbt ended without saying why"


def _explain(target: Path, told: list[str]) -> str:
    results = target / "run_results.json"
    problems: list[str] = []
    if results.exists():
        for result in json.loads(results.read_text(encoding="utf-8"))["results"]:
            if result["status"] in {"error", "fail"}:
                name = result["unique_id"].split(".")[2]
                problems.append(f"{name}: {_without_values(result.get('message') or '') or result['status']}")
    if not problems:
        said = (_without_values(text) for text in told)
        problems = list(dict.fromkeys(text for text in said if text)) or [_NO_REASON]
    more = len(problems) - _PROBLEMS_SHOWN
    shown = problems[:_PROBLEMS_SHOWN] + ([f"… ほか {more} 件 / and {more} more"] if more > 0 else [])
    if any(_OUT_OF_MEMORY in problem for problem in problems):
        shown.append(
            f"メモリーが足りません。{MEMORY_LIMIT_VARIABLE}（今は {memory_limit()}）を増やして、"
            "もう一度組み立ててください。 / Not enough memory: build again with a larger"
            f" {MEMORY_LIMIT_VARIABLE} (now {memory_limit()}), or with {MODELS_AT_ONCE_VARIABLE}=1."
        )
    return f"{_FAILED}\n  " + "\n  ".join(shown)


def _without_values(message: str) -> str:
    """What may be shown of a message: the class of its error, and its words only where they quote no data."""
    rows = _ROWS_FOUND.match(message)
    if rows:
        return rows.group()
    found = _ERROR.findall(message)
    if not found:
        return ""
    kind, words = next((one for one in found if not _WRAPPER.match(one[1])), found[0])
    if kind in _ABOUT_THE_PROJECT or found[0][0] in _ABOUT_THE_PROJECT:
        return " ".join(message.split())[:400]
    return f"{kind}{words.rstrip()}"[:400] if kind in _ABOUT_SQL_OR_MACHINE else kind


def _models(target: Path) -> list[ModelResult]:
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    return [
        ModelResult(node["name"], node["schema"], result["status"], float(result["execution_time"]))
        for result in results
        for node in [manifest.get(result["unique_id"])]  # exposures have results too, and are no nodes
        if node is not None and node["resource_type"] == "model"
    ]

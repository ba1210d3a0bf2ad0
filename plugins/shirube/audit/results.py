"""What an audit found, in memory and as `audit.json`; never a value from the data, only counts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from shirube.home import Home

RESULT_FILE = "audit.json"
AUDIT_DRAFT = ".audit-"
"""How the folder of a running audit begins, in the warehouse: the release id follows."""


@dataclass(frozen=True)
class CheckResult:
    """One expectation's outcome: passed, failed, or error when the check itself could not run."""

    expectation: str
    column: str | None
    severity: str
    outcome: str
    owner: str
    why: str
    trust: str | None
    observed: float | None
    unexpected_count: int | None
    message: str | None

    @property
    def counts_as(self) -> str | None:
        """The severity that this outcome carries at the gate: an error is always critical; None if passed."""
        if self.outcome == "passed":
            return None
        return "critical" if self.outcome == "error" else self.severity


@dataclass(frozen=True)
class TableResult:
    """All checks of one table. `status`: passed, warning, critical, not_arrived (nothing landed yet), absent
    (a suite for a table that this build did not make) or unaudited (a table without a suite)."""

    gate: str
    table: str
    status: str
    checks: tuple[CheckResult, ...]

    @property
    def name(self) -> str:
        """`gate.table`."""
        return f"{self.gate}.{self.table}"

    def failed(self, severity: str) -> list[CheckResult]:
        """The checks that count with this severity."""
        return [check for check in self.checks if check.counts_as == severity]


@dataclass(frozen=True)
class AuditResult:
    """Everything one audit found about one candidate; `folder` holds the JSON and the Data Docs."""

    release_id: str
    as_of: date
    config_version: str
    tables: tuple[TableResult, ...]
    folder: Path

    def table(self, name: str) -> TableResult | None:
        """The result of `gate.table`, None if no suite looked at it."""
        return next((table for table in self.tables if table.name == name), None)

    @property
    def is_blocked(self) -> bool:
        """Whether a critical failure on a landed source or the core forbids the release."""
        from shirube.audit.gates import decide

        return bool(decide(self).blocked)

    def summary(self) -> str:
        """What a person reads after an audit: the counts, then every table that did not pass."""
        counts = self.counts
        lines = [
            f"{counts['checks']} checks on {len(self.tables)} tables: {counts['passed']} passed,"
            f" {counts['warning']} warnings, {counts['critical']} critical ({counts['errors']} could not run)"
        ]
        for table in self.tables:
            if table.status in ("passed", "not_arrived"):
                continue
            lines.append(f"{table.name}: {table.status}")
            for check in table.checks:
                if check.counts_as in ("critical", "warning"):
                    column = f" {check.column}" if check.column else ""
                    found = f" ({check.message})" if check.message else ""
                    lines.append(f"  {check.counts_as}: {check.why} [{check.expectation}{column}]{found}")
        if self.is_blocked:
            lines.append("This candidate is blocked: readers keep the release they have.")
        return "\n".join(lines)

    @property
    def counts(self) -> dict[str, int]:
        """Checks by outcome: passed, warning, critical, info, and errors (also counted as critical)."""
        counts = {"checks": 0, "passed": 0, "info": 0, "warning": 0, "critical": 0, "errors": 0}
        for table in self.tables:
            for check in table.checks:
                counts["checks"] += 1
                counts[check.counts_as or "passed"] += 1
                counts["errors"] += check.outcome == "error"
        return counts


def audits_folder(home: Home) -> Path:
    """Where audits are kept, each in a folder of its release id."""
    return home.warehouse / "audit"


def audit_folder(home: Home, release_id: str) -> Path:
    """Where the audit of one candidate is kept."""
    return audits_folder(home) / release_id


def save_audit(result: AuditResult) -> None:
    """Write `audit.json` into the result's folder; the same findings give the same bytes."""
    document = {
        "release_id": result.release_id,
        "as_of": result.as_of.isoformat(),
        "config_version": result.config_version,
        "counts": result.counts,
        "tables": [asdict(table) for table in result.tables],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    (result.folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")


def read_audit(home: Home, release_id: str) -> AuditResult:
    """The audit of a candidate that was audited before.

    Raises: FileNotFoundError if that candidate was not audited.
    """
    folder = audit_folder(home, release_id)
    file = folder / RESULT_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"{release_id} はまだ検査されていません。先に `shirube audit` を実行してください。 / "
            f"{release_id} has not been audited: run `shirube audit` first."
        )
    document = json.loads(file.read_text(encoding="utf-8"))
    tables = tuple(
        TableResult(
            gate=table["gate"],
            table=table["table"],
            status=table["status"],
            checks=tuple(CheckResult(**check) for check in table["checks"]),
        )
        for table in document["tables"]
    )
    return AuditResult(
        release_id=document["release_id"],
        as_of=date.fromisoformat(document["as_of"]),
        config_version=document["config_version"],
        tables=tables,
        folder=folder,
    )

"""What follows from an audit: block the release, withhold a mart, or publish with a mark."""

from __future__ import annotations

from dataclasses import dataclass

from shirube.audit.results import AuditResult, CheckResult, TableResult


@dataclass(frozen=True)
class Reason:
    """Why something is not published as built, in both languages; no values from the data.

    `ja` is a clause that ends in 「ため」: whoever takes it says what follows from it.
    """

    ja: str
    en: str


@dataclass(frozen=True)
class Decision:
    """What may be published.

    `blocked` lists why nothing may be (empty: go on); `withheld` maps a mart to its reason; `unpublishable` a
    core table that no suite looks at; `warned` a table to its failed warnings.
    """

    blocked: tuple[Reason, ...]
    withheld: dict[str, Reason]
    unpublishable: dict[str, Reason]
    warned: dict[str, tuple[CheckResult, ...]]


def decide(audit: AuditResult) -> Decision:
    """The rule of the two gates.

    A critical failure, or a check that could not run, blocks the release when it is on a landed source or a
    core table. On a mart it withholds that mart. A table that no suite looked at has not passed and is not
    published. Warnings are published and marked.
    """
    blocked: list[Reason] = []
    withheld: dict[str, Reason] = {}
    unpublishable: dict[str, Reason] = {}
    warned: dict[str, tuple[CheckResult, ...]] = {}
    for table in audit.tables:
        if table.status == "unaudited":
            reason = Reason(
                "記録の点検がまだ決まっていないため",
                "no suite looks at this table, so it has not passed",
            )
            (withheld if table.gate == "marts" else unpublishable)[table.table] = reason
        elif table.status == "absent" and table.gate == "marts":
            withheld[table.table] = Reason("今回は作られなかったため", "this build did not make it")
        elif table.status == "absent":
            blocked.append(
                Reason(f"{table.name}: 作られなかったため", f"{table.name}: this build did not make it")
            )
        elif table.status == "critical" and table.gate == "marts":
            withheld[table.table] = _reason(table)
        elif table.status == "critical":
            reason = _reason(table)
            blocked.append(Reason(f"{table.name}: {reason.ja}", f"{table.name}: {reason.en}"))
        warnings = table.failed("warning")
        if warnings:
            warned[table.name] = tuple(warnings)
    return Decision(tuple(blocked), withheld, unpublishable, warned)


def _reason(table: TableResult) -> Reason:
    failed = table.failed("critical")
    errors = sum(check.outcome == "error" for check in failed)
    why = " / ".join(f"{check.why} [{check.expectation}{_column(check)}]" for check in failed)
    if errors == len(failed):
        return Reason(f"記録の点検{errors}件が動かなかったため", f"checks could not run: {why}")
    return Reason(f"記録の大事な点検{len(failed)}件に通らなかったため", f"critical checks failed: {why}")


def _column(check: CheckResult) -> str:
    return f" {check.column}" if check.column else ""

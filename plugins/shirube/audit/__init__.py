"""Audit before publish: suites of expectations, run with Great Expectations at two gates."""

from shirube.audit.gates import Decision, decide
from shirube.audit.results import AuditResult, CheckResult, TableResult, read_audit
from shirube.audit.run import audit
from shirube.audit.suites import SuiteError, load_suites

__all__ = [
    "AuditResult",
    "CheckResult",
    "Decision",
    "SuiteError",
    "TableResult",
    "audit",
    "decide",
    "load_suites",
    "read_audit",
]

"""Stands in for dbt's own cross-database macros when sqlfluff renders a model without dbt."""

from __future__ import annotations


def type_string() -> str:
    """The type of text."""
    return "text"


def type_timestamp() -> str:
    """The type of an instant without a zone."""
    return "timestamp"


def listagg(measure: str, delimiter: str, order_by: str = "") -> str:
    """Texts of a group, joined."""
    return f"string_agg({measure}, {delimiter} {order_by})"

"""Stands in for dbt's `adapter` when sqlfluff renders a model without dbt: any dispatched macro becomes a call."""

from __future__ import annotations

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """A function that writes `name(arguments)`, which parses like the SQL the real macro writes."""
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"

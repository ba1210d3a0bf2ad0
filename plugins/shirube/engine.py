"""How much of a machine the engine may take: every DuckDB of ours keeps to it and spills to disk beyond."""

from __future__ import annotations

import os
from pathlib import Path

MEMORY_LIMIT_VARIABLE = "SHIRUBE_MEMORY_LIMIT"
DEFAULT_MEMORY_LIMIT = "2500MB"
"""Leaves room for the rest of a process within four gigabytes."""


def memory_limit() -> str:
    """The limit as DuckDB writes it: `$SHIRUBE_MEMORY_LIMIT`, else the default."""
    return os.environ.get(MEMORY_LIMIT_VARIABLE) or DEFAULT_MEMORY_LIMIT


def bounded(spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    """Settings of a connection that keeps to the limit; `spill` is a folder that the caller removes."""
    return {"memory_limit": memory_limit(), "temp_directory": str(spill)}

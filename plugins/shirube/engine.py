"""How much of a machine the engine may take: every DuckDB of ours keeps to it."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEMORY_LIMIT_VARIABLE = "SHIRUBE_MEMORY_LIMIT"
DEFAULT_MEMORY_LIMIT = "2500MB"
"""Leaves room for the rest of a process within four gigabytes."""


def memory_limit() -> str:
    """The limit as DuckDB writes it: `$SHIRUBE_MEMORY_LIMIT`, else the default."""
    return os.environ.get(MEMORY_LIMIT_VARIABLE) or DEFAULT_MEMORY_LIMIT


def bounded(spill: Path | None = None, share: float = 1.0) -> dict[str, str | bool | int | float | list[str]]:
    """Settings of a connection that keeps to the limit.

    What does not fit goes to `spill`, a folder that the caller removes; without one it is an error. With a
    `share`, to that part of the limit: for a process that holds arrays of its own beside the database.
    """
    return {"memory_limit": _share_of(memory_limit(), share), "temp_directory": str(spill or "")}


def _share_of(limit: str, share: float) -> str:
    """`share` of a limit, in its own unit. What is no number with a unit stays: DuckDB says what is wrong."""
    written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", limit)
    return limit if written is None or share == 1.0 else f"{float(written[1]) * share:g}{written[2]}"

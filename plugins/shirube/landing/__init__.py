"""From files in the inbox to typed, pseudonymous rows in the lake."""

from shirube.landing.check import CheckResult, check
from shirube.landing.land import (
    BatchOutcome,
    DiskFullError,
    LandingError,
    LandResult,
    land,
    write_schemas,
)
from shirube.landing.locks import reading_lake
from shirube.landing.replay import replay
from shirube.landing.scan import new_files

__all__ = [
    "BatchOutcome",
    "CheckResult",
    "DiskFullError",
    "LandResult",
    "LandingError",
    "check",
    "land",
    "new_files",
    "reading_lake",
    "replay",
    "write_schemas",
]

"""The warehouse: a cache built by one `dbt build` from the lake, the ledger, the configuration and a day."""

from shirube.landing.land import write_schemas as write_empty_sources
from shirube.warehouse.build import (
    BuildBusyError,
    BuildError,
    BuildResult,
    LeftOut,
    build,
    is_list_built,
    last_build,
    load_build,
)
from shirube.warehouse.versions import config_version, release_id_of

__all__ = [
    "BuildBusyError",
    "BuildError",
    "BuildResult",
    "LeftOut",
    "build",
    "config_version",
    "is_list_built",
    "last_build",
    "load_build",
    "release_id_of",
    "write_empty_sources",
]

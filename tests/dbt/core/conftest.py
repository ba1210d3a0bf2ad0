"""The star of the small company, built once for all tests that only look at it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.dbt.core.star_company import fill
from tests.dbt.tiny_lake import TinyLake, Warehouse

CORE = ("+path:models/core",)


@dataclass(frozen=True)
class Star:
    """The finished build, the lake under it, and the batches by name."""

    warehouse: Warehouse
    lake: TinyLake
    batches: dict[str, str]


@pytest.fixture(scope="session")
def star(tmp_path_factory: pytest.TempPathFactory) -> Star:
    """Everything up to core as of 31 October 2026, with dbt's own tests."""
    lake = TinyLake(tmp_path_factory.mktemp("star"))
    batches = fill(lake)
    return Star(lake.build(as_of="2026-10-31", select=CORE), lake, batches)

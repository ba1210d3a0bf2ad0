from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shirube.contracts import SourceContract, load_contracts

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def contracts() -> dict[str, SourceContract]:
    return load_contracts()

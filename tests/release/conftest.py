from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shirube.home import Home

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "データ home")

"""A data home with a fixed token key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shirube.contracts import SourceContract, load_contracts
from shirube.home import Home
from shirube.keys import KEY_ID_VARIABLE, KEY_VARIABLE

from tests.landing.deliveries import TEST_KEY


@pytest.fixture(scope="session")
def contracts() -> dict[str, SourceContract]:
    return load_contracts()


@pytest.fixture(autouse=True)
def fixed_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, TEST_KEY)
    monkeypatch.delenv(KEY_ID_VARIABLE, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "データ ホーム")


@pytest.fixture
def new_home(tmp_path: Path) -> Callable[[str], Home]:
    return lambda name: Home.resolve(tmp_path / name)

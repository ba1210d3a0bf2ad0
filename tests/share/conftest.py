"""One shared release for the tests that only read it."""

from pathlib import Path

import pytest
from shirube.home import Home

from tests.share import release_builder as builder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A data home with the hand-made release and its vault; nothing shared yet."""
    home = Home.resolve(tmp_path / "home")
    builder.write_release(home.root)
    builder.write_vault(home)
    return home


@pytest.fixture
def dbt_manifest(tmp_path: Path) -> Path:
    """dbt's manifest of the hand-made project, as a file."""
    import json

    file = tmp_path / "dbt_manifest.json"
    file.write_text(json.dumps(builder.dbt_manifest()), encoding="utf-8")
    return file

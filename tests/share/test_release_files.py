"""A release is read with the memory that every step may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from shirube.engine import MEMORY_LIMIT_VARIABLE
from shirube.share.release_files import ReleaseFiles

from tests.share import release_builder as builder


def test_reading_a_release_keeps_to_the_memory_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "100MiB")
    folder = builder.write_release(tmp_path / "release")
    with ReleaseFiles(folder) as release:
        (row,) = release.query(
            "select current_setting('memory_limit') as memory, current_setting('temp_directory') as spill"
        )
        spill = Path(row["spill"])
        assert (row["memory"], spill.is_dir()) == ("100.0 MiB", True)
    assert not spill.exists()

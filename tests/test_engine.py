"""The engine keeps to what it may take of the machine, and spills the rest."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from shirube.engine import DEFAULT_MEMORY_LIMIT, MEMORY_LIMIT_VARIABLE, bounded
from shirube.home import project_root


def limit_of(spill: Path, share: float = 1.0) -> str:
    with duckdb.connect(config=bounded(spill, share)) as connection:
        row = connection.execute("select current_setting('memory_limit')").fetchone()
    assert row is not None
    return str(row[0])


def test_the_limit_leaves_room_and_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MEMORY_LIMIT_VARIABLE, raising=False)
    assert limit_of(tmp_path) == "2.3 GiB"
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "100MiB")
    assert limit_of(tmp_path) == "100.0 MiB"
    assert limit_of(tmp_path, share=0.5) == "50.0 MiB"
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "6.5 GiB")
    assert limit_of(tmp_path, share=0.5) == "3.2 GiB"


def test_without_a_folder_to_spill_to_what_does_not_fit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "50MB")
    monkeypatch.chdir(tmp_path)
    large = "create table sorted as select md5(range::varchar) as word from range(3000000) order by word"
    with duckdb.connect(config=bounded()) as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(large)
    with duckdb.connect(config=bounded(tmp_path / "spill") | {"threads": 1}) as connection:
        assert connection.execute(large).fetchone() == (3_000_000,)
    assert not (tmp_path / ".tmp").exists()


def test_a_limit_that_is_none_is_told_by_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "plenty")
    with pytest.raises(duckdb.Error, match="number"):
        limit_of(tmp_path, share=0.5)


def test_dbt_by_hand_keeps_to_the_same_limit() -> None:
    profiles = (project_root() / "dbt_project" / "profiles.yml").read_text(encoding="utf-8")
    assert f"env_var('{MEMORY_LIMIT_VARIABLE}', '{DEFAULT_MEMORY_LIMIT}')" in profiles


def test_what_does_not_fit_goes_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY_LIMIT_VARIABLE, "100MiB")
    with duckdb.connect(config=bounded(tmp_path / "spill")) as connection:
        connection.execute(
            "create table ordered as select hash(i) as h, i from range(8000000) t (i) order by h"
        )
        assert (tmp_path / "spill").is_dir()
        assert connection.execute("select count(*) from ordered").fetchone() == (8_000_000,)

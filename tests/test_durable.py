"""Files appear whole or not at all, with the mode they were asked for, and a failure leaves the old one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from shirube import durable


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "whole.txt"
    with durable.replacing(target) as handle:
        handle.write(b"first")
        handle.flush()
        assert not target.exists()
        assert len(list(tmp_path.glob(durable.LEFTOVERS))) == 1
    assert target.read_bytes() == b"first" and names(tmp_path) == ["whole.txt"]


def test_an_error_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "whole.txt"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), durable.replacing(target) as handle:
        handle.write(b"half of the n")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old" and names(tmp_path) == ["whole.txt"]


def test_a_disk_that_cannot_sync_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "whole.txt"
    target.write_bytes(b"old")

    def fails(_: int) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="no room"), durable.replacing(target) as handle:
        handle.write(b"new")
    assert target.read_bytes() == b"old" and names(tmp_path) == ["whole.txt"]


def test_a_draft_without_a_name_is_dropped(tmp_path: Path) -> None:
    with durable.undecided(tmp_path) as draft:
        draft.handle.write(b"nobody wants it")
    assert names(tmp_path) == []


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    with durable.undecided(tmp_path, durable.PRIVATE) as draft:
        assert stat.S_IMODE(draft.path.stat().st_mode) == 0o600
        draft.keep_as(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600

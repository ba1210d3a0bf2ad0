from __future__ import annotations

from pathlib import Path

import pytest
from handmade import change, make_audit, make_build
from shirube.home import Home
from shirube.release import Release, ReleaseError, current, prune, publish, retire, rollback, shelf, verify
from shirube.stopped import STOPPED_FILE
from shirube.vault import VaultPermissionError

IDS = [f"2026-{month:02d}-01-{digit * 10}" for month, digit in ((7, "f"), (8, "b"), (9, "d"), (10, "a"))]


def _publish(home: Home, release_id: str) -> Release:
    build = make_build(home, release_id)
    return publish(home, build, make_audit(home, build))


def _publish_with(home: Home, release_id: str, physician_key: str, table: str) -> Release:
    """A release in which one table names a physician."""
    build = make_build(home, release_id)
    change(build, f"alter table {table} add column asking_physician_key varchar default '{physician_key}'")
    return publish(home, build, make_audit(home, build))


def _stop(home: Home, *physician_keys: str) -> Path:
    file = home.vault / STOPPED_FILE
    file.write_text("\n".join(physician_keys), encoding="utf-8")
    file.chmod(0o600)
    return file


def _shown(home: Home) -> str:
    release = current(home)
    assert release is not None
    return release.release_id


def test_rollback_goes_to_the_one_published_before_not_the_one_that_sorts_before(home: Home) -> None:
    for release_id in (IDS[2], IDS[0], IDS[3]):
        _publish(home, release_id)
    assert rollback(home) == Release(IDS[0], home.releases / IDS[0], "current")
    assert _shown(home) == IDS[0]
    verify(home.current.resolve())
    assert rollback(home).release_id == IDS[2]
    with pytest.raises(ReleaseError, match="no earlier release"):
        rollback(home)
    assert _shown(home) == IDS[2]


def test_rollback_to_a_named_release_and_forward_again(home: Home) -> None:
    for release_id in IDS:
        _publish(home, release_id)
    assert rollback(home, IDS[0]).release_id == IDS[0]
    assert rollback(home, IDS[3]).release_id == IDS[3]
    assert _shown(home) == IDS[3]


def test_a_release_that_was_rolled_back_does_not_come_back_by_itself(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    rollback(home)
    assert _publish(home, IDS[1]).status == "rolled_back"
    assert _shown(home) == IDS[0]
    assert _publish(home, IDS[2]).status == "published"
    assert _shown(home) == IDS[2]
    assert rollback(home).release_id == IDS[0], "the one that was rolled back is passed over"


@pytest.mark.parametrize("wrong", ["2020-01-01-0000000000", "../vault", "current", ".lock", ""])
def test_rollback_names_what_is_kept_when_there_is_no_such_release(home: Home, wrong: str) -> None:
    _publish(home, IDS[0])
    with pytest.raises(ReleaseError):
        rollback(home, wrong)
    assert _shown(home) == IDS[0]


def test_rollback_before_the_first_release(home: Home) -> None:
    with pytest.raises(ReleaseError, match="nothing was published yet"):
        rollback(home)
    assert current(home) is None


@pytest.mark.parametrize("table", ["marts.mart_cx", "core.fct_touchpoint"])
@pytest.mark.parametrize("is_named", [True, False])
def test_nobody_whose_data_may_not_be_used_comes_back(home: Home, table: str, is_named: bool) -> None:
    _publish_with(home, IDS[0], "StoppedOne12", table)
    _publish(home, IDS[1])
    _stop(home, "SomebodyElse", "StoppedOne12")
    with pytest.raises(ReleaseError, match=r"利用停止の先生 1 人.*1 physician\(s\).*shirube run") as told:
        rollback(home, IDS[0] if is_named else None)
    assert "StoppedOne12" not in str(told.value)
    assert _shown(home) == IDS[1]
    assert shelf.read_history(home).rolled_back == frozenset(), "nothing was noted of what was refused"


def test_a_release_that_names_nobody_of_the_list_may_be_shown_again(home: Home) -> None:
    _publish_with(home, IDS[0], "StoppedOne12", "marts.mart_cx")
    _publish(home, IDS[1])
    _stop(home, "SomebodyElse")
    assert rollback(home).release_id == IDS[0]
    _stop(home)  # an empty list is no list
    assert rollback(home, IDS[1]).release_id == IDS[1]
    assert rollback(home, IDS[0]).release_id == IDS[0]


def test_what_cannot_be_searched_is_not_shown_again(home: Home) -> None:
    _publish(home, IDS[0])
    _publish(home, IDS[1])
    file = home.releases / IDS[0] / "marts" / "mart_cx.parquet"
    file.chmod(0o644)
    file.write_bytes(b"no Parquet")
    _stop(home, "StoppedOne12")
    with pytest.raises(ReleaseError, match=r"確かめられない.* / .*cannot be read"):
        rollback(home)
    assert _shown(home) == IDS[1]


def test_a_list_that_others_can_read_is_not_trusted(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    _stop(home, "StoppedOne12").chmod(0o644)
    with pytest.raises(VaultPermissionError):
        rollback(home)
    assert _shown(home) == IDS[1]


def test_what_retire_advises_can_be_done(home: Home) -> None:
    """Readers see a release with a stopped physician: its advice leads to one without."""
    _publish(home, IDS[0])
    _publish_with(home, IDS[1], "StoppedOne12", "marts.mart_cx")
    _publish_with(home, IDS[2], "StoppedOne12", "marts.mart_cx")
    _stop(home, "StoppedOne12")
    with pytest.raises(ReleaseError, match=r"利用停止の先生が載っていない版.*names no stopped physician"):
        retire(home, IDS[2])
    with pytest.raises(ReleaseError, match="shirube recall"):
        rollback(home)
    rollback(home, IDS[0])
    retire(home, IDS[2])
    assert _shown(home) == IDS[0]


def test_prune_keeps_the_newest_and_the_current_one(home: Home) -> None:
    for release_id in IDS:
        _publish(home, release_id)
    rollback(home, IDS[1])
    assert prune(home, keep=2) == [IDS[0], IDS[2]]
    assert sorted(shelf.read_history(home).order) == [IDS[1], IDS[3]]
    assert {path.name for path in home.releases.iterdir()} == {
        IDS[1],
        IDS[3],
        "current",
        ".lock",
        "history.json",
    }
    verify(home.current.resolve())
    assert prune(home, keep=2) == []
    assert prune(home, keep=1) == [IDS[3]]
    assert _shown(home) == IDS[1]


def test_a_release_that_was_never_shown_is_pruned_as_the_oldest(home: Home) -> None:
    """Its publisher was killed between rename and history, and the next delivery superseded it."""
    _publish(home, IDS[2])
    (home.releases / "history.json").unlink()
    home.current.unlink()
    for release_id in (IDS[0], IDS[1]):
        _publish(home, release_id)
    (home.releases / "somebody's notes").mkdir()
    assert IDS[2] not in shelf.read_history(home).order
    assert prune(home, keep=3) == []
    assert prune(home, keep=2) == [IDS[2]]
    assert (home.releases / "somebody's notes").is_dir()
    assert shelf.read_history(home).order == (IDS[0], IDS[1])
    assert not list(home.releases.glob(".tmp-*"))


def test_a_carried_over_mart_outlives_the_release_it_came_from(home: Home) -> None:
    _publish(home, IDS[0])
    build = make_build(home, IDS[1])
    release = publish(home, build, make_audit(home, build, marts__mart_cx=("critical", "failed", None)))
    assert prune(home, keep=1) == [IDS[0]]
    manifest = verify(release.path)
    assert {entry["name"]: entry["status"] for entry in manifest["marts"]}["mart_cx"] == "carried_over"


def test_the_environment_says_how_many_are_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIRUBE_KEEP_RELEASES", "2")
    for release_id in IDS:
        _publish(home, release_id)
    assert [path.name for path in sorted(home.releases.glob("2026-*"))] == IDS[2:]


@pytest.mark.parametrize("wrong", ["0", "many", "-1", ""])
def test_a_wrong_number_of_releases_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("SHIRUBE_KEEP_RELEASES", wrong)
    with pytest.raises(ValueError, match="SHIRUBE_KEEP_RELEASES"):
        prune(home)
    with pytest.raises(ValueError, match="SHIRUBE_KEEP_RELEASES"):
        _publish(home, IDS[0])
    assert current(home) is None  # said before readers see anything, not after
    with pytest.raises(ValueError, match="at least one"):
        prune(home, keep=0)

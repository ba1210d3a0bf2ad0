from __future__ import annotations

import pytest
from handmade import make_audit, make_build
from shirube.home import Home
from shirube.release import Release, ReleaseError, current, prune, publish, rollback, shelf, verify

IDS = [f"2026-{month:02d}-01-{digit * 10}" for month, digit in ((7, "f"), (8, "b"), (9, "d"), (10, "a"))]


def _publish(home: Home, release_id: str) -> Release:
    build = make_build(home, release_id)
    return publish(home, build, make_audit(home, build))


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

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from handmade import make_audit, make_build
from shirube import cli
from shirube.home import Home
from shirube.release import ReleaseError, current, publish, retire, rollback, shelf, undo_retire, verify
from typer.testing import CliRunner

IDS = [f"2026-{month:02d}-01-{digit * 10}" for month, digit in ((7, "f"), (8, "b"), (9, "d"))]


def _publish(home: Home, release_id: str) -> str:
    build = make_build(home, release_id)
    return publish(home, build, make_audit(home, build)).status


def _on_shelf(home: Home) -> set[str]:
    return {path.name for path in home.releases.iterdir() if path.is_dir() and not path.is_symlink()}


def test_one_release_goes_and_the_others_stay(home: Home) -> None:
    for release_id in IDS:
        _publish(home, release_id)
    opened = (home.releases / IDS[1] / "manifest.json").open()
    retire(home, IDS[1])
    assert _on_shelf(home) == {IDS[0], IDS[2]}
    assert shelf.read_history(home) == shelf.History((IDS[0], IDS[2]), frozenset(), frozenset({IDS[1]}))
    verify(home.current.resolve())
    assert IDS[1] in opened.read(), "who has a file open finishes undisturbed"
    assert rollback(home).release_id == IDS[0], "it is passed over"


def test_the_one_that_readers_see_is_refused_and_it_says_what_to_do(home: Home) -> None:
    _publish(home, IDS[0])
    with pytest.raises(ReleaseError, match="shirube run"):
        retire(home, IDS[0])
    assert _on_shelf(home) == {IDS[0]}
    assert shelf.read_history(home).retired == frozenset()


@pytest.mark.parametrize(
    "wrong", ["2020-01-01-0000000000", "../vault", "current", ".lock", "", "history.json"]
)
def test_an_unknown_id_is_refused_and_it_names_what_is_kept(home: Home, wrong: str) -> None:
    _publish(home, IDS[0])
    (home.vault / "kept").mkdir(parents=True)
    with pytest.raises(ReleaseError, match=IDS[0]):
        retire(home, wrong)
    assert _on_shelf(home) == {IDS[0]} and (home.vault / "kept").is_dir()


def test_a_second_time_it_says_that_it_is_gone(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    retire(home, IDS[0])
    with pytest.raises(ReleaseError, match="retired before"):
        retire(home, IDS[0])


def test_a_damaged_release_can_be_retired(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    (home.releases / IDS[0]).chmod(0o755)
    (home.releases / IDS[0] / "manifest.json").unlink()
    retire(home, IDS[0])
    assert _on_shelf(home) == {IDS[1]}


def test_it_does_not_come_back_by_itself(home: Home) -> None:
    """Rolled back from and retired: the same build published again must not bring it to readers."""
    for release_id in IDS[:2]:
        _publish(home, release_id)
    rollback(home)
    retire(home, IDS[1])
    with pytest.raises(ReleaseError, match="retire --undo"):
        _publish(home, IDS[1])
    shown = current(home)
    assert shown is not None and shown.release_id == IDS[0]
    assert _on_shelf(home) == {IDS[0]}
    assert _publish(home, IDS[2]) == "published"
    assert shelf.read_history(home).retired == frozenset({IDS[1]}), "a later release keeps the note"


def test_undone_it_may_be_published_again(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    retire(home, IDS[0])
    undo_retire(home, IDS[0])
    assert _publish(home, IDS[0]) == "published"
    with pytest.raises(ReleaseError, match="Not a release that was retired"):
        undo_retire(home, IDS[0])


def test_killed_in_between_it_can_be_retired_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)
    renamed = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path.name == IDS[0]:
            raise KeyboardInterrupt
        return renamed(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        retire(home, IDS[0])
    monkeypatch.undo()
    assert _on_shelf(home) == {IDS[0], IDS[1]}, "whole, as readers may still see it by its id"
    verify(home.releases / IDS[0])
    monkeypatch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        retire(home, IDS[0])
    monkeypatch.undo()
    assert not (home.releases / IDS[0]).exists(), "half removed it has no name that readers look at"
    with shelf.locked(home):
        assert not [path for path in home.releases.iterdir() if path.name.startswith(".tmp-")]


def test_the_command(home: Home) -> None:
    for release_id in IDS[:2]:
        _publish(home, release_id)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["retire", *words, "--home", str(home.root)])
        return result.exit_code, result.output

    code, said = run(IDS[1])
    assert code == 1 and "shirube run" in said
    code, said = run(IDS[0])
    assert code == 0 and "shirube recall" in said
    assert _on_shelf(home) == {IDS[1]}
    code, said = run(IDS[0], "--undo")
    assert code == 0 and IDS[0] in said

"""Taking one release off the shelf on purpose: its copies are called back, so nobody shall find it here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from shirube.home import Home
from shirube.release import shelf
from shirube.release.manifest import ReleaseError


def retire(home: Home, release_id: str) -> None:
    """Remove a release for good and note in the history that it was retired.

    A reader who has a file of it open finishes undisturbed; nobody opens one again. The same inputs are not
    published again as long as the note stands (`undo_retire`). A damaged folder can be retired too. Waits
    while another process publishes.

    Raises: ReleaseError if readers see it now, if it was retired before, or if there is no such release.
    """
    with shelf.locked(home):
        history = shelf.read_history(home)
        folder = home.releases / release_id
        if release_id == shelf.current_id(home):
            raise ReleaseError(
                f"{release_id} はいま読者が見ている版なので、棚から下ろせません。先に `shirube run` で"
                "次の版を公開するか、利用停止の先生が載っていない版があれば `shirube rollback 版の名前` で"
                "そこへ戻してください。 / "
                f"Readers see {release_id} now: publish the next release first (`shirube run`), or take"
                " readers back to one that names no stopped physician (`shirube rollback RELEASE_ID`)."
            )
        if not _is_release_id(home, release_id) or not folder.is_dir():
            raise ReleaseError(_unknown(home, history, release_id))
        # The note first: killed in between, the release is still there and can be retired again.
        left = tuple(name for name in history.order if name != release_id)
        noted = {*history.retired, release_id}
        history = replace(
            history, order=left, rolled_back=history.rolled_back - {release_id}, retired=frozenset(noted)
        )
        shelf.write_history(home, history)
        shelf.remove(home, release_id)


def undo_retire(home: Home, release_id: str) -> None:
    """Forget that a release was retired: the same inputs may be published again. Brings nothing back itself.

    Raises: ReleaseError if it was not retired.
    """
    with shelf.locked(home):
        history = shelf.read_history(home)
        if release_id not in history.retired:
            raise ReleaseError(
                f"「{release_id}」は棚から下ろした版ではありません。下ろした版：{_listed(history.retired)} / "
                f"Not a release that was retired: {release_id!r}; retired are: {_listed(history.retired)}"
            )
        shelf.write_history(home, replace(history, retired=history.retired - {release_id}))


def _unknown(home: Home, history: shelf.History, release_id: str) -> str:
    if release_id in history.retired:
        return f"{release_id} はもう棚から下ろしてあります。 / {release_id} was retired before."
    kept = sorted(
        path.name for path in home.releases.iterdir() if _is_release_id(home, path.name) and path.is_dir()
    )
    return (
        f"「{release_id}」という版はありません。残っている版：{_listed(kept)} / "
        f"There is no such release as {release_id!r}; kept are: {_listed(kept)}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "—"


def _is_release_id(home: Home, name: str) -> bool:
    return (
        bool(name)
        and name == Path(name).name
        and not name.startswith(".")
        and not (home.releases / name).is_symlink()
    )

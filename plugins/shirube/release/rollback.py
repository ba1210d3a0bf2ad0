"""Which release readers see, and taking them back to an earlier one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from shirube.home import Home
from shirube.release import shelf
from shirube.release.manifest import ReleaseError, read_manifest


@dataclass(frozen=True)
class Release:
    """One release.

    `status`: published, already_published, rolled_back (a person took readers away from it), current.
    """

    release_id: str
    path: Path
    status: str


def current(home: Home) -> Release | None:
    """The release that readers see, None before the first one."""
    release_id = shelf.current_id(home)
    return Release(release_id, home.releases / release_id, "current") if release_id else None


def rollback(home: Home, release_id: str | None = None) -> Release:
    """Show readers `release_id` again, or by default the one published before the current one.

    The release that is left does not come back by itself when the same inputs are published again; name it
    here to return to it.

    Raises: ReleaseError if there is no such release, or nothing earlier to go back to.
    """
    with shelf.locked(home):
        history = shelf.read_history(home)
        shown = shelf.current_id(home)
        if shown is None:
            raise ReleaseError("nothing was published yet, so there is nothing to roll back")
        if release_id is None:
            before = history.order[: history.order.index(shown)] if shown in history.order else history.order
            kept = [
                name for name in before if (home.releases / name).is_dir() and name not in history.rolled_back
            ]
            if not kept:
                raise ReleaseError(f"no earlier release than {shown} is kept")
            release_id = kept[-1]
        if (
            release_id != Path(release_id).name
            or release_id.startswith(".")
            or release_id == home.current.name
        ):
            raise ReleaseError(f"{release_id!r} is not a release id")
        target = home.releases / release_id
        if not target.is_dir():
            known = ", ".join(name for name in history.order if (home.releases / name).is_dir())
            raise ReleaseError(f"there is no release {release_id}; kept are: {known}")
        read_manifest(target)
        left = {shown} if shown != release_id else set()
        shelf.write_history(home, replace(history, rolled_back=(history.rolled_back | left) - {release_id}))
        shelf.switch(home, release_id)
    return Release(release_id, target, "current")

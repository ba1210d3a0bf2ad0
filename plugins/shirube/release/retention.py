"""How many releases are kept."""

from __future__ import annotations

import os
from dataclasses import replace

from shirube.home import Home
from shirube.release import shelf
from shirube.release.manifest import MANIFEST_FILE

KEEP_VARIABLE = "SHIRUBE_KEEP_RELEASES"
DEFAULT_KEEP = 10


def configured_keep() -> int:
    """`$SHIRUBE_KEEP_RELEASES`, else 10.

    Raises: ValueError if it is not a whole number of at least 1.
    """
    text = os.environ.get(KEEP_VARIABLE, str(DEFAULT_KEEP))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(
            f"{KEEP_VARIABLE} が「{text}」です。1以上の整数にしてください。 / "
            f"{KEEP_VARIABLE} is {text!r}; it must be a whole number of at least 1"
        )
    return int(text)


def prune(home: Home, keep: int | None = None) -> list[str]:
    """Remove the oldest releases beyond `keep` and return their ids; the current one always stays.

    A carried-over mart is a copy, so no release needs an older one.
    """
    with shelf.locked(home):
        return prune_locked(home, configured_keep() if keep is None else keep)


def prune_locked(home: Home, keep: int) -> list[str]:
    """`prune` for a caller that holds the shelf's lock.

    A release whose publisher was killed before it was shown is in no history; it counts as the oldest.
    """
    if keep < 1:
        raise ValueError(
            f"残す版の数が {keep} です。1以上にしてください。 / at least one release is kept, not {keep}"
        )
    history = shelf.read_history(home)
    shown = shelf.current_id(home)
    listed = [name for name in history.order if (home.releases / name).is_dir()]
    kept = [*sorted(_whole_folders(home) - {*listed}), *listed]
    spare = [name for name in kept if name != shown]
    removed = spare[: max(0, len(kept) - keep)]
    for name in removed:
        shelf.remove(home, name)
    if removed:
        left = tuple(name for name in history.order if name not in removed)
        shelf.write_history(home, replace(history, order=left, rolled_back=history.rolled_back & set(left)))
    return removed


def _whole_folders(home: Home) -> set[str]:
    """Ids of all releases on the shelf, listed or not."""
    return {
        file.parent.name
        for file in home.releases.glob(f"*/{MANIFEST_FILE}")
        if not file.parent.name.startswith(".") and not file.parent.is_symlink()
    }

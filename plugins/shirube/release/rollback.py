"""Which release readers see, and taking them back to an earlier one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from shirube.home import Home
from shirube.release import shelf
from shirube.release.manifest import ReleaseError, read_manifest
from shirube.release.stopped_rows import named_in_release
from shirube.stopped import stopped_physicians


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
    here to return to it. Nobody whom the vault's list of stopped physicians names comes back this way.

    Raises: ReleaseError if there is no such release, nothing earlier to go back to, or it names a stopped
    physician; VaultPermissionError or ValueError if the vault's list cannot be trusted or read.
    """
    stopped = stopped_physicians(home)
    with shelf.locked(home):
        history = shelf.read_history(home)
        shown = shelf.current_id(home)
        if shown is None:
            raise ReleaseError(
                "まだ何も公開していないので、戻す版がありません。先に `shirube run` で公開してください。 / "
                "nothing was published yet, so there is nothing to roll back: publish first (`shirube run`)"
            )
        if release_id is None:
            before = history.order[: history.order.index(shown)] if shown in history.order else history.order
            kept = [
                name for name in before if (home.releases / name).is_dir() and name not in history.rolled_back
            ]
            if not kept:
                raise ReleaseError(
                    f"いまの版 {shown} より前の版は残っていません。直すには、もとのファイルを直して "
                    "`shirube run` で次の版を公開してください。 / "
                    f"no earlier release than {shown} is kept: mend the input and publish the next one"
                    " (`shirube run`)"
                )
            release_id = kept[-1]
        if (
            release_id != Path(release_id).name
            or release_id.startswith(".")
            or release_id == home.current.name
        ):
            raise ReleaseError(
                f"「{release_id}」は版の名前ではありません。残っている版：{_kept(home, history)} / "
                f"{release_id!r} is not a release id; kept are: {_kept(home, history)}"
            )
        target = home.releases / release_id
        if not target.is_dir():
            raise ReleaseError(
                f"{release_id} という版はありません。残っている版：{_kept(home, history)} / "
                f"there is no release {release_id}; kept are: {_kept(home, history)}"
            )
        read_manifest(target)
        _refuse_stopped(target, stopped)
        left = {shown} if shown != release_id else set()
        shelf.write_history(home, replace(history, rolled_back=(history.rolled_back | left) - {release_id}))
        shelf.switch(home, release_id)
    return Release(release_id, target, "current")


def _kept(home: Home, history: shelf.History) -> str:
    return ", ".join(name for name in history.order if (home.releases / name).is_dir()) or "—"


def _refuse_stopped(target: Path, stopped: list[str]) -> None:
    """Refuse a release that names anybody of the list, or that cannot be searched for them."""
    try:
        named = named_in_release(target, stopped)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise ReleaseError(
            f"{target.name} には読めないファイルがあり、利用停止の先生が載っていないことを確かめられない"
            "ので、読者を戻しません。別の版を名指しするか、`shirube run` で次の版を公開してください。 / "
            f"{target.name} has a file that cannot be read, so nobody can tell whether it names a physician"
            " whose data may not be used: readers are not taken back to it. Name another release, or publish"
            " the next one (`shirube run`)."
        ) from error
    if named.physicians:
        raise ReleaseError(
            f"{target.name} には、利用停止の先生 {named.physicians} 人の行が {named.files} 個のファイルに"
            "残っているので、読者を戻しません。`shirube run` でその先生を除いた版を公開するか、載っていない"
            "版を名指ししてください（どの版に残っているかは `shirube recall` で分かります）。 / "
            f"{target.name} holds rows of {named.physicians} physician(s) whose data may not be used, in"
            f" {named.files} file(s): readers are not taken back to it. Publish a release without them"
            " (`shirube run`), or name one that is free of them (`shirube recall` says which hold them)."
        )

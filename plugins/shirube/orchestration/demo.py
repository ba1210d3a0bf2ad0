"""The demonstration: the sample company goes through the embedded Airflow, and a person can watch."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from shirube.home import Home
from shirube.landing import new_files
from shirube.ledger import Ledger
from shirube.orchestration.display import Board
from shirube.orchestration.journal import read_events
from shirube.orchestration.settings import is_shared, list_sources
from shirube.orchestration.standalone import AirflowFailedError, EmbeddedAirflow, interruptible

STALLED_SECONDS = 90
"""Seconds without a running Dag, while work is left, after which something must be wrong."""


class DemoFailedError(RuntimeError):
    """A step failed; the message says which and why."""


def demo(home: Home, *, physicians: int = 3000, months: int = 18, seed: int = 7) -> int:
    """Generate the sample company, let Airflow carry it from the inbox to published pages; the exit code.

    Whatever is done already stays done: a second run generates nothing, delivers the same files again, and
    says that there was nothing new. 1 means that a step failed (the reason is printed), 130 that it was
    interrupted. No process is left running.
    """
    console = Console()
    with interruptible():
        try:
            sample = _sample(home, console, physicians, months, seed)
            if _is_delivered(home, sample) and _left_to_do(home) is None:
                _tell_nothing_new(home, console, sample)
                return 0
            _carry(home, console, sample)
        except (DemoFailedError, AirflowFailedError, OSError, ValueError) as error:
            console.print(f"\n{error}", style="red", highlight=False, markup=False, soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            console.print(
                "\n中断しました。次の実行は、ここから続きます。 / "
                "Interrupted. The next run goes on from here."
            )
            return 130
        _tell_published(home, console)
        return 0


def _sample(home: Home, console: Console, physicians: int, months: int, seed: int) -> Path:
    """The folder of the sample company, generated once per home."""
    folder = home.root / "sample"
    wanted = {"physicians": physicians, "months": months, "seed": seed}
    made = folder / "made_with.json"
    if made.exists():
        if json.loads(made.read_text()) != wanted:
            raise ValueError(
                f"{folder} には別の架空の会社（{made.read_text()}）があります。2つを混ぜられないので、"
                "別のデータホームを --home で指してください。 / "
                f"{folder} holds another sample company ({made.read_text()}), and two would mix in one home. "
                "Name another home: --home DIR"
            )
        return folder
    from shirube.sample import generate

    draft = home.root / "sample.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    with console.status(f"Making a sample company of {physicians:,} physicians and {months} months"):
        generate(draft, seed=seed, physicians=physicians, months=months)
    (draft / made.name).write_text(json.dumps(wanted))
    draft.rename(folder)
    return folder


def _sample_files(sample: Path) -> list[Path]:
    """The files of the sample company in the order they are delivered, relative to the inbox."""
    truth = json.loads((sample / "truth.json").read_text(encoding="utf-8"))
    return [Path(entry["source"], entry["file"]) for entry in truth["files"]]


def _is_there(home: Home, sample: Path, name: Path) -> bool:
    target = home.inbox / name
    return target.exists() and target.stat().st_size == (sample / name).stat().st_size


def _is_delivered(home: Home, sample: Path) -> bool:
    return all(_is_there(home, sample, name) for name in _sample_files(sample))


def _deliver(home: Home, sample: Path) -> tuple[int, int]:
    """Put every file into the inbox as a careful sender does; (files that are new, files there already).

    A file is copied under a hidden name and renamed when it is complete.
    """
    new = known = 0
    for name in _sample_files(sample):
        if _is_there(home, sample, name):
            known += 1
            continue
        target = home.inbox / name
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.part")
        shutil.copyfile(sample / name, draft)
        draft.replace(target)
        new += 1
    return new, known


def _left_to_do(home: Home) -> str | None:
    """What is not done yet, in words; None when everything is released and shared."""
    with Ledger(home) as ledger:
        arrived = len(new_files(home, ledger, list_sources()))
        pending = ledger.pending()
    if arrived or pending.received:
        files = arrived + len(pending.received)
        return f"取り込んでいないファイル {files} 個 / {files} files are not landed"
    if pending.unreleased or not home.current.exists():
        batches = len(pending.unreleased)
        return f"公開に入っていない取り込み {batches} 個 / {batches} landed batches are in no release"
    if not is_shared(home):
        return "いまの版に資料がない / the current release has no pages"
    return None


def _carry(home: Home, console: Console, sample: Path) -> None:
    """Run Airflow until everything in the inbox is released and shared."""
    started = time.monotonic()
    _, offset = read_events(home)
    with EmbeddedAirflow(home) as airflow:
        with console.status("Starting Airflow") as waiting:
            airflow.start(lambda what: waiting.update(f"Starting Airflow: waiting for {what}"))
        console.print(f"Airflow is up at {airflow.url} after {time.monotonic() - started:.0f} s")
        watch = _Watch(home, airflow, Board(_files_per_source(sample), console), offset)
        new, known = _deliver(home, sample)
        arrived_at = time.time()
        console.print(f"Delivered {new} files to {home.inbox} ({known} were there already)")
        with Live(watch.board, console=console, refresh_per_second=2, redirect_stdout=False) as live:
            while not watch.is_done():
                live.refresh()
                time.sleep(1)
        if watch.board.released_at:
            console.print(f"\nFrom arrival to release: {watch.board.released_at - arrived_at:.0f} s")
        with console.status("Stopping Airflow"):
            airflow.stop()


def _files_per_source(sample: Path) -> dict[str, int]:
    return Counter(name.parts[0] for name in _sample_files(sample))


class _Watch:
    """Looks at the journal, at Airflow and at the home until all is done or something failed."""

    def __init__(self, home: Home, airflow: EmbeddedAirflow, board: Board, offset: int) -> None:
        self.board = board
        self._home = home
        self._airflow = airflow
        self._offset = offset
        self._failed_before = {run["dag_run_id"] for run in self._runs("failed")}
        self._last_sign = time.monotonic()

    def is_done(self) -> bool:
        """Look once; whether everything is released, shared and at rest.

        Raises: DemoFailedError, AirflowFailedError.
        """
        events, self._offset = read_events(self._home, self._offset)
        self.board.add(events)
        self._airflow.check()
        try:
            failed = [run for run in self._runs("failed") if run["dag_run_id"] not in self._failed_before]
            is_active = bool(self._runs("running", "queued"))
        except OSError:
            return False  # a busy machine answers late; whether Airflow still lives is checked above
        if failed:
            raise DemoFailedError("\n".join(_describe_failure(self._airflow, run) for run in failed))
        left = _left_to_do(self._home)
        if events or is_active:
            self._last_sign = time.monotonic()
        if left and time.monotonic() - self._last_sign > STALLED_SECONDS:
            raise DemoFailedError(
                f"{STALLED_SECONDS} 秒のあいだ何も進んでいません（{left}）。"
                f"{self._airflow.folder / 'logs'} の記録を見て、もう一度実行してください。 / "
                f"Nothing has happened for {STALLED_SECONDS} s: look at the logs in"
                f" {self._airflow.folder / 'logs'}, and run again."
            )
        return not is_active and left is None

    def _runs(self, *states: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self._airflow.get("dags/~/dagRuns", state=states, limit=50)["dag_runs"]
        return runs


def _describe_failure(airflow: EmbeddedAirflow, run: dict[str, Any]) -> str:
    """Which task failed, the end of its log, and where the whole log is."""
    path = f"dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
    lines: list[str] = []
    for task in airflow.get(path, state="failed")["task_instances"]:
        log = (
            airflow.folder
            / "logs"
            / f"dag_id={run['dag_id']}"
            / f"run_id={run['dag_run_id']}"
            / f"task_id={task['task_id']}"
            / f"attempt={task['try_number']}.log"
        )
        lines += [
            f"失敗：Dag `{run['dag_id']}` の `{task['task_id']}` / "
            f"Failed: task `{task['task_id']}` of Dag `{run['dag_id']}`",
            *_log_tail(log),
            f"記録 / Log: {log}",
        ]
    return "\n".join(lines) or (
        f"失敗：Dag `{run['dag_id']}` は、どの仕事も始まる前に止まりました。 / "
        f"Failed: Dag `{run['dag_id']}` before any of its tasks"
    )


def _log_tail(log: Path, lines: int = 25) -> list[str]:
    """The errors of a task's log, which is one JSON object per line."""
    if not log.exists():
        return []
    messages: list[str] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            messages.append(line)
            continue
        if record.get("level") in ("error", "critical"):
            messages.append(str(record.get("event", "")))
            # The outermost error names the inner ones.
            messages += [str(error["exc_value"]) for error in (record.get("error_detail") or [])[:1]]
    return "\n".join(messages).splitlines()[-lines:]


def _tell_nothing_new(home: Home, console: Console, sample: Path) -> None:
    release = json.loads((home.current / "manifest.json").read_text(encoding="utf-8"))
    console.print(
        f"Incremental run: all {len(_sample_files(sample))} files of the sample are known, nothing is new, "
        f"and release {release['release_id']} stays as it is."
    )
    _tell_published(home, console)


def _tell_published(home: Home, console: Console) -> None:
    release = home.current.resolve()
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    marts = sorted((release / "marts").glob("*.parquet"))
    console.print(f"\n[bold]Published[/] {release.name}", highlight=False)
    for title, place in (
        ("Reports", release / "reports" / "index.html"),
        ("Catalogue", release / "docs" / "catalogue" / "index.html"),
        (f"{len(marts)} marts", release / "marts"),
        ("DuckDB", release / "shirube.duckdb"),
    ):
        if place.exists():
            console.print(f"  {title:<10} {place}", highlight=False, soft_wrap=True)
    for mart in manifest["marts"]:
        if mart["status"] != "published":
            reason = escape(mart["reason_en"])
            console.print(f"  {mart['status']:<10} {mart['name']}: {reason}", highlight=False, soft_wrap=True)
    console.print("  `make up` serves the pages and keeps Airflow running.", highlight=False)

"""The embedded Airflow: SQLite and LocalExecutor below one data home, on this machine only.

For one machine and one person. The production shape is Airflow's own deployment with the same Dags.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import psutil
from rich.console import Console

from shirube.home import Home
from shirube.orchestration.settings import USER, airflow_environment, airflow_folder, dag_ids, password
from shirube.serve import serving

COMPONENTS = {
    "api-server": ["airflow", "api-server"],
    "scheduler": ["shirube.orchestration.scheduler", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
}
START_SECONDS = 300
STOP_SECONDS = 10
REQUEST_SECONDS = 30

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class AirflowFailedError(RuntimeError):
    """The embedded Airflow did not start, or one of its processes ended by itself."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _this_or_free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port


def _die_with_parent() -> None:
    """Let the kernel end this child when its parent is killed without a chance to clean up."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


_interrupted = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and a polite kill raise KeyboardInterrupt in this process, for certain.

    What a signal handler raises is lost where nothing may be raised, in the hooks of a fork for example. So
    it is remembered too, and `EmbeddedAirflow.check` raises it again.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    _interrupted.clear()
    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class EmbeddedAirflow:
    """One Airflow with its four processes; a context manager that leaves no process behind.

    Args:
        home: the data home; Airflow keeps its own files in `<home>/airflow`.
        port: port of the API server and the UI, on 127.0.0.1; a free one if None.
    """

    def __init__(self, home: Home, port: int | None = None) -> None:
        self.home = home
        self.port = port or free_port()
        self.folder = airflow_folder(home)
        self._environment = airflow_environment(home, self.port)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token: str | None = None
        self._lock: int | None = None

    @property
    def url(self) -> str:
        """Address of the UI."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, waiting: Callable[[str], None] | None = None) -> None:
        """Start all processes and return when they are healthy and every Dag file was parsed.

        `waiting` is told, in a few words, what is being waited for.

        Raises: AirflowFailedError when a process ends or `START_SECONDS` pass; nothing is left running.
        """
        tell = waiting or (lambda _: None)
        self._take_lock()
        try:
            tell("metadata database")
            self._migrate()
            for name, command in COMPONENTS.items():
                self._processes[name] = self._spawn(name, command)
            deadline = time.monotonic() + START_SECONDS
            while missing := self._missing():
                tell(missing)
                self.check()
                if time.monotonic() > deadline:
                    raise AirflowFailedError(
                        f"Airflow が {START_SECONDS} 秒たっても始まりません（待っているもの：{missing}）。"
                        f"{self.folder / 'logs'} の記録を見て、もう一度実行してください。 / "
                        f"Airflow did not start in {START_SECONDS} s: waiting for {missing}. Look at the"
                        f" logs in {self.folder / 'logs'}, and run again."
                    )
                time.sleep(0.5)
        except BaseException:
            self.stop()
            raise

    def _take_lock(self) -> None:
        """Be the only Airflow of this home; the lock is held until the last of its processes has ended."""
        self._lock = os.open(self.folder / "running.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release_lock()
            raise AirflowFailedError(
                f"このデータホームでは、ほかの Airflow が動いているか、止まるところです（{self.folder}）。"
                "`make up` を終えるか、1分ほど待ってから、もう一度実行してください。 / "
                f"Another Airflow of this data home is running or still stopping ({self.folder}). "
                "End `make up`, or wait a minute, and try again."
            ) from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _migrate(self) -> None:
        version = importlib.metadata.version("apache-airflow")
        stamp = self.folder / "migrated"
        if stamp.exists() and stamp.read_text() == version:
            return
        done = self._spawn("db", ["airflow", "db", "migrate"])
        if done.wait() != 0:
            raise AirflowFailedError(
                "Airflow 自身のデータベースを作れませんでした。ディスクの空きと、"
                f"{self.folder} に書けることを確かめてください。 / "
                f"The metadata database could not be made: check the disk and that {self.folder} can be"
                f" written.\n{self.log_tail('db')}"
            )
        stamp.write_text(version)

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = self._component_log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=() if self._lock is None else (self._lock,),
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _component_log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a component's own log."""
        path = self._component_log(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def check(self) -> None:
        """Raise AirflowFailedError, with the end of its log, if a process has ended by itself.

        Raises KeyboardInterrupt when this process was interrupted.
        """
        if _interrupted.is_set():
            raise KeyboardInterrupt
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise AirflowFailedError(
                    f"Airflow の {name} が止まりました（番号 {process.returncode}）。下の記録を見て、"
                    "もう一度実行してください。 / "
                    f"Airflow's {name} ended (code {process.returncode}); see below, and run again:"
                    f"\n{self.log_tail(name)}"
                )

    def _missing(self) -> str | None:
        """What is not ready yet, in words; None when everything is."""
        try:
            # The API for tasks builds itself on its first request, for seconds: no task should wait for that.
            self._request("/execution/health")
            health = self.get("monitor/health")
            errors = self.get("importErrors")["import_errors"]
            found = self.get("dags", limit=1)["total_entries"]
        except OSError:
            return "API server"
        if errors:
            traces = [
                f"{one['filename']} を読み込めません。 / {one['filename']} cannot be imported:"
                f"\n{one['stack_trace']}"
                for one in errors
            ]
            raise AirflowFailedError("\n".join(traces))
        parts = ("scheduler", "triggerer", "dag_processor")
        if unhealthy := [part for part in parts if health[part]["status"] != "healthy"]:
            return ", ".join(unhealthy)
        expected = len(dag_ids())
        return None if found >= expected else f"Dags ({found} of {expected})"

    def get(self, path: str, **query: Any) -> Any:
        """GET from Airflow's REST API; the decoded JSON.

        Raises: OSError when the API does not answer or refuses.
        """
        if self._token is None:
            self._token = self._request("/auth/token", {"username": USER, "password": password(self.home)})[
                "access_token"
            ]
        arguments = f"?{urllib.parse.urlencode(query, doseq=True)}" if query else ""
        return self._request(f"/api/v2/{path}{arguments}")

    def _request(self, path: str, body: dict[str, str] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(
            self.url + path, data=json.dumps(body).encode() if body else None, headers=headers
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=REQUEST_SECONDS) as answer:
            return json.load(answer)

    def _family(self) -> list[psutil.Process]:
        family: list[psutil.Process] = []
        for child in self._processes.values():
            try:
                parent = psutil.Process(child.pid)
                family += [parent, *parent.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return family

    def stop(self) -> None:
        """End every process, running tasks included, politely first. Safe to call twice."""
        family = self._family()
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for survivor in alive:
            try:
                survivor.kill()
            except psutil.NoSuchProcess:
                continue
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._release_lock()

    def __enter__(self) -> EmbeddedAirflow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def up(home: Home, airflow_port: int = 8080, pages_port: int = 8090) -> int:
    """Keep Airflow running with its UI, and the published pages served, until interrupted; the exit code.

    A port that is taken is replaced by a free one.
    """
    console = Console()
    with interruptible(), EmbeddedAirflow(home, _this_or_free(airflow_port)) as airflow:
        try:
            with console.status("Starting Airflow") as waiting:
                airflow.start(lambda what: waiting.update(f"Starting Airflow: waiting for {what}"))
            with serving(home, _this_or_free(pages_port)) as pages:
                console.print(f"Published pages  {pages}")
                console.print(f"Airflow          {airflow.url}  (user {USER}, password {password(home)})")
                console.print(
                    f"Inbox            {home.inbox}/<source>/   drop files here; Ctrl-C ends", soft_wrap=True
                )
                while True:
                    time.sleep(2)
                    airflow.check()
        except AirflowFailedError as error:
            console.print(str(error), style="red", highlight=False, markup=False)
            return 1
        except KeyboardInterrupt:
            console.print("Stopping")
            return 0

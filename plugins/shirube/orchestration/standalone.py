"""The embedded Airflow: SQLite and LocalExecutor below one data home, on this machine only.

For one machine and one person. It listens on 127.0.0.1, keeps its secrets in files of mode 0600, and sends
nothing anywhere. The production shape is Airflow's own deployment with the same Dags.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from shirube.home import HOME_VARIABLE, Home, project_root
from shirube.orchestration.assets import SCAN_SECONDS_VARIABLE

USER = "admin"
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
START_SECONDS = 180
STOP_SECONDS = 20


class AirflowFailedError(RuntimeError):
    """The embedded Airflow did not start, or one of its processes ended by itself."""


def airflow_environment(home: Home, port: int) -> dict[str, str]:
    """All settings of the embedded Airflow, as environment variables.

    Secrets are made once per home, in `airflow/secrets.json` (mode 0600).
    """
    folder = home.root / "airflow"
    keys = _secrets(folder)
    settings = {
        "core": {
            "dags_folder": str(project_root() / "dags"),
            "plugins_folder": str(project_root() / "plugins"),
            "load_examples": "False",
            "executor": "LocalExecutor",
            "parallelism": "2",
            "dags_are_paused_at_creation": "False",
            "fernet_key": keys["fernet_key"],
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": str(folder / "passwords.json"),
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{folder / 'airflow.db'}"},
        "logging": {"base_log_folder": str(folder / "logs"), "logging_level": "WARNING"},
        "api": {
            "host": "127.0.0.1",
            "port": str(port),
            "base_url": f"http://127.0.0.1:{port}",
            "workers": "1",
            "secret_key": keys["secret_key"],
        },
        "api_auth": {"jwt_secret": keys["jwt_secret"]},
        "dag_processor": {
            "parsing_processes": "1",
            "refresh_interval": "30",
            "min_file_process_interval": "60",
            "dag_bundle_config_list": json.dumps(
                [
                    {
                        "name": "shirube",
                        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                        "kwargs": {"path": str(project_root() / "dags"), "refresh_interval": 30},
                    }
                ]
            ),
        },
        "scheduler": {"scheduler_idle_sleep_time": "0.5", "enable_health_check": "False"},
        "usage_data_collection": {"enabled": "False"},
    }
    variables = {
        f"AIRFLOW__{section.upper()}__{option.upper()}": value
        for section, options in settings.items()
        for option, value in options.items()
    }
    return {
        # A variable of another Airflow on this machine must not reach into this one.
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        **variables,
        "AIRFLOW_HOME": str(folder),
        HOME_VARIABLE: str(home.root),
        SCAN_SECONDS_VARIABLE: os.environ.get(SCAN_SECONDS_VARIABLE, "1"),
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "no_proxy": "127.0.0.1,localhost",
    }


def _secrets(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "secrets.json"
    if not path.exists():
        import base64

        _write_private(
            path,
            {
                "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "secret_key": secrets.token_urlsafe(32),
                "jwt_secret": secrets.token_urlsafe(48),
                "password": secrets.token_urlsafe(12),
            },
        )
    keys: dict[str, str] = json.loads(path.read_text())
    # Airflow would make this file itself, readable by everyone.
    _write_private(folder / "passwords.json", {USER: keys["password"]})
    return keys


def _write_private(path: Path, content: dict[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(content, stream)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Linux only: let the kernel end this child when its parent is killed without a chance to clean up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class EmbeddedAirflow:
    """One Airflow with its four processes; a context manager that leaves no process behind.

    Args:
        home: the data home; Airflow keeps its own files in `<home>/airflow`.
        port: port of the API server and the UI, on 127.0.0.1; a free one if None.
    """

    def __init__(self, home: Home, port: int | None = None) -> None:
        self.home = home
        self.port = port or free_port()
        self.folder = home.root / "airflow"
        self._environment = airflow_environment(home, self.port)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token: str | None = None

    @property
    def url(self) -> str:
        """Address of the UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Password of the only user, `admin`."""
        keys: dict[str, str] = json.loads((self.folder / "secrets.json").read_text())
        return keys["password"]

    def start(self, waiting: Callable[[str], None] | None = None) -> None:
        """Start all processes and return when they are healthy and every Dag file was parsed.

        `waiting` is told, in a few words, what is being waited for.

        Raises: AirflowFailedError when a process ends or `START_SECONDS` pass; nothing is left running.
        """
        tell = waiting or (lambda _: None)
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
                        f"Airflow did not start in {START_SECONDS} s: waiting for {missing}"
                    )
                time.sleep(0.5)
        except BaseException:
            self.stop()
            raise

    def _migrate(self) -> None:
        version = importlib.metadata.version("apache-airflow")
        stamp = self.folder / "migrated"
        if stamp.exists() and stamp.read_text() == version:
            return
        done = self._spawn("db", ["db", "migrate"])
        if done.wait() != 0:
            raise AirflowFailedError(f"The metadata database could not be made:\n{self.log_tail('db')}")
        stamp.write_text(version)

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = self._component_log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _component_log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a component's own log."""
        path = self._component_log(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def check(self) -> None:
        """Raise AirflowFailedError, with the end of its log, if a process has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise AirflowFailedError(
                    f"Airflow's {name} ended (code {process.returncode}):\n{self.log_tail(name)}"
                )

    def _missing(self) -> str | None:
        """What is not ready yet, in words; None when everything is."""
        try:
            health = self.get("monitor/health")
            waiting = [
                part
                for part in ("scheduler", "triggerer", "dag_processor")
                if health[part]["status"] != "healthy"
            ]
            if waiting:
                return ", ".join(waiting)
            errors = self.get("importErrors")["import_errors"]
        except (OSError, urllib.error.URLError):
            return "API server"
        if errors:
            raise AirflowFailedError(
                "\n".join(
                    f"{error['filename']} cannot be imported:\n{error['stack_trace']}" for error in errors
                )
            )
        expected = len(self._expected_dags())
        found = self.get("dags", limit=1)["total_entries"]
        return None if found >= expected else f"Dags ({found} of {expected})"

    def _expected_dags(self) -> list[str]:
        from shirube.orchestration.assets import list_sources

        return [*(f"ingest_{source}" for source in list_sources()), "build", "share", "sweep"]

    def get(self, path: str, **query: Any) -> Any:
        """GET from Airflow's REST API; the decoded JSON.

        Raises: urllib.error.URLError (an OSError) when the API does not answer or refuses.
        """
        if self._token is None:
            self._token = self._request("/auth/token", {"username": USER, "password": self.password})[
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
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def peak_memory(self) -> int:
        """Resident memory of all processes now, in bytes, shared pages counted once (PSS where known)."""
        total = 0
        for process in self._family():
            try:
                facts = process.memory_full_info()
                total += getattr(facts, "pss", facts.rss)
            except psutil.Error:
                continue
        return total

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

    def __enter__(self) -> EmbeddedAirflow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

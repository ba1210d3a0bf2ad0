"""Settings of the embedded Airflow, and what can be known about the Dags without importing Airflow.

It listens on 127.0.0.1, keeps its secrets in files of mode 0600, and sends nothing anywhere.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from shirube import durable
from shirube.home import HOME_VARIABLE, Home, project_root

USER = "admin"
CONTRACT_ENDING = ".odcs.yaml"
SCAN_SECONDS_VARIABLE = "SHIRUBE_INBOX_SECONDS"
"""Environment variable: seconds between two scans of the inbox (default 5; the embedded Airflow takes 1)."""


def contracts_folder() -> Path:
    """Where the contracts of all sources are."""
    return project_root() / "expectations" / "sources"


def list_sources() -> list[str]:
    """Names of all sources, sorted, from the contracts' file names.

    The contracts themselves are not read: a Dag file is parsed every minute, and a contract with a mistake
    must fail in the task that uses it, with its message, not take every Dag away.

    Raises: FileNotFoundError if there is no contract: without this, Airflow would show no Dag and no reason.
    """
    folder, ending = contracts_folder(), CONTRACT_ENDING
    names = sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))
    if not names:
        from shirube.contracts.load import no_contract  # heavier than a Dag file should be, and rarely needed

        raise FileNotFoundError(no_contract(folder))
    return names


def dag_ids() -> list[str]:
    """Ids of all Dags of the project."""
    return [*(f"ingest_{source}" for source in list_sources()), "build", "share", "sweep"]


def is_shared(home: Home) -> bool:
    """Whether the current release has its pages: their list is in the folder that is put in place last."""
    return (home.current / "reports" / "index.json").exists()


def airflow_folder(home: Home) -> Path:
    """Where the embedded Airflow keeps its database, logs and secrets."""
    return home.root / "airflow"


def password(home: Home) -> str:
    """Password of the only user, `admin`; made on first use."""
    return _secrets(airflow_folder(home))["password"]


def airflow_environment(home: Home, port: int) -> dict[str, str]:
    """All settings of the embedded Airflow, as environment variables.

    Secrets are made once per home, in `airflow/secrets.json` (mode 0600).
    """
    folder = airflow_folder(home)
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
        # The worker looks for a task's end this often (default 5 s, longer than most of our tasks take), and
        # the API server's first answer can take longer than the default of 5 s on a small machine.
        "workers": {"min_heartbeat_interval": "1", "execution_api_timeout": "60"},
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
    with durable.replacing(path, durable.PRIVATE) as handle:
        handle.write(json.dumps(content).encode())

"""The embedded Airflow keeps to this machine, keeps its secrets, and sends nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from shirube.home import Home
from shirube.orchestration.settings import airflow_environment, airflow_folder, is_shared, password
from shirube.orchestration.standalone import free_port


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "データ home")


def test_it_listens_on_this_machine_only(home: Home) -> None:
    settings = airflow_environment(home, 18080)
    assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert settings["AIRFLOW__API__PORT"] == "18080"
    for name in ("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"):
        assert urlsplit(settings[name]).netloc == "127.0.0.1:18080"


def test_it_sends_nothing_and_loads_nothing_foreign(home: Home) -> None:
    settings = airflow_environment(home, 1)
    assert settings["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert settings["SCARF_ANALYTICS"] == "false"
    assert settings["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert settings["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"


def test_settings_of_another_airflow_do_not_reach_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgresql://production")
    settings = airflow_environment(home, 1)
    assert "production" not in json.dumps({k: v for k, v in settings.items() if k.startswith("AIRFLOW")})
    assert settings["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert settings["AIRFLOW_HOME"] == str(airflow_folder(home))


def test_secrets_are_private_random_and_kept(home: Home, tmp_path: Path) -> None:
    first, again = airflow_environment(home, 1), airflow_environment(home, 2)
    other = airflow_environment(Home.resolve(tmp_path / "other"), 1)
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert len(first[name]) >= 32
        assert first[name] == again[name] != other[name]
    files = sorted(airflow_folder(home).glob("*.json"))
    assert [file.name for file in files] == ["passwords.json", "secrets.json"]
    assert not list(airflow_folder(home).glob(".*.tmp"))
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(files[0].read_text()) == {"admin": password(home)}
    assert len(password(home)) >= 12


def test_a_release_is_shared_when_its_last_folder_is_in_place(home: Home) -> None:
    release = home.releases / "2026-10-31-aaaaaaaaaa"
    for name in ("docs/catalogue/index.html", "reports/index.html"):
        (release / name).parent.mkdir(parents=True)
        (release / name).touch()
    home.current.symlink_to(release.name)
    assert not is_shared(home)  # killed between docs and reports
    (release / "reports" / "index.json").touch()
    assert is_shared(home)


def test_free_port_can_be_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))

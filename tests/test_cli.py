"""The command at the keyboard: what a person can mend is told in words, and a typo leaves nothing behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import pytest
from shirube import cli, landing
from shirube.contracts import ContractError
from shirube.home import HOME_VARIABLE, Home
from shirube.ledger import Ledger
from typer.testing import CliRunner, Result

from tests.landing.deliveries import calls, deliver


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "--json"],
        ["rollback"],
        ["recall", "0" * 12],
        ["audit"],
        ["publish"],
        ["share"],
        ["replay", "all"],
    ],
)
def test_a_typo_makes_no_data_home(tmp_path: Path, words: list[str]) -> None:
    result = run(*words, "--home", tmp_path / "typo")
    assert result.exit_code == 1 and f"There is no data home at {tmp_path / 'typo'}." in result.stderr
    assert isinstance(result.exception, SystemExit) and not any(tmp_path.iterdir())


def test_check_needs_no_data_home_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "crm_call_20251103.csv"
    file.write_text(calls([1]))
    assert run("check", file, "--source", "crm_call").exit_code == 0
    assert list(tmp_path.iterdir()) == [file]


def test_a_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_text("")
    for words in (["land"], ["status"], ["run"]):
        result = run(*words, "--home", file)
        assert (
            result.exit_code == 1 and isinstance(result.exception, SystemExit) and str(file) in result.stderr
        )


def test_a_newer_ledger_is_told(tmp_path: Path) -> None:
    home = Home.resolve(tmp_path)
    with Ledger(home):
        pass
    with sqlite3.connect(home.ledger_file) as connection:
        connection.execute("pragma user_version = 99")
    for command in ("status", "land"):
        result = run(command, "--home", tmp_path)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
        assert "newer version" in result.stderr


@pytest.mark.parametrize(
    "error",
    [
        ContractError(["x.odcs.yaml:3: wrong [here]"]),
        PermissionError(13, "Permission denied [here]", "/x"),
        sqlite3.OperationalError("database is locked [here]"),
        duckdb.IOException("no file [here]"),
    ],
)
def test_what_a_person_can_mend_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(landing, "land", failing)
    result = run("land", "--home", tmp_path)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "[here]" in result.stderr and "Traceback" not in result.output


def test_a_fault_of_the_program_keeps_its_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise KeyError("rows")

    monkeypatch.setattr(landing, "land", failing)
    assert isinstance(run("land", "--home", tmp_path).exception, KeyError)


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    home = Home.resolve(tmp_path)
    deliver(home, "crm_call", "[draft] calls [red] :smile: 20251103.csv", calls([1]))
    deliver(home, "crm_call", "[bold]empty[/] 20251104.csv", b"")
    (home.inbox / "[lost].csv").write_text("")
    landed = run("land", "--home", tmp_path)
    assert landed.exit_code == 0
    assert "[draft] calls [red] :smile: 20251103.csv" in landed.output
    assert "crm_call/[bold]empty[/] 20251104.csv" in landed.output and "[lost].csv" in landed.output
    told = run("status", "--home", tmp_path)
    assert "[lost].csv" in told.output and "[bold]" in told.output


def test_what_was_landed_is_told_although_one_file_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise landing.LandingError(["crm_call/x.csv: gone"], landing.LandResult(known_files=7))

    monkeypatch.setattr(landing, "land", failing)
    result = run("land", "--home", tmp_path)
    assert result.exit_code == 1 and "7 files known already" in result.stdout and "gone" in result.stderr

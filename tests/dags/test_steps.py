"""What the tasks call: which failures are worth a retry, when there is nothing to do, what is reported."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shirube.landing
import shirube.warehouse
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from shirube.home import HOME_VARIABLE, Home
from shirube.landing import BatchOutcome, LandingError, LandResult
from shirube.landing.locks import landing_source
from shirube.ledger import Ledger, Pending
from shirube.orchestration import journal as journal_module
from shirube.orchestration import steps
from shirube.orchestration.journal import Journal, journal_file, read_events


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return Home.resolve()


def landing_that(action: Callable[[], LandResult]) -> Callable[..., LandResult]:
    def land(home: Home, source: str, progress: Any, contracts: Any) -> LandResult:
        assert list(contracts) == [source]
        return action()

    return land


def raising(error: Exception) -> Callable[[], LandResult]:
    def action() -> LandResult:
        raise error

    return action


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError("database is locked")],
)
def test_what_may_pass_by_itself_is_retried(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(shirube.landing, "land", landing_that(raising(error)))
    with pytest.raises(type(error)):
        steps.land_source("crm_call")
    assert [event["event"] for event in read_events(home)[0]] == ["step_started", "step_retried"]


@pytest.mark.parametrize("error", [ValueError("contract x, line 3"), FileNotFoundError("no such file")])
def test_what_comes_out_the_same_again_fails_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(shirube.landing, "land", landing_that(raising(error)))
    with pytest.raises(AirflowFailException, match=type(error).__name__):
        steps.land_source("crm_call")
    events = read_events(home)[0]
    assert [event["event"] for event in events] == ["step_started", "step_failed"]
    assert str(error.args[0]) in events[-1]["error"]


def test_landing_nothing_new_is_a_skip(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shirube.landing, "land", landing_that(LandResult))
    with pytest.raises(AirflowSkipException, match="known already"):
        steps.land_source("crm_call")
    assert [event["event"] for event in read_events(home)[0]] == ["step_started", "step_skipped"]


def outcome(name: str) -> BatchOutcome:
    return BatchOutcome(name, f"{name}-1", "crm_call", f"{name}.csv", "landed", 3, 3, 0, 0.1)


FAULT = "crm_call/bad.csv: KeyError in intake.py:12"


def partly(*landed: str) -> Callable[[], LandResult]:
    """Landing that decided these files, hit a fault of the program in another and could not read a third."""
    result = LandResult(new_batches=[outcome(name) for name in landed], unreadable=["crm_call/locked.csv"])
    return raising(LandingError([FAULT], result))


def test_what_was_landed_is_handed_on_and_what_was_left_fails_after_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shirube.landing, "land", landing_that(partly("a", "b")))
    left = steps.land_source("crm_call")
    assert left == [FAULT, "crm_call/locked.csv: 読めません / cannot be read"]
    with pytest.raises(AirflowFailException, match=r"bad\.csv: KeyError[^$]*locked\.csv"):
        steps.report_left(left, "crm_call")
    assert [event["event"] for event in read_events(home)[0]] == [
        *("step_started", "step_finished", "step_started", "step_failed")
    ]


def test_nothing_new_because_of_files_that_cannot_be_read_is_a_failure(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shirube.landing, "land", landing_that(partly()))
    with pytest.raises(AirflowFailException, match=r"locked\.csv"):
        steps.land_source("crm_call")
    unreadable = LandResult(unreadable=["crm_call/locked.csv"], known_files=3)
    monkeypatch.setattr(shirube.landing, "land", landing_that(lambda: unreadable))
    with pytest.raises(AirflowFailException, match=r"locked\.csv: 読めません / cannot be read"):
        steps.land_source("crm_call")


def test_a_file_that_is_still_open_is_not_called_known(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    growing = LandResult(unfinished=["crm_call/big.csv"], known_files=3)
    monkeypatch.setattr(shirube.landing, "land", landing_that(lambda: growing))
    with pytest.raises(AirflowSkipException, match=r"still being written: crm_call/big\.csv"):
        steps.land_source("crm_call")


def test_the_sweep_asks_for_a_build_of_what_landed_whatever_else_failed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep(home: Home, progress: Any) -> LandResult:
        return partly("a")()

    monkeypatch.setattr(shirube.landing, "land", sweep)
    with pytest.raises(AirflowFailException, match=r"bad\.csv"):
        steps.land_missed()
    waiting = Pending((), (object(),))  # type: ignore[arg-type]
    monkeypatch.setattr(Ledger, "pending", lambda ledger: waiting)
    assert steps.land_missed()[0] == FAULT


def test_the_sweep_asks_for_a_build_when_the_list_of_stopped_physicians_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shirube.landing, "land", lambda home, progress: LandResult())
    monkeypatch.setattr(shirube.warehouse, "is_list_built", lambda home: False)
    assert steps.land_missed() == []
    monkeypatch.setattr(shirube.warehouse, "is_list_built", lambda home: True)
    with pytest.raises(AirflowSkipException):
        steps.land_missed()


def test_an_empty_home_has_nothing_to_build_sweep_or_share(home: Home) -> None:
    for step in (steps.build_pending, steps.land_missed, steps.share_missed):
        with pytest.raises(AirflowSkipException):
            step()


def test_build_waits_for_files_that_are_not_landed_but_not_for_ever(home: Home) -> None:
    now = datetime.now(UTC)
    assert steps.is_inbox_landed(waiting_since=now)
    file = home.inbox / "crm_user" / "crm_user_20251103T0100.csv"
    file.parent.mkdir(parents=True)
    file.write_text("Id\n", encoding="utf-8")
    assert not steps.is_inbox_landed(waiting_since=now)
    assert steps.is_inbox_landed(waiting_since=now - steps.SETTLE_LIMIT - timedelta(seconds=1))
    file.rename(file.with_name("crm_user_20251103T0100.csv.part"))
    assert steps.is_inbox_landed(waiting_since=now)
    with landing_source(home, "crm_call"):
        assert not steps.is_inbox_landed(waiting_since=now)
    assert steps.is_inbox_landed(waiting_since=now)


def test_journal_lines_are_whole_and_read_once(home: Home) -> None:
    Journal(home, "land", source="crm_call")("file_landed", {"file_name": "訪問.csv", "rows": 3})
    events, offset = read_events(home)
    assert [(event["step"], event["source"], event["file_name"], event["rows"]) for event in events] == [
        ("land", "crm_call", "訪問.csv", 3)
    ]
    with journal_file(home).open("ab") as stream:
        stream.write(b'{"at": 1, "event": "half')
    assert read_events(home, offset) == ([], offset)
    assert journal_file(home).stat().st_mode & 0o777 == 0o600


def test_the_journal_does_not_grow_for_ever(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "LIMIT_BYTES", 200)
    _, offset = read_events(home)
    for number in range(20):
        Journal(home, "land")("file_landed", {"rows": number})
        events, offset = read_events(home, offset)
        assert [event["rows"] for event in events] == [number]
    files = sorted(journal_file(home).parent.iterdir())
    assert [file.name for file in files] == ["journal.1.jsonl", "journal.jsonl"]
    assert sum(file.stat().st_size for file in files) < 600

"""`status`: the same for the same ledger, and it says what to do next."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from shirube.contracts import SourceContract, load_contracts
from shirube.home import Home
from shirube.landing import land
from shirube.ledger import Ledger
from shirube.release.manifest import SCHEMA_VERSION
from shirube.status import render, status
from shirube.stopped import STOPPED_FILE, export_stopped

from tests.landing.deliveries import accounts, calls, deliver

Contracts = dict[str, SourceContract]


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "home")


def shown(facts: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=220)
    console.print(render(facts))
    return console.file.getvalue()  # type: ignore[attr-defined]


def of(facts: dict[str, Any], source: str) -> dict[str, Any]:
    return next(one for one in facts["sources"] if one["source"] == source)


def test_an_empty_home(home: Home, contracts: Contracts) -> None:
    facts = status(home)
    assert [one["source"] for one in facts["sources"]] == sorted(contracts) and len(contracts) >= 16
    assert facts["as_of"] is facts["current_release"] is None
    assert of(facts, "crm_call")["next_ja"] == "まだ届いていません"
    assert "shirube run" in shown(facts)


def test_counts_reasons_and_freshness(home: Home) -> None:
    deliver(home, "crm_call", "crm_call_20251001T0000.csv", calls([1, 2, 3], bad_dates=(2,)))
    deliver(home, "crm_account", "crm_account_20251103T0000.csv", accounts([1, 2]))
    deliver(home, "crm_account", "crm_account_20251104T0000.csv", b"")
    deliver(home, "crm_cal", "typo.csv", calls([1]))
    land(home)
    deliver(home, "crm_call", "crm_call_20251110T0000.csv", calls([4]))
    facts = status(home)
    assert facts == status(home) and json.dumps(facts, default=str)
    call, account = of(facts, "crm_call"), of(facts, "crm_account")
    assert (call["files"], call["rows"], call["quarantined_rows"]) == (1, 2, 1)
    assert call["quarantined_by_reason"] == {"bad_date": 1} and call["last_reason"] == "bad_date"
    assert (account["files"], account["rows"], account["quarantined_files"]) == (1, 2, 1)
    assert facts["as_of"] == "2025-11-03"
    assert call["age_hours"] == 33 * 24 and call["is_late"] and account["age_hours"] == 0
    assert call["files_waiting"] == 1 and call["next_ja"] == "shirube land -s crm_call"
    assert account["next_en"] == "look at the quarantined files"
    assert facts["unknown_folders"] == ["crm_cal"]
    assert [(one["is_whole_file"], one["rows"]) for one in facts["quarantine"]] == [(True, 0), (False, 1)]
    text = shown(facts)
    assert "crm_cal.odcs.yaml" in text and "bad_date" in text and "2025-13-45" not in text
    # A code tells an operator nothing; what to do about it stands once, in Japanese.
    flat = "".join(text.split())
    assert flat.count("送り手に直した行の再送を頼んでください。:bad_date") == 1


def test_the_list_of_stopped_physicians_is_counted_and_never_named(home: Home) -> None:
    assert status(home)["stopped"]["listed"] == 0
    file = home.vault / STOPPED_FILE
    home.vault.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text("StoppedOne12\nStoppedTwo12\n")
    assert status(home)["stopped"] == {
        "listed": 2, "left_out": 0, "unknown": 0, "is_built": True, "problem": None,
    }  # fmt: skip
    built = home.warehouse / "builds" / "2026-10-31-aaaaaaaaaa"
    (built / "ledger").mkdir(parents=True)
    (built / "warehouse.duckdb").touch()
    facts = {"release_id": built.name, "as_of": "2026-10-31", "config_version": "c", "models": []}
    (built / "build.json").write_text(json.dumps(facts))
    (home.warehouse / "last").write_text(built.name)
    text = shown(status(home))
    assert "利用停止の一覧が変わりました" in text and "StoppedOne12" not in text
    export_stopped(built / "ledger", ["StoppedOne12", "StoppedTwo12"])
    (built / "build.json").write_text(json.dumps(facts | {"left_out": {"physicians": 1, "unknown": 1}}))
    told = status(home)
    assert (told["stopped"]["left_out"], told["stopped"]["unknown"]) == (1, 1)
    assert "1 件は、どの記録にもない" in shown(told)
    file.unlink()
    lost = status(home)
    assert lost["stopped"]["problem"] and "put it back" in shown(lost) and "組み立てられません" in shown(lost)
    file.touch(mode=0o600)
    assert "利用停止の一覧が変わりました" in shown(status(home)), "an empty list is one that was meant"
    file.write_text("標 太郎\n")
    text = shown(status(home))
    assert "読めないので" in text and "太郎" not in text


def test_a_changed_contract_and_a_release_are_seen(home: Home, contracts: Contracts) -> None:
    deliver(home, "crm_call", "crm_call_20251001T0000.csv", calls([1]))
    (outcome,) = land(home).new_batches
    assert of(status(home), "crm_call")["files_unreleased"] == 1
    with Ledger(home) as ledger:
        ledger.record_release("2025-10-01-aaaaaaaaaa", date(2025, 10, 1), "published", [outcome.landing_id])
    (home.releases / "2025-10-01-aaaaaaaaaa").mkdir()
    home.current.symlink_to("2025-10-01-aaaaaaaaaa")
    facts = status(home)
    assert (
        facts["current_release"] == "2025-10-01-aaaaaaaaaa" and facts["current_release_status"] == "published"
    )
    assert of(facts, "crm_call")["files_unreleased"] == 0 and facts["is_everything_released"]
    (hint,) = facts["next"]
    assert "expected, value: false" in hint["ja"], "what never came is late, or not there to come"
    has_only_calls = {
        name: replace(contract, is_expected=name == "crm_call") for name, contract in contracts.items()
    }
    assert status(home, contracts=has_only_calls)["next"] == []
    mended = {**contracts, "crm_call": replace(contracts["crm_call"], null_values=("x",))}
    changed = status(home, contracts=mended)
    assert of(changed, "crm_call")["contract_changed"] == 1
    assert of(changed, "crm_call")["next_ja"] == "shirube replay all -s crm_call"
    assert "replay all" in shown(changed)


def test_what_a_release_withholds_is_told_with_its_reason(home: Home) -> None:
    """The person on call looks here first: what readers do not see, and why."""
    assert status(home)["not_as_built"] == []
    release = home.releases / "2025-11-03-abc"
    release.mkdir()
    marts = [
        {"name": "mart_cx", "status": "published", "reason_ja": None, "reason_en": None},
        {"name": "mart_journey", "status": "withheld", "reason_ja": "点検", "reason_en": "a check [x]"},
    ]
    home.current.symlink_to(release.name)
    assert [one["status"] for one in status(home)["not_as_built"]] == ["unreadable"]
    manifest = {"schema_version": SCHEMA_VERSION, "release_id": release.name, "marts": marts}
    (release / "manifest.json").write_text(json.dumps(manifest))
    facts = status(home)
    assert facts["not_as_built"] == [marts[1]]
    assert "mart_journey" in shown(facts) and "a check [x]" in shown(facts) and "mart_cx" not in shown(facts)
    assert "くわしくは" not in shown(facts), "no way to a page that is not there"
    docs = release / "docs" / "data_docs"
    docs.mkdir(parents=True)
    (docs / "marts.mart_journey.html").write_text("")
    assert "data_docs/marts.mart_journey.html" in "".join(shown(facts).split())

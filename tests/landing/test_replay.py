"""Replays: a mended contract applied to what was received before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shirube import vault
from shirube.contracts import SourceContract
from shirube.home import Home
from shirube.landing import LandingError, land, replay
from shirube.ledger import Ledger, LedgerError, Sighting

from tests.landing.deliveries import accounts, calls, deliver, lake_rows, physicians, result_of

Contracts = dict[str, SourceContract]


def test_a_renamed_column_is_replayed_after_the_alias_is_added(home: Home, contracts: Contracts) -> None:
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians(["00000001"]))
    file = deliver(
        home, "dcf_physician", "DCF_PHYSICIAN_20251201.csv", physicians(["00000001"], header="医者番号")
    )
    refused = next(
        outcome for outcome in land(home, contracts=contracts).new_batches if outcome.state == "quarantined"
    )
    assert refused.reason_code == "unknown_columns" and "医者番号" in (refused.message_ja or "")
    folder = home.quarantine / "dcf_physician" / refused.batch_id
    assert folder.exists()
    assert replay(home, refused.batch_id, contracts=contracts).new_batches[0].state == "quarantined"

    file.unlink()  # the copy in the vault is enough
    mended = _with_alias(contracts, "dcf_physician", "physician_code", "医者番号")
    (outcome,) = replay(home, refused.batch_id, contracts=mended).new_batches
    assert (outcome.state, outcome.rows_landed) == ("landed", 1)
    assert outcome.landing_id != refused.landing_id and outcome.batch_id == refused.batch_id
    assert not folder.exists()
    with Ledger(home) as ledger:
        batch = ledger.batch(refused.batch_id)
        assert (batch.state, batch.landing_id, batch.reason_code) == ("landed", outcome.landing_id, None)
        assert ledger.reasons() == []
    once = result_of(home, mended)
    assert replay(home, refused.batch_id, contracts=mended).rows_landed == 1
    assert result_of(home, mended) == once


def test_all_replays_only_what_was_landed_under_another_contract(home: Home, contracts: Contracts) -> None:
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians(["00000001"]))
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1, 2]))
    land(home, contracts=contracts)
    assert replay(home, "all", contracts=contracts).new_batches == []
    mended = _with_alias(contracts, "crm_call", "id", "Identifier")
    before = lake_rows(home, "crm_call")
    assert replay(home, "all", source="dcf_physician", contracts=mended).new_batches == []
    (outcome,) = replay(home, "all", contracts=mended).new_batches
    assert outcome.source == "crm_call" and lake_rows(home, "crm_call") == before
    assert sorted(file.stem for file in (home.lake / "crm_call").glob("*.parquet")) == sorted(
        ["00000000-schema", outcome.landing_id]
    )
    assert replay(home, "all", contracts=mended).new_batches == []


def test_a_changed_name_pattern_is_read_again(home: Home, contracts: Contracts) -> None:
    deliver(home, "crm_call", "calls of 2025 week 45 as 03.11.2025.csv", calls([1]))
    (outcome,) = land(home, contracts=contracts).new_batches
    pattern = r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})"
    mended = {**contracts, "crm_call": replace(contracts["crm_call"], delivered_at_pattern=pattern)}
    replay(home, outcome.batch_id, contracts=mended)
    with Ledger(home) as ledger:
        assert ledger.batch(outcome.batch_id).delivered_at.date().isoformat() == "2025-11-03"


def test_what_cannot_be_replayed_is_said(home: Home, contracts: Contracts) -> None:
    with pytest.raises(LedgerError, match="nonsense"):
        replay(home, "nonsense", contracts=contracts)
    with pytest.raises(LookupError, match="no_source"):
        replay(home, "all", source="no_source", contracts=contracts)
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    (outcome,) = land(home, contracts=contracts).new_batches
    with Ledger(home) as ledger:
        vault.received_file(home, "crm_call", ledger.batch(outcome.batch_id).content_hash).unlink()
    with pytest.raises(LandingError, match="deliver the file again"):
        replay(home, outcome.batch_id, contracts=contracts)


def test_a_copy_that_is_gone_keeps_no_other_batch_from_its_replay(home: Home, contracts: Contracts) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, "crm_call", "crm_call_20251104.csv", calls([2]))
    gone, _ = land(home, contracts=contracts).new_batches
    changed = {**contracts, "crm_call": replace(contracts["crm_call"], null_values=("空",))}
    with Ledger(home) as ledger:
        vault.received_file(home, "crm_call", ledger.batch(gone.batch_id).content_hash).unlink()
    with pytest.raises(LandingError, match=gone.batch_id) as caught:
        replay(home, "all", contracts=changed)
    assert len(caught.value.result.new_batches) == 1
    assert len(lake_rows(home, "crm_call")) == 2


def test_a_received_copy_that_is_gone_costs_its_own_batch_only(home: Home, contracts: Contracts) -> None:
    with Ledger(home) as ledger:
        lost = Sighting("crm_call_20251101.csv", None, None)
        batch_id, _ = ledger.register(
            "crm_call", "0" * 64, 9, lost, inbox_path="crm_call/lost.csv", mtime_ns=1
        )
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1]))
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians(["00000001"]))
    with pytest.raises(LandingError, match="deliver the file again") as caught:
        land(home, contracts=contracts)
    assert batch_id in str(caught.value)
    landed = [outcome.source for outcome in caught.value.result.new_batches]
    assert landed == ["crm_account", "crm_call", "dcf_physician"]
    assert caught.value.result.rows_landed == 3
    with Ledger(home) as ledger:
        assert [batch.batch_id for batch in ledger.batches(state="received")] == [batch_id]


def _with_alias(contracts: Contracts, source: str, column: str, alias: str) -> Contracts:
    contract = contracts[source]
    columns = tuple(
        replace(one, aliases=(*one.aliases, alias)) if one.name == column else one for one in contract.columns
    )
    return {**contracts, source: replace(contract, columns=columns)}

"""Landing: conservation, idempotence, privacy, and every kind of bad delivery."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from collections.abc import Callable
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rich.console import Console
from shirube import vault
from shirube.contracts import ContractError, SourceContract
from shirube.home import Home, project_root
from shirube.keys import load_key
from shirube.landing import check, land
from shirube.landing.check import render
from shirube.landing.land import SCHEMA_FILE
from shirube.ledger import Ledger
from shirube.status import status

from tests.landing.deliveries import (
    COMMENT,
    EMAIL,
    KANA,
    NAME,
    accounts,
    calls,
    deliver,
    lake_rows,
    physicians,
    result_of,
)

Contracts = dict[str, SourceContract]
NewHome = Callable[[str], Home]

PHASES = (Phase.explicit, Phase.generate)
"""Without shrinking: an example here is two whole landings, and the first failing one is small already."""


def test_a_file_becomes_rows_counts_and_reasons(home: Home, contracts: Contracts) -> None:
    file = deliver(home, "crm_call", "crm_call_20251103T0100.csv", calls([1, 2, 3, 4, 5], bad_dates=(2, 4)))
    before = file.stat()
    events: list[tuple[str, dict[str, Any]]] = []
    result = land(home, progress=lambda event, facts: events.append((event, facts)))
    (outcome,) = result.new_batches
    assert (outcome.rows_in, outcome.rows_landed, outcome.rows_quarantined) == (5, 3, 2)
    assert [event for event, _ in events] == ["file_started", "file_landed"]
    assert events[1][1]["rows"] == 3 and events[1][1]["quarantined"] == 2
    assert file.stat().st_mtime_ns == before.st_mtime_ns and file.read_text() != ""

    (batch,) = _batches(home)
    assert batch.landing_id == f"{batch.batch_id}-{contracts['crm_call'].landing_fingerprint[:8]}"
    assert batch.delivered_at.isoformat() == "2025-11-03T01:00:00"
    assert str(batch.event_min_on) == "2025-10-02" and str(batch.event_max_on) == "2025-10-06"

    table = pq.read_table(home.lake / "crm_call" / f"{batch.landing_id}.parquet")
    assert table.schema.equals(contracts["crm_call"].lake_schema())
    assert table.column("_row_number").to_pylist() == [2, 6, 10]  # a comment spans two lines
    assert set(table.column("_landing_id").to_pylist()) == {batch.landing_id}
    assert json.loads(table.column("_extra")[0].as_py()) == {"Ward__c": "3F"}

    folder = home.quarantine / "crm_call" / batch.batch_id
    rows = pq.read_table(folder / "rows.parquet").to_pylist()
    assert [(row["row_number"], row["column"], row["reason_code"]) for row in rows] == [
        (4, "call_date", "bad_date"),
        (8, "call_date", "bad_date"),
    ]
    page = (folder / "reasons.md").read_text()
    assert "`bad_date` | call_date | 2 | 4, 8" in page and "2025-13-45" not in page


def test_every_source_can_be_read_before_anything_arrived(home: Home, contracts: Contracts) -> None:
    result = land(home)
    assert result.new_batches == [] and len(contracts) >= 16
    for name, contract in contracts.items():
        table = pq.read_table(home.lake / name / SCHEMA_FILE)
        assert table.num_rows == 0 and table.schema.equals(contract.lake_schema())


def test_landing_again_changes_nothing(home: Home, contracts: Contracts) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1, 2], bad_dates=(2,)))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1, 2]))
    land(home)
    before = result_of(home, contracts)
    events: list[str] = []
    again = land(home, progress=lambda event, facts: events.append(event))
    assert again.new_batches == [] and again.known_files == 2 and events == ["files_known", "files_known"]
    for file in home.inbox.rglob("*.csv"):
        file.touch()
    touched = land(home)
    assert touched.new_batches == [] and touched.known_files == 2
    assert result_of(home, contracts) == before
    assert before.lake and before.quarantine and before.identifiers


@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES
)
@given(
    data=st.lists(
        st.tuples(
            st.sampled_from(["crm_call", "crm_account"]), st.lists(st.integers(1, 30), min_size=1, max_size=6)
        ),
        min_size=1,
        max_size=5,
    ),
    seed=st.integers(0, 2**16),
)
def test_shuffled_and_repeated_deliveries_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    contracts: Contracts,
    data: list[tuple[str, list[int]]],
    seed: int,
) -> None:
    files = [
        (source, f"{source}_2025{1 + index:02d}03.csv", _content(source, numbers))
        for index, (source, numbers) in enumerate(data)
    ]
    rng = random.Random(seed)
    root = tmp_path_factory.mktemp("order")
    straight, shuffled = Home.resolve(root / "straight"), Home.resolve(root / "shuffled")
    for file in files:
        deliver(straight, *file)
    land(straight)
    repeated = [*files, *rng.choices(files, k=2)]
    rng.shuffle(repeated)
    for number, (source, name, content) in enumerate(repeated):
        deliver(shuffled, source, name, content)
        if number % 2:
            land(shuffled)
    land(shuffled)
    one, other = result_of(straight, contracts), result_of(shuffled, contracts)
    assert one == other
    batches = _batches(straight)
    assert len(batches) == len({(source, content) for source, _, content in files})
    assert sum(batch.rows_in for batch in batches) == sum(
        len(numbers) for numbers in {(source, tuple(numbers)): numbers for source, numbers in data}.values()
    )
    assert all(batch.rows_in == batch.rows_landed + batch.rows_quarantined for batch in batches)


@settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES
)
@given(
    numbers=st.lists(st.integers(1, 500), min_size=2, max_size=20, unique=True),
    cuts=st.lists(st.integers(1, 19), max_size=3),
)
def test_a_delivery_split_into_several_files_lands_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], cuts: list[int]
) -> None:
    root = tmp_path_factory.mktemp("split")
    whole, split = Home.resolve(root / "whole"), Home.resolve(root / "split")
    deliver(whole, "crm_call", "crm_call_20251103.csv", _content("crm_call", numbers))
    edges = sorted({0, len(numbers), *(cut for cut in cuts if cut < len(numbers))})
    for start, end in pairwise(edges):
        deliver(split, "crm_call", f"{start}/crm_call_20251103.csv", _content("crm_call", numbers[start:end]))
    land(whole)
    land(split)
    assert lake_rows(whole, "crm_call") == lake_rows(split, "crm_call")
    totals = [
        (sum(b.rows_in for b in _batches(one)), sum(b.rows_quarantined for b in _batches(one)))
        for one in (whole, split)
    ]
    assert totals[0] == totals[1] == (len(numbers), sum(number % 7 == 0 for number in numbers))


def test_the_same_content_under_a_later_name_is_only_seen_again(home: Home, contracts: Contracts) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    land(home)
    deliver(home, "crm_call", "resent/crm_call_20251201.csv", calls([1]))
    result = land(home)
    assert result.new_batches == [] and result.known_files == 2
    (batch,) = _batches(home)
    assert batch.delivered_at.date().isoformat() == "2025-12-01"


def test_an_unchanged_master_is_one_batch_delivered_on_each_day(home: Home, contracts: Contracts) -> None:
    for name in ("DCF_PHYSICIAN_20251101.csv", "DCF_PHYSICIAN_20251201.csv", "DCF_PHYSICIAN_20260101.csv"):
        deliver(home, "dcf_physician", name, physicians(["00000001"]))
    assert len(land(home).new_batches) == 1
    result_of(home, contracts)
    seen = pq.read_table(home.warehouse / "ledger" / "sighting.parquet")
    assert [str(day) for day in seen.column("delivered_on").to_pylist()] == [
        "2025-11-01",
        "2025-12-01",
        "2026-01-01",
    ]


def test_no_identifier_leaves_the_vault(
    home: Home, contracts: Contracts, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1, 2, 3], bad=(3,)))
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1, 2], bad_dates=(1,)))
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians(["00000001"]))
    deliver(
        home,
        "dcf_physician",
        "DCF_PHYSICIAN_20251201.csv",
        b"\r\n".join(physicians(["00000001"]).split(b"\r\n")[1:]),
    )
    facts: list[object] = []
    result = land(home, progress=lambda event, fact: facts.append((event, fact)))
    result_of(home, contracts)
    assert len(result.new_batches) == 4
    print(result.summary(), facts)
    said = capsys.readouterr()
    needles = [NAME, KANA, EMAIL, COMMENT, "ｶｸｳｻﾞﾜﾘﾝﾀﾛｳ"]
    outside = [file for file in home.root.rglob("*") if file.is_file() and not _is_private(home, file)]
    assert len(outside) > 20
    for file in outside:
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += json.dumps(pq.read_table(file).to_pylist(), ensure_ascii=False, default=str).encode()
        assert not [needle for needle in needles if needle.encode() in content], file
        assert not [needle for needle in needles if needle.encode("cp932") in content], file
    assert not [needle for needle in needles if needle in said.out + said.err]

    tokens = [row["last_name_token"] for row in lake_rows(home, "crm_account")]
    assert len(set(tokens)) == 1 and tokens[0].startswith("t1.")
    assert vault.reveal(home, tokens, "name") == {tokens[0]: NAME}
    assert {row["name_kanji_token"] for row in lake_rows(home, "dcf_physician")} == set(tokens)
    assert lake_rows(home, "dcf_physician")[0]["birth_date_token"] == load_key(home).token(
        "birth_date", "1970-06-12"
    )


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("crm_call", "Next_Call_Notes_vod__c"),
        ("crm_call", "Attendees_vod__c"),
        ("crm_account", "Fax_Number_vod__c"),
        ("crm_account", "Home_Address__pc"),
    ],
)
def test_a_standard_column_nobody_declared_is_ignored_and_told(home: Home, source: str, column: str) -> None:
    """The company's own columns are passed through in clear; the vendor's may hold names and free text."""
    content = {"crm_call": calls([1]).replace("その1", ""), "crm_account": accounts([1])}[source]
    header, row = content.rstrip("\n").replace('\n"', '"').split("\n")
    file = deliver(home, source, f"{source}_20251103.csv", f"{header},{column},Own__c\n{row},{NAME},7\n")
    told = check(home, file, source)
    assert told.ignored == [column] and "Own__c" in told.passed_through
    (outcome,) = land(home).new_batches
    assert outcome.rows_landed == 1
    (landed,) = lake_rows(home, source)
    assert json.loads(str(landed["_extra"])).get("Own__c") == "7" and NAME not in repr(landed)
    (batch,) = _batches(home)
    assert batch.ignored_columns == (column,)


def test_everything_in_the_vault_is_private(home: Home) -> None:
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1]))
    land(home)
    paths = list(home.vault.rglob("*"))
    assert len([path for path in paths if path.is_file()]) >= 3
    for path in [home.vault, *paths]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"Id,IsDeleted,SystemModstamp\n" * 0 + b"\xef\xbb\xbf", "empty_file"),
        (b"Name,Colour\nx,y\n", "unknown_columns"),
        (b"PK\x03\x04" + b"\0" * 60, "not_a_delimited"),
        (b"\x1f\x8b\x08\x00 not really gzip", "truncated_file"),
    ],
)
def test_a_bad_file_is_refused_whole_and_the_rest_goes_on(home: Home, content: bytes, reason: str) -> None:
    deliver(home, "crm_account", "悪い ファイル 20251103.csv", content)
    deliver(home, "crm_account", "良い ファイル 20251103.csv", accounts([1]))
    result = land(home)
    refused, landed = sorted(result.new_batches, key=lambda outcome: outcome.state, reverse=True)
    assert (refused.state, refused.reason_code, landed.rows_landed) == ("quarantined", reason, 1)
    assert refused.message_ja and refused.message_en and refused.message_ja in result.summary()
    facts = json.loads((home.quarantine / "crm_account" / refused.batch_id / "file.json").read_text())
    assert (
        facts["reason_code"] == reason
        and facts["file_name"] == "悪い ファイル 20251103.csv"
        and facts["advice_ja"]
    )
    assert not (home.lake / "crm_account" / f"{refused.landing_id}.parquet").exists()
    assert land(home).new_batches == []
    with Ledger(home) as ledger:
        assert ledger.reasons("crm_account") == [(refused.batch_id, reason, refused.rows_in)]


def test_a_wrong_encoding_is_refused_whole(home: Home) -> None:
    content = "医師コード,氏名漢字\r\n" + "".join(f"{n:08d},{NAME}\r\n" for n in range(50))
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", content, "euc_jp")
    (outcome,) = land(home).new_batches
    assert (outcome.state, outcome.reason_code) == ("quarantined", "wrong_encoding")


def test_a_file_still_being_written_waits(home: Home) -> None:
    file = home.inbox / "crm_call" / "crm_call_20251103.csv"
    file.parent.mkdir(parents=True)
    with file.open("w") as handle:
        handle.write(calls([1, 2])[:100])
        handle.flush()
        result = land(home)
        assert result.new_batches == [] and result.unfinished == ["crm_call/crm_call_20251103.csv"]
        assert "書き込み中" in result.summary()
        handle.write(calls([1, 2])[100:])
    assert [outcome.rows_landed for outcome in land(home).new_batches] == [2]
    assert len(list((home.vault / "received" / "crm_call").iterdir())) == 1


def test_names_of_unfinished_files_are_left_alone(home: Home) -> None:
    for name in ("a.csv.part", "b.csv.tmp", "c.csv.CRDOWNLOAD", "d.csv~", ".hidden.csv", ".folder/e.csv"):
        deliver(home, "crm_call", name, calls([1]))
    assert land(home).new_batches == []
    assert not (home.vault / "received" / "crm_call").exists()


def test_what_belongs_to_no_source_is_told(home: Home) -> None:
    deliver(home, "crm_cal", "typo.csv", calls([1]))
    (home.inbox / "empty folder").mkdir()
    (home.inbox / "lost.csv").write_text(calls([1]))
    (home.inbox / "crm_call").mkdir()
    (home.inbox / "crm_call" / "dangling.csv").symlink_to(home.inbox / "nowhere")
    result = land(home)
    assert (result.unknown_folders, result.stray_files) == (["crm_cal"], ["lost.csv"])
    assert result.unreadable == ["crm_call/dangling.csv"]
    with pytest.raises(LookupError, match="crm_call"):
        land(home, "crm_cal")


def test_names_in_another_encoding_are_told_and_keep_nothing_else_from_landing(home: Home) -> None:
    def cp932(name: str) -> str:
        return os.fsdecode(name.encode("cp932"))

    deliver(home, "crm_account", cp932("顧客.csv"), accounts([1]))
    deliver(home, "crm_account", cp932("十月/顧客_20251103.csv"), accounts([2]))
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, cp932("面談"), "crm_call_20251103.csv", calls([2]))
    deliver(home, "crm_cal", cp932("面談.csv"), calls([3]))
    (home.inbox / cp932("迷子.csv")).write_text(calls([4]))
    result = land(home)
    assert [outcome.source for outcome in result.new_batches] == ["crm_call"]
    assert result.unknown_folders == ["crm_cal"] and result.stray_files == []
    # 顧客 is 8C DA 8B 71 in CP932, and DA 8B happens to be UTF-8; 十月 is 8F 5C 8C 8E, 面談 96 CA 92 6B.
    assert sorted(result.unreadable) == sorted(
        [
            "crm_account/\ufffd\u068bq.csv",
            "crm_account/\ufffd\\\ufffd\ufffd",
            "\ufffd\u0292k",
            "\ufffd\ufffd\ufffdq.csv",
        ]
    )
    assert "UTF-8" in result.summary().encode().decode()
    facts = status(home)
    assert json.dumps(facts, default=str, ensure_ascii=False).encode()
    assert sum("UTF-8" in step["en"] for step in facts["next"]) == 4

    told = check(home, home.inbox / "crm_account" / cp932("顧客.csv"), "crm_account")
    assert told.file_reason is not None and told.file_reason.reason_code == "name_not_utf8"
    Console(file=(page := StringIO())).print(render(told))
    assert page.getvalue().encode()


def test_one_source_leaves_the_others(home: Home) -> None:
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1]))
    assert [outcome.source for outcome in land(home, "crm_call").new_batches] == ["crm_call"]
    assert [outcome.source for outcome in land(home).new_batches] == ["crm_account"]


def test_a_planned_call_does_not_move_the_day_of_delivery(home: Home) -> None:
    planned = calls([1, 2]).replace("2025-10-03", "2027-06-30")
    file = deliver(home, "crm_call", "planned calls.csv", planned)
    assert str(check(home, file, "crm_call").delivered_at) == "2025-11-03 00:00:00"
    assert land(home).rows_landed == 2
    (batch,) = _batches(home)
    assert str(batch.event_max_on) == "2027-06-30"
    assert batch.delivered_at.isoformat() == "2025-11-03T00:00:00"


def test_an_impossible_date_in_a_name_is_told_and_not_used(home: Home) -> None:
    file = deliver(home, "crm_call", "crm_call_20991103.csv", calls([1]))
    told = check(home, file, "crm_call")
    assert str(told.named_at) == "2099-11-03 00:00:00" and str(told.delivered_at) == "2025-11-03 00:00:00"
    assert any("2099-11-03" in english for _, english in told.warnings)
    land(home)
    assert [f"{batch.delivered_at:%Y-%m-%d}" for batch in _batches(home)] == ["2025-11-03"]
    facts = status(home)
    assert facts["misdated"] == ["crm_call/crm_call_20991103.csv"] and facts["as_of"] == "2025-11-03"
    assert any("mended name" in step["en"] for step in facts["next"])


def test_a_mistake_in_one_contract_leaves_other_sources_alone(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(project_root() / "expectations" / "sources", project / "expectations" / "sources")
    broken = project / "expectations" / "sources" / "crm_account.odcs.yaml"
    broken.write_text(broken.read_text().replace("mode: latest_by_key", "mode: newest"))
    monkeypatch.setenv("SHIRUBE_PROJECT", str(project))
    file = deliver(home, "crm_call", "crm_call_20251103.csv", calls([1]))
    deliver(home, "crm_account", "crm_account_20251103.csv", accounts([1]))
    assert check(home, file, "crm_call").is_accepted
    result = land(home, "crm_call")
    assert result.rows_landed == 1 and result.unknown_folders == []
    for source in ("crm_account", None):
        with pytest.raises(ContractError, match=r"crm_account\.odcs\.yaml:\d+: supersede"):
            land(home, source)


def test_a_header_without_rows_is_what_the_contract_says(home: Home, contracts: Contracts) -> None:
    assert contracts["crm_call"].accepts_empty and not contracts["dcf_physician"].accepts_empty
    deliver(home, "crm_call", "crm_call_20251103.csv", calls([]))
    deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians([]))
    by_source = {outcome.source: outcome for outcome in land(home).new_batches}
    assert (by_source["crm_call"].state, by_source["crm_call"].rows_in) == ("landed", 0)
    assert by_source["dcf_physician"].reason_code == "empty_file"


def test_the_period_and_values_in_a_name_make_a_batch(home: Home, contracts: Contracts) -> None:
    header = "納品書,,\r\n作成,,\r\n配信ID,DCF医師コード,配信日\r\n"
    content = (header + "D1,00000001,2026-04-02\r\n").encode("cp932")
    deliver(home, "portal_delivery", "DrGate_202604_20260508.csv", content)
    deliver(home, "portal_delivery", "DrGate_202605_20260608.csv", content)
    outcomes = land(home).new_batches
    assert [outcome.rows_landed for outcome in outcomes] == [1, 1]
    assert sorted(batch.period for batch in _batches(home) if batch.period) == ["2026-04", "2026-05"]
    assert sorted((row["vendor"], row["period"]) for row in lake_rows(home, "portal_delivery")) == [
        ("DrGate", "202604"),
        ("DrGate", "202605"),
    ]


def _batches(home: Home) -> list[Any]:
    with Ledger(home) as ledger:
        return ledger.batches()


def _content(source: str, numbers: list[int]) -> str:
    bad = tuple(number for number in numbers if number % 7 == 0)
    return calls(numbers, bad_dates=bad) if source == "crm_call" else accounts(numbers, bad=bad)


def _is_private(home: Home, file: Path) -> bool:
    return file.is_relative_to(home.vault) or file.is_relative_to(home.inbox)

"""`check` tells what landing would do, and does nothing."""

from __future__ import annotations

import zipfile
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from rich.console import Console
from shirube.contracts import SourceContract
from shirube.home import Home
from shirube.landing import check, land
from shirube.landing.check import CheckResult, render

from tests.landing.deliveries import COMMENT, EMAIL, KANA, NAME, accounts, calls, deliver, physicians

Contracts = dict[str, SourceContract]


def shown(result: CheckResult) -> str:
    console = Console(file=StringIO(), width=160)
    console.print(render(result))
    return console.file.getvalue()  # type: ignore[attr-defined]


def snapshot(home: Home) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(home.root.rglob("*"))
    }


def test_a_good_file(home: Home) -> None:
    file = deliver(home, "crm_account", "crm_account_20251103T0100.csv", accounts([1, 2]))
    before = snapshot(home)
    result = check(home, file, "crm_account")
    assert snapshot(home) == before
    assert result.is_accepted and (result.rows_in, result.rows_accepted, result.rows_refused) == (2, 2, 0)
    assert result.matched["last_name"] == "LastName" and "master_record_id" in result.missing
    assert result.tokenised == {
        "last_name": "name",
        "first_name": "name",
        "furigana": "kana",
        "email": "email",
    }
    assert str(result.delivered_at) == "2025-11-03 01:00:00"
    assert "すべて取り込めます" in shown(result)


def test_bad_rows_are_told_by_reason_and_row_without_values(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "面談 その1 20251103.csv"
    file.write_text(calls(list(range(40)), bad_dates=tuple(range(0, 40, 2))))
    result = check(home, file, "crm_call")
    assert not result.is_accepted and (result.rows_accepted, result.rows_refused) == (20, 20)
    (reason,) = result.reasons
    assert (reason.reason_code, reason.column, reason.rows) == ("bad_date", "call_date", 20)
    assert reason.first_rows[:3] == [2, 6, 10] and len(reason.first_rows) == 10
    assert str(result.event_min_on) == "2025-10-02"
    text = shown(result)
    assert "一部の行が隔離されます" in text and "2025-13-45" not in text and "…" in text
    assert not [needle for needle in (NAME, KANA, EMAIL, COMMENT) if needle in text]
    assert result.ignored == []  # Ward__c is passed through


def test_it_agrees_with_landing(home: Home) -> None:
    file = deliver(home, "dcf_physician", "DCF_PHYSICIAN_20251101.csv", physicians(["00000001", "", "2"]))
    told = check(home, file, "dcf_physician")
    (done,) = land(home).new_batches
    assert (told.rows_in, told.rows_accepted, told.rows_refused) == (
        done.rows_in,
        done.rows_landed,
        done.rows_quarantined,
    )
    assert done.rows_in == 3 and done.rows_quarantined >= 1
    assert (told.encoding or "").lower() == "cp932"


def test_footers_and_blank_lines_are_counted_for_people(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "DrGate_202604_20260508.csv"
    rows = "D1,00000001,2026-04-02\r\n合計,1,\r\n合計の会,00000002,2026-04-02\r\n\r\n"
    file.write_bytes(("配信ID,DCF医師コード,配信日\r\n" + rows).encode("cp932"))
    result = check(home, file, "portal_delivery")
    assert (result.rows_in, result.not_rows) == (1, 3)
    assert "Blank or footer" in shown(result) and "3" in shown(result)
    file.write_bytes(("配信ID,DCF医師コード,配信日\r\n" + rows[:24]).encode("cp932"))
    assert "Blank or footer" not in shown(check(home, file, "portal_delivery"))


def _zip_of_something() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "hello")
        archive.writestr("more.txt", "hello")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "source", "reason"),
    [
        (b"", "crm_account", "empty_file"),
        (b"Colour,Size\nred,1\n", "crm_account", "unknown_columns"),
        (_zip_of_something(), "crm_account", "not_a_delimited"),
        (_zip_of_something(), "portal_delivery", "not_a_spreadsheet"),
        (
            physicians([f"{n:08d}" for n in range(50)]).decode("cp932").encode("euc_jp"),
            "dcf_physician",
            "wrong_encoding",
        ),
    ],
)
def test_a_file_that_cannot_be_landed(
    home: Home, tmp_path: Path, content: bytes, source: str, reason: str
) -> None:
    file = tmp_path / "日本語 の パス" / "MedPort_202604_20260508.csv"
    file.parent.mkdir()
    file.write_bytes(content)
    result = check(home, file, source)
    assert result.file_reason is not None and result.file_reason.reason_code == reason
    assert not result.is_accepted and result.rows_accepted == 0
    text = shown(result)
    assert "取り込めません" in text and "どうするか" in text and reason in text


def test_paths_that_are_no_files(home: Home, tmp_path: Path) -> None:
    def reason(path: Path) -> str | None:
        result = check(home, path, "crm_call")
        assert not result.is_accepted
        return result.file_reason.reason_code if result.file_reason else None

    assert reason(tmp_path) == "directory"
    assert reason(tmp_path / "nowhere.csv") == "not_found"
    assert reason(Path("/dev/null")) == "not_a_file"
    growing = tmp_path / "growing.csv"
    with growing.open("w") as handle:
        handle.write(calls([1]))
        handle.flush()
        assert reason(growing) == "being_written"
    assert check(home, growing, "crm_call").is_accepted


def test_what_a_person_should_know_besides(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv.part"
    file.write_text(calls([1]))
    text = shown(check(home, file, "crm_call"))
    assert "rename it" in text and "no date in the file name" in text


def test_an_unknown_source_names_the_known_ones(home: Home, tmp_path: Path, contracts: Contracts) -> None:
    with pytest.raises(LookupError, match="webinar_zoom") as caught:
        check(home, tmp_path / "x.csv", "webinar")
    assert all(name in str(caught.value) for name in contracts)

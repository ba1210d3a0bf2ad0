"""Small hand-made deliveries, and a way to compare what landing made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from shirube.contracts import SourceContract
from shirube.home import Home
from shirube.ledger import Ledger

TEST_KEY = "5a" * 32

NAME, KANA, EMAIL, COMMENT = (
    "架空沢凛太郎",
    "カクウザワリンタロウ",
    "rintaro@kakuuzawa.example.jp",
    "秘密のコメント欄",
)
"""Identifiers planted in the deliveries; none of them may be found outside the vault and the inbox."""


@dataclass(frozen=True)
class Delivered:
    """What landing made of everything, in a form that can be compared."""

    export: dict[str, bytes]
    lake: dict[str, bytes]
    quarantine: dict[str, bytes]
    identifiers: dict[str, bytes]


def deliver(home: Home, source: str, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    file = home.inbox / source / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def call_id(number: int) -> str:
    return f"a0B5i{number:010d}"


def calls(
    numbers: list[int], *, bad_dates: tuple[int, ...] = (), stamp: str = "2025-11-03T01:00:00.000Z"
) -> str:
    """A CRM call export; the numbers in `bad_dates` get a call date that is none."""
    lines = ["Id,IsDeleted,SystemModstamp,Call_Date_vod__c,Account_vod__c,Call_Comments_vod__c,Ward__c"]
    for number in numbers:
        day = "2025-13-45" if number in bad_dates else f"2025-10-{1 + number % 28:02d}"
        lines.append(f'{call_id(number)},false,{stamp},{day},0015i0000000001,"{COMMENT}\nその{number}",3F')
    return "\n".join(lines) + "\n"


def accounts(numbers: list[int], *, bad: tuple[int, ...] = ()) -> str:
    """A CRM account export full of identifiers; the numbers in `bad` have no id."""
    lines = ["Id,IsDeleted,SystemModstamp,LastName,FirstName,Furigana_vod__c,PersonEmail,External_ID_vod__c"]
    for number in numbers:
        key = "" if number in bad else f"0015i{number:010d}"
        lines.append(
            f"{key},false,2025-11-03T01:00:00.000Z,{NAME},{number},{KANA},{number}.{EMAIL},{number:08d}"
        )
    return "\n".join(lines) + "\n"


def physicians(codes: list[str], header: str = "医師コード") -> bytes:
    """A DCF physician file in CP932."""
    lines = [f"{header},氏名漢字,氏名カナ,生年月日,卒業年,更新日"]
    lines += [f"{code},{NAME},ｶｸｳｻﾞﾜﾘﾝﾀﾛｳ,3450612,363,R7.4.1" for code in codes]
    return ("\r\n".join(lines) + "\r\n").encode("cp932")


def result_of(home: Home, contracts: dict[str, SourceContract]) -> Delivered:
    with Ledger(home) as ledger:
        ledger.export_parquet(home.warehouse / "ledger", contracts)
    return Delivered(
        _contents(home.warehouse / "ledger", "*.parquet"),
        _contents(home.lake, "*/*"),
        _contents(home.quarantine, "*/*/rows.parquet"),
        _contents(home.vault / "identifiers", "*/*"),
    )


def lake_rows(home: Home, source: str) -> list[dict[str, object]]:
    """All rows of a source, without where they came from, sorted."""
    rows = [
        row
        for file in sorted((home.lake / source).glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
    for row in rows:
        del row["_landing_id"], row["_row_number"]
    return sorted(rows, key=repr)


def _contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.glob(pattern))}

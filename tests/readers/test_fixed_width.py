"""Records of fixed width: positions are bytes, and what was cut inside a character is refused."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
from shirube.casting import cast_batch
from shirube.contracts import load_contracts
from shirube.contracts.model import Column, SourceContract
from shirube.readers.batch import FileRejected, RawBatch, Reject
from shirube.readers.open import open_reader

CONTRACT = replace(
    load_contracts()["jdnet_delivery"],
    columns=(
        Column("slip", "伝票", first_byte=2, byte_length=3, text_format="code", required=True),
        Column("name", "名", first_byte=5, byte_length=8, business_name="商品名"),
        Column("quantity", "数量", first_byte=13, byte_length=5, logical_type="integer"),
        Column("day", "日", first_byte=18, byte_length=6, logical_type="date", date_format="yyMMdd"),
    ),
    record_length=24,
    event_time=None,
)


def record(slip: str, name: bytes, quantity: str, day: str = "260401") -> bytes:
    return b"2" + slip.encode() + name.ljust(8) + quantity.encode().rjust(5) + day.encode() + b" "


def read(
    folder: Path, content: bytes, contract: SourceContract = CONTRACT
) -> tuple[list[dict[str, object]], list[Reject], int]:
    file = folder / "JDNET_20260505.txt"
    file.write_bytes(content)
    reader = open_reader(contract, file)
    rows: list[dict[str, object]] = []
    rejects: list[Reject] = []
    for raw in reader.batches():
        batch, bad = cast_batch(raw, contract)
        rows += batch.to_pylist()
        rejects += bad
    return rows, rejects, reader.not_rows


def test_columns_are_cut_by_bytes_and_never_by_characters(tmp_path: Path) -> None:
    # 髙﨑① take two bytes each, ｱ one: 7 bytes in a field of 8; then signed numbers and six-digit days.
    content = b"1header\r\n" + record("001", "髙﨑①ｱ".encode("cp932"), "+0012") + b"\r\n"
    content += record("002", "錠".encode("cp932"), "-0003", "991231") + b"\r\n9trailer\r\n\x1a"
    rows, rejects, not_rows = read(tmp_path, content)
    assert rejects == []
    assert [(r["slip"], r["name"], r["quantity"], r["day"]) for r in rows] == [
        ("001", "髙﨑①ｱ", 12, datetime.date(2026, 4, 1)),
        ("002", "錠", -3, datetime.date(2099, 12, 31)),
    ]
    assert [r["_row_number"] for r in rows] == [2, 3]
    assert not_rows == 3, "header, trailer and the mark at the end"


def test_what_was_cut_inside_a_character_is_refused_with_its_row(tmp_path: Path) -> None:
    whole = record("001", "一二三四".encode("cp932"), "+0001")
    # A name of 9 bytes cut to 8: half of its last character stays, and everything behind it is in its place.
    half = record("002", ("a" + "一二三四").encode("cp932")[:8], "+0001")
    # The line itself ends inside a character.
    short = whole[:9]
    long = whole + b"x"
    rows, rejects, _ = read(tmp_path, b"\r\n".join([whole, half, short, long, whole]) + b"\r\n")
    assert [r["_row_number"] for r in rows] == [1, 5]
    assert [(r.row_number, r.reason_code, r.column) for r in rejects] == [
        (2, "undecodable", "name"),
        (3, "bad_record_length", None),
        (4, "bad_record_length", None),
    ]
    assert "24" in rejects[1].message_ja
    assert "商品名" not in rejects[1].message_en
    assert not [r for r in rejects if "一" in r.message_ja]


def test_a_file_without_a_line_end_and_one_without_rows(tmp_path: Path) -> None:
    rows, rejects, _ = read(tmp_path, record("001", b"a", "+0001"))
    assert len(rows) == 1
    assert rejects == []
    assert read(tmp_path, b"1header\r\n9trailer\r\n") == ([], [], 2)


@pytest.mark.parametrize("day", ["260431", "26 401", "abcdef"])
def test_a_day_that_is_none_is_refused(tmp_path: Path, day: str) -> None:
    _, rejects, _ = read(tmp_path, record("001", b"a", "+0001", day))
    assert [(r.reason_code, r.column) for r in rejects] == [("bad_date", "day")]


def test_another_encoding_would_move_every_position(tmp_path: Path) -> None:
    with pytest.raises(FileRejected, match="wrong_encoding"):
        read(tmp_path, b"\xef\xbb\xbf" + record("001", b"a", "+0001"))


def test_more_rows_than_one_batch_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shirube.readers.fixed_width.BATCH_ROWS", 2)
    file = tmp_path / "JDNET_20260505.txt"
    file.write_bytes(b"\r\n".join(record(f"{n:03d}", b"a", "+0001") for n in range(5)))
    batches: list[RawBatch] = list(open_reader(CONTRACT, file).batches())
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    assert [n for batch in batches for n in batch.row_numbers.to_pylist()] == [1, 2, 3, 4, 5]

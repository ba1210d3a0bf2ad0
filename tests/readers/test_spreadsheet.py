"""Workbooks: title rows, footer, numbers where codes should be, and ZIPs that are no workbooks."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from reading import plain_contract, read_all
from shirube.readers import FileRejected
from shirube.readers.spreadsheet import _cell

NAME = "MedPort_202604_20260508.xlsx"
HEADER = [
    "配信ID",
    "DCF医師コード",
    "製品名",
    "配信日",
    "視聴完了",
    "閲覧秒数",
    "配信数",
    "ポイント増減",
    "備考",
]
TITLES: list[list[Any]] = [["配信実績レポート"], ["対象月", "2026年4月"]]


def put(
    folder: Path, rows: list[list[Any]], sheet: str = "明細", name: str = NAME, first_row: int = 0
) -> Path:
    path = folder / name
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "yyyy/mm/dd"})
        for at, row in enumerate(rows, start=first_row):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    page.write_datetime(at, column, cell, day)
                elif cell is not None:
                    page.write(at, column, cell)
    return path


def test_a_monthly_report(contracts, tmp_path: Path):
    rows = [
        *TITLES,
        HEADER,
        ["D1", "00123456", "ミチビキ", date(2026, 4, 1), "○", 65, 1, "△1,234", "x"],
        ["D2", "00123457", "ミチビキ", "2026/4/2", "－", "1,065", 1, -5, None],
        ["D3", None, "集計", 46113, None, None, 120, 10.0, None],
        [],
        ["合計", None, None, None, None, None, 122, None, None],
    ]
    outcome = read_all(contracts["portal_delivery"], put(tmp_path, rows))
    assert outcome.rejects == []
    assert outcome.column("_row_number") == [4, 5, 6]
    assert outcome.column("physician_code") == ["00123456", "00123457", None]
    assert outcome.column("delivered_on") == [date(2026, 4, 1), date(2026, 4, 2), date(2026, 4, 1)]
    assert outcome.column("is_completed") == [True, False, None]
    assert outcome.column("viewed_seconds") == [65, 1065, None]
    assert outcome.column("point_change") == [-1234, -5, 10]
    assert outcome.column("vendor") == ["MedPort"] * 3
    assert outcome.column("period") == ["202604"] * 3
    assert outcome.reader.not_rows == 2
    assert outcome.reader.ignored_columns == ["備考"]


def test_codes_that_excel_spoilt_are_refused_with_the_reason(contracts, tmp_path: Path):
    codes = [123456, "1.23E+11", 12345678, 1.234e17, "ABC", "'00123456"]
    rows = [HEADER, *([f"D{n}", code, "", "", "", "", "", ""] for n, code in enumerate(codes))]
    outcome = read_all(contracts["portal_delivery"], put(tmp_path, rows))
    assert outcome.reasons == [
        (2, "lost_leading_zero"),
        (3, "scientific_notation"),
        (5, "scientific_notation"),
        (6, "bad_code"),
    ]
    assert outcome.column("physician_code") == ["12345678", "00123456"]
    assert not any("123456" in found.message_ja + found.message_en for found in outcome.rejects)


def test_row_numbers_count_empty_rows_at_the_top(contracts, tmp_path: Path):
    path = put(tmp_path, [HEADER, ["D1", "00123456"]], first_row=3)
    assert read_all(contracts["portal_delivery"], path).column("_row_number") == [5]


def test_a_cell_merged_over_several_rows_counts_in_each_of_them(contracts, tmp_path: Path):
    path = tmp_path / NAME
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("明細")
        page.merge_range(1, 2, 1, 6, "配信実績レポート")
        for at, name in enumerate(HEADER, start=2):
            page.write(3, at, name)
        for at in range(4, 9):
            page.write(at, 2, f"D{at}")
        page.merge_range(4, 3, 6, 3, "00123456")
        page.merge_range(4, 4, 8, 4, "ミチビキ")
        page.merge_range(4, 8, 6, 8, 30)  # 配信数
        page.merge_range(9, 2, 11, 6, "合計")
        page.write(12, 2, "D12")
        for at in (0, 30):  # beside the table, without a value
            page.merge_range(4, at, 8, at, "")
    outcome = read_all(contracts["portal_delivery"], path)
    assert outcome.rejects == []
    assert outcome.column("_row_number") == [5, 6, 7, 8, 9, 13]
    assert outcome.column("physician_code") == ["00123456"] * 3 + [None] * 3
    assert outcome.column("product_name") == ["ミチビキ"] * 5 + [None]
    assert outcome.column("delivered_count") == [30] + [None] * 5
    assert outcome.reader.not_rows == 3


def test_a_header_of_two_rows_is_joined_under_its_merged_titles(tmp_path: Path):
    custom = "  - {property: format, value: spreadsheet}\n  - {property: headerRows, value: 2}\n"
    custom += "  - {property: titleRows, value: 1}\n  - {property: passThrough, value: ['視聴/*']}"
    contract = plain_contract(tmp_path, custom)
    path = tmp_path / NAME
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet("明細")
        page.merge_range(0, 1, 0, 6, "配信実績")
        page.merge_range(2, 1, 3, 1, "コード")
        page.merge_range(2, 2, 2, 3, "視聴")
        page.write_row(3, 2, ["開始", "終了", "備考", "金額", "本文"])
        page.write_row(4, 1, ["1", "10:00", "10:30", "x", 5, "a"])
        page.merge_range(5, 1, 6, 1, "2")
        page.write_row(5, 2, ["11:00", "", "", 6, "b"])
        page.write_row(6, 2, ["12:00", "", "", 7, "c"])
    outcome = read_all(contract, path)
    assert outcome.rejects == [] and outcome.column("_row_number") == [5, 6, 7]
    assert outcome.column("code") == ["1", "2", "2"] and outcome.column("amount") == [5, 6, 7]
    assert outcome.column("_extra") == [
        '{"視聴/開始": "10:00", "視聴/終了": "10:30"}',
        '{"視聴/開始": "11:00"}',
        '{"視聴/開始": "12:00"}',
    ]
    assert outcome.reader.ignored_columns == ["備考"]
    assert refused(contract, put(tmp_path, [["コード", "本文", "金額"]])) == "empty_file"


def test_a_day_count_is_rounded_to_the_second():
    ten = 46113 + 10 / 24
    for fraction, text in ((0.0, "10:00:00"), (-0.0001, "10:00:00"), (0.9999, "10:00:01"), (0.4, "10:00:00")):
        assert _cell(ten + fraction / 86_400, is_date=True) == f"2026-04-01 {text}"


def test_the_same_contract_reads_the_vendors_csv(contracts, tmp_path: Path):
    path = tmp_path / "DrGate_202604_20260508.csv"
    lines = [
        "配信実績レポート,,",
        "対象月,2026年4月,",
        "配信ID,ドクターコード,視聴完了",
        "D1,00123456,○",
        "合計,,",
    ]
    path.write_bytes("\r\n".join([*lines, ""]).encode("cp932"))
    outcome = read_all(contracts["portal_delivery"], path)
    assert outcome.column("physician_code") == ["00123456"]
    assert outcome.column("vendor") == ["DrGate"]
    assert outcome.reader.not_rows == 1


def test_the_only_sheet_is_taken_whatever_its_name(contracts, tmp_path: Path):
    path = put(tmp_path, [HEADER, ["D1", "00123456"]], sheet="Sheet1")
    assert read_all(contracts["portal_delivery"], path).rows_in == 1


def refused(contract: Any, path: Path) -> str:
    with pytest.raises(FileRejected) as caught:
        read_all(contract, path)
    return caught.value.reason_code


def test_bad_workbooks_are_refused_whole(contracts, tmp_path: Path):
    contract = contracts["portal_delivery"]
    two_sheets = tmp_path / NAME
    with xlsxwriter.Workbook(two_sheets) as book:
        book.add_worksheet("a")
        book.add_worksheet("b")
    assert refused(contract, two_sheets) == "unknown_sheet"
    assert refused(contract, put(tmp_path, [HEADER])) == "empty_file"
    assert refused(contract, put(tmp_path, [])) == "empty_file"
    assert refused(contract, put(tmp_path, [["番号", "医師"], ["1", "2"]])) == "unknown_columns"
    assert refused(contract, put(tmp_path, [HEADER, ["D1"]], name="四月.xlsx")) == "unknown_file_name"
    whole = put(tmp_path, [HEADER, ["D1", "00123456"]])
    whole.write_bytes(whole.read_bytes()[:-400])
    assert refused(contract, whole) == "truncated_file"
    written = put(tmp_path, [HEADER, ["D1", "00123456"]]).read_bytes()
    # An entry of the ZIP's directory has the version needed at 6, flags at 8 and its name at 46.
    entry = written.index(b"PK\x01\x02")
    for damage in ({6: 0xFF}, {9: 0x08, 46: 0xB5}):
        damaged = bytearray(written)
        for at, byte in damage.items():
            damaged[entry + at] = byte
        whole.write_bytes(damaged)
        assert refused(contract, whole) == "truncated_file"
    whole.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    assert refused(contract, whole) == "not_a_spreadsheet"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("readme.txt", "not a workbook")
        archive.writestr("more.txt", "nor is this")
    assert refused(contract, whole) == "not_a_spreadsheet"
    assert refused(contracts["crm_call"], whole) == "not_a_delimited"

"""Delimited text: encodings, line ends, quotes, broken rows, broken files."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import plain_contract, read_all
from shirube.readers import FileRejected, open_reader
from shirube.readers.delimited import DelimitedReader
from shirube.readers.text import CHUNK_BYTES

HEADER = "コード,本文,金額\n"


def put(
    folder: Path, content: bytes | str, name: str = "plain_20260401.csv", encoding: str = "utf-8"
) -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def refused(folder: Path, content: bytes | str, custom: str | None = None, **kwargs: str) -> FileRejected:
    contract = plain_contract(folder, *([custom] if custom else []))
    with pytest.raises(FileRejected) as caught:
        read_all(contract, put(folder, content, **kwargs))
    assert caught.value.message_ja and caught.value.message_en and caught.value.advice_ja
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";"])
def test_encodings_line_ends_and_delimiters_are_found(
    tmp_path: Path, encoding: str, line_end: str, delimiter: str
):
    text = (HEADER + "0012,髙﨑①㈱ｶﾅ,10\n0034,,20\n").replace("\n", line_end).replace(",", delimiter)
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, mark + text.encode(encoding)))
    assert outcome.column("code") == ["0012", "0034"]
    assert outcome.column("text") == ["髙﨑①㈱ｶﾅ", None]
    assert outcome.column("amount") == [10, 20]
    assert outcome.column("_row_number") == [2, 3]
    assert outcome.rejects == []


def test_row_numbers_are_the_lines_where_rows_start(tmp_path: Path):
    text = HEADER + '01,"a\nb\n\nc",1\n02,x,2\n\n03,"y ""q"" , z",3\n'
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, text))
    assert outcome.column("_row_number") == [2, 6, 8]
    assert outcome.column("text") == ["a\nb\n\nc", "x", 'y "q" , z']
    assert outcome.reader.not_rows == 1


def test_rows_with_another_number_of_cells_are_refused_one_by_one(tmp_path: Path):
    text = HEADER + "01,a,1\n02,b\n03,c,3,x\n04,d,4,,\n05,e,5\n"
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, text))
    assert outcome.column("_row_number") == [2, 5, 6]
    assert outcome.reasons == [(3, "too_few_columns"), (4, "too_many_columns")]
    assert outcome.rows_in == 5


def test_a_quote_that_never_closes_costs_only_its_line(tmp_path: Path):
    text = HEADER + '01,a,1\n02,"b,2\n03,c,3\n04,d,4\n'
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, text))
    assert outcome.column("code") == ["01", "03", "04"]
    assert outcome.reasons == [(3, "unclosed_quote")]


def test_a_quote_that_never_closes_in_a_long_file_costs_only_its_line(tmp_path: Path):
    good = [f"{n:06d},{'x' * 90},{n}\n" for n in range(60_000)]
    text = HEADER + "".join(good[:10]) + '99,"b,2\n' + "".join(good[10:])
    assert len(text) > CHUNK_BYTES
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, text))
    assert outcome.reasons == [(12, "unclosed_quote")]
    assert outcome.column("amount") == list(range(60_000))
    assert outcome.column("_row_number")[-1] == 60_002


@pytest.mark.parametrize("tail", ["03,c", '03,"c', '03,"c\nmore', "03"])
def test_a_file_cut_inside_its_last_row_keeps_all_rows_before(tmp_path: Path, tail: str):
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, HEADER + "01,a,1\n02,b,2\n" + tail))
    assert outcome.column("code") == ["01", "02"]
    assert outcome.reasons == [(4, "truncated_row")]


def test_a_last_row_without_line_end_is_a_row(tmp_path: Path):
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, HEADER + "01,a,1\n02,b,2"))
    assert outcome.column("code") == ["01", "02"]


def test_quotes_inside_a_cell_are_text(tmp_path: Path):
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, HEADER + '01,5" disk,1\n02,"a"b,2\n'))
    assert outcome.column("text") == ['5" disk', "ab"]


def test_single_bad_bytes_refuse_their_row_only(tmp_path: Path):
    rows = [f"{n:03d},値,{n}\n".encode() for n in range(50)]
    rows[20] = b"020,\xff\xfe,20\n"
    rows[30] = '030,"値\n'.encode() + b'\x81",30\n'
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, HEADER.encode() + b"".join(rows)))
    assert outcome.reasons == [(22, "undecodable"), (32, "undecodable")]
    assert len(outcome.rows) == 48
    assert outcome.column("_row_number")[-1] == 52


UTF8_ONLY = "  - {property: encodings, value: [utf-8-sig]}"
CP932_ONLY = "  - {property: encodings, value: [cp932]}"


@pytest.mark.parametrize(
    ("custom", "encoding"),
    [
        (UTF8_ONLY, "cp932"),
        (UTF8_ONLY, "euc_jp"),
        (CP932_ONLY, "utf-8"),
        (CP932_ONLY, "euc_jp"),
        (CP932_ONLY, "utf-16-le"),
        (CP932_ONLY, "utf-16-be"),
    ],
)
def test_another_encoding_is_refused_and_named(tmp_path: Path, custom: str, encoding: str):
    text = HEADER + "".join(f"{n:03d},値は漢字,{n}\n" for n in range(30))
    found = refused(tmp_path, text, custom, encoding=encoding)
    assert found.reason_code == "wrong_encoding"
    assert encoding in found.message_ja


def test_a_few_japanese_rows_in_the_wrong_encoding_still_give_the_file_away(tmp_path: Path):
    rows = [f"{n:03d},{'値' if n in (100, 200) else 'ascii'},{n}\n" for n in range(400)]
    text = "code,text,amount\n" + "".join(rows)
    contract = plain_contract(tmp_path, UTF8_ONLY)
    path = put(tmp_path, text.replace("code,text,amount", "コード,本文,金額").encode("cp932"))
    with pytest.raises(FileRejected) as caught:
        open_reader(contract, path)
    assert caught.value.reason_code == "wrong_encoding"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n\n\r\n", "empty_file"),
        (HEADER.encode(), "empty_file"),
        (gzip.compress(b"", mtime=0), "empty_file"),
        (b"PK\x03\x04" + b"\0" * 50, "not_a_delimited"),
        (b"%PDF-1.7\n%\xe2\xe3", "not_a_delimited"),
        (bytes(range(256)) * 20, "not_a_delimited"),
        (gzip.compress(HEADER.encode() + b"01,a,1\n" * 9999, mtime=0)[:60], "truncated_file"),
        (b"a,b,c\n1,2,3\n", "unknown_columns"),
        ("コード番号,本文,金額\n1,2,3\n".encode(), "unknown_columns"),
    ],
)
def test_bad_files_are_refused_whole(tmp_path: Path, content: bytes, reason: str):
    assert refused(tmp_path, content).reason_code == reason


def test_a_directory_is_refused(tmp_path: Path):
    with pytest.raises(FileRejected) as caught:
        open_reader(plain_contract(tmp_path), tmp_path)
    assert caught.value.reason_code == "directory"


def test_missing_columns_are_named_with_the_headers_found(tmp_path: Path):
    found = refused(tmp_path, "番号,本文,金額\n1,2,3\n")
    assert "コード" in found.message_ja
    assert "番号、本文、金額" in found.message_ja


def test_a_file_without_header_never_shows_its_first_row(tmp_path: Path):
    found = refused(tmp_path, "山田太郎,000111,3\n")
    assert "山田" not in found.message_ja + found.message_en


def test_an_empty_increment_is_a_file_of_no_rows_where_the_contract_says_so(tmp_path: Path):
    contract = plain_contract(tmp_path, "  - {property: emptyFile, value: accept}")
    outcome = read_all(contract, put(tmp_path, HEADER))
    assert (outcome.rows_in, outcome.rows) == (0, [])


def test_headers_match_without_case_width_or_space(contracts, tmp_path: Path):
    text = '"ID","ＩＳＤＥＬＥＴＥＤ"," systemmodstamp ","CUSTOM__C","ZVOD_X"\n"a045g00000000AR","false",'
    text += '"2026-04-15T03:23:15.000Z","x",""\n'
    outcome = read_all(contracts["crm_call"], put(tmp_path, text, "crm_call_20260401.csv"))
    assert outcome.column("id") == ["a045g00000000ARAAY"]
    assert outcome.column("is_deleted") == [False]
    assert outcome.column("_extra") == ['{"CUSTOM__C": "x"}']
    assert outcome.reader.ignored_columns == ["ZVOD_X"]
    assert "call_date" in outcome.reader.missing_columns


def test_a_column_renamed_during_the_year_is_found_by_its_alias(contracts, tmp_path: Path):
    text = "ドクターコード,氏名漢字\r\n00012345,髙橋　一郎\r\n"
    outcome = read_all(contracts["dcf_physician"], put(tmp_path, text, "DCF_PHYSICIAN_20260401.csv", "cp932"))
    assert outcome.column("physician_code") == ["00012345"]


def test_passed_through_cells_are_json(tmp_path: Path):
    contract = plain_contract(tmp_path, "  - {property: passThrough, value: ['x_*']}")
    text = 'コード,本文,金額,x_a,X_b,y\n1,a,1,"he said ""no""",,9\n2,b,2,,,9\n3,c,3,値,\\,9\n'
    outcome = read_all(contract, put(tmp_path, text))
    assert outcome.column("_extra") == ['{"x_a": "he said \\"no\\""}', None, '{"x_a": "値", "X_b": "\\\\"}']
    assert outcome.reader.ignored_columns == ["y"]


def test_what_is_passed_through_can_be_narrowed(tmp_path: Path):
    contract = plain_contract(
        tmp_path, "  - {property: passThrough, value: ['x_*', '!X_Secret*', 'y', '!z']}"
    )
    text = "コード,本文,金額,x_a,x_secret_note,x_secret,y,z,w\n1,a,1,2,3,4,5,6,7\n"
    outcome = read_all(contract, put(tmp_path, text))
    assert outcome.column("_extra") == ['{"x_a": "2", "y": "5"}']
    assert outcome.reader.ignored_columns == ["x_secret_note", "x_secret", "z", "w"]


def test_title_rows_and_footers_are_no_rows(tmp_path: Path):
    contract = plain_contract(
        tmp_path, "  - {property: titleRows, value: 2}\n  - {property: footerMarkers, value: [合計]}"
    )
    text = "配信レポート,,\n2026年4月,,\n" + HEADER + "01,a,1\n02,合計は別,2\n合計,,3\n,総数 合計,\n"
    outcome = read_all(contract, put(tmp_path, text))
    assert outcome.column("_row_number") == [4, 5]
    assert outcome.reader.not_rows == 1
    assert outcome.reasons == [(7, "missing_key")]


def test_a_header_of_two_rows_is_joined(tmp_path: Path):
    custom = "  - {property: headerRows, value: 2}\n  - {property: titleRows, value: 1}\n"
    custom += "  - {property: passThrough, value: ['視聴/*']}"
    contract = plain_contract(tmp_path, custom)
    text = "実績,,,,,\nコード,本文,視聴,,備考,金額\n,,開始,終了,,\n1,a,10:00,10:30,x,5\n2,b,,11:30,y,6\n"
    for table in (text, text.split("\n", 1)[1]):
        outcome = read_all(contract, put(tmp_path, table))
        assert outcome.column("code") == ["1", "2"] and outcome.column("amount") == [5, 6]
        assert outcome.column("_extra") == [
            '{"視聴/開始": "10:00", "視聴/終了": "10:30"}',
            '{"視聴/終了": "11:30"}',
        ]
        assert outcome.reader.ignored_columns == ["備考"]
    with pytest.raises(FileRejected, match="empty_file"):
        read_all(contract, put(tmp_path, "コード,本文,金額\n"))


def test_a_file_without_header_is_read_by_position(tmp_path: Path):
    contract = plain_contract(tmp_path, "  - {property: header, value: false}")
    outcome = read_all(contract, put(tmp_path, '01101,"(ｶﾌﾞ) ｼﾔ",1\n01102,"株式会社",2\n', encoding="cp932"))
    assert outcome.column("code") == ["01101", "01102"]
    assert outcome.column("_row_number") == [1, 2]


def test_gzip_is_read_whatever_the_name(tmp_path: Path):
    outcome = read_all(plain_contract(tmp_path), put(tmp_path, gzip.compress((HEADER + "01,a,1\n").encode())))
    assert outcome.column("code") == ["01"]


def test_a_zip_of_one_file_is_read_as_that_file(tmp_path: Path):
    text = "コード,本文,金額\n" + "".join(f"{n:04d},{'x' * 50}{n},{n}\n" for n in range(3000))
    path = tmp_path / "data.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("納品")
        archive.writestr("納品/四月.csv", text.encode("cp932"))
    outcome = read_all(plain_contract(tmp_path), path)
    assert outcome.rows_in == 3000 and outcome.column("amount")[-1] == 2999
    assert outcome.reader.encoding == "cp932"
    whole = path.read_bytes()

    def refused(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(FileRejected) as caught:
            read_all(plain_contract(tmp_path), path)
        return caught.value.reason_code

    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert refused(bytes(damaged)) == "truncated_file"
    assert refused(whole[:-30]) == "not_a_delimited"
    path.write_bytes(whole)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("五月.csv", text)
    assert refused(path.read_bytes()) == "not_a_delimited"


def test_a_path_with_japanese_and_spaces(tmp_path: Path):
    folder = tmp_path / "四月 分"
    folder.mkdir()
    outcome = read_all(plain_contract(tmp_path), put(folder, HEADER + "01,a,1\n", "配信 実績 20260401.csv"))
    assert outcome.column("code") == ["01"]


def test_memory_stays_bounded_whatever_the_size(tmp_path: Path):
    path = tmp_path / "big.csv"
    row = b'000001,"a comment, with a comma and ""quotes""",12345\n' * 20_000
    with path.open("wb") as stream:
        stream.write(HEADER.encode())
        for _ in range(60):
            stream.write(row)
    contract = plain_contract(tmp_path)
    largest = rows = 0
    tracemalloc.start()
    for batch in open_reader(contract, path).batches():
        largest = max(largest, sum(values.nbytes for values in batch.columns.values()))
        rows += batch.num_rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 1_200_000
    assert path.stat().st_size > 60 << 20
    assert largest < 3 * CHUNK_BYTES
    assert peak < 64 << 20


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x1a"), max_size=12)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), quoting=st.sampled_from([0, 1])
)
def test_what_csv_writes_is_read_back_cell_for_cell(
    tmp_path: Path, rows: list[tuple[str, str, str]], quoting: int
):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerow(["コード", "本文", "金額"])
    writer.writerows(rows)
    contract = plain_contract(tmp_path, "  - {property: emptyFile, value: accept}")
    contract_text = put(tmp_path, text.getvalue())
    read = []
    for batch in open_reader(contract, contract_text).batches():
        assert batch.errors == []
        read += list(
            zip(*(batch.columns[name].to_pylist() for name in ("code", "text", "amount")), strict=True)
        )
    assert read == [row for row in rows if any(cell.strip() for cell in row)]


PIECES = st.sampled_from(
    ['"', '""', ",", "\n", "\r", "\r\n", "a", "値", "1", " ", "\\", "合計", "\x0b", "\u2028"]
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(pieces=st.lists(PIECES, max_size=60), encoding=st.sampled_from(["utf-8", "cp932"]))
def test_no_text_breaks_the_reader_and_no_line_is_read_twice(
    tmp_path: Path, pieces: list[str], encoding: str
):
    body = "".join(pieces).encode(encoding, errors="ignore")
    contract = plain_contract(tmp_path, "  - {property: emptyFile, value: accept}")
    outcome = read_all(contract, put(tmp_path, "コード,本文,金額\n".encode(encoding) + body))
    numbers = sorted({*outcome.column("_row_number"), *(found.row_number for found in outcome.rejects)})
    assert outcome.rows_in == len(numbers)
    assert not numbers or 2 <= numbers[0] <= numbers[-1] <= 2 + body.count(b"\n") + body.count(b"\r")


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(content=st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_clear_refusal(tmp_path: Path, content: bytes):
    contract = plain_contract(tmp_path)
    try:
        read_all(contract, put(tmp_path, content))
    except FileRejected as found:
        assert found.reason_code in {
            "empty_file",
            "not_a_delimited",
            "wrong_encoding",
            "truncated_file",
            "unknown_columns",
        }


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    rows=st.lists(
        st.sampled_from(
            [
                "01,a,1",
                '02,"x, y",2',
                '03,"p\nq",3',
                "04,b",
                "05,c,5,6",
                '06,5" d,6',
                "",
                ",,",
                ' , "" ,',
                "  ",
            ]
        ),
        max_size=40,
    ),
    chunk=st.integers(1, 40),
)
def test_the_size_of_a_chunk_changes_nothing(tmp_path: Path, monkeypatch, rows: list[str], chunk: int):
    path = put(tmp_path, HEADER + "".join(f"{row}\n" for row in rows))
    contract = plain_contract(tmp_path, "  - {property: emptyFile, value: accept}")
    whole = read_all(contract, path)
    with monkeypatch.context() as patch:
        patch.setattr("shirube.readers.text.CHUNK_BYTES", chunk)
        pieces = read_all(contract, path)
    assert pieces.rows == whole.rows
    assert pieces.reasons == whole.reasons
    assert pieces.reader.not_rows == whole.reader.not_rows


def test_a_table_in_which_nothing_is_recognised_is_refused_even_if_nothing_is_required(tmp_path: Path):
    contract = plain_contract(tmp_path)
    free = replace(contract, columns=tuple(replace(column, required=False) for column in contract.columns))
    assert read_all(free, put(tmp_path, "金額\n5\n")).column("amount") == [5]
    with pytest.raises(FileRejected) as caught:
        open_reader(free, put(tmp_path, "a,b\n1,2\n"))
    assert caught.value.reason_code == "unknown_columns"


ROWS = st.sampled_from(
    [
        "01,a,1",
        '"02","x, y","2"',
        '03,"p\nq",3',
        "04,b",
        "05,c,5,6",
        '06,5" d,6',
        "",
        ",,",
        '"07","""q""",7',
        "09,a\rb,1",
        '10,"u',
    ]
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    rows=st.lists(ROWS, max_size=30),
    line_end=st.sampled_from(["\n", "\r\n"]),
    chunk=st.sampled_from([30, 4096]),
)
def test_the_fast_path_and_the_slow_one_give_the_same(
    tmp_path: Path, monkeypatch, rows: list[str], line_end: str, chunk: int
):
    path = put(tmp_path, HEADER + line_end.join(rows))
    contract = plain_contract(tmp_path, "  - {property: emptyFile, value: accept}")
    with monkeypatch.context() as patch:
        patch.setattr("shirube.readers.text.CHUNK_BYTES", chunk)
        fast = read_all(contract, path)
        patch.setattr(DelimitedReader, "_fast", lambda *_: None)
        slow = read_all(contract, path)
    assert fast.rows == slow.rows
    assert fast.reasons == slow.reasons
    assert fast.reader.not_rows == slow.reader.not_rows

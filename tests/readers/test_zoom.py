"""Zoom participant reports: the four shapes, and files that are none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from reading import read_all
from shirube.readers import FileRejected

NAME = "webinar_87654321098_20260415_2.csv"
HEADER = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,Recording Consent"
ROWS = [
    '"鈴木, 花子",hanako@example.jp,04/15/2026 07:02:11 PM,04/15/2026 07:30:00 PM,28,No,Y',
    "ゲスト,,04/15/2026 25:30:00,04/15/2026 25:45:00,15,Yes,NA",
]
PREAMBLE = [
    "Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants",
    '876 5432 1098,"【PRD-A】新しい知見, 第2回 #C1234",'
    "04/15/2026 07:00:00 PM,04/15/2026 08:00:00 PM,host@example.jp,60,2",
]


def put(folder: Path, lines: list[str], name: str = NAME) -> Path:
    path = folder / name
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode())
    return path


@pytest.mark.parametrize("separator", [[], [""], [",,,,,,"]])
@pytest.mark.parametrize("trailing", ["", ","])
def test_with_preamble(contracts, tmp_path: Path, separator: list[str], trailing: str):
    preamble = [line + trailing for line in PREAMBLE]
    outcome = read_all(contracts["webinar_zoom"], put(tmp_path, [*preamble, *separator, HEADER, *ROWS]))
    assert outcome.rejects == []
    assert outcome.column("meeting_id") == ["87654321098"] * 2
    assert outcome.column("topic") == ["【PRD-A】新しい知見, 第2回 #C1234"] * 2
    assert outcome.column("meeting_start_at") == [datetime(2026, 4, 15, 10, tzinfo=UTC)] * 2
    assert outcome.column("participant_name") == ["鈴木, 花子", "ゲスト"]
    assert outcome.column("email") == ["hanako@example.jp", None]
    assert outcome.column("joined_at") == [
        datetime(2026, 4, 15, 10, 2, 11, tzinfo=UTC),
        datetime(2026, 4, 15, 16, 30, tzinfo=UTC),
    ]
    assert outcome.column("duration_minutes") == [28, 15]
    assert outcome.column("is_guest") == [False, True]
    assert outcome.column("_row_number") == [4 + len(separator), 5 + len(separator)]
    assert outcome.reader.ignored_columns == ["Recording Consent"]


@pytest.mark.parametrize("header", [HEADER, HEADER.replace("Original Name", "original name")])
def test_without_preamble_the_meeting_comes_from_the_name(contracts, tmp_path: Path, header: str):
    outcome = read_all(contracts["webinar_zoom"], put(tmp_path, [header, *ROWS]))
    assert outcome.column("meeting_id") == ["87654321098"] * 2
    assert outcome.column("topic") == [None, None]
    assert outcome.column("_row_number") == [2, 3]


def test_the_unique_export_has_no_join_time(contracts, tmp_path: Path):
    lines = ["Name (original name),User Email,Total Duration (Minutes),Guest", "鈴木,a@example.jp,58,No"]
    outcome = read_all(contracts["webinar_zoom"], put(tmp_path, lines))
    assert outcome.column("duration_minutes") == [58]
    assert outcome.column("joined_at") == [None]
    assert set(outcome.reader.missing_columns) >= {"joined_at", "left_at"}


def test_the_name_it_arrived_under_counts(contracts, tmp_path: Path):
    path = put(tmp_path, [HEADER, *ROWS], "0f3a.bin")
    assert read_all(contracts["webinar_zoom"], path, NAME).column("meeting_id") == ["87654321098"] * 2
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["webinar_zoom"], path)
    assert caught.value.reason_code == "unknown_columns"
    assert "Meeting ID" in caught.value.message_ja


def test_a_meeting_without_participants_is_no_error(contracts, tmp_path: Path):
    outcome = read_all(contracts["webinar_zoom"], put(tmp_path, [*PREAMBLE, "", HEADER]))
    assert outcome.rows_in == 0


@pytest.mark.parametrize("lines", [["a,b,c", "1,2,3"], ["今日のまとめ"]])
def test_another_table_is_refused(contracts, tmp_path: Path, lines: list[str]):
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["webinar_zoom"], put(tmp_path, lines))
    assert caught.value.reason_code == "not_a_zoom_participants"

"""Qualtrics exports: three header rows, keyed on ImportIds, zone in row three."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reading import read_all
from shirube.readers import FileRejected

IDS = ["startDate", "recordedDate", "_recordId", "finished", "wave", "QID1", "QID2_NPS", "QID7_TEXT"]
TEXTS = ["開始日", "記録日", "回答ID", "完了", "wave", "満足度は\nいかがですか,先生", "推奨度", "ご意見"]
NAMES = ["StartDate", "RecordedDate", "ResponseId", "Finished", "wave", "Q1", "Q2_NPS", "Q7"]


def put(folder: Path, rows: list[list[str]], zone: str | None, ids: list[str] = IDS) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerow(TEXTS)
    entries = [{"ImportId": name} | ({"timeZone": zone} if zone and "Date" in name else {}) for name in ids]
    writer.writerow([json.dumps(entry) for entry in entries])
    writer.writerows(rows)
    path = folder / "cx_survey_2026Q1_20260420.csv"
    path.write_text(text.getvalue(), encoding="utf-8-sig")
    return path


ROW = ["2026-04-01 09:00:00", "2026-04-01 09:05:00", "R_1", "1", "2026Q1", "5", "10", "特になし\n以上"]


@pytest.mark.parametrize(
    ("zone", "hour"), [("America/Denver", 15), ("Asia/Tokyo", 0), (None, 0), ("Nowhere/Land", 0)]
)
def test_columns_by_import_id_and_times_in_the_files_zone(
    contracts, tmp_path: Path, zone: str | None, hour: int
):
    outcome = read_all(contracts["survey_qualtrics"], put(tmp_path, [ROW], zone))
    assert outcome.rejects == []
    assert outcome.column("response_id") == ["R_1"]
    assert outcome.column("recorded_at") == [datetime(2026, 4, 1, hour, 5, tzinfo=UTC)]
    assert outcome.column("nps") == [10]
    assert outcome.column("comment") == ["特になし\n以上"]
    assert outcome.column("_row_number") == [5]


def test_answers_outside_the_scale_are_refused(contracts, tmp_path: Path):
    rows = [ROW, [*ROW[:5], "6", *ROW[6:]], [*ROW[:6], "eleven", ROW[7]]]
    outcome = read_all(contracts["survey_qualtrics"], put(tmp_path, rows, None))
    assert outcome.reasons == [(7, "out_of_range"), (9, "bad_number")]
    assert "1〜5" in outcome.rejects[0].message_ja


def test_without_import_ids_it_is_another_table(contracts, tmp_path: Path):
    path = tmp_path / "cx_survey_2026Q1_20260420.csv"
    path.write_text("V1,V2\nResponseID,Name\nR_1,x\n", encoding="utf-8")
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["survey_qualtrics"], path)
    assert caught.value.reason_code == "not_a_qualtrics"


def test_a_missing_key_column_is_named(contracts, tmp_path: Path):
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["survey_qualtrics"], put(tmp_path, [ROW], None, [*IDS[:2], "x", *IDS[3:]]))
    assert caught.value.reason_code == "unknown_columns"
    assert "_recordId" in caught.value.message_ja

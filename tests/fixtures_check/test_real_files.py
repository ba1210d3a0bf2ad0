"""Readers against files that real systems wrote, in the folder `SHIRUBE_FIXTURES`; skipped without it."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shirube.casting import cast_batch
from shirube.contracts import SourceContract, load_contract, load_contracts
from shirube.readers import FileRejected, open_reader
from shirube.readers.snowplow import POSITIONS

FOLDER = Path(os.environ.get("SHIRUBE_FIXTURES", ""))
pytestmark = pytest.mark.skipif(
    not os.environ.get("SHIRUBE_FIXTURES") or not FOLDER.is_dir(), reason="SHIRUBE_FIXTURES names no folder"
)

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: real
version: 1.0.0
customProperties:
  - {{property: header, value: {header}}}
  - {{property: passThrough, value: ['*']}}
{more}
schema:
  - name: real
    properties:
{columns}
"""


def contract_for(folder: Path, columns: list[str], header: bool = True, more: str = "") -> SourceContract:
    path = folder / "real.odcs.yaml"
    kept = "logicalType: string, logicalTypeOptions: {format: free_text}"
    listed = "\n".join(
        f"      - {{name: c{n}, physicalName: '{name}', {kept}}}" for n, name in enumerate(columns)
    )
    path.write_text(CONTRACT.format(header=str(header).lower(), columns=listed, more=more), encoding="utf-8")
    return load_contract(path)


def rows_of(
    contract: SourceContract, path: Path, name: str | None = None
) -> tuple[list[dict[str, Any]], list[Any]]:
    rows, rejects = [], []
    for raw in open_reader(contract, path, name).batches():
        batch, refused = cast_batch(raw, contract)
        rows += batch.to_pylist()
        rejects += refused
    return rows, rejects


def find(name: str) -> Path:
    found = sorted(FOLDER.rglob(name))
    assert len(found) == 1, name
    return found[0]


SALESFORCE = [
    "accountData.csv",
    "opportunityData.csv",
    "error0413060133.csv",
    "success0413060133.csv",
    "20kRows.csv",
    "accountsForInsert.csv",
    "bulkV2MultipleJobsCsvTemplate.csv",
    "dateWithTimeZone.csv",
    "insertAccountCsv.csv",
    "upsertAccountCsvTemplate.csv",
    "Account_bulk1_test.csv",
    "Account_bulk2_test.csv",
    "Account_bulk2_test_backquote.csv",
]


@pytest.mark.parametrize("name", SALESFORCE)
def test_salesforce_files_cell_for_cell(tmp_path: Path, name: str):
    path = find(name)
    content = path.read_bytes()
    text = content.decode("cp932" if name == "accountData.csv" else "utf-8-sig")
    delimiter = "`" if "backquote" in name else ","
    expected = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    header = expected[0]
    more = f"  - {{property: delimiter, value: '{delimiter}'}}"
    rows, rejects = rows_of(contract_for(tmp_path, header, more=more), path)
    assert rejects == []
    whole = [row for row in expected[1:] if any(cell.strip() for cell in row)]
    assert len(rows) == len(whole) > 0
    for row, cells in zip(rows, whole, strict=True):
        got = [row[f"c{n}"] for n in range(len(header))]
        assert got == [cell if cell.strip() else None for cell in cells[: len(header)]]


@pytest.mark.parametrize("name", ["csvtext_BOM_UTF32BE.csv", "csvtext_BOM_UTF32LE.csv"])
def test_files_whose_mark_contradicts_their_bytes_are_refused(tmp_path: Path, name: str):
    with pytest.raises(FileRejected) as caught:
        open_reader(replace(contract_for(tmp_path, ["column1"]), accepts_empty=False), find(name))
    assert caught.value.reason_code in ("unknown_columns", "wrong_encoding")


def test_a_data_loader_export_fits_the_account_contract():
    contract = load_contracts()["crm_account"]
    with pytest.raises(FileRejected) as caught:
        open_reader(contract, find("accountData.csv"), "crm_account_20260401.csv")
    assert caught.value.reason_code == "wrong_encoding"
    contract = replace(contract, encodings=("cp932",))
    reader = open_reader(contract, find("accountData.csv"), "crm_account_20260401.csv")
    batches = list(reader.batches())
    assert sum(batch.num_rows for batch in batches) > 100
    assert "external_id" in reader.missing_columns
    batch, rejects = cast_batch(batches[0], contract)
    assert batch.num_rows + len({found.row_number for found in rejects}) == batches[0].num_rows
    assert batch.num_rows > 0
    assert all(len(found) == 18 for found in batch.column("id").to_pylist())


def test_japan_posts_business_addresses(tmp_path: Path):
    names = [f"列{n}" for n in range(13)]
    path = find("JIGYOSYO.CSV")
    rows, rejects = rows_of(contract_for(tmp_path, names, header=False), path)
    expected = list(csv.reader(io.StringIO(path.read_bytes().decode("cp932"), newline="")))
    assert rejects == []
    assert len(rows) == len(expected) == 22_419
    assert [row["c2"] for row in rows] == [cells[2] for cells in expected]
    assert sum(any(word in row["c2"] for word in ("病院", "医院", "製薬")) for row in rows) == 1_033


@pytest.mark.parametrize(
    ("name", "has_topic"), [("participants_heroes.csv", False), ("participants_heroes_full.csv", True)]
)
def test_zoom_participants(name: str, has_topic: bool):
    rows, rejects = rows_of(
        load_contracts()["webinar_zoom"], find(name), "webinar_60245167821_20211119_2.csv"
    )
    assert rejects == []
    assert len(rows) == len(find(name).read_text(encoding="utf-8-sig").splitlines()) - (4 if has_topic else 1)
    assert {row["meeting_id"] for row in rows} == {"60245167821"}
    assert {row["topic"] for row in rows} == ({"Heroes meeting"} if has_topic else {None})
    assert all(row["joined_at"] < row["left_at"] for row in rows)


def test_qualtrics():
    contract = load_contracts()["survey_qualtrics"]
    rows, rejects = rows_of(contract, find("sample.csv"), "cx_survey_20170718.csv")
    assert len(rows) + len(rejects) >= 1
    assert all(row["response_id"].startswith("R_") for row in rows)
    with pytest.raises(FileRejected) as caught:
        open_reader(contract, find("sample_legacy.csv"))
    assert caught.value.reason_code == "not_a_qualtrics"


def test_snowplow_events_as_enriched_tsv(tmp_path: Path):
    with find("sp_event.csv").open(encoding="utf-8", newline="") as stream:
        events = list(csv.DictReader(stream))
    lines = ["\t".join((event.get(name) or "").replace("\t", " ") for name in POSITIONS) for event in events]
    path = tmp_path / "web_20180101.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows, rejects = rows_of(load_contracts()["web_snowplow"], path)
    assert [row["event_id"] for row in rows] == [event["event_id"] for event in events]
    assert rejects == []
    assert len(rows) > 0

"""Every file has the shape its source has in real life, and as many rows as the truth says."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from typing import Any

import pytest

SOURCES = {
    "dcf_physician", "dcf_facility", "dcf_affiliation", "crm_account",
    "crm_user", "crm_product", "crm_call", "crm_call_detail",
    "crm_sent_email", "crm_email_activity", "crm_consent", "crm_medical_inquiry",
    "crm_suggestion", "crm_multichannel_activity", "crm_multichannel_activity_line",
    "webinar_zoom", "portal_delivery", "survey_qualtrics", "web_snowplow",
    "initiative", "initiative_assignment", "story", "strategy_document",
    "crm_call_key_message", "crm_key_message", "content_approval", "content_decision",
    "jdnet_delivery", "link_review",
}  # fmt: skip


def test_every_source_and_nothing_else_inside_them(sample: Any) -> None:
    written = {str(path.relative_to(sample.root)) for path in sample.root.rglob("*") if path.is_file()}
    logged = {f"{entry['source']}/{entry['file']}" for entry in sample.truth["files"]}
    assert {entry["source"] for entry in sample.truth["files"]} == SOURCES
    assert written - logged == {"truth.json", "truth_phase.parquet", "truth_physician.parquet"}
    assert logged <= written
    assert json.loads((sample.root / "truth.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(sample.truth, default=int)
    )


@pytest.mark.parametrize("source", sorted(s for s in SOURCES if s.startswith("crm_")))
def test_crm_increments(sample: Any, source: str) -> None:
    """Weekly, UTF-8 with LF, quoted, header in SOQL case; as many rows as the truth says."""
    seen = 0
    for entry in sample.files(source):
        raw = sample.path(entry).read_bytes()
        assert raw.startswith(b'"Id","IsDeleted",') and b"\r\n" not in raw
        rows = list(csv.DictReader(raw.decode("utf-8").splitlines(keepends=True)))
        assert len(rows) == entry["rows"] == entry["landed"]
        assert all(len(row["Id"]) == 18 and row["SystemModstamp"].endswith(".000Z") for row in rows)
        seen += len(rows)
    assert len(sample.files(source)) == 53
    assert seen == sample.truth["expected"]["sources"][source]["landed"] > 0


def test_record_ids_carry_the_case_checksum(sample: Any) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    ids = list(sample.latest("crm_call"))
    for text in ids:
        blocks = [text[i : i + 5] for i in (0, 5, 10)]
        assert text[15:] == "".join(
            alphabet[sum(2**n for n, c in enumerate(b) if c.isupper())] for b in blocks
        )
    assert len(ids) > 1000 and len({text[15:] for text in ids}) == 4


def test_master_files(sample: Any) -> None:
    for kind, width in (("dcf_physician", 12), ("dcf_facility", 14), ("dcf_affiliation", 7)):
        files = list(sample.master(kind))
        assert len(files) == 12
        for entry, (name, rows) in zip(
            sorted(sample.files(kind), key=lambda e: e["file"]), files, strict=True
        ):
            assert name == entry["file"] and len(rows) == entry["rows"]
            assert all(len(row) == width for row in rows)
            raw = sample.path(entry).read_bytes()
            assert raw.count(b"\r\n") == raw.count(b"\n") == len(rows) + 1
    physicians = next(iter(sample.master("dcf_physician")))[1]
    assert all(len(row["医師コード"]) == 8 and row["医師コード"].startswith("0") for row in physicians)
    names = "".join(row["氏名漢字"] for row in physicians)
    assert "髙" in names and "﨑" in names
    assert all(not any("ァ" <= c <= "ヶ" for c in row["氏名カナ"]) for row in physicians)
    facilities = "".join(row["施設名"] for row in next(iter(sample.master("dcf_facility")))[1])
    assert "①" in facilities and "㈱" in facilities


def test_webinar_reports(sample: Any) -> None:
    rejoins = 0
    for entry in sample.files("webinar_zoom"):
        raw = sample.path(entry).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\r\n") == raw.count(b"\n")
        lines = sample.webinar(entry)
        assert lines[0][:2] == ["Meeting ID", "Topic"] and not any(lines[2])
        assert lines[3] == [
            "Name (Original Name)", "User Email", "Join Time", "Leave Time", "Duration (Minutes)", "Guest",
            "Recording Consent",
        ]  # fmt: skip
        assert (
            entry["file"].startswith(f"webinar_{lines[1][0]}_")
            and "【PRD-" in lines[1][1]
            and "#C1" in lines[1][1]
        )
        assert len(lines) - 4 == entry["rows"]
        people = Counter(line[1] for line in lines[4:] if line[1])
        if entry.get("note") != "superseded":
            rejoins += sum(count - 1 for count in people.values())
    assert len(sample.files("webinar_zoom")) > 90
    assert rejoins >= 20


def test_portal_reports(sample: Any) -> None:
    headers = set()
    shapes = Counter()
    for entry in sample.files("portal_delivery"):
        if entry["file_reason"]:
            continue
        lines = sample.portal(entry)
        headers.add(lines[2][1])
        assert lines[2][0] == "配信ID" and len(lines[2]) == 16
        assert lines[-1][0] == "合計"
        assert float(lines[-1][13]) == sum(float(line[13]) for line in lines[3:-1])
        assert len(lines) - 4 == entry["rows"]
        shapes[sample.path(entry).suffix] += 1
    assert headers == {"DCF医師コード", "医師コード", "ドクターコード"}
    assert shapes == {".xlsx": 13, ".csv": 13}


def test_survey_exports(sample: Any) -> None:
    files = sample.files("survey_qualtrics")
    for entry in files:
        raw = sample.path(entry).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        lines = list(csv.reader(raw.decode("utf-8-sig").splitlines(keepends=True)))
        keys = [json.loads(cell) for cell in lines[2]]
        assert {"_recordId", "QID2_NPS", "QID7_TEXT", "wave"} <= {key["ImportId"] for key in keys}
        assert sum("timeZone" in key for key in keys) == 3
        assert len(lines) - 3 == entry["rows"]
    assert len(files) == 8


def test_web_log(sample: Any) -> None:
    widths: Counter[int] = Counter()
    whole = [entry for entry in sample.files("web_snowplow") if not entry["file_reason"]]
    for entry in whole:
        lines = sample.web(entry)
        widths.update(len(line) for line in lines)
        assert len(lines) == entry["rows"]
    assert set(widths) == {57, 129, 130, 131} and widths[131] > widths[130] > widths[129] > 0
    assert {entry["file"][:4] for entry in whole} == {"run=", "web_"} and len(whole) == 12


def test_spoilt_files(sample: Any) -> None:
    (cut,) = [entry for entry in sample.files("web_snowplow") if entry["file_reason"] == "truncated_file"]
    with pytest.raises(EOFError), gzip.open(sample.path(cut)) as handle:
        handle.read()
    (odd,) = [entry for entry in sample.files("portal_delivery") if entry["file_reason"] == "wrong_encoding"]
    raw = sample.path(odd).read_bytes()
    assert raw[:2] not in (b"\xff\xfe", b"\xfe\xff") and raw.decode("utf-16-le").startswith("DrGate")
    # Both come again whole, so nothing is lost.
    assert any(
        entry["file"].startswith(odd["file"][:14]) and not entry["file_reason"]
        for entry in sample.files("portal_delivery")
    )


def test_landing_reads_what_the_truth_says(sample: Any) -> None:
    """The project's own readers and casts land and quarantine exactly the rows that the truth counts."""
    from shirube.casting import cast_batch
    from shirube.contracts import load_contracts
    from shirube.readers import FileRejected, open_reader

    contracts = load_contracts()
    checked = 0
    for entry in sample.truth["files"]:
        if entry["source"].startswith("crm_") and not entry.get("note"):
            continue  # the odd ones of each kind suffice; the other tests count every file
        contract = contracts[entry["source"]]
        if entry["file_reason"]:
            with pytest.raises(FileRejected) as refused:
                for batch in open_reader(contract, sample.path(entry)).batches():
                    cast_batch(batch, contract)
            assert refused.value.reason_code == entry["file_reason"]
            continue
        landed, reasons = 0, Counter()
        for batch in open_reader(contract, sample.path(entry)).batches():
            table, rejects = cast_batch(batch, contract)
            landed += table.num_rows
            reasons.update({reject.row_number: reject.reason_code for reject in rejects}.values())
        assert (landed, dict(reasons)) == (entry["landed"], entry["quarantined"]), entry["file"]
        checked += 1
    assert checked > 150

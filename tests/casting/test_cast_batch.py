"""Whole batches: every row is accepted or has a reason, whatever is in the cells."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shirube.casting import cast_batch
from shirube.contracts import SourceContract, load_contracts
from shirube.readers import ROW_REASONS, RawBatch
from shirube.readers.batch import reject

CONTRACTS = load_contracts()


def raw(contract: SourceContract, rows: list[dict[str, str | None]], zone: str | None = None) -> RawBatch:
    columns = {c.name: pa.array([row.get(c.name) for row in rows], pa.string()) for c in contract.columns}
    return RawBatch(pa.array(range(2, len(rows) + 2), pa.int64()), columns, zone=zone)


def test_rows_with_a_bad_cell_are_left_out_with_every_reason():
    contract = CONTRACTS["dcf_affiliation"]
    good = {
        "physician_code": "00123456",
        "facility_code": "001234567",
        "started_on": "R7.4.1",
        "is_primary": "主",
    }
    bad = good | {"physician_code": "123456", "ended_on": "S64.2.1"}
    batch, rejects = cast_batch(raw(contract, [good, bad, good | {"started_on": "－"}]), contract)
    assert batch.schema == contract.cast_schema()
    assert batch.column("_row_number").to_pylist() == [2]
    assert [(r.row_number, r.column, r.reason_code) for r in rejects] == [
        (3, "ended_on", "impossible_era_date"),
        (3, "physician_code", "lost_leading_zero"),
        (4, "started_on", "missing_key"),
    ]
    assert rejects[1].message_ja == "「医師コード」が8桁に足りません。先頭の0が失われたようです"


def test_no_event_happens_on_a_day_that_stands_for_nothing():
    calls = CONTRACTS["crm_call"]
    call = {"id": "a045g00000000ARAAY", "system_modstamp": "2026-04-01T00:00:00.000Z"}
    days = ["9999-12-31", "0001-01-01", "2026-03-31", None]
    batch, rejects = cast_batch(raw(calls, [call | {"call_date": day} for day in days]), calls)
    assert batch.column("_row_number").to_pylist() == [4, 5]
    assert [(r.row_number, r.column, r.reason_code) for r in rejects] == [
        (2, "call_date", "bad_date"),
        (3, "call_date", "bad_date"),
    ]
    jobs = CONTRACTS["dcf_affiliation"]
    job = {"physician_code": "00123456", "facility_code": "001234567", "started_on": "R7.4.1"}
    batch, rejects = cast_batch(raw(jobs, [job | {"ended_on": "9999-12-31"}]), jobs)
    assert rejects == [] and batch.num_rows == 1


@pytest.mark.parametrize("word", ["", " ", "　", "-", "－", "‐", "該当なし", "N/A"])
def test_words_for_nothing_become_null(word: str):
    contract = CONTRACTS["portal_delivery"]
    row = {"delivery_id": "D1", "vendor": "V", "period": "202604", "viewed_seconds": word, "reaction": word}
    batch, rejects = cast_batch(raw(contract, [row | {"is_completed": word}]), contract)
    assert rejects == []
    got = batch.to_pylist()[0]
    assert (got["viewed_seconds"], got["reaction"]) == (None, None)
    assert got["is_completed"] is (False if word in ("-", "－") else None)


def test_free_text_stays_as_it_was_written():
    contract = CONTRACTS["crm_call"]
    row = {
        "id": "a045g00000000ARAAY",
        "system_modstamp": "2026-04-01T00:00:00.000Z",
        "comments": " 該当なし\n",
    }
    batch, _ = cast_batch(
        raw(contract, [row, row | {"comments": "該当なし"}, row | {"comments": "  "}]), contract
    )
    assert batch.column("comments").to_pylist() == [" 該当なし\n", "該当なし", None]


def test_rejects_of_the_reader_stay_in_the_account():
    contract = CONTRACTS["crm_product"]
    batch = raw(contract, [{"id": "x", "system_modstamp": "2026-04-01T00:00:00.000Z"}])
    batch.errors.append(reject(9, "too_few_columns", fact="1 / 2"))
    accepted, rejects = cast_batch(batch, contract)
    assert accepted.num_rows == 0
    assert [(r.row_number, r.reason_code) for r in rejects] == [(2, "bad_code"), (9, "too_few_columns")]


CELLS = (
    st.none()
    | st.text(max_size=10)
    | st.sampled_from(
        [
            "00123456",
            "1.23E+11",
            "R7.4.1",
            "S64.2.1",
            "△1,234",
            "○",
            "－",
            "2026-04-15T03:23:15.000Z",
            "25:30",
            "true",
            "主",
        ]
    )
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("source", sorted(CONTRACTS))
def test_any_cells_give_rows_or_reasons_and_never_a_value(source: str, data: st.DataObject):
    contract = CONTRACTS[source]
    names = [column.name for column in contract.columns]
    rows = data.draw(st.lists(st.dictionaries(st.sampled_from(names), CELLS, max_size=8), max_size=4))
    batch, rejects = cast_batch(raw(contract, rows), contract)
    assert batch.schema == contract.cast_schema()
    assert batch.num_rows + len({r.row_number for r in rejects}) == len(rows)
    for found in rejects:
        reason = ROW_REASONS[found.reason_code]
        column = contract.by_name[found.column or ""]
        assert found.message_ja.startswith(reason.message_ja.split("{column}")[0] + column.business_name)
        assert reason.advice_ja

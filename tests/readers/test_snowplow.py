"""Snowplow enriched events: 131 positions, cut tails, gzip."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reading import read_all
from shirube.readers import FileRejected
from shirube.readers.snowplow import POSITIONS


def row(cells: int = 131, **values: str) -> str:
    event = {"event_id": "e1", "collector_tstamp": "2026-04-01 00:00:01.5", "app_id": "web"} | values
    return "\t".join([event.get(name, "") for name in POSITIONS][:cells])


def put(folder: Path, rows: list[str], compress: bool = True) -> Path:
    content = ("\n".join(rows) + "\n").encode()
    path = folder / "web_20260401.tsv.gz"
    path.write_bytes(gzip.compress(content, mtime=0) if compress else content)
    return path


@pytest.mark.parametrize("compress", [True, False])
def test_columns_by_position(contracts, tmp_path: Path, compress: bool):
    quoted = row(page_title='He said "so', se_value="1.5", dvce_ismobile="1", event_fingerprint="f")
    digits = row(event_id="e2", derived_tstamp="2021-10-14 13:54:45.811000001", se_value="1.0E7")
    outcome = read_all(contracts["web_snowplow"], put(tmp_path, [quoted, digits], compress))
    assert len(POSITIONS) == 131
    assert outcome.rejects == []
    assert outcome.column("page_title") == ['He said "so', None]
    assert outcome.column("se_value") == [1.5, 1e7]
    assert outcome.column("dvce_ismobile") == [True, None]
    assert outcome.column("event_fingerprint") == ["f", None]
    assert outcome.column("collector_at")[0] == datetime(2026, 4, 1, 0, 0, 1, 500000, tzinfo=UTC)
    assert outcome.column("derived_at")[1] == datetime(2021, 10, 14, 13, 54, 45, 811000, tzinfo=UTC)
    assert outcome.reader.ignored_columns == []


def test_rows_whose_empty_tail_was_cut_are_filled_up(contracts, tmp_path: Path):
    rows = [row(), row(130, event_id="e2"), row(129, event_id="e3"), row(128, event_id="e4"), row() + "\tx"]
    outcome = read_all(contracts["web_snowplow"], put(tmp_path, rows))
    assert outcome.column("event_id") == ["e1", "e2", "e3"]
    assert outcome.column("_row_number") == [1, 2, 3]
    assert outcome.reasons == [(4, "too_few_columns"), (5, "too_many_columns")]


def test_a_cut_gzip_file_is_refused_whole(contracts, tmp_path: Path):
    path = put(tmp_path, [row(event_id=f"e{n}", page_title=str(n * 7919)) for n in range(500)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["web_snowplow"], path)
    assert caught.value.reason_code == "truncated_file"


def test_another_table_is_refused(contracts, tmp_path: Path):
    with pytest.raises(FileRejected) as caught:
        read_all(contracts["web_snowplow"], put(tmp_path, ["a\tb\tc"]))
    assert caught.value.reason_code == "not_a_snowplow"

"""The ledger: idempotent, independent of order, safe between processes."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shirube.contracts import Column, SourceContract
from shirube.home import Home
from shirube.ledger import Landing, Ledger, LedgerError, LeftOutBefore, Sighting, batch_id_of

CONTRACTS = {
    "calls": SourceContract(
        "calls", (Column("id", "Id"),), business_name="面談", freshness_hours=168, is_expected=True
    ),
    "mails": SourceContract("mails", (Column("id", "Id"),)),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.resolve(tmp_path / "home")


def sight(name: str, day: int | None = None, period: str | None = None) -> Sighting:
    return Sighting(name, datetime.fromisoformat(f"2025-11-{day:02d}") if day else None, period)


def register(
    ledger: Ledger, source: str, content: str, sighting: Sighting, **extra: object
) -> tuple[str, bool]:
    return ledger.register(
        source, content, 10, sighting, inbox_path=f"{source}/{sighting.file_name}", mtime_ns=1, **extra
    )


def landing(batch_id: str, landed: int = 3, **reasons: int) -> Landing:
    refused = sum(reasons.values())
    return Landing(
        batch_id, f"{batch_id}-c0ffee00", "c0ffee00", "landed", landed + refused, landed, refused,
        event_min_on=date(2025, 11, 1), event_max_on=date(2025, 11, 3), reasons=reasons,
    )  # fmt: skip


def export(home: Home, ledger: Ledger, folder: Path) -> dict[str, bytes]:
    ledger.export_parquet(folder, CONTRACTS)
    assert sorted(file.name for file in folder.iterdir()) == [
        "batch.parquet",
        "quarantine.parquet",
        "sighting.parquet",
        "source.parquet",
    ]
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_same_content_is_one_batch_with_every_sighting(home: Home) -> None:
    with Ledger(home) as ledger:
        first, new = register(ledger, "calls", "aa", sight("a.csv", 3))
        again, new_again = register(ledger, "calls", "aa", sight("b.csv", 10))
        other, _ = register(ledger, "mails", "aa", sight("a.csv", 3))
        assert (new, new_again) == (True, False)
        assert first == again == batch_id_of("calls", "aa") != other
        assert [one.file_name for one in ledger.sightings(first)] == ["a.csv", "b.csv"]
        batch = ledger.batch(first)
        assert (batch.delivered_at, batch.file_name) == (datetime.fromisoformat("2025-11-10"), "b.csv")


def test_values_from_the_name_make_another_batch_of_the_same_bytes(home: Home) -> None:
    with Ledger(home) as ledger:
        april, _ = register(ledger, "calls", "aa", sight("202604.csv"), name_values={"period": "2026-04"})
        may, _ = register(ledger, "calls", "aa", sight("202605.csv"), name_values={"period": "2026-05"})
        assert april != may and len(ledger.batches()) == 2


def test_a_known_file_is_known_until_it_changes(home: Home) -> None:
    with Ledger(home) as ledger:
        batch_id, _ = register(ledger, "calls", "aa", sight("a.csv"))
        assert ledger.known_file("calls/a.csv", 10, 1) == batch_id
        assert ledger.known_file("calls/a.csv", 11, 1) is None
        assert ledger.known_file("calls/a.csv", 10, 2) is None


def test_delivery_falls_back_to_the_last_event_then_to_1970(home: Home) -> None:
    with Ledger(home) as ledger:
        dated, _ = register(ledger, "calls", "aa", sight("undated.csv"))
        empty, _ = register(ledger, "calls", "bb", sight("empty.csv"))
        ledger.commit_landing(landing(dated))
        assert ledger.batch(dated).delivered_at == datetime.fromisoformat("2025-11-03")
        assert ledger.batch(empty).delivered_at == datetime.fromisoformat("1970-01-01")


def test_a_date_ten_years_after_everything_in_the_file_is_not_believed(home: Home, tmp_path: Path) -> None:
    """The batches end on 2025-11-03; 3,660 days later is 2035-11-11."""
    names = {
        "call_20351111.csv": datetime.fromisoformat("2035-11-11"),
        "call_20351112.csv": datetime.fromisoformat("2035-11-12"),
        "call_20991103.csv": datetime.fromisoformat("2099-11-03"),
        "call_20251104.csv": datetime.fromisoformat("2025-11-04"),
    }

    def land_as(ledger: Ledger, content: str, *chosen: str) -> str:
        for name in chosen:
            batch_id, _ = register(ledger, "calls", content, Sighting(name, names[name], None))
        ledger.commit_landing(landing(batch_id))
        return batch_id

    with Ledger(home) as ledger:
        late = land_as(ledger, "aa", "call_20351111.csv")
        wrong = land_as(ledger, "bb", "call_20351112.csv")
        mended = land_as(ledger, "cc", "call_20991103.csv", "call_20251104.csv")
        again = land_as(ledger, "dd", "call_20251104.csv")
        register(ledger, "calls", "dd", Sighting("call_20991103.csv", names["call_20991103.csv"], None))
        days = [
            f"{ledger.batch(batch_id).delivered_at:%Y-%m-%d}" for batch_id in (late, wrong, mended, again)
        ]
        assert days == ["2035-11-11", "2025-11-03", "2025-11-04", "2025-11-04"]
        assert ledger.names_not_believed() == ["calls/call_20351112.csv"] + ["calls/call_20991103.csv"] * 2
        export(home, ledger, tmp_path / "export")
    seen = pq.read_table(tmp_path / "export" / "sighting.parquet").column("delivered_on").to_pylist()
    assert max(seen) == date(2035, 11, 11) and len(seen) == 6


def test_a_ledger_of_the_first_version_is_brought_up(home: Home) -> None:
    with Ledger(home) as ledger:
        batch_id, _ = register(ledger, "calls", "aa", sight("undated.csv"))
        ledger.commit_landing(landing(batch_id))
    with sqlite3.connect(home.ledger_file) as connection:
        connection.execute("alter table batch drop column newest_on")
        connection.execute("drop table left_out")
        connection.execute("pragma user_version = 1")
    with Ledger(home) as ledger:
        assert ledger.batch(batch_id).delivered_at == datetime.fromisoformat("2025-11-03")
    with Ledger(home) as ledger:
        assert ledger.names_not_believed() == []
        assert ledger.left_out() is None


def test_it_keeps_how_many_the_newest_build_left_out(home: Home) -> None:
    with Ledger(home) as ledger:
        assert ledger.left_out() is None
        ledger.record_left_out(2, "d1")
        ledger.record_left_out(3, "d2")
    with Ledger(home) as ledger:
        assert ledger.left_out() == LeftOutBefore(3, "d2")
        ledger.record_left_out(0, None)
        assert ledger.left_out() == LeftOutBefore(0, None)
        with pytest.raises(sqlite3.IntegrityError):
            ledger.record_left_out(1, None)


def test_counts_that_do_not_add_up_are_refused(home: Home) -> None:
    with Ledger(home) as ledger:
        batch_id, _ = register(ledger, "calls", "aa", sight("a.csv"))
        with pytest.raises(LedgerError, match="reasons cover 0 of 2"):
            ledger.commit_landing(Landing(batch_id, "x", "y", "landed", 5, 3, 2))
        with pytest.raises(sqlite3.IntegrityError):
            ledger.commit_landing(Landing(batch_id, "x", "y", "landed", 6, 3, 2, reasons={"bad_date": 2}))
        assert ledger.batch(batch_id).state == "received"


def test_a_new_landing_replaces_the_old_one(home: Home) -> None:
    with Ledger(home) as ledger:
        batch_id, _ = register(ledger, "calls", "aa", sight("a.csv"))
        ledger.commit_landing(landing(batch_id, 1, bad_date=2))
        assert ledger.reasons() == [(batch_id, "bad_date", 2)]
        ledger.commit_landing(landing(batch_id, 3))
        assert ledger.reasons() == []
        assert ledger.batch(batch_id).rows_landed == 3


def test_pending_shrinks_as_batches_land_and_are_released(home: Home) -> None:
    with Ledger(home) as ledger:
        assert not ledger.pending()
        batch_id, _ = register(ledger, "calls", "aa", sight("a.csv"))
        assert [batch.batch_id for batch in ledger.pending().received] == [batch_id]
        ledger.commit_landing(landing(batch_id))
        assert [batch.batch_id for batch in ledger.pending().unreleased] == [batch_id] and len(
            ledger.pending()
        ) == 1
        for _ in range(2):
            ledger.record_release("2025-11-03-abc", date(2025, 11, 3), "published", [f"{batch_id}-c0ffee00"])
        assert not ledger.pending()
        (release,) = ledger.releases()
        assert release.landing_ids == (f"{batch_id}-c0ffee00",) and release.as_of == date(2025, 11, 3)


def test_export_does_not_depend_on_order_or_repetition(home: Home, tmp_path: Path) -> None:
    deliveries = [
        ("calls", "aa", sight("call_1.csv", 3)),
        ("calls", "aa", sight("again/call_1.csv", 8)),
        ("calls", "bb", sight("call_2.csv", 5)),
        ("mails", "aa", sight("mail.csv", None, "2025-10")),
        ("mails", "cc", sight("mail.csv", None, "2025-11")),
    ]
    seen = []
    for seed in range(5):
        rng = random.Random(seed)
        shuffled = rng.sample(deliveries * 2, k=len(deliveries) * 2)
        with Ledger(Home.resolve(tmp_path / f"home{seed}")) as ledger:
            for source, content, sighting in shuffled:
                batch_id, is_new = register(ledger, source, content, sighting)
                if is_new:
                    ledger.commit_landing(landing(batch_id, 3, bad_date=1))
            seen.append(export(home, ledger, tmp_path / f"export{seed}"))
    assert all(one == seen[0] for one in seen)
    batches = pq.read_table(tmp_path / "export0" / "batch.parquet")
    assert batches.num_rows == 4
    assert batches.column("file_name").to_pylist().count("again/call_1.csv") == 1
    assert set(batches.schema.names) >= {
        "landing_id",
        "delivered_on",
        "period",
        "state",
        "rows_in",
        "content_hash",
    }
    assert sum(pq.read_table(tmp_path / "export0" / "quarantine.parquet").column("rows").to_pylist()) == 4
    assert pq.read_table(tmp_path / "export0" / "sighting.parquet").num_rows == 5
    sources = pq.read_table(tmp_path / "export0" / "source.parquet").to_pylist()
    assert sources[0] == {
        "source": "calls", "business_name": "面談", "freshness_hours": 168, "is_periodic": True,
        "is_expected": True,
    }  # fmt: skip


def test_an_export_as_of_a_day_knows_nothing_later(home: Home, tmp_path: Path) -> None:
    with Ledger(home) as ledger:
        for content, sighting in (
            ("aa", sight("call_1.csv", 3)),
            ("aa", sight("again/call_1.csv", 8)),
            ("bb", sight("call_2.csv", 5)),
        ):
            batch_id, is_new = register(ledger, "calls", content, sighting)
            if is_new:
                ledger.commit_landing(landing(batch_id))
        ledger.export_parquet(tmp_path, CONTRACTS, as_of=date(2025, 11, 4))
    (batch,) = pq.read_table(tmp_path / "batch.parquet").to_pylist()
    assert (batch["content_hash"], batch["delivered_on"]) == ("aa", date(2025, 11, 3))
    (sighting,) = pq.read_table(tmp_path / "sighting.parquet").to_pylist()
    assert sighting["file_name"] == "call_1.csv"


def test_undecided_batches_are_not_exported(home: Home, tmp_path: Path) -> None:
    with Ledger(home) as ledger:
        register(ledger, "calls", "aa", sight("a.csv"))
        export(home, ledger, tmp_path / "export")
    table = pq.read_table(tmp_path / "export" / "batch.parquet")
    assert table.num_rows == 0 and len(table.schema) == 14


def test_a_ledger_of_a_newer_version_is_not_touched(home: Home) -> None:
    Ledger(home).__exit__(None, None, None)
    with sqlite3.connect(home.ledger_file) as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(LedgerError, match="99"):
        Ledger(home)


def _register_many(root: Path, writer: int) -> None:
    with Ledger(Home.resolve(root)) as ledger:
        for number in range(40):
            register(ledger, "calls", f"content {number}", sight(f"{writer}/{number}.csv", 1 + number % 28))


def test_several_processes_write_at_once(home: Home) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_register_many, args=(home.root, writer)) for writer in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(120)
    assert [process.exitcode for process in writers] == [0, 0, 0]
    with Ledger(home) as ledger:
        batches = ledger.batches()
        assert len(batches) == 40
        assert sum(len(ledger.sightings(batch.batch_id)) for batch in batches) == 120


def test_many_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    """SQLite does not wait while a file becomes a write-ahead log: it refuses whoever comes just then."""

    def opened(home: Home) -> int:
        with Ledger(home) as ledger:
            return len(ledger.batches())

    homes = [Home.resolve(tmp_path / f"home{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as people:
        for home in homes:
            assert list(people.map(opened, [home] * 8)) == [0] * 8

"""The inbox trigger: what it fires for, what it ignores, and one scan for all sources."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from shirube.orchestration import inbox_trigger
from shirube.orchestration.inbox_trigger import PATIENCE_SCANS, InboxTrigger, scan_inbox


def write(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def trigger(inbox: Path, source: str = "crm_call", poke_interval: float = 0.01) -> InboxTrigger:
    return InboxTrigger(inbox=str(inbox), source=source, poke_interval=poke_interval)


async def replay(*snapshots: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for snapshot in snapshots:
        yield snapshot


def fired(source: str, *snapshots: dict[str, Any]) -> list[Any]:
    """Payloads of what a trigger of `source` fires over these snapshots."""

    async def collect() -> list[Any]:
        stream = trigger(Path("unused"), source).filter_shared_stream(replay(*snapshots))
        return [event.payload async for event in stream]

    return asyncio.run(collect())


def test_scan_finds_files_at_any_depth_with_any_name(tmp_path: Path) -> None:
    write(tmp_path / "crm_call" / "2026" / "訪問 記録.csv", "abc")
    write(tmp_path / "web_snowplow" / "run=2026-04-01-00-00-00" / "part-00000.tsv.gz")
    write(tmp_path / "crm_call" / "sub folder" / "b c.csv")
    found = scan_inbox(tmp_path)
    assert {source: set(files) for source, files in found.items()} == {
        "crm_call": {"2026/訪問 記録.csv", "sub folder/b c.csv"},
        "web_snowplow": {"run=2026-04-01-00-00-00/part-00000.tsv.gz"},
    }
    assert found["crm_call"]["2026/訪問 記録.csv"][0] == 3


def test_scan_ignores_unfinished_and_hidden_names(tmp_path: Path) -> None:
    for name in (
        "a.csv.part",
        "a.tmp",
        "a.CRDOWNLOAD",
        "a.csv~",
        ".a.csv",
        ".hidden/a.csv",
        "half.part/a.csv",
    ):
        write(tmp_path / "crm_call" / name)
    write(tmp_path / "file beside the sources.csv")
    write(tmp_path / ".git" / "config")
    assert scan_inbox(tmp_path) == {"crm_call": {}}


def test_scan_survives_what_can_lie_in_an_inbox(tmp_path: Path) -> None:
    assert scan_inbox(tmp_path / "missing") == {}
    (tmp_path / "crm_call").mkdir()
    (tmp_path / "crm_call" / "gone.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "crm_call" / "loop").symlink_to(tmp_path / "crm_call")
    (tmp_path / "crm_call" / "itself.csv").symlink_to(tmp_path / "crm_call" / "itself.csv")
    (tmp_path / "crm_user").symlink_to(tmp_path / "crm_user")
    assert scan_inbox(tmp_path) == {"crm_call": {}}
    with pytest.raises(NotADirectoryError):
        scan_inbox(write(tmp_path / "a file"))


def test_a_folder_that_may_not_be_entered_does_not_stop_the_watching_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed, but not entered: mode r--. Root may enter anything, so the refusal is stood in for."""
    write(tmp_path / "crm_call" / "closed" / "a.csv")
    write(tmp_path / "crm_call" / "b.csv")
    real = Path.stat

    def stat(path: Path, **options: Any) -> Any:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert set(scan_inbox(tmp_path)["crm_call"]) == {"b.csv"}


def test_names_that_are_not_utf8_are_left_to_landing(tmp_path: Path) -> None:
    write(tmp_path / "crm_call" / "b.csv")
    for name in ("訪問.csv", "記録/a.csv"):
        path = tmp_path / "crm_call" / os.fsdecode(name.encode("cp932"))
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / os.fsdecode("訪問".encode("cp932"))).mkdir()
    assert {source: set(files) for source, files in scan_inbox(tmp_path).items()} == {"crm_call": {"b.csv"}}


def test_fires_once_when_a_file_has_stopped_changing() -> None:
    growing, whole = {"crm_call": {"a.csv": (1, 1)}}, {"crm_call": {"a.csv": (9, 2)}}
    assert fired("crm_call", {}, growing, whole) == []
    assert fired("crm_call", {}, growing, whole, whole, whole, whole) == [
        {"source": "crm_call", "files": 1, "bytes": 9}
    ]


def test_fires_again_for_new_and_for_changed_files_only() -> None:
    first = {"crm_call": {"a.csv": (1, 1)}}
    second = {"crm_call": {"a.csv": (1, 1), "b.csv": (2, 2)}}
    changed = {"crm_call": {"a.csv": (3, 3), "b.csv": (2, 2)}}
    events = fired("crm_call", first, first, second, second, changed, changed, changed)
    assert [(event["files"], event["bytes"]) for event in events] == [(1, 1), (1, 2), (1, 3)]


def test_a_file_that_went_and_came_back_fires_again() -> None:
    there, empty = {"crm_call": {"a.csv": (1, 1)}}, {"crm_call": {}}
    assert len(fired("crm_call", there, there, empty, there, there)) == 2


def test_many_files_at_once_are_one_event() -> None:
    burst = {"crm_call": {f"{number}.csv": (1, number) for number in range(50)}}
    assert fired("crm_call", burst, burst) == [{"source": "crm_call", "files": 50, "bytes": 50}]


def test_finished_files_wait_for_growing_ones_but_not_for_ever() -> None:
    def growing(scan: int) -> dict[str, Any]:
        return {"crm_call": {"done.csv": (1, 1), "upload.csv": (scan, scan)}}

    assert fired("crm_call", *(growing(scan) for scan in range(PATIENCE_SCANS))) == []
    events = fired("crm_call", *(growing(scan) for scan in range(2 * PATIENCE_SCANS)))
    assert events == [{"source": "crm_call", "files": 1, "bytes": 1}]


def test_other_sources_do_not_fire_it() -> None:
    files = {"crm_user": {"a.csv": (1, 1)}}
    assert fired("crm_call", files, files, files) == []
    assert len(fired("crm_user", files, files, files)) == 1


def test_a_restarted_trigger_fires_once_more_for_what_is_still_there() -> None:
    files = {"crm_call": {"a.csv": (1, 1)}}
    before, after = fired("crm_call", files, files), fired("crm_call", files, files)
    assert before == after
    assert len(before) == 1


def test_all_sources_of_an_inbox_share_one_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driven by Airflow's own manager: three sources, and every scan is done once."""
    from airflow.triggers.shared_stream import SharedStreamManager

    sources = ["crm_call", "crm_user", "webinar_zoom"]
    for source in sources:
        write(tmp_path / source / "a.csv")
    scans = 0

    def counting_scan(inbox: Path) -> Any:
        nonlocal scans
        scans += 1
        return scan_inbox(inbox)

    monkeypatch.setattr(inbox_trigger, "scan_inbox", counting_scan)

    async def first_events() -> list[TriggerEvent]:
        import structlog

        manager = SharedStreamManager(log=structlog.get_logger())
        triggers = [trigger(tmp_path, source, poke_interval=0.05) for source in sources]
        streams = [
            one.filter_shared_stream(
                manager.subscribe(trigger_id=number, trigger=one, key=one.shared_stream_key())
            )
            for number, one in enumerate(triggers)
        ]
        events = await asyncio.wait_for(asyncio.gather(*(anext(stream) for stream in streams)), timeout=10)
        await manager.stop_all()
        return events

    events = asyncio.run(first_events())
    assert sorted(event.payload["source"] for event in events) == sources
    assert 2 <= scans <= 4, "each source scanned for itself"


def test_scans_are_shared_per_inbox_whatever_its_spelling(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    keys = {
        trigger(tmp_path, "crm_call").shared_stream_key(),
        trigger(tmp_path, "crm_user").shared_stream_key(),
        trigger(tmp_path / "link", "crm_user").shared_stream_key(),
    }
    assert len(keys) == 1
    assert trigger(tmp_path / "other").shared_stream_key() not in keys


def test_the_triggerer_can_make_it_again_and_run_it_alone(tmp_path: Path) -> None:
    from airflow._shared.module_loading import import_string

    write(tmp_path / "crm_call" / "a.csv")
    path, arguments = trigger(tmp_path).serialize()
    again = import_string(path)(**arguments)
    assert isinstance(again, BaseEventTrigger)

    async def first() -> TriggerEvent:
        return await asyncio.wait_for(anext(aiter(again.run())), timeout=10)

    assert asyncio.run(first()).payload == {"source": "crm_call", "files": 1, "bytes": 1}


def test_an_unreadable_inbox_ends_the_stream_and_a_short_failure_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [OSError("stale handle"), {"crm_call": {}}, PermissionError("no")]

    def failing_scan(inbox: Path) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(inbox_trigger, "scan_inbox", failing_scan)

    async def read() -> list[Any]:
        seen = []
        with pytest.raises(PermissionError):
            async for snapshot in InboxTrigger.open_shared_stream(
                {"inbox": str(tmp_path), "poke_interval": 0}
            ):
                seen.append(snapshot)
        return seen

    assert asyncio.run(read()) == [{"crm_call": {}}]

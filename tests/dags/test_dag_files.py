"""The Dags: all of them load, say what they are, and connect as drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from shirube.home import HOME_VARIABLE, project_root
from shirube.orchestration.assets import swept_asset
from shirube.orchestration.settings import dag_ids, list_sources


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagBag]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield DagBag(dag_folder=project_root() / "dags")


def uris(condition: Any) -> set[str]:
    """Addresses of the assets a schedule names: one asset, or any of several."""
    return {asset.uri for asset in getattr(condition, "objects", [condition])}


def test_sources_are_the_contracts() -> None:
    from shirube.contracts import load_contracts

    assert list_sources() == sorted(load_contracts())
    assert len(list_sources()) >= 29


def test_without_contracts_it_says_where_they_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Airflow without any Dag and without a reason is what a wrong SHIRUBE_PROJECT would look like."""
    monkeypatch.setenv("SHIRUBE_PROJECT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"SHIRUBE_PROJECT が.* / .*SHIRUBE_PROJECT must name"):
        list_sources()


def test_every_dag_loads(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert len(bag.dags) == len(list_sources()) + 3
    assert sorted(bag.dags) == sorted(dag_ids())


def test_every_dag_tells_who_owns_it_and_what_to_do_at_night(bag: DagBag) -> None:
    assert bag.dags
    for dag in bag.dags.values():
        assert "shirube" in dag.tags, dag.dag_id
        assert len(dag.tags) >= 2, dag.dag_id
        assert dag.owner == "data-platform", dag.dag_id
        assert dag.doc_md and "**Red" in dag.doc_md, dag.dag_id
        assert dag.catchup is False, dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id


def test_retries_are_few_and_patient(bag: DagBag) -> None:
    tasks = [task for dag in bag.dags.values() for task in dag.tasks]
    assert len(tasks) == 2 * len(list_sources()) + 4 + 1 + 3
    for task in tasks:
        if task.task_id in ("settle", "report_left"):
            assert task.retries == 0
            continue
        assert 1 <= task.retries <= 2, task
        assert task.retry_delay >= timedelta(seconds=10), task


def test_assets_connect_inbox_lake_release(bag: DagBag) -> None:
    for source in list_sources():
        ingest = bag.dags[f"ingest_{source}"]
        assert uris(ingest.timetable.asset_condition) == {f"shirube://inbox/{source}"}
        assert [outlet.uri for outlet in ingest.get_task("land").outlets] == [f"shirube://lake/{source}"]
        assert ingest.get_task("land").downstream_task_ids == {"report_left"}
        assert ingest.get_task("report_left").outlets == []
        watchers = ingest.timetable.asset_condition.watchers
        assert [watcher.trigger.source for watcher in watchers] == [source]
    missed = bag.dags["sweep"].get_task("land_missed")
    assert [outlet.uri for outlet in missed.outlets] == [swept_asset.uri]
    assert missed.downstream_task_ids == {"report_left"}
    build = bag.dags["build"]
    lake = {f"shirube://lake/{source}" for source in list_sources()}
    assert uris(build.timetable.asset_condition) == lake | {swept_asset.uri}
    assert type(build.timetable.asset_condition).__name__ == "AssetAny"
    assert [outlet.uri for outlet in build.get_task("publish").outlets] == ["shirube://releases/current"]
    assert build.get_task("audit").outlets == []
    assert uris(bag.dags["share"].timetable.asset_condition) == {"shirube://releases/current"}


def test_build_is_a_chain(bag: DagBag) -> None:
    build = bag.dags["build"]
    assert [(task.task_id, sorted(task.downstream_task_ids)) for task in build.topological_sort()] == [
        ("settle", ["build"]),
        ("build", ["audit"]),
        ("audit", ["publish"]),
        ("publish", []),
    ]


def test_all_ingest_dags_share_one_scan(bag: DagBag) -> None:
    keys = {
        watcher.trigger.shared_stream_key()
        for source in list_sources()
        for watcher in bag.dags[f"ingest_{source}"].timetable.asset_condition.watchers
    }
    assert len(keys) == 1

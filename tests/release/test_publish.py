from __future__ import annotations

import errno
import importlib
import json
import stat
from pathlib import Path

import duckdb
import pytest
from handmade import SECRET, change, make_audit, make_build, renamed
from shirube.home import Home
from shirube.ledger import Ledger
from shirube.release import (
    Release,
    ReleaseBlockedError,
    ReleaseError,
    current,
    publish,
    read_manifest,
    verify,
)
from shirube.release.declared import read_declared
from shirube.release.manifest import sha256
from shirube.stopped import export_stopped

# The package offers the function under the same name.
publishing = importlib.import_module("shirube.release.publish")

MARTS = ["mart_channel_quality", "mart_cx", "mart_period", "fct_kpi_value"]
FIRST, SECOND = "2026-10-31-aaaaaaaaaa", "2026-11-30-bbbbbbbbbb"


def _published(
    home: Home, release_id: str = FIRST, shift: int = 0, **found: tuple[str, str, str | None]
) -> Release:
    build = make_build(home, release_id, shift=shift)
    return publish(home, build, make_audit(home, build, **found))


def _mart(folder: Path, name: str) -> dict[str, object]:
    return next(entry for entry in read_manifest(folder)["marts"] if entry["name"] == name)


def _rows(folder: Path, name: str, columns: str, where: str = "true") -> list[tuple[object, ...]]:
    file = folder / "marts" / f"{name}.parquet"
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {columns} from read_parquet(?) where {where} order by all", [str(file)]
        ).fetchall()


def _hashes(folder: Path) -> dict[str, str]:
    skipped = {"shirube.duckdb", "shirube.duckdb.sha256"}
    found = {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}
    return {name: digest for name, digest in found.items() if name not in skipped}


def test_a_release_is_whole_read_only_and_current(home: Home) -> None:
    release = _published(home)
    assert (release.release_id, release.status) == (FIRST, "published")
    assert home.current.resolve() == release.path == home.releases / FIRST
    manifest = verify(release.path)
    assert [entry["name"] for entry in manifest["marts"]] == MARTS
    assert {entry["status"] for entry in manifest["marts"]} == {"published"}
    assert [entry["name"] for entry in manifest["star"]] == ["dim_channel", "dim_physician", "fct_touchpoint"]
    assert manifest["duckdb"]["tables"] == {
        "mart_channel_quality": 12,
        "mart_period": 6,
        "mart_cx": 9,
        "fct_kpi_value": 9,
        "dim_channel": 1,
        "dim_physician": 50,
    }
    assert manifest["core_rows"] == {"dim_channel": 1, "dim_physician": 50, "fct_touchpoint": 400}
    assert manifest["as_of"] == "2026-10-31"
    calls = next(entry for entry in manifest["sources"] if entry["source"] == "crm_call")
    assert (calls["rows_in"], calls["rows_landed"], calls["rows_quarantined"]) == (42, 40, 2)
    assert calls["batches_quarantined"] == 1
    masters = next(entry for entry in manifest["sources"] if entry["source"] == "dcf_physician")
    assert (masters["batches_landed"], masters["last_delivered_on"]) == (0, None)
    files = [path for path in release.path.rglob("*") if path.is_file()]
    assert len(files) >= 9
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    assert not list(release.path.rglob("*.wal"))
    assert not list(home.releases.glob(".tmp-*"))


def test_what_only_medical_and_compliance_may_see_is_nobody_else_s_to_open(home: Home) -> None:
    build = make_build(home)
    declared = json.loads(build.dbt_manifest.read_text(encoding="utf-8"))
    for node in declared["nodes"].values():
        if node["name"] == "mart_cx":
            node["config"] = {
                "meta": {**node["config"].get("meta", {}), "audience": ["medical", "compliance"]}
            }
        if node["name"] == "mart_period":  # one more reader, and it is for everyone
            node["config"] = {"meta": {**node["config"].get("meta", {}), "audience": ["medical", "mr"]}}
    build.dbt_manifest.write_text(json.dumps(declared), encoding="utf-8")
    release = publish(home, build, make_audit(home, build))
    assert _mart(release.path, "mart_cx")["file"] == "restricted/mart_cx.parquet"
    assert _mart(release.path, "mart_period")["file"] == "marts/mart_period.parquet"
    folder = release.path / "restricted"
    files = sorted(file.name for file in folder.iterdir())
    assert files == ["fct_kpi_value_restricted.parquet", "mart_cx.parquet"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "mart_cx.parquet").stat().st_mode) == 0o400
    assert not {"mart_cx", "fct_kpi_value_restricted"} & set(verify(release.path)["duckdb"]["tables"])
    # What the restricted mart counts is in no table that others can open, and nothing else is in theirs.
    counted = set(read_declared(build.dbt_manifest).kpis_of("mart_cx"))
    assert counted
    with duckdb.connect() as connection:
        connection.execute(f"attach '{release.path}/shirube.duckdb' as database (read_only)")
        everybody, restricted, database = (
            {kpi for (kpi,) in connection.execute(f"select distinct kpi_id from {place}").fetchall()}
            for place in (
                f"'{release.path}/marts/fct_kpi_value.parquet'",
                f"'{folder}/fct_kpi_value_restricted.parquet'",
                "database.fct_kpi_value",
            )
        )
    assert restricted == counted
    assert everybody and not everybody & counted
    assert database == everybody


def test_the_ledger_knows_the_release(home: Home) -> None:
    _published(home)
    with Ledger(home) as ledger:
        recorded = ledger.releases()
    assert [(entry.release_id, entry.status, entry.landing_ids) for entry in recorded] == [
        (FIRST, "published", ("crm_call-1", "webinar_zoom-1"))
    ]


def test_a_release_claims_what_its_build_read_and_not_what_was_landed_since(home: Home) -> None:
    build = make_build(home)
    found = make_audit(home, build)
    batches = make_build(home, SECOND).ledger / "batch.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace ('late-1' as landing_id, 7 as rows_landed) from '{batches}')"
            f" to '{batches}' (format parquet)"
        )
    release = publish(home, build, found)
    with Ledger(home) as ledger:
        assert ledger.releases()[0].landing_ids == ("crm_call-1", "webinar_zoom-1")
    rows = {entry["source"]: entry["rows_landed"] for entry in read_manifest(release.path)["sources"]}
    assert rows == {"crm_call": 40, "webinar_zoom": 10, "dcf_physician": 0}


def test_parquet_is_sorted_by_the_tested_key_or_by_all_columns(home: Home) -> None:
    release = _published(home)
    with duckdb.connect() as connection:
        for file, key in (("star/fct_touchpoint", "touchpoint_key"), ("marts/mart_cx", "scope_id")):
            keys = connection.execute(
                f"select {key} from read_parquet('{release.path / file}.parquet', file_row_number = true)"
                " order by file_row_number"
            ).fetchall()
            assert len(keys) > 5
            assert keys == sorted(keys)


def test_the_same_candidate_in_another_home_gives_the_same_bytes(home: Home, tmp_path: Path) -> None:
    other = Home.resolve(tmp_path / "other")
    first, second = _hashes(_published(home).path), _hashes(_published(other).path)
    assert len(first) >= 9
    assert first == second


def test_published_again_is_a_no_op_that_says_so(home: Home) -> None:
    release = _published(home)
    before = {path: path.stat().st_mtime_ns for path in release.path.rglob("*")}
    again = _published(home, shift=5)
    assert again == Release(FIRST, release.path, "already_published")
    assert {path: path.stat().st_mtime_ns for path in release.path.rglob("*")} == before


def test_a_release_that_was_renamed_but_not_shown_becomes_current(home: Home) -> None:
    release = _published(home)
    home.current.unlink()
    (home.releases / "history.json").unlink()
    assert _published(home).status == "already_published"
    assert home.current.resolve() == release.path


@pytest.mark.parametrize("outcome", ["failed", "error"])
@pytest.mark.parametrize("table", ["landed__crm_call", "core__fct_touchpoint"])
def test_a_critical_failure_at_the_door_or_in_the_core_blocks(home: Home, table: str, outcome: str) -> None:
    _published(home)
    with pytest.raises(ReleaseBlockedError) as error:
        _published(home, SECOND, **{table: ("critical", outcome, None)})
    assert table.replace("__", ".") in error.value.reasons[0].en
    assert table.replace("__", ".") in error.value.reasons[0].ja
    assert home.current.resolve().name == FIRST
    assert not (home.releases / SECOND).exists()


def test_a_warning_check_that_raises_blocks_like_a_critical_one(home: Home) -> None:
    with pytest.raises(ReleaseBlockedError):
        _published(home, core__dim_physician=("warning", "error", None))
    assert current(home) is None


def test_a_core_table_that_was_not_built_blocks(home: Home) -> None:
    with pytest.raises(ReleaseBlockedError, match="did not make it"):
        _published(home, core__dim_physician=("absent", "", None))


def test_a_mart_without_an_earlier_release_is_withheld_and_its_numbers_are_emptied(home: Home) -> None:
    release = _published(home, marts__mart_cx=("critical", "failed", None))
    entry = _mart(release.path, "mart_cx")
    assert (entry["status"], entry["file"], entry["rows"]) == ("withheld", None, None)
    assert entry["reason_ja"] == "記録の大事な点検1件に通らなかったため、出していません"
    assert "An empty table must not replace a full one." in str(entry["reason_en"])
    assert not (release.path / "marts" / "mart_cx.parquet").exists()
    assert _mart(release.path, "mart_channel_quality")["status"] == "published"
    rows = _rows(
        release.path,
        "fct_kpi_value",
        "display_state, numerator, denominator, value, ci_low, ci_high, n_physicians, verdict, reason",
        "kpi_id = 'cx.csat_top2_rate'",
    )
    assert rows == [("withheld", None, None, None, None, None, None, None, entry["reason_ja"])] * 3
    others = _rows(release.path, "fct_kpi_value", "display_state", "kpi_id <> 'cx.csat_top2_rate'")
    assert sorted(others) == [("counts_only",)] * 2 + [("shown",)] * 4
    verify(release.path)
    with duckdb.connect(str(release.path / "shirube.duckdb"), read_only=True) as connection:
        names = {row[0] for row in connection.execute("show tables").fetchall()}
    assert "mart_cx" not in names
    assert "fct_kpi_value" in names


def test_a_mart_is_carried_over_from_the_last_good_release_and_marked_stale(home: Home) -> None:
    first = _published(home)
    second = _published(home, SECOND, shift=100, marts__mart_cx=("critical", "failed", None))
    entry = _mart(second.path, "mart_cx")
    assert (entry["status"], entry["source_release"], entry["source_as_of"]) == (
        "carried_over",
        FIRST,
        "2026-10-31",
    )
    assert entry["reason_ja"] == (
        "記録の大事な点検1件に通らなかったため、更新していません。2026年10月31日時点の値です"
    )
    assert "2026-10-31" in str(entry["reason_en"])
    assert sha256(second.path / "marts" / "mart_cx.parquet") == sha256(
        first.path / "marts" / "mart_cx.parquet"
    )
    of_cx = "kpi_id = 'cx.csat_top2_rate'"
    values = "scope_id, numerator, value, as_of, release_id"
    assert _rows(second.path, "fct_kpi_value", values, of_cx) == _rows(
        first.path, "fct_kpi_value", values, of_cx
    )
    states = _rows(second.path, "fct_kpi_value", "scope_id, display_state, reason", of_cx)
    assert states == [
        ("OF00", "stale", entry["reason_ja"]),
        ("OF01", "stale", entry["reason_ja"]),
        ("OF02", "counts_only", "人数が足りません"),
    ]
    fresh = _rows(second.path, "fct_kpi_value", "release_id, display_state", "kpi_id = 'channel.reach_rate'")
    assert {row[0] for row in fresh} == {SECOND}
    assert "stale" not in {row[1] for row in fresh}


def test_a_mart_carried_twice_still_names_the_release_that_made_it(home: Home) -> None:
    _published(home)
    failing = {"marts__mart_cx": ("critical", "failed", None)}
    _published(home, SECOND, shift=100, **failing)
    third = _published(home, "2026-12-31-cccccccccc", shift=200, **failing)
    assert _mart(third.path, "mart_cx")["source_release"] == FIRST
    assert {
        row[0] for row in _rows(third.path, "fct_kpi_value", "release_id", "kpi_id = 'cx.csat_top2_rate'")
    } == {FIRST}


def test_nothing_newer_than_the_candidate_is_carried_over(home: Home) -> None:
    _published(home, SECOND)
    earlier = _published(home, FIRST, marts__mart_cx=("critical", "failed", None))
    assert _mart(earlier.path, "mart_cx")["status"] == "withheld"


def test_what_names_a_stopped_physician_is_not_carried_over(home: Home) -> None:
    """What failed is taken from an earlier release, in which the physician may still be."""
    build = make_build(home, FIRST)
    change(build, "alter table marts.mart_cx add column asking_physician_key varchar default 'StoppedOne12'")
    publish(home, build, make_audit(home, build))
    failing = {"marts__mart_cx": ("critical", "failed", None)}
    for release_id, stopped, status in (
        (SECOND, [], "carried_over"),
        ("2026-12-01-cccccccccc", ["SomebodyElse"], "carried_over"),
        ("2026-12-31-dddddddddd", ["SomebodyElse", "StoppedOne12"], "withheld"),
    ):
        build = make_build(home, release_id)
        export_stopped(build.ledger, stopped)
        release = publish(home, build, make_audit(home, build, **failing))
        assert _mart(release.path, "mart_cx")["status"] == status


def test_a_damaged_file_is_not_carried_over(home: Home) -> None:
    first = _published(home)
    file = first.path / "marts" / "mart_cx.parquet"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    second = _published(home, SECOND, marts__mart_cx=("critical", "failed", None))
    assert _mart(second.path, "mart_cx")["status"] == "withheld"


def test_the_kpi_table_itself_is_carried_over_with_every_shown_number_stale(home: Home) -> None:
    _published(home)
    second = _published(home, SECOND, shift=9, marts__fct_kpi_value=("critical", "failed", None))
    states = _rows(second.path, "fct_kpi_value", "display_state, release_id")
    assert sorted(states) == [("counts_only", FIRST)] * 3 + [("stale", FIRST)] * 6
    assert _mart(second.path, "fct_kpi_value")["status"] == "carried_over"


def test_a_mart_that_no_suite_looks_at_is_not_published(home: Home) -> None:
    release = _published(home, marts__mart_cx=("unaudited", "", None))
    assert _mart(release.path, "mart_cx")["status"] == "withheld"
    assert "no suite" in str(_mart(release.path, "mart_cx")["reason_en"])


def test_a_core_table_that_no_suite_looks_at_stays_inside(home: Home) -> None:
    release = _published(home, core__dim_channel=("unaudited", "", None))
    star = {entry["name"]: entry["status"] for entry in read_manifest(release.path)["star"]}
    assert star == {"dim_channel": "withheld", "dim_physician": "published", "fct_touchpoint": "published"}
    assert not (release.path / "star" / "dim_channel.parquet").exists()


def test_a_warning_is_published_and_lowers_the_trust_mark_it_names(home: Home) -> None:
    release = _published(home, marts__mart_cx=("warning", "failed", "count"))
    entry = _mart(release.path, "mart_cx")
    assert (entry["status"], entry["warnings"]) == (
        "published",
        ["An empty table must not replace a full one."],
    )
    marks = "trust_arrival, trust_linkage, trust_count"
    assert _rows(release.path, "fct_kpi_value", f"scope_id, {marks}", "kpi_id = 'cx.csat_top2_rate'") == [
        ("OF00", "enough", "enough", "caution"),
        ("OF01", "enough", "enough", "lacking"),
        ("OF02", "enough", "enough", "caution"),
    ]
    assert ("enough", "enough", "caution") not in _rows(
        release.path, "fct_kpi_value", marks, "kpi_id <> 'cx.csat_top2_rate'"
    )


def test_what_is_computed_from_a_failed_mart_is_withheld_with_it(home: Home) -> None:
    """The calendar is in mart_cx and in every number; mart_channel_quality does not use it."""
    first = _published(home)
    second = _published(home, SECOND, shift=9, marts__mart_period=("critical", "failed", None))
    states = {entry["name"]: entry["status"] for entry in read_manifest(second.path)["marts"]}
    assert states == {
        "mart_channel_quality": "published",
        "mart_cx": "carried_over",
        "mart_period": "carried_over",
        "fct_kpi_value": "carried_over",
    }
    assert "mart_period" in str(_mart(second.path, "mart_cx")["reason_ja"])
    assert sha256(second.path / "marts" / "mart_cx.parquet") == sha256(
        first.path / "marts" / "mart_cx.parquet"
    )


def test_the_audit_must_be_of_this_candidate(home: Home) -> None:
    build = make_build(home)
    found = make_audit(home, build)
    with pytest.raises(ReleaseError, match="audit it first"):
        publish(home, renamed(build, SECOND), found)


def test_a_full_disk_is_said_plainly_and_nothing_is_visible(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(home)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publishing.shutil, "copytree", full)
    with pytest.raises(ReleaseError, match=r"disk that holds .* is full"):
        _published(home, SECOND)
    _nothing_but(home, FIRST)


def test_a_disk_that_fills_up_inside_duckdb_is_said_as_plainly(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise duckdb.IOException('IO Error: Could not write to "x": No space left on device')

    monkeypatch.setattr(publishing, "_write_database", full)
    with pytest.raises(ReleaseError, match="is full"):
        _published(home)
    assert current(home) is None
    assert not list(home.releases.glob(".tmp-*"))


def test_what_does_not_read_back_is_not_shown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _published(home)
    real = publishing._manifest

    def lying(*arguments: object) -> dict[str, object]:
        manifest = real(*arguments)
        manifest["marts"][0]["rows"] += 1
        return dict(manifest)

    monkeypatch.setattr(publishing, "_manifest", lying)
    with pytest.raises(ReleaseError, match="rows, not"):
        _published(home, SECOND)
    _nothing_but(home, FIRST)


def test_leftovers_of_dead_writers_are_removed(home: Home) -> None:
    leftover = home.releases / f".tmp-{SECOND}-99999999" / "marts"
    leftover.mkdir(parents=True)
    (leftover / "half.parquet").write_bytes(b"half")
    (leftover / "half.parquet").chmod(0o444)
    leftover.chmod(0o555)
    _published(home)
    _nothing_but(home, FIRST)


def test_verify_notices_a_changed_byte_a_missing_file_and_a_log(home: Home) -> None:
    release = _published(home)
    mart = release.path / "marts" / "mart_cx.parquet"
    good = mart.read_bytes()
    mart.chmod(0o644)
    mart.write_bytes(good[:-1] + b"x")
    with pytest.raises(ReleaseError, match="does not have the bytes"):
        verify(release.path)
    mart.unlink()
    with pytest.raises(ReleaseError, match="missing"):
        verify(release.path)
    mart.write_bytes(good)
    verify(release.path)
    log = release.path / "shirube.duckdb.wal"
    log.touch()
    with pytest.raises(ReleaseError, match="write-ahead log"):
        verify(release.path)
    log.unlink()
    (release.path / "manifest.json").chmod(0o644)
    (release.path / "manifest.json").write_text(json.dumps({"schema_version": 99}), encoding="utf-8")
    with pytest.raises(ReleaseError, match="manifest version 99"):
        verify(release.path)


def test_no_direct_identifier_reaches_a_release(home: Home) -> None:
    """Only tokens are in the star; the audit and the manifest hold not even those."""
    release = _published(home)
    told = [path for path in release.path.rglob("*") if path.suffix in (".json", ".html")]
    assert len(told) >= 3
    assert not [path for path in told if SECRET in path.read_text(encoding="utf-8")]


def test_a_removed_table_is_withheld_not_forgotten(home: Home) -> None:
    build = change(make_build(home), "drop table marts.mart_cx")
    release = publish(home, build, make_audit(home, build, marts__mart_cx=("absent", "", None)))
    assert _mart(release.path, "mart_cx")["reason_ja"] == "今回は作られなかったため、出していません"


def _nothing_but(home: Home, release_id: str) -> None:
    assert {path.name for path in home.releases.iterdir()} == {release_id, "current", ".lock", "history.json"}
    assert home.current.resolve().name == release_id

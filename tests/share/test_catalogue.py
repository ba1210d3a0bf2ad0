"""The catalogue: everything about each published table and number, from the release and dbt's manifest."""

from pathlib import Path

import pytest
import yaml
from shirube.home import Home, project_root
from shirube.share import catalogue, share
from shirube.share.release_files import ReleaseFiles
from shirube.share.wording import declared

from tests.share import release_builder as builder


@pytest.fixture
def text(home: Home, dbt_manifest: Path) -> str:
    share(home, dbt_manifest=dbt_manifest)
    return (home.current / "docs" / "catalogue" / "index.html").read_text(encoding="utf-8")


def test_every_number_is_defined(text: str) -> None:
    for kpi_id, facts in builder.KPIS.items():
        _, name, _, _, _, numerator, denominator, warning, _ = facts
        for words in (kpi_id, name, f"{numerator} ÷ {denominator}", warning):
            assert words in text
        assert f"Formula of {kpi_id}" in text
    assert text.count("次の会議で何を話すか") == len(builder.KPIS)
    assert text.count("本社（営業企画）") >= len(builder.KPIS)
    assert "<dt>欠かせない記録</dt><dd>面談の記録（crm_call）</dd>" in text
    assert (
        "<dt>あれば使う記録</dt><dd>医療ポータルの記録（portal_delivery）、"
        "外部サイトの記録（crm_multichannel_activity）：この会社にはありません</dd>" in text
    )
    assert "E1（記録の集計）" in text
    assert "100人中3人" in text


def test_every_table_is_described(text: str, home: Home) -> None:
    release = home.current.resolve()
    names = [file.stem for part in ("marts", "star") for file in (release / part).glob("*.parquet")]
    assert len(names) == 15
    for name in names:
        assert f'<article id="{name}" data-readers=' in text
        assert f"/{name}.parquet" in text
    assert "One row per KPI, period, scope and breakdown." in text
    assert "数字の番号" in text
    assert "注意あり" in text
    assert "点検なし" in text


def test_lineage_goes_back_to_the_sources() -> None:
    manifest = builder.dbt_manifest()
    picture = catalogue.lineage(manifest, manifest["nodes"]["model.shirube.fct_kpi_value"])
    assert [
        name for name in ("crm_call", "fct_touchpoint", "fct_kpi_value") if f">{name}</text>" in picture
    ] == [
        "crm_call",
        "fct_touchpoint",
        "fct_kpi_value",
    ]
    assert "stg_crm_call" not in picture
    assert picture.count("<path") == 2


def test_lineage_goes_through_an_estimate_to_the_records_behind_it() -> None:
    manifest = builder.dbt_manifest()
    manifest["sources"]["source.shirube.estimates.effect"] = {
        "name": "effect",
        "source_name": "estimates",
        "resource_type": "source",
        "config": {"meta": {"reads": ["fct_touchpoint"]}},
    }
    node = manifest["nodes"]["model.shirube.fct_kpi_value"]
    node["depends_on"]["nodes"] = ["source.shirube.estimates.effect"]
    picture = catalogue.lineage(manifest, node)
    assert ">effect</text>" in picture and ">crm_call</text>" in picture
    assert picture.count("<path") == 2


def test_one_can_choose_by_reader(text: str) -> None:
    assert "<option>MR</option>" in text
    assert "<option>所長</option>" in text
    assert "<option>メディカル部門</option>" not in text, "nothing in this release is for them"
    assert 'data-readers="MR、所長"' in text


def test_every_role_of_a_mart_has_a_japanese_name() -> None:
    named = declared("wording")["roles"]
    roles = set()
    for file in sorted((project_root() / "dbt_project" / "models").glob("*/*.yml")):
        for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models", []):
            meta = catalogue.meta_of(model)
            for kept in (meta, *(meta.get("kpis") or [])):
                roles |= {*(kept.get("audience") or []), *filter(None, [kept.get("owner")])}
    assert len(roles) >= 12
    assert roles - set(named) == set()


def test_a_source_that_is_late_or_missing_is_said(home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        states = {source.name: source.state for source in catalogue.sources(release)}
        assert states == {
            "crm_call": "届いた",
            "dcf_physician": "届いた",
            "portal_delivery": "届いていない、または古い",
            "crm_multichannel_activity": "この会社にはありません",
        }
        assert release.sources() == (["面談の記録", "医師の名簿"], ["医療ポータルの記録"])
        late = release.manifest["sources"][0] | {"last_delivered_on": "2026-10-01"}
        assert not release.has_arrived(late)
        assert release.has_arrived(late | {"freshness_hours": None})
        stopped = late | {"is_expected": False}
        assert release.arrival(stopped) == "missing", "what has come before is missed"


def test_a_table_that_was_withheld_or_carried_over_is_said(home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        entry = next(entry for entry in release.manifest["marts"] if entry["name"] == "fct_kpi_value")
        entry |= {
            "status": "carried_over",
            "source_as_of": "2026-09-30",
            "reason_ja": "点検に通りませんでした",
        }
        release.manifest["marts"].append(
            {
                "name": "mart_lost",
                "status": "withheld",
                "file": None,
                "rows": None,
                "reason_ja": "記録がありません",
            }
        )
        tables = {table.name: table for table in catalogue.tables(release, builder.dbt_manifest())}
    carried, lost = tables["fct_kpi_value"], tables["mart_lost"]
    assert (carried.status, carried.as_of) == ("前回の値を引き続き掲載", "2026年9月30日")
    assert (lost.status, lost.status_reason, lost.columns) == ("今回は掲載なし", "記録がありません", [])
    assert (lost.query, lost.as_of) == ("", ""), "no query on a file that is not there"


def test_a_star_tables_columns_are_told_in_both_languages(home: Home) -> None:
    manifest = builder.dbt_manifest()
    manifest["nodes"]["model.shirube.fct_touchpoint"]["columns"] = {
        "depth": {
            "name": "depth",
            "description": "0 sent to 4 request.",
            "config": {"meta": {"name_ja": "接点の深さ(0〜4)"}},
        }
    }
    with ReleaseFiles(home.current.resolve()) as release:
        found = next(table for table in catalogue.tables(release, manifest) if table.name == "fct_touchpoint")
    told = {column.name: (column.description_ja, column.description_en) for column in found.columns}
    assert found.folder == "star"
    assert told["depth"] == ("接点の深さ(0〜4)", "0 sent to 4 request.")
    assert told["channel_id"] == ("", ""), "what dbt does not describe stays empty"


def test_what_arrived_is_found_by_the_same_search(text: str, home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        readers = {source.name: source.readers.split("、") for source in catalogue.sources(release)}
    assert "MR" in readers["crm_call"], "a number for representatives rests on it"
    assert readers["dcf_physician"] == [""], "no number of this release rests on it"
    assert readers["portal_delivery"] == readers["crm_call"], "they use it where it is there"
    assert text.count('<tr class="sought" data-readers=') == len(readers) == 4
    assert 'querySelectorAll("article, tr.sought, div.sought")' in text


def test_it_works_without_dbts_manifest(home: Home, tmp_path: Path) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        tables = catalogue.tables(release, None)
        assert len(tables) == 15
        assert all(table.columns and not table.lineage for table in tables)
        assert catalogue.numbers(release, None)[0]["kpi_id"] == "cx.usefulness_top_rate"


def test_the_search_needs_no_library_and_the_page_no_script(text: str) -> None:
    assert text.count("<script") == 1
    assert "<script src" not in text
    head, _, script = text.partition("<script>")
    assert len(script) < 1500
    assert 'id="find" hidden' in head  # shown by the script; without one nothing is missing


def test_a_number_says_from_how_many_on_it_is_shown_and_which_change_counts(text: str) -> None:
    assert "30人（10〜29人は参考値、10人より少ないときは数だけ）" in text
    assert "30件（10〜29件は参考値、10件より少ないときは数だけ）" in text
    assert "100人中3人（これより小さい変化は「変わらない」と読みます）" in text


def test_phases_and_evidence_are_explained(text: str) -> None:
    words = declared("wording")
    assert list(words["phase_meanings"]) == list(words["phases"])
    for phase, meaning in words["phase_meanings"].items():
        assert f"<b>{words['phases'][phase]}</b></dt><dd>{meaning}</dd>" in text
    for level, entry in words["evidence"].items():
        assert f"<b>{level} {entry['name']}</b></dt><dd>{entry['meaning']}</dd>" in text
    assert 'id="phases"' in text


def test_a_table_is_called_by_its_japanese_name(home: Home) -> None:
    manifest = builder.dbt_manifest()
    node = manifest["nodes"]["model.shirube.fct_kpi_value"]
    node["config"]["meta"] = {**node["config"].get("meta", {}), "name_ja": "公開する数字"}
    with ReleaseFiles(home.current.resolve()) as release:
        found = {table.name: table for table in catalogue.tables(release, manifest)}
    assert found["fct_kpi_value"].name_ja == "公開する数字"

"""`shirube explain`: every word about a number, and the number itself once more from the mart's own file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from shirube.cli import app
from shirube.share.explain import Asked, explain, release_folder, wilson
from typer.testing import CliRunner

from tests.share.release_builder import (
    MONTHS,
    RELEASE_ID,
    Row,
    registry_rows,
    value_row,
    write_release,
    write_table,
)

USEFUL = "cx.usefulness_top_rate"
HONOURED = "fit.choice_honoured_rate"
MEDIAN = "medical.handoff_days_median"
DECLARED = {
    USEFUL: {
        "numerator": "n_useful",
        "denominator": "n_asked",
        "physicians": "n_asked",
        "breakdowns": "channel_id",
    },
    HONOURED: {"numerator": "honoured", "denominator": "contacts", "physicians": "none", "breakdowns": ""},
    MEDIAN: {
        **{"kind": "median", "numerator": "none", "denominator": "n_waited", "physicians": "none"},
        **{"value": "days", "ci_low": "days_low", "ci_high": "days_high", "breakdowns": "", "unit_ja": "日"},
    },
}


def mart_row(scope: str, month: int, numerator: int | None, denominator: int | None, **given: Any) -> Row:
    row: Row = {
        "scope_type": "office",
        "scope_id": scope,
        "period_type": "month",
        "period_start": MONTHS[month][0],
        "period_end": MONTHS[month][1],
        "channel_id": None,
        "n_useful": numerator,
        "n_asked": denominator,
        "n_asked_suppressed": denominator is None,
    }
    return row | given


def registry() -> list[Row]:
    rows = {row["kpi_id"]: row | {"value": None, "ci_low": None, "ci_high": None} for row in registry_rows()}
    rows[MEDIAN] = rows[USEFUL] | {"kpi_id": MEDIAN, "name_ja": "回答までの日数", "mart": "mart_medical"}
    return [rows[kpi] | changes for kpi, changes in DECLARED.items()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """OF01: 31 of 50 in October, 28 of 48 in September, by channel; OF02 hidden; a median; one withheld."""
    hidden = {"display_state": "suppressed", "trust_count": "lacking", "reason": "伏せました"}
    median = {"value": 6.0, "ci_low": 4.0, "ci_high": None}
    values = [
        value_row(USEFUL, "OF01", 0, 28, 48, verdict="cannot_tell"),
        value_row(USEFUL, "OF01", 1, 31, 50, verdict="cannot_tell"),
        value_row(USEFUL, "OF01", 1, 4, 6, channel_id="webinar"),
        value_row(USEFUL, "OF02", 1, None, None, **hidden),
        value_row(MEDIAN, "OF01", 1, None, 40, **median),
        value_row(HONOURED, "OF01", 1, None, None, display_state="withheld", reason="点検に通らなかったため"),
    ]
    release = write_release(tmp_path, values)
    write_table(release / "marts", "dim_kpi", registry())
    write_table(
        release / "marts",
        "mart_cx",
        [
            mart_row("OF01", 0, 28, 48),
            mart_row("OF01", 1, 31, 50),
            mart_row("OF01", 1, 4, 6, channel_id="webinar"),
            mart_row("OF01", 1, None, None, channel_id="chat", n_asked_suppressed=False),
            mart_row("OF02", 1, None, None),
        ],
    )
    waited = mart_row("OF01", 1, None, None) | {
        "n_waited": 40,
        "days": 6.0,
        "days_low": 4.0,
        "days_high": None,
    }
    write_table(release / "marts", "mart_medical", [waited])
    change_manifest(
        release,
        lineage={
            "mart_cx": {
                "reads": ["fct_survey_response"],
                "core": ["fct_survey_response", "dim_date"],
                "estimates": [],
                "sources": ["survey_qualtrics"],
                "rules": {"journey_setting": "journey-1"},
            }
        },
        code_version="0.1.0",
    )
    return release


def change_manifest(release: Path, **changes: Any) -> None:
    file = release / "manifest.json"
    document = json.loads(file.read_text(encoding="utf-8")) | changes
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def test_the_newest_number_is_computed_again_and_agrees(folder: Path) -> None:
    found = explain(folder, Asked(USEFUL, "OF01"))
    assert found.value["period_end"] == date(2026, 10, 31)
    assert found.reproduction.outcome == "same"
    numbers = found.reproduction.numbers
    assert (numbers["numerator"], numbers["denominator"], numbers["value"]) == (31, 50, 0.62)
    # Wilson for 31 of 50, by hand: centre (0.62 + 3.8415/100) / (1 + 3.8415/50) = 0.6114,
    # half width 1.96 / 1.0768 * sqrt(0.62 * 0.38 / 50 + 3.8415 / 10000) = 0.1299.
    assert numbers["ci_low"] == pytest.approx(0.4815, abs=2e-4)
    assert numbers["ci_high"] == pytest.approx(0.7414, abs=2e-4)
    assert found.scope_name == "東京第一営業所"


def test_the_query_runs_inside_the_release_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    query = explain(folder, Asked(USEFUL, "OF01")).reproduction.query
    assert query is not None
    monkeypatch.chdir(folder)
    assert duckdb.sql(query).fetchall() == [(31, 50, 0.62, None, None, False)]


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        (Asked(USEFUL, "東京第一営業所", period="2026-09"), (28, 48)),
        (Asked(USEFUL, "office:OF01", period="2026-09-30", period_type="month"), (28, 48)),
        (Asked(USEFUL, "OF01", breakdown=(("channel_id", "webinar"),)), (4, 6)),
        (Asked("情報が診療に役立った先生の割合", "OF01"), (31, 50)),
    ],
)
def test_a_number_can_be_named_in_several_ways(folder: Path, asked: Asked, counts: tuple[int, int]) -> None:
    found = explain(folder, asked)
    assert found.reproduction.outcome == "same"
    assert (found.value["numerator"], found.value["denominator"]) == counts


def test_a_small_sample_shows_counts_and_no_rate(folder: Path) -> None:
    found = explain(folder, Asked(USEFUL, "OF01", breakdown=(("channel_id", "webinar"),)))
    assert found.value["display_state"] == "counts_only"
    assert found.reproduction.numbers["value"] is None, "4 of 6 is no rate"


def test_a_median_is_compared_with_its_own_columns(folder: Path) -> None:
    found = explain(folder, Asked(MEDIAN, "OF01"))
    assert found.reproduction.outcome == "same"
    assert found.reproduction.numbers == {
        "numerator": None,
        "denominator": 40,
        "value": 6.0,
        "ci_low": 4.0,
        "ci_high": None,
    }


def test_what_is_hidden_is_hidden_in_both_places_and_not_told(folder: Path) -> None:
    found = explain(folder, Asked(USEFUL, "OF02"))
    assert found.reproduction.outcome == "same"
    assert found.reproduction.numbers == {}


@pytest.mark.parametrize(
    "change",
    [{"n_useful": 30}, {"n_asked": 51}, {"n_asked_suppressed": True}],
    ids=["numerator", "denominator", "hidden in the mart"],
)
def test_a_mart_that_says_otherwise_is_found(folder: Path, change: Row) -> None:
    file = folder / "marts" / "mart_cx.parquet"
    rows = pq.read_table(file).to_pylist()
    write_table(folder / "marts", "mart_cx", [rows[0], rows[1] | change, *rows[2:]])
    found = explain(folder, Asked(USEFUL, "OF01"))
    assert found.reproduction.outcome == "different"
    assert found.reproduction.reasons


@pytest.mark.parametrize("copies", [0, 2])
def test_a_row_that_is_missing_or_there_twice_is_no_agreement(folder: Path, copies: int) -> None:
    rows = pq.read_table(folder / "marts" / "mart_cx.parquet").to_pylist()
    write_table(folder / "marts", "mart_cx", [rows[0], *[rows[1]] * copies, *rows[2:]])
    assert explain(folder, Asked(USEFUL, "OF01")).reproduction.outcome == "different"


def test_a_published_interval_that_is_not_wilsons_is_found(folder: Path) -> None:
    rows = pq.read_table(folder / "marts" / "fct_kpi_value.parquet").to_pylist()
    write_table(folder / "marts", "fct_kpi_value", [row | {"ci_low": 0.5} for row in rows])
    reasons = explain(folder, Asked(USEFUL, "OF01")).reproduction.reasons
    assert len(reasons) == 1
    assert "幅の下" in reasons[0]


def test_a_withheld_mart_is_named_with_its_reason(folder: Path) -> None:
    entry = {
        "name": "mart_fit",
        "status": "withheld",
        "file": None,
        "reason_ja": "点検に通らず、出していません",
    }
    marts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["marts"]
    change_manifest(folder, marts=[*marts, entry])
    found = explain(folder, Asked(HONOURED, "OF01"))
    assert found.reproduction.outcome == "not_possible"
    assert "点検に通らず、出していません" in found.reproduction.reasons


def test_a_release_without_the_declaration_says_so(folder: Path) -> None:
    write_table(folder / "marts", "dim_kpi", [row | {"mart": "mart_cx"} for row in registry_rows()])
    assert explain(folder, Asked(USEFUL, "OF01")).reproduction.outcome == "not_possible"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked("cx.usefulness_rate", "OF01"), USEFUL),
        (Asked(USEFUL, "OF1"), "OF01"),
        (Asked(USEFUL, "company"), "OF01"),
        (Asked(USEFUL, "OF01", period="2025-01"), "month"),
        (Asked(USEFUL, "OF01", period="来月"), "2026-10"),
        (Asked(USEFUL, "OF01", breakdown=(("channel_id", "portal"),)), "channel_id=webinar"),
        (Asked(USEFUL, "OF01", breakdown=(("colour", "red"),)), "channel_id"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(folder: Path, asked: Asked, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        explain(folder, asked)


def test_a_release_that_is_not_there_names_those_that_are(folder: Path, tmp_path: Path) -> None:
    assert release_folder(None, tmp_path) == folder
    assert release_folder(str(folder), None) == folder, "the folder alone is enough"
    with pytest.raises(FileNotFoundError, match=RELEASE_ID):
        release_folder("2020-01-01-0000000000", tmp_path)


def test_the_page_says_everything_japanese_first(folder: Path) -> None:
    done = CliRunner().invoke(app, ["explain", USEFUL, "--release", str(folder), "--scope", "OF01"])
    assert done.exit_code == 0, done.output
    flat = "".join(done.output.split())
    for words in (
        *("情報が診療に役立った先生の割合", "役に立った理由がMRの活動だったとは言えません", "100人中62人"),
        *("判断できません", "E1（記録の集計）", "届き十分", "journey_settingjourney-1", "c0ffee000000"),
        *(
            "面談の記録（crm_call、欠かせない）：届いた",
            "mart_cx←fct_survey_response、dim_date←survey_qualtrics",
        ),
        *("read_parquet('marts/mart_cx.parquet')", "計算し直した結果：一致"),
    ):
        assert words in flat, words


def test_what_a_number_needs_and_what_it_uses_are_told_apart(folder: Path) -> None:
    found = explain(folder, Asked(USEFUL, "OF01"))
    assert [(source["source"], source["is_needed"], source["arrival"]) for source in found.sources] == [
        ("crm_call", True, "arrived"),
        ("portal_delivery", False, "missing"),
        ("crm_multichannel_activity", False, "absent"),
    ]
    page = CliRunner().invoke(app, ["explain", USEFUL, "--release", str(folder), "--scope", "OF01"])
    text = page.output.replace("\n", "").replace(" ", "")
    assert "面談の記録（crm_call、欠かせない）：届いた" in text
    assert "外部サイトの記録（crm_multichannel_activity、あれば使う）：この会社にはありません" in text
    write_table(
        folder / "marts",
        "dim_kpi",
        [{name: value for name, value in row.items() if name != "sources_if_present"} for row in registry()],
    )
    older = explain(folder, Asked(USEFUL, "OF01")).sources
    assert [source["source"] for source in older] == ["crm_call"], "a release from before knows one list"


def test_machines_get_the_same_and_a_difference_is_an_exit_code(folder: Path) -> None:
    given = ["explain", USEFUL, "--release", str(folder), "--scope", "OF01", "--format", "json"]
    done = CliRunner().invoke(app, given)
    document = json.loads(done.output)
    assert done.exit_code == 0
    assert document["reproduction"]["outcome"] == "same"
    assert document["value"]["period_end"] == "2026-10-31"
    assert document["lineage"]["rules"] == {"journey_setting": "journey-1"}
    rows = pq.read_table(folder / "marts" / "mart_cx.parquet").to_pylist()
    write_table(folder / "marts", "mart_cx", [row | {"n_useful": 1} for row in rows])
    assert CliRunner().invoke(app, given).exit_code == 1


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (9, 29), (30, 30), (0, 0)])
def test_the_interval_keeps_to_its_ends(successes: int, trials: int) -> None:
    low, high = wilson(successes, trials)
    if trials == 0:
        assert (low, high) == (None, None)
        return
    assert low is not None
    assert high is not None
    assert 0 <= low <= successes / trials <= high <= 1
    assert (low == 0) == (successes == 0)
    assert (high == 1) == (successes == trials)


def page_of(folder: Path, kpi: str, scope: str, *more: str) -> str:
    """The printed explanation without its line breaks."""
    done = CliRunner().invoke(app, ["explain", kpi, "--release", str(folder), "--scope", scope, *more])
    assert done.exit_code == 0, done.output
    return "".join(done.output.split())


def test_a_reference_value_is_told_in_counts_never_of_a_hundred(folder: Path) -> None:
    """H2: 15 of 24 is no "63 of 100"."""
    write_table(folder / "marts", "fct_kpi_value", [value_row(USEFUL, "OF01", 1, 15, 24)])
    write_table(folder / "marts", "mart_cx", [mart_row("OF01", 1, 15, 24)])
    text = page_of(folder, USEFUL, "OF01")
    assert "24人中15人、95%の幅" in text
    assert "100人中" not in text
    assert "分母24人" in text


def test_a_day_to_come_is_a_promise_and_no_record(folder: Path) -> None:
    def trust(until: date) -> Row:
        return {
            "scope_type": "company", "source": "survey_qualtrics", "covered_until": until,
            "days_since_delivery": 11,
        }  # fmt: skip

    rows = [row | {"sources": "survey_qualtrics"} for row in registry()]
    write_table(folder / "marts", "dim_kpi", rows)
    write_table(folder / "marts", "mart_data_trust", [trust(date(2027, 2, 17))])
    assert "次は2027-02-17までに届く約束" in page_of(folder, USEFUL, "OF01")
    write_table(folder / "marts", "mart_data_trust", [trust(date(2026, 10, 20))])
    assert "2026-10-20までの期間がそろう" in page_of(folder, USEFUL, "OF01")


def test_a_score_that_is_no_estimate_has_no_interval(folder: Path) -> None:
    exact = {"kind": "score", "unit_ja": "時間"}
    write_table(folder / "marts", "dim_kpi", [row | exact for row in registry() if row["kpi_id"] == MEDIAN])
    waited = {"value": 192.0, "ci_low": 192.0, "ci_high": 192.0}
    write_table(folder / "marts", "fct_kpi_value", [value_row(MEDIAN, "OF01", 1, None, 40, **waited)])
    days = {"n_waited": 40, "days": 192.0, "days_low": 192.0, "days_high": 192.0}
    write_table(folder / "marts", "mart_medical", [mart_row("OF01", 1, None, None) | days])
    text = page_of(folder, MEDIAN, "OF01")
    assert "値192時間" in text
    assert "95%の幅" not in text

"""Numbers as words: every rule with a golden sentence, and proof that the guards can fail."""

import csv
import re
from datetime import date

import pytest
import yaml
from shirube.home import project_root
from shirube.share import wording
from shirube.share.readability import glossary_of, median_sentence_length, unexplained_terms
from shirube.share.wording import LEVELS, Difference, declared


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.62, "100人中62人"),
        (0.625, "100人中63人"),  # half up, as on paper; banker's rounding would say 62
        (0.0, "100人中0人"),
        (1.0, "100人中100人"),
        (0.004, "1,000人中4人"),
        (0.0004, "1,000人中1人より少ない数"),
        (0.997, "1,000人中997人"),
        (0.9997, "1,000人中、ほぼすべて"),
    ],
)
def test_a_rate_is_said_as_a_natural_frequency(value: float, said: str) -> None:
    assert wording.natural_frequency(value, "人") == said


def test_an_interval_is_said_on_the_same_base_as_its_rate() -> None:
    assert wording.frequency_interval(0.62, 0.4815, 0.7414, "人") == "48〜74人"
    assert wording.frequency_interval(0.004, 0.001, 0.012, "人") == "1,000人中1〜12人"
    assert wording.frequency_interval(0.02, -0.001, 0.3, "件") == "0〜30件"
    # None of 2,375: of a hundred the upper end would be none too.
    assert wording.frequency_interval(0.0, 0.0, 0.0016, "人") == "1,000人中0〜2人"
    assert wording.frequency_interval(1.0, 0.9984, 1.0, "人") == "1,000人中998〜1,000人"
    assert wording.frequency_interval(0.0, 0.0, 0.09, "人") == "0〜9人"


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), "2026年10月"),
        (date(2026, 4, 1), date(2026, 9, 30), "2026年4月〜9月"),
        (date(2025, 10, 1), date(2026, 3, 31), "2025年10月〜2026年3月"),
    ],
)
def test_the_months_of_a_period_carry_their_year(start: date, end: date, written: str) -> None:
    assert wording.month_span(start, end) == written


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [(2.5, 0, "3"), (-2.5, 0, "−3"), (-0.2, 0, "0"), (1234.5, 0, "1,235"), (3.0, 1, "3"), (3.25, 1, "3.3")],
)
def test_rounding_is_half_up_with_a_true_minus(value: float, digits: int, written: str) -> None:
    assert wording.rounded(value, digits) == written


@pytest.mark.parametrize(
    ("verdict", "low", "high", "word"),
    [
        ("improved", 0.02, 0.20, "ほぼ確か"),
        ("improved", -0.02, 0.20, "おそらく"),  # the 80 % interval excludes zero, the 95 % one does not
        ("improved", -0.09, 0.20, "どちらとも言えない"),
        ("worsened", -0.20, -0.02, "ほぼ確か"),
        ("worsened", -0.20, 0.02, "おそらく"),
        ("unchanged", -0.02, 0.025, "ほぼ確か"),
        ("unchanged", -0.03, 0.04, "おそらく"),
        ("unchanged", -0.10, 0.12, "どちらとも言えない"),
        ("cannot_tell", 0.02, 0.20, "判断できません"),
    ],
)
def test_the_interval_chooses_the_word_of_certainty(verdict: str, low: float, high: float, word: str) -> None:
    assert wording.certainty(verdict, Difference((low + high) / 2, low, high), threshold=0.03) == word


def test_nothing_is_certain_without_a_comparison() -> None:
    assert wording.certainty("improved", None, 0.03) == "判断できません"


def test_every_verdict_and_mark_has_its_word_and_an_unknown_one_is_an_error() -> None:
    words = [
        wording.verdict_word(verdict) for verdict in ("improved", "unchanged", "worsened", "cannot_tell")
    ]
    assert words == ["良くなった", "変わらない", "悪くなった", "判断できません"]
    assert [wording.trust_word(mark) for mark in ("enough", "caution", "lacking")] == [
        "十分",
        "注意",
        "足りない",
    ]
    with pytest.raises(KeyError):
        wording.verdict_word("better")


@pytest.mark.parametrize(
    ("level", "text", "too_strong"),
    [
        ("E1", "回答は100人中62人でした。", []),
        ("E1", "面談と一緒に見られました。", ["一緒に見られました"]),
        ("E2", "面談と一緒に見られました。", []),
        ("E2", "比べると差がありました。", ["比べると差がありました"]),
        ("E3", "この取り組みには効果がありました。", ["効果がありました"]),
        ("E4", "この取り組みには効果がありました。", []),
        ("E0", "100人中62人でした。", ["でした"]),
    ],
)
def test_verbs_are_bound_to_the_evidence_level(level: str, text: str, too_strong: list[str]) -> None:
    assert wording.verbs_above(text, level) == too_strong


def test_sentences_are_measured() -> None:
    assert median_sentence_length("あ" * 10 + "。" + "い" * 20 + "。\n" + "う" * 60 + "。") == 20
    assert median_sentence_length("") == 0


def test_unexplained_words_are_found_and_explained_ones_are_not() -> None:
    assert unexplained_terms("カスタマーエクスペリエンスとCVRとKPI") == [
        "CVR",
        "KPI",
        "カスタマーエクスペリエンス",
    ]
    assert unexplained_terms("MRがWeb講演会とメールを使う") == []
    assert unexplained_terms("シルベジンの話") == ["シルベジン"]
    assert unexplained_terms("シルベジンの話", ("シルベジン",)) == []


def test_the_glossary_holds_the_terms_of_the_text_only() -> None:
    assert [term for term, _ in glossary_of("判定と幅")] == ["幅", "判定"]


def test_explanations_are_themselves_explained() -> None:
    entries = wording.declared("glossary")["terms"]
    assert len(entries) >= 10
    for entry in entries:
        assert unexplained_terms(entry["explanation"]) == [], entry["term"]


def test_the_evidence_ladder_of_the_star_is_the_one_of_the_pages() -> None:
    """dim_evidence_level comes from a seed, the words of the pages from wording.yaml: one ladder."""
    with (project_root() / "dbt_project" / "seeds" / "evidence_level.csv").open(encoding="utf-8") as file:
        seed = {row["evidence_level"]: row for row in csv.DictReader(file)}
    ladder = declared("wording")["evidence"]
    assert list(seed) == list(ladder) == list(LEVELS)
    for rank, (level, words) in enumerate(ladder.items()):
        assert (seed[level]["rank"], seed[level]["name_ja"]) == (str(rank), words["name"])
        assert [verb for verb in seed[level]["verbs_ja"].split(";") if verb] == words["verbs"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0725, "割合の差", "7.3ポイント"),
        (-0.0725, "割合の差", "−7.3ポイント"),
        (0.0725, "割合", "7.3％"),
        (62.34, "％", "62.3％"),
        (0.456, "0〜1", "0.46（0〜1）"),
        (30.0, "時間", "30時間"),
        (6.25, "日", "6.25日"),
    ],
)
def test_a_value_is_said_in_its_unit(value: float, unit: str, text: str) -> None:
    assert wording.measured(value, unit, 2) == text


def test_only_what_can_be_negative_carries_a_plus_sign() -> None:
    assert wording.measured(12.0, "点", 0, signed=True) == "+12点"
    assert wording.measured(30.0, "時間", 0, signed=True) == "30時間"
    assert wording.measured(0.4, "0〜1", 0, signed=True) == "0.4（0〜1）"


def test_both_ends_of_an_interval_share_the_unit() -> None:
    assert wording.measured_interval(0.051, 0.094, "割合の差", 4) == "5.1〜9.4ポイント"
    assert wording.measured_interval(4.0, None, "日", 4) == "4日〜不明"


def test_every_declared_unit_has_words() -> None:
    """All but the plain counters are declared, so that no 割合の差 follows a bare number."""
    units = set()
    for file in sorted((project_root() / "dbt_project" / "models" / "marts").glob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            units |= {kpi["unit_ja"] for kpi in model["config"]["meta"].get("kpis", [])}
    assert units - set(wording.declared("wording")["units"]) == {"人", "件", "回", "日", "営業日", "点", "通"}


def test_what_is_said_of_a_phase_has_the_windows_of_its_rule() -> None:
    """A changed rule has to change its words: they hold the numbers of the rule and no others."""

    def seed(name: str) -> list[dict[str, str]]:
        file = project_root() / "dbt_project" / "seeds" / f"{name}.csv"
        with file.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))

    expected: dict[str, set[int]] = {"P0": set()}
    for rule in seed("journey_phase_rule"):
        numbers = expected.setdefault(rule["phase_id"], set())
        numbers.add(int(rule["window_days"]))
        if rule["pattern"] == "two_days":
            numbers |= {2, int(rule["min_gap_days"])} - {1}
        if rule["pattern"] == "with_act":
            numbers |= {int(seed("journey_setting")[0]["promoter_min_score"]), 10}
    # Nothing is left of a physician once the first phase's window is over.
    expected["PX"] = expected["P1"]
    said = {
        phase: {int(number) for number in re.findall(r"\d+", words)}
        for phase, words in declared("wording")["phase_meanings"].items()
    }
    assert said == expected

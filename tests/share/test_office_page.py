"""The office page: golden sentences for every verdict and display state, and the rules it may not break."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from shirube.share import report_mr
from shirube.share.readability import median_sentence_length, unexplained_terms
from shirube.share.release_files import ReleaseFiles, last_closed_period
from shirube.share.render import Renderer, pages_in
from shirube.share.report_mr import OfficePage, office_page

from tests.share import release_builder as builder
from tests.share.release_builder import Row, value_row, with_previous

HEAD = "cx.usefulness_top_rate"
OFFICE = "東京第一営業所"


def page_of(tmp_path: Path, values: list[Row] | None = None, office: str = "OF01") -> OfficePage:
    folder = builder.write_release(tmp_path, None if values is None else with_previous(values))
    with ReleaseFiles(folder) as release:
        return office_page(release, release.registry(), office, dict(release.offices())[office])


def head(before: tuple[int, int] | None, after: tuple[int, int], **given: Any) -> list[Row]:
    rows = [] if before is None else [value_row(HEAD, "OF01", 0, *before)]
    return [*rows, value_row(HEAD, "OF01", 1, *after, **given)]


def test_the_page_says_the_answer_first(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert page.answer == "「必要な情報が役に立った」と答えた先生は、100人中62人でした（先月は58人）。"
    assert page.verdict == "判断できません"
    assert page.why == "数えたのは、役立ち度に回答した先生50人です。100人中4人の差は、偶然でも起こります。"
    assert (page.month, page.as_of, page.arrived, page.expected) == ("2026年10月", "2026年10月31日時点", 2, 3)
    assert page.missing == ["医療ポータルの記録"]


@pytest.mark.parametrize(
    ("verdict", "before", "after", "word", "certainty", "why"),
    [
        (
            "improved",
            (80, 200),
            (120, 200),
            "良くなった",
            "ほぼ確か",
            "数えたのは、役立ち度に回答した先生200人です。差の幅は、100人中+10〜+29人です。"
            "偶然では説明しにくい、意味のある差でした。",
        ),
        (
            "worsened",
            (120, 200),
            (80, 200),
            "悪くなった",
            "ほぼ確か",
            "数えたのは、役立ち度に回答した先生200人です。差の幅は、100人中−29〜−10人です。"
            "偶然では説明しにくい、意味のある差でした。",
        ),
        (
            "unchanged",
            (6000, 10000),
            (6010, 10000),
            "変わらない",
            "ほぼ確か",
            "数えたのは、役立ち度に回答した先生10,000人です。差の幅は、100人中−1〜+1人です。"
            "差があっても、意味のある大きさには届きません。",
        ),
        (
            "cannot_tell",
            (28, 48),
            (31, 50),
            "判断できません",
            "",
            "数えたのは、役立ち度に回答した先生50人です。100人中4人の差は、偶然でも起こります。",
        ),
    ],
)
def test_each_verdict_has_its_words_and_its_why(
    tmp_path: Path,
    verdict: str,
    before: tuple[int, int],
    after: tuple[int, int],
    word: str,
    certainty: str,
    why: str,
) -> None:
    page = page_of(tmp_path, head(before, after, verdict=verdict))
    assert (page.verdict, page.certainty, page.why) == (word, certainty, why)
    assert page.numbers[0].verdict == word


def test_ten_to_twenty_nine_is_a_reference_value(tmp_path: Path) -> None:
    page = page_of(tmp_path, head((9, 14), (15, 24), verdict="cannot_tell"))
    line = page.numbers[0]
    assert page.answer == "「必要な情報が役に立った」と答えた先生は、24人中15人でした（参考値）。"
    assert (line.value, line.interval, line.previous) == ("24人中15人", "100人中43〜79人", "14人中9人")
    assert line.note == "対象が30に満たないため、参考値です"
    assert line.marks[2] == "注意"
    assert page.cannot_say[0].what == "「情報が診療に役立った先生」"
    assert page.cannot_say[0].when == "来月に30人以上集まれば言えます"  # October is over


def test_below_ten_there_are_counts_and_no_rate(tmp_path: Path) -> None:
    page = page_of(tmp_path, head(None, (4, 6), verdict="cannot_tell"))
    assert page.answer == "「必要な情報が役に立った」と答えた先生は、6人中4人でした。"
    assert (page.numbers[0].value, page.numbers[0].interval) == ("6人中4人", "—")
    assert "100人中" not in page.answer + page.numbers[0].value
    assert page.verdict == "判断できません"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("suppressed", "先生の人数が少なく、個人が分かるおそれがあるため、出していません"),
        ("withheld", "もとになる記録が届いていないため、出していません"),
    ],
)
def test_what_is_not_shown_says_why_and_when(tmp_path: Path, state: str, reason: str) -> None:
    hidden = value_row(
        HEAD,
        "OF01",
        1,
        None,
        None,
        display_state=state,
        reason=reason,
        verdict="cannot_tell",
        trust_count="lacking",
    )
    page = page_of(tmp_path, [hidden])
    line = page.numbers[0]
    assert page.answer == "「情報が診療に役立った先生の割合」は、今月は言えません。"
    assert page.why == f"{reason}。"
    assert (line.value, line.denominator, line.interval, line.note) == ("出せません", "—", "—", reason)
    assert page.cannot_say[0].why == reason
    assert page.cannot_say[0].when


CARRIED = "記録の大事な点検1件に通らなかったため、更新していません。2026年9月30日時点の値です"


def test_a_carried_over_value_says_of_when_it_is_wherever_it_stands(tmp_path: Path) -> None:
    """Only September came through the audit: the page of October says so in the sentence and the verdict."""
    september = value_row(
        HEAD, "OF01", 0, 120, 200, verdict="improved", display_state="stale", reason=CARRIED
    )
    before = {"previous_value": 0.4, "previous_numerator": 80.0, "previous_denominator": 200.0}
    page = page_of(tmp_path, [september | before])
    assert page.month == "2026年10月"
    assert page.answer == (
        "「必要な情報が役に立った」と答えた先生は、100人中60人でした（前回の資料の値、9月）。"
    )
    assert (page.verdict, page.certainty) == ("良くなった", "前回の資料の判定")
    assert page.why == f"新しい判定は出せません。{CARRIED}。"
    line = page.numbers[0]
    assert (line.label, line.value, line.previous) == ("情報が診療に役立った先生（9月）", "100人中60人", "—")
    assert (line.verdict, line.note) == ("良くなった（前回の資料）", CARRIED)
    assert page.cannot_say[0].what == "「情報が診療に役立った先生」の新しい値"
    assert page.cannot_say[0].why == CARRIED


def test_a_value_of_an_earlier_month_is_not_said_as_this_months(tmp_path: Path) -> None:
    page = page_of(tmp_path, [value_row(HEAD, "OF01", 0, 58, 100)])
    assert page.answer == "先生から見た数字は、まだ届いていません。"
    assert page.numbers == []
    assert page.cannot_say[-1].what.startswith("「情報が診療に役立った先生」")
    assert page.cannot_say[-1].why == "この資料の時点の値が、まだありません"


def test_a_quarter_says_which_it_is(tmp_path: Path) -> None:
    folder = builder.write_release(tmp_path)
    of = {"period_type": "quarter", "period_start": date(2026, 7, 1), "period_end": date(2026, 9, 30)}
    older = {"period_type": "quarter", "period_start": date(2026, 4, 1), "period_end": date(2026, 6, 30)}
    registry = [
        row | {"period": "quarter"} if row["kpi_id"] == HEAD else row for row in builder.registry_rows()
    ]
    builder.write_table(folder / "marts", "dim_kpi", registry)
    before = {"previous_value": 0.58, "previous_numerator": 58.0, "previous_denominator": 100.0}
    rows = [
        value_row(HEAD, "OF01", 0, 58, 100) | older,
        value_row(HEAD, "OF01", 0, 62, 100, verdict="cannot_tell") | of | before,
        value_row(HEAD, "OF02", 0, 62, 100) | older,
    ]
    builder.write_table(folder / "marts", "fct_kpi_value", rows)
    with ReleaseFiles(folder) as release:
        page, other = (
            office_page(release, release.registry(), office, OFFICE) for office in ("OF01", "OF02")
        )
    assert page.answer == (
        "「必要な情報が役に立った」と答えた先生は、100人中62人でした（7〜9月、前の四半期は58人）。"
    )
    assert other.answer == "先生から見た数字は、まだ届いていません。"


@pytest.mark.parametrize(
    ("period", "month", "end"),
    [
        ("month", date(2026, 10, 31), date(2026, 10, 31)),
        ("quarter", date(2026, 10, 31), date(2026, 9, 30)),
        ("quarter", date(2026, 12, 31), date(2026, 12, 31)),
        ("quarter", date(2027, 2, 28), date(2026, 12, 31)),
        ("half", date(2026, 8, 31), date(2026, 3, 31)),
        ("half", date(2026, 10, 31), date(2026, 9, 30)),
        ("fiscal_year", date(2026, 10, 31), date(2026, 3, 31)),
        ("fiscal_year", date(2026, 2, 28), date(2025, 3, 31)),
    ],
)
def test_the_newest_closed_period(period: str, month: date, end: date) -> None:
    assert last_closed_period(period, month) == end


def test_an_office_of_four_representatives_sees_its_suppression(tmp_path: Path) -> None:
    page = page_of(tmp_path, office="OF02")
    suppressed = [line for line in page.numbers if line.value == "出せません"]
    assert [line.kpi_id for line in suppressed] == ["journey.forward_transition_rate"]
    assert suppressed[0].note == "先生の人数が少なく、個人が分かるおそれがあるため、出していません"
    assert page.picture == ""
    assert page.step["why"] == "まだ数が足りず、数字からは一歩を決められません。"


def test_an_office_without_numbers_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, [value_row(HEAD, "OF02", 1, 31, 50)])
    assert page.answer == "先生から見た数字は、まだ届いていません。"
    assert page.verdict == "判断できません"
    assert page.numbers == []
    unsaid = page.cannot_say[0].what
    mr_kpis = [facts[1] for facts in builder.KPIS.values() if "mr" in facts[-1].split(",")]
    assert len(page.cannot_say) == 1
    assert len(mr_kpis) == unsaid.count("「") == 7
    assert all(name.removesuffix("の割合") in unsaid for name in mr_kpis)


@pytest.mark.parametrize("number_of_rules", [1, 4, 5])
def test_nothing_to_worry_about_is_said_only_of_what_was_counted(
    tmp_path: Path, number_of_rules: int
) -> None:
    fine = {
        "channel.over_contact_rate": (2, 100),
        "fit.choice_honoured_rate": (95, 100),
        "journey.unseen_rate": (5, 100),
        HEAD: (80, 100),
        "moment.coverage_rate": (60, 100),
    }
    rows = [value_row(kpi, "OF01", 1, *counts) for kpi, counts in list(fine.items())[:number_of_rules]]
    page = page_of(tmp_path, rows)
    assert page.step["what"] == "うまくいった声かけを1つ、次の会議に持ち寄る"
    assert page.step["why"] == (
        "気になる数字は今月ありません。続けることが力になります。"
        if number_of_rules == 5
        else "出せた数字の中には、目安から外れたものはありません。"
    )


def test_without_a_previous_month_there_is_no_comparison(tmp_path: Path) -> None:
    given = {"verdict": "cannot_tell", "verdict_reason": "比べる前の期間の記録がありません"}
    page = page_of(tmp_path, [value_row(HEAD, "OF01", 1, 31, 50) | given])
    assert page.answer == "「必要な情報が役に立った」と答えた先生は、100人中62人でした。"
    assert page.why == "数えたのは、役立ち度に回答した先生50人です。比べる前の期間の記録がありません。"
    assert page.cannot_say[0].when == "来月、二つがそろえば言えます"


def test_the_physicians_side_comes_first_and_at_most_seven_numbers(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert page.numbers[0].kpi_id == HEAD
    families = [line.kpi_id.split(".")[0] for line in page.numbers]
    assert families[-1] == "moment"
    assert 1 <= len(page.numbers) <= 7
    assert "cx.csat_top2_rate" not in [line.kpi_id for line in page.numbers]  # not meant for MRs


def test_activity_never_becomes_the_answer(tmp_path: Path) -> None:
    page = page_of(tmp_path, [value_row("moment.coverage_rate", "OF01", 1, 40, 80)])
    assert page.answer == "先生から見た数字は、まだ届いていません。"
    assert len(page.numbers) == 1


def test_more_than_seven_numbers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = report_mr.declared

    def fewer(name: str) -> dict[str, Any]:
        return {**real(name), "maximum_numbers": 5} if name == "page" else real(name)

    monkeypatch.setattr(report_mr, "declared", fewer)
    with pytest.raises(ValueError, match="6 numbers are meant for MRs; a page holds 5"):
        page_of(tmp_path)


def test_a_verb_above_the_evidence_is_refused(tmp_path: Path) -> None:
    rows = with_previous(head((80, 200), (120, 200), verdict="improved"))
    rows[1]["verdict_reason"] = "この取り組みには効果がありました"
    with pytest.raises(ValueError, match="効果がありました claims more than E1"):
        page_of(tmp_path, rows)


@pytest.mark.parametrize(
    ("kpi", "counts", "what"),
    [
        ("channel.over_contact_rate", (10, 100), "来月の連絡を、まず1回減らす"),
        ("fit.choice_honoured_rate", (70, 100), "次の連絡の前に、希望の方法を確かめてから送る"),
        ("journey.unseen_rate", (30, 100), "担当ごとに1人選び、どんな方法なら負担が少ないかをうかがう"),
        ("cx.usefulness_top_rate", (40, 100), "いま知りたいことを先に尋ね、それに合う情報だけを届ける"),
        ("moment.coverage_rate", (20, 100), "期限の近い場面を1つ選び、先に連絡するかどうかを決める"),
        ("moment.coverage_rate", (80, 100), "うまくいった声かけを1つ、次の会議に持ち寄る"),
        ("channel.over_contact_rate", (2, 20), "役に立った情報と希望の方法を尋ね、1件ずつ記録する"),
    ],
)
def test_one_next_step_by_the_declared_rules(
    tmp_path: Path, kpi: str, counts: tuple[int, int], what: str
) -> None:
    page = page_of(tmp_path, [value_row(kpi, "OF01", 1, *counts)])
    assert page.step["what"] == what
    assert set(page.step) == {"who", "what", "why"}


SEVERAL = "目安から外れた{number}つの数字のうち、幅から見て、いちばんはっきり外れています。"


@pytest.mark.parametrize(
    ("rows", "what", "number"),
    [
        # 12 of 100 against 5: 0.07 past, and the interval reaches down from 0.120 by 0.050: 1.4 widths.
        # 70 of 100 against 85: 0.15 past, and it reaches up from 0.700 by 0.081: 1.9 widths.
        (
            [("channel.over_contact_rate", 12, 100), ("fit.choice_honoured_rate", 70, 100)],
            "次の連絡の前に、希望の方法を確かめてから送る",
            2,
        ),
        # 30 of 100: 0.25 past, reaching down by 0.081: 3.1 widths.
        (
            [("channel.over_contact_rate", 30, 100), ("fit.choice_honoured_rate", 70, 100)],
            "来月の連絡を、まず1回減らす",
            2,
        ),
        # The same share of fewer contacts is less clearly past: 21 of 30 reaches up by 0.133, 1.1 widths.
        (
            [("channel.over_contact_rate", 12, 100), ("fit.choice_honoured_rate", 21, 30)],
            "来月の連絡を、まず1回減らす",
            2,
        ),
        # At its limit a number holds, with nothing past it; of equals the rule that is declared first.
        (
            [("fit.choice_honoured_rate", 85, 100), ("channel.over_contact_rate", 5, 100)],
            "来月の連絡を、まず1回減らす",
            2,
        ),
        (
            [
                ("channel.over_contact_rate", 4, 100),
                ("fit.choice_honoured_rate", 86, 100),
                ("journey.unseen_rate", 16, 100),
            ],
            "担当ごとに1人選び、どんな方法なら負担が少ないかをうかがう",
            1,
        ),
    ],
)
def test_the_step_follows_the_number_most_clearly_past_its_limit(
    tmp_path: Path, rows: list[tuple[str, int, int]], what: str, number: int
) -> None:
    page = page_of(tmp_path, [value_row(kpi, "OF01", 1, *counts) for kpi, *counts in rows])
    assert page.step["what"] == what
    assert page.step["why"].endswith(SEVERAL.format(number=number)) == (number > 1)
    assert ("目安から外れた" in page.step["why"]) == (number > 1)


def test_every_rule_of_the_next_step_has_a_number_that_may_stand_on_the_page() -> None:
    rules = report_mr.declared("page")["next_steps"]
    assert len(rules) >= 5
    for rule in rules:
        assert "mr" in builder.KPIS[rule["kpi"]][-1].split(","), rule["id"]


def test_the_picture_shows_both_months_with_intervals_and_hides_small_groups(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for number in ("44", "40", "17", "6"):
        assert f">{number}</text>" in page.picture
    assert page.picture.count(">*</text>") == 2
    assert page.picture.count('stroke-width="1.4"') == 14
    assert "特定されるおそれ" in page.picture_note


def test_where_every_phase_is_hidden_a_sentence_stands_for_the_picture(tmp_path: Path) -> None:
    hidden = dict.fromkeys(("P0", "P1", "P2"))
    rows = [*builder.phase_rows("OF01", 0, hidden), *builder.phase_rows("OF01", 1, hidden)]
    page = page_of(tmp_path, [*head(None, (31, 50)), *rows])
    assert page.picture == ""
    assert page.picture_note == "どの段階の人数も、人が特定されるおそれがあるため出しません。"


def test_the_page_can_be_read_by_someone_who_is_no_analyst(tmp_path: Path) -> None:
    for office, name in (("OF01", OFFICE), ("OF02", "山陰営業所")):
        page = page_of(tmp_path / office, office=office)
        assert 0 < median_sentence_length(page.running_text()) <= 60
        assert unexplained_terms(page.all_text(), (name,)) == []
        assert not set("↑↓→▲▼↗↘") & set(page.all_text() + page.picture)
        assert "p値" not in page.all_text()
        terms = [term for term, _ in page.glossary]
        assert {"幅", "判定", "届き", "つながり", "数"} <= set(terms)


def test_sales_stand_nowhere_but_in_what_the_page_does_not_say(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    denials = page.not_said + [explanation for _, explanation in page.glossary]
    about_sales = [part for text in denials for part in text.split("。") if "売上" in part]
    assert len(about_sales) >= 1
    assert all(
        part.endswith(("分かりません", "ではありません", "いけません", "言えません")) for part in about_sales
    )
    said = page.all_text()
    for denial in denials:
        said = said.replace(denial, "")
    for word in ("売上", "処方数", "順位", "ランキング"):
        assert word not in said


def test_an_unexplained_word_from_the_registry_would_be_noticed(tmp_path: Path) -> None:
    page = page_of(
        tmp_path, head((28, 48), (31, 50), reason="エンゲージメントスコアの値", display_state="stale")
    )
    assert unexplained_terms(page.all_text(), (OFFICE,)) == ["エンゲージメントスコア"]


def story(story_id: str, kind: str, day: int, scope: str = "office") -> Row:
    return {
        "scope_type": scope, "scope_id": "OF01" if scope == "office" else "company", "story_id": story_id,
        "written_on": date(2026, 10, day), "outcome_kind": kind, "context": f"背景{story_id}。",
        "action": "資料を一つ持って訪ねました。", "result": "質問をいただきました。",
        "set_note_ja": "集まった記録から選んで載せています。",
    }  # fmt: skip


def page_with(tmp_path: Path, **tables: list[Row]) -> OfficePage:
    folder = builder.write_release(tmp_path)
    for name, rows in tables.items():
        builder.write_table(folder / "marts", name, rows)
    with ReleaseFiles(folder) as release:
        return office_page(release, release.registry(), "OF01", OFFICE)


def test_a_success_and_its_opposite_stand_side_by_side_word_for_word(tmp_path: Path) -> None:
    told = [story("S1", "positive", 1), story("S2", "positive", 9), story("S3", "negative", 3)]
    page = page_with(tmp_path, mart_field_voice=[*told, story("S9", "negative", 20, "company")])
    assert [(voice.kind, voice.story_id) for voice in page.voices] == [
        ("うまくいった", "S2"),
        ("うまくいかなかった", "S3"),
    ]
    assert page.voices[0].text == "背景S2。資料を一つ持って訪ねました。質問をいただきました。"
    # The other story of success counts in the proportion, though it is not among the two.
    assert page.voices_note == (
        "この営業所の声は3件で、うまくいった例は2件です。"
        "うまくいった例とそうでない例の、それぞれ新しいものを載せます。集まった記録から選んで載せています。"
        "声は、現場で聞いた話です。数えたものではありません。"
    )


def case(story_id: str, others: int = 12, failed: int = 9, **given: Any) -> Row:
    """A row of mart_success_case without a number of the records; no attempts known to the writer."""
    return {
        "story_id": story_id, "product_id": "PRD-A", "theme": "講演会のあとの訪問", "has_evidence": False,
        "n_similar_stories": others, "n_similar_stories_without_success": failed,
        "n_reported_attempts": 0, "n_reported_attempts_without_success": 0, "observed_period_end": None,
        "n_at_start": None, "n_moved_forward": None,
    } | given  # fmt: skip


NO_FACT = "記録で確かめた数はありません。"


@pytest.mark.parametrize(
    ("rows", "beside"),
    [
        (
            [case("S1"), case("S2", 30, 30)],
            f"似た取り組みの記録はほかに12件で、うまくいった例でないものが9件です。{NO_FACT}",
        ),
        (
            [case("S1", 9, 3)],
            "似た取り組みの記録はほかに9件で、うまくいった例でないものが3件です。"
            f"割合を言うには足りません。{NO_FACT}",
        ),
        (
            [case("S1", 0, 0, n_reported_attempts=5, n_reported_attempts_without_success=3)],
            "似た取り組みの記録はほかになく、書いた人が知る5件のうち、"
            f"うまくいかなかったのは3件とのことです。{NO_FACT}",
        ),
        ([case("S1", 0, 0)], f"似た取り組みの記録は、ほかにありません。{NO_FACT}"),
        (
            [case("S1", 0, 0, n_reported_attempts=5, n_reported_attempts_without_success=None)],
            f"似た取り組みの記録は、ほかにありません。{NO_FACT}",
        ),
        ([case("S1", theme=None)], f"似た取り組みの数は分かりません。{NO_FACT}"),
        ([case("S2")], f"似た取り組みの数は分かりません。{NO_FACT}"),
        (
            [
                case("S1", has_evidence=True, n_at_start=40, n_moved_forward=7)
                | {"observed_period_end": date(2026, 8, 31)}
            ],
            "似た取り組みの記録はほかに12件で、うまくいった例でないものが9件です。"
            "記録で確かめた数: 8月までの90日に、書いた営業所の先生40人のうち7人が"
            "シルベジンの次の段階に進みました。"
            "この取り組みのためかどうかは分かりません。",
        ),
    ],
)
def test_beside_a_success_stands_how_many_like_it_did_not_succeed(
    tmp_path: Path, rows: list[Row], beside: str
) -> None:
    told = [story("S1", "positive", 9), story("S3", "negative", 3)]
    page = page_with(tmp_path, mart_field_voice=told, mart_success_case=[case("S8"), *rows])
    assert [voice.beside for voice in page.voices] == [beside, ""]
    assert beside in page.running_text()
    assert unexplained_terms(page.all_text(), (OFFICE, "シルベジン")) == []


def test_without_the_table_of_successes_the_number_is_said_to_be_unknown(tmp_path: Path) -> None:
    page = page_with(tmp_path, mart_field_voice=[story("S1", "positive", 9)])
    assert [voice.beside for voice in page.voices] == [f"似た取り組みの数は分かりません。{NO_FACT}"]


def test_a_page_with_all_its_words_fits_the_sheet(tmp_path: Path) -> None:
    fact = {"observed_period_end": date(2026, 8, 31)}
    page = page_with(
        tmp_path,
        mart_field_voice=[story("S1", "positive", 9), story("S3", "negative", 3)],
        mart_success_case=[case("S1", 9, 3, has_evidence=True, n_at_start=40, n_moved_forward=7) | fact],
        mart_content_evaluation=[content("用量の資料", "keep"), content("症例の資料", "keep")],
        mart_mr_strength=[learned(10)],
        mart_preference_diversity=[spread("OF01", 30)],
    )
    assert page.voices[0].beside and page.contents and page.findings_note
    assert pages_in(Renderer(builder.AS_OF).pdf("office", dataclasses.asdict(page))) == 1
    assert median_sentence_length(page.running_text()) <= 60


def test_without_own_voices_the_company_s_are_shown_and_said_to_be(tmp_path: Path) -> None:
    page = page_with(tmp_path, mart_field_voice=[story("S9", "neutral", 20, "company")])
    assert [(voice.kind, voice.story_id) for voice in page.voices] == [("どちらとも言えない", "S9")]
    assert page.voices_note.startswith(
        "この営業所の声がまだないため、会社全体の声1件（うまくいった例0件）からです。"
    )
    assert page_of(tmp_path / "b").voices_note == "公開できる現場の声は、まだありません。"


def content(title: str, label: str, channel: str = "mr_visit", **given: Any) -> Row:
    return {
        "title": title, "label": label, "channel_id": channel, "scope_type": "company",
        "period_type": "quarter", "period_start": date(2026, 7, 1), "period_end": date(2026, 9, 30),
        "n_exposed": 1100, "n_reacted": 418, "reaction_rate": 0.38, "reaction_low": 0.3518,
        "reaction_high": 0.4090,
    } | given  # fmt: skip


def test_materials_are_named_only_where_the_interval_allows_it(tmp_path: Path) -> None:
    page = page_with(
        tmp_path,
        mart_content_evaluation=[
            content("用量の資料", "keep"),
            content("症例の資料", "undecided"),
            content("本社の便り", "keep", "hq_email"),
            content("古い資料", "keep", period_start=date(2026, 4, 1), period_end=date(2026, 6, 30)),
        ],
    )
    assert page.contents == [
        "「用量の資料」には、見た先生1,100人のうち418人から反応がありました（100人あたりの幅35〜41人）。"
    ]
    assert page.contents_note.startswith("全社の7〜9月の値で、")
    assert page_of(tmp_path / "b").contents_note == (
        "反応の幅まで見て「残す」と言える資材は、まだありません。"
    )


def test_a_material_is_said_once_though_a_month_and_a_half_end_on_the_same_day(tmp_path: Path) -> None:
    month = {"period_type": "month", "period_start": date(2026, 9, 1), "n_exposed": 400, "n_reacted": 150}
    half = {"period_type": "half", "period_start": date(2026, 4, 1), "n_exposed": 2000, "n_reacted": 800}
    rows = [content("用量の資料", "keep"), content("用量の資料", "keep", **month)]
    page = page_with(tmp_path, mart_content_evaluation=[*rows, content("用量の資料", "keep", **half)])
    assert len(page.contents) == 1
    assert "1,100人のうち418人" in page.contents[0]


QUARTER = {"period_type": "quarter", "period_start": date(2026, 7, 1), "period_end": date(2026, 9, 30)}


def spread(scope: str, known: int | None, low: float = 0.41, **given: Any) -> Row:
    """A row of mart_preference_diversity; the mart hides the values of one to four physicians."""
    return QUARTER | {
        "scope_type": "company" if scope == "company" else "office", "scope_id": scope, "breakdown": None,
        "n_target_physicians": 120, "n_choosing_physicians": known,
        "diversity": None if known is None else 0.535, "diversity_low": low, "diversity_high": 0.66,
    } | given  # fmt: skip


def learned(needs: int | None, **given: Any) -> Row:
    """A row of mart_mr_strength; the mart hides everything of one to four representatives."""
    return QUARTER | {
        "scope_type": "office", "scope_id": "OF01", "n_mr_with_need": 5, "first_needs": needs,
        "first_needs_by_mr": None if needs is None else needs // 2, "dialogues": 1400,
        "dialogues_recorded": 900,
    } | given  # fmt: skip


SPREAD = (
    "で好む手段の分かる{known}人（対象120人、9月末）の第一希望の散らばりは0.54（幅{low}〜0.66）でした。"
    "0は全員同じ、1は均等です。"
)


@pytest.mark.parametrize(
    ("rows", "lead", "text"),
    [
        (
            [spread("OF01", 30), spread("company", 900)],
            "先生の好みは一つではない",
            "この営業所" + SPREAD.format(known=30, low=0.41),
        ),
        (
            [spread("OF01", 29), spread("company", 900), spread("OF02", 80)],
            "先生の好みは一つではない",
            "会社全体" + SPREAD.format(known=900, low=0.41),
        ),
        (
            [spread("OF01", 40, low=0.0)],
            "先生の好み",
            "この営業所" + SPREAD.format(known=40, low=0) + "一つではないとまでは、まだ言えません。",
        ),
        (
            [spread("OF01", None), spread("company", 29)],
            "先生の好み",
            "好む手段の分かる先生がまだ30人いないため、一つかどうかは言えません。",
        ),
        (
            [
                spread("OF01", 40, breakdown="career_band=young"),
                spread("OF01", 40, period_start=date(2026, 4, 1), period_end=date(2026, 6, 30)),
                spread("OF01", 40, period_type="half", period_start=date(2026, 4, 1)),
                spread("x", 40, scope_type="segment"),
            ],
            "先生の好み",
            "好む手段の分かる先生がまだ30人いないため、一つかどうかは言えません。",
        ),
    ],
)
def test_that_physicians_do_not_all_want_the_same_is_said_where_it_is_known(
    tmp_path: Path, rows: list[Row], lead: str, text: str
) -> None:
    page = page_with(tmp_path, mart_preference_diversity=rows)
    assert (page.findings[0].lead, page.findings[0].text) == (lead, text)


NOT_LEARNED = "知りたいことの記録が、MR5人分・10件に届かないため、まだ言えません。"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [learned(10), learned(500, scope_type="company", scope_id="company")],
            "7〜9月に先生が知りたいと示した10件のうち、5件は面談で最初に分かりました。"
            "ほかでは分からなかったとまでは言えません。"
            "面談の内容の記録は1,400件中900件です。",
        ),
        (
            [learned(10, dialogues=None, dialogues_recorded=None)],
            "7〜9月に先生が知りたいと示した10件のうち、5件は面談で最初に分かりました。"
            "ほかでは分からなかったとまでは言えません。",
        ),
        ([learned(9)], NOT_LEARNED),
        ([learned(None, n_mr_with_need=None)], NOT_LEARNED),
        ([learned(50, n_mr_with_need=4)], NOT_LEARNED),
        ([learned(50, scope_type="company", scope_id="company")], NOT_LEARNED),
        ([learned(50, scope_id="OF02")], NOT_LEARNED),
    ],
)
def test_what_dialogues_found_first_is_said_of_the_office_only(
    tmp_path: Path, rows: list[Row], text: str
) -> None:
    finding = page_with(tmp_path, mart_mr_strength=rows).findings[1]
    assert (finding.lead, finding.text) == ("MRにしかできなかったこと", text)


def test_both_sentences_say_how_strong_they_are_and_fit_the_sheet(tmp_path: Path) -> None:
    page = page_with(tmp_path, mart_mr_strength=[learned(10)], mart_preference_diversity=[spread("OF01", 30)])
    assert page.findings_note == "根拠の強さは記録の集計（4段階の1）です。"
    assert unexplained_terms(page.all_text(), (OFFICE,)) == []
    assert median_sentence_length(page.running_text()) <= 60
    assert pages_in(Renderer(builder.AS_OF).pdf("office", dataclasses.asdict(page))) == 1
    assert page_of(tmp_path / "b").findings_note == "", "nothing was said"


def test_evidence_stands_with_the_numbers_and_names_the_one_that_differs(tmp_path: Path) -> None:
    folder = builder.write_release(tmp_path)
    registry = [
        row | {"evidence_level": "E2"} if row["kpi_id"] == HEAD else row for row in builder.registry_rows()
    ]
    builder.write_table(folder / "marts", "dim_kpi", registry)
    with ReleaseFiles(folder) as release:
        page = office_page(release, release.registry(), "OF01", OFFICE)
    assert page.numbers_note.endswith(
        "根拠の強さは、「情報が診療に役立った先生」は一緒に見られたこと（4段階の2）、"
        "ほかは記録の集計（4段階の1）です。"
    )
    assert "根拠の強さ" in [term for term, _ in page.glossary]


def test_a_frequency_of_a_hundred_stands_beside_what_was_counted(tmp_path: Path) -> None:
    """H1: numerator and denominator, not the denominator alone."""
    line = page_of(tmp_path).numbers[0]
    assert (line.value, line.denominator) == ("100人中62人", "50人中31人")


def test_a_mark_of_trust_says_only_what_is_wrong(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    trust = {line.kpi_id: line.trust for line in page.numbers}
    assert trust[HEAD] == "すべて十分"
    assert trust["journey.unseen_rate"] == "つながりは注意"
    assert trust["channel.over_contact_rate"] == "数は注意"
    hidden = value_row(HEAD, "OF01", 1, None, None, display_state="withheld", reason="点検に通らず")
    assert page_of(tmp_path / "b", [hidden]).numbers[0].trust == "—", "no mark on a number that is not there"


def test_a_number_without_better_or_worse_says_that_it_is_not_compared(tmp_path: Path) -> None:
    page = page_of(tmp_path, [value_row("moment.coverage_rate", "OF01", 1, 40, 80)])
    assert page.numbers[0].verdict == "比べません"


def test_who_is_meant_by_the_next_step_can_be_found(tmp_path: Path) -> None:
    """The page names nobody; where the step is about some physicians, it says where their names are."""
    rules = {rule["id"]: rule for rule in report_mr.declared("page")["next_steps"]}
    for rule in ("contact_less", "see_the_unseen", "decide_on_a_moment"):
        assert "「あなたの担当の先生」にあります" in rules[rule]["who"]
    # One way to say a limit: the step and the number it follows from use the same words.
    assert KPI_WORDS in rules["contact_less"]["who"]


KPI_WORDS = builder.KPIS["channel.over_contact_rate"][5]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ((28, 48), (31, 50), "100人中4人の差は、偶然でも起こります。"),  # 58 and 62, 3.7 between them
        (
            (44, 74),
            (47, 74),
            "先月との差は、偶然でも起こります。",
        ),  # 59 and 64 are 5 apart, the difference is 4.1
        ((31, 50), (31, 50), "先月との差は、偶然でも起こります。"),  # no 「0人の差」
    ],
)
def test_a_difference_is_the_one_a_reader_would_subtract(
    tmp_path: Path, before: tuple[int, int], after: tuple[int, int], why: str
) -> None:
    page = page_of(tmp_path, head(before, after, verdict="cannot_tell"))
    assert page.why.endswith(f"人です。{why}")

"""What physicians want and whether it is met: the second head-office page, by hand-made rows of its marts."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from shirube.share import report_hq_physicians
from shirube.share.cases import Case
from shirube.share.readability import median_sentence_length, unexplained_terms
from shirube.share.release_files import ReleaseFiles
from shirube.share.render import Renderer, pages_in
from shirube.share.report_hq_physicians import PhysiciansPage, physicians_page

from tests.share import release_builder as builder
from tests.share.release_builder import Row

HALF = {"period_type": "half", "period_start": date(2026, 4, 1), "period_end": date(2026, 9, 30)}
QUARTER = {"period_type": "quarter", "period_start": date(2026, 7, 1), "period_end": date(2026, 9, 30)}
OCTOBER = {"period_type": "month", "period_start": date(2026, 10, 1), "period_end": date(2026, 10, 31)}
CHANNELS = ("MR訪問", "本社メール", "自社サイト", "Web講演会")
NOTHING = (None, None, None)

Marts = dict[str, list[Row]]


def element(
    name: str, quadrant: str, importance: Any, satisfaction: Any, n: int | None = 384, **more: Any
) -> Row:
    """A row of mart_mr_expectation: (mean, low, high) of both, answers behind them."""
    row: Row = HALF | {
        "segment_type": "specialty_group", "segment_id": "all", "element_name_ja": name, "quadrant": quadrant,
        "n_importance": n, "n_satisfaction": n, "importance_line": 7.2, "satisfaction_line": 6.4,
        "derived_importance": None, "derived_importance_low": None, "derived_importance_high": None,
    }  # fmt: skip
    for measure, values in (("importance", importance), ("satisfaction", satisfaction)):
        row |= {f"{measure}_mean{end}": at for end, at in zip(("", "_low", "_high"), values, strict=True)}
    return row | more


KNOWS_BEFORE = element(
    "事前に状況をつかんで来ること", "improve", (7.9, 7.8, 8.0), (5.9, 5.7, 6.1),
    derived_importance=0.5, derived_importance_low=0.42, derived_importance_high=0.57,
)  # fmt: skip
SAFETY = element("副作用などの情報をすぐ知らせること", "keep", (8.1, 8.0, 8.3), (7.1, 7.0, 7.3))
OFTEN = element("面談の回数と長さをわきまえること", "cannot_tell", (6.8, 6.7, 6.9), (6.5, 6.3, 6.6))
LOCAL = element(
    "地域の医療の情報を持っていること", "watch", (5.8, 5.7, 5.9), (6.0, 5.8, 6.1),
    derived_importance=0.13, derived_importance_low=0.03, derived_importance_high=0.22,
)  # fmt: skip
WANTED = [OFTEN, LOCAL, SAFETY, KNOWS_BEFORE]


def contrast(contrast_id: str, verdict: str, difference: Any = NOTHING, **more: Any) -> Row:
    value, low, high = difference
    return HALF | {
        "contrast_id": contrast_id, "outcome_id": "csat_top2", "n_multi": 221, "n_single": 77,
        "difference": value, "difference_low": low, "difference_high": high,
        "minimum_detectable_difference": None if low is None else 0.176, "evidence_level": "E2",
        "verdict": verdict, "caution_ja": f"{contrast_id}は当社をよく思う先生ほど答えます。",
    } | more  # fmt: skip


SEVERAL = contrast("several_channels", "more_with_several", (0.12, 0.03, 0.21))
LINKED = contrast("orchestrated", "cannot_tell", (0.14, -0.04, 0.32))


def sufficed(verdict: str, n: int | None, counted: int | None, share: Any = NOTHING, **more: Any) -> Row:
    rate, low, high = share
    return QUARTER | {
        "scope_type": "company", "n_physicians_with_need": n, "n_physicians_with_need_suppressed": n is None,
        "physicians_with_csat": None if n is None else 38, "physicians_sufficed": counted,
        "sufficed_rate": rate, "sufficed_low": low, "sufficed_high": high, "verdict": verdict,
        "verdict_reason": {
            "cannot_tell": "幅が広く、判断できません",
            "single_channel_enough": "基準を確かに超えていました",
        }[verdict],
    } | more  # fmt: skip


def patients(**more: Any) -> Row:
    """21 of 30 notices in time, 12 of 16 questions of 12 physicians, 5 of 7 requests of 6."""
    return QUARTER | {
        "scope_type": "company",
        "n_physicians_with_safety_notice": 30, "n_physicians_informed_in_time": 21,
        "n_physicians_informed_in_time_rate": 0.7, "n_physicians_informed_in_time_rate_low": 0.521,
        "n_physicians_informed_in_time_rate_high": 0.833,
        "n_physicians_with_proper_use_question": 12, "proper_use_questions": 16,
        "proper_use_questions_answered": 12, "proper_use_questions_answered_rate": 0.75,
        "proper_use_questions_answered_rate_low": 0.505, "proper_use_questions_answered_rate_high": 0.898,
        "n_physicians_with_material_request": 6, "material_requests": 7, "material_requests_fulfilled": 5,
        "material_requests_fulfilled_rate": None, "material_requests_fulfilled_rate_low": None,
        "material_requests_fulfilled_rate_high": None,
    } | more  # fmt: skip


def paths(**more: Any) -> Row:
    """The row of all paths of mart_attribution."""
    weights = {
        f"{rule}_{end}": None
        for rule in ("position", "markov", "shapley")
        for end in ("weight", "low", "high")
    }
    return QUARTER | weights | {
        "product_id": None, "channel_id": None, "n_paths": 6772, "n_conversions": 2162,
        "is_same_order": False, "state": "computed", "reason": None,
        "order_note": "計算方法によって順番が変わるため、順位は参考です",
        "reading": "一緒に見られた手段です。手段が先生を動かしたとは言えません",
        "evidence_level": "E2", "lookback_days": 90,
    } | more  # fmt: skip


def channel(channel_id: str, position: float, markov: float, shapley: float, **more: Any) -> Row:
    """Each rule with an interval of 0.02 to either side."""
    row = paths(channel_id=channel_id) | more
    for rule, weight in (("position", position), ("markov", markov), ("shapley", shapley)):
        ends = {"weight": weight, "low": weight - 0.02, "high": weight + 0.02}
        row |= {f"{rule}_{end}": at for end, at in ends.items()}
    return row


SEEN_TOGETHER = [
    channel("owned_web", 0.28, 0.21, 0.22),
    channel("mr_visit", 0.23, 0.20, 0.24),
    channel("webinar", 0.04, 0.06, 0.06),
    channel("hq_email", 0.22, 0.21, 0.18),
    paths(),
]


def gap(name: str, verdict: str, wanting: float | None, receiving: float | None, **more: Any) -> Row:
    difference = None if wanting is None or receiving is None else wanting - receiving
    return HALF | {
        "need_name_ja": name, "n_pairs": 384, "wanting_rate": wanting, "receiving_rate": receiving,
        "gap": difference, "gap_low": None if difference is None else difference - 0.05,
        "gap_high": None if difference is None else difference + 0.05, "verdict": verdict,
        "n_cannot_meet": 69, "n_not_wanted": 54,
    } | more  # fmt: skip


def benchmark(number: int, kpi: str | None = None) -> Row:
    return {
        "benchmark_id": f"BM-{number}", "name_ja": "満足した医師の割合", "value": 58.5, "unit": "percent",
        "region": "Japan", "period": "2026年", "source": "ある調査", "caveat_ja": "全社の平均です。",
        "comparable_metric_id": kpi, "may_be_drawn": kpi is not None,
    }  # fmt: skip


FULL: Marts = {
    "mart_mr_expectation": WANTED,
    "mart_experience_contrast": [SEVERAL, LINKED],
    "mart_not_needed": [sufficed("single_channel_enough", 40, 30, (0.75, 0.6, 0.86))],
    "mart_patient_contribution": [patients()],
    "mart_attribution": SEEN_TOGETHER,
    "mart_mr_role_gap": [gap("対面での説明", "more_received", 0.30, 0.95)],
    "mart_benchmark": [benchmark(1), benchmark(2)],
}


def page_of(tmp_path: Path, marts: Marts, values: list[Row] | None = None) -> PhysiciansPage:
    folder = builder.write_release(tmp_path, values)
    builder.write_table(
        folder / "star",
        "dim_channel",
        [
            {"channel_id": channel_id, "name_ja": name, "is_mr_channel": False, "sort_order": order}
            for order, (channel_id, name) in enumerate(
                zip(("mr_visit", "hq_email", "owned_web", "webinar"), CHANNELS, strict=True)
            )
        ],
    )
    for mart, rows in marts.items():
        builder.write_table(folder / "marts", mart, rows)
    with ReleaseFiles(folder) as release:
        return physicians_page(release, release.registry())


def told(page: PhysiciansPage, title: str) -> Case:
    (found,) = [part.case for part in page.parts if title in part.title]
    return found


def test_what_is_wanted_and_not_met_comes_first(tmp_path: Path) -> None:
    page = page_of(tmp_path, FULL)
    assert page.question == "先生は何を求め、いまのやり方で足りているのですか"
    assert page.answer == "先生が大切と答え、満足がまだ低いのは、「事前に状況をつかんで来ること」でした。"
    assert page.claims == [
        "「事前に状況をつかんで来ること」は、大切さが7.9点（幅7.8〜8）、満足が5.9点（幅5.7〜6.1）です。",
        "「副作用などの情報をすぐ知らせること」は、大切さも満足も高い答えでした。",
        "「地域の医療の情報を持っていること」は、大切さも満足も低めの答えでした。",
    ]
    assert page.evidence == "記録の集計（4段階の1）"
    assert page.limits == "答えた先生の平均です。答えなかった先生のことは分かりません。"
    (open_element,) = [item for item in page.cannot_say if "位置" in item.what]
    assert open_element.what == "「面談の回数と長さをわきまえること」の位置"


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        (
            [KNOWS_BEFORE | {"quadrant": "cannot_tell"}, SAFETY],
            "何が大切で、何が足りないかは、まだ判断できません。",
        ),
        (
            [SAFETY, LOCAL],
            "大切と答えた先生が多く、満足が低いと確かめられたものは、ありませんでした。",
        ),
        (
            [element("知識", "cannot_tell", NOTHING, NOTHING, n=22)],
            "大切さと満足に答えた先生は22人と少なく、まだ判断できません。",
        ),
        (
            [element("知識", "cannot_tell", NOTHING, NOTHING, n=None)],
            "大切さと満足に答えた先生が少なく、まだ判断できません。",
        ),
        ([], "先生が何を求めているかをたずねた結果は、この資料にはまだありません。"),
    ],
)
def test_the_answer_says_no_more_than_was_answered(tmp_path: Path, wanted: list[Row], answer: str) -> None:
    page = page_of(tmp_path, {"mart_mr_expectation": wanted} if wanted else {})
    assert page.answer == answer
    is_claimed = any(row["quadrant"] != "cannot_tell" for row in wanted)
    assert bool(page.evidence) == is_claimed
    assert ("足りているという意味ではありません" in page.limits) != is_claimed
    assert bool(page.picture) == any(row["importance_mean"] is not None for row in wanted)


def test_the_picture_holds_both_means_with_their_intervals(tmp_path: Path) -> None:
    few = element("知識が正確なこと", "cannot_tell", NOTHING, NOTHING, n=22)
    page = page_of(tmp_path, {"mart_mr_expectation": [*WANTED, few]})
    # Two dots per element that has means, and two in the legend.
    assert page.picture.count("<circle") == 4 * 2 + 2
    assert "大切さの平均 7.2" in page.picture and "満足の平均 6.4" in page.picture
    assert (
        "事前に状況をつかんで来ること 大切さ 7.9、幅 7.8から8.0、満足 5.9、幅 5.7から6.1、先に直す"
        in page.picture
    )
    assert "知識が正確なこと 大切さ 数字なし、満足 数字なし、判断できません" in page.picture
    assert page.picture.index("副作用") < page.picture.index("事前に") < page.picture.index("地域の")
    assert page.picture_note.startswith("2026年4月〜9月に答えた先生22〜384人の平均です。")
    assert "何人の回答かを出せません" in page.picture_note, "nothing is known of those who were asked (H5)"


def test_the_newest_longest_period_is_shown_and_months_only_where_there_is_no_longer_one(
    tmp_path: Path,
) -> None:
    later = KNOWS_BEFORE | OCTOBER | {"element_name_ja": "十月だけ"}
    shorter = KNOWS_BEFORE | QUARTER | {"element_name_ja": "四半期"}
    older = KNOWS_BEFORE | {"period_end": date(2026, 3, 31), "element_name_ja": "前の半期"}
    page = page_of(tmp_path, {"mart_mr_expectation": [later, shorter, older, KNOWS_BEFORE]})
    assert "事前に" in page.answer and "十月" not in page.picture and "四半期" not in page.picture
    alone = page_of(tmp_path / "b", {"mart_mr_expectation": [later]})
    assert "「十月だけ」" in alone.answer
    assert alone.picture_note.startswith("2026年10月に答えた先生")


def test_stated_importance_stands_beside_what_goes_with_satisfaction(tmp_path: Path) -> None:
    case = told(page_of(tmp_path, FULL), "全体の満足との関わり")
    assert case.said[0] == (
        "全体の満足と一緒に高い答えが見られたのは、"
        "「事前に状況をつかんで来ること」（0.5、幅0.42〜0.57）"
        "「地域の医療の情報を持っていること」（0.13、幅0.03〜0.22）です。"
    )
    assert case.evidence == "一緒に見られたこと（4段階の2）"
    unsure = KNOWS_BEFORE | {"derived_importance_low": -0.02}
    open_case = told(page_of(tmp_path / "b", {"mart_mr_expectation": [unsure]}), "全体の満足との関わり")
    assert open_case.said == ["どの項目が全体の満足と関わっているかは、まだ判断できません。"]
    assert (open_case.evidence, open_case.limits) == ("", "")


def test_numbers_stand_with_their_counts_and_intervals_as_far_as_there_are_physicians(tmp_path: Path) -> None:
    page = page_of(tmp_path, FULL)
    assert [(n.value, n.interval, n.counted, n.note) for n in page.numbers] == [
        ("100人中70人", "52〜83人", "30人中21人", ""),
        ("16件中12件", "100件中51〜90件", "16件", "参考値"),
        ("7件中5件", "—", "7件", "人数が少ないため、割合は出しません"),
        ("100人中75人", "60〜86人", "40人中30人", ""),
        ("100人あたり+12人", "+3〜+21人", "221人と77人", ""),
        ("100人あたり+14人", "−4〜+32人", "221人と77人", ""),
    ]
    assert [n.months for n in page.numbers] == ["2026年7月〜9月"] * 4 + ["2026年4月〜9月"] * 2
    assert page.numbers_note.endswith("患者さんの経過は、ここからは分かりません。")


def test_numbers_that_may_not_be_shown_are_not_and_those_that_are_missing_are_named(tmp_path: Path) -> None:
    hidden = patients(
        n_physicians_with_safety_notice=None, n_physicians_informed_in_time=None,
        n_physicians_informed_in_time_rate=None, n_physicians_informed_in_time_rate_low=None,
        n_physicians_informed_in_time_rate_high=None, n_physicians_with_material_request=0,
        material_requests=0, material_requests_fulfilled=0,
    )  # fmt: skip
    few = contrast("several_channels", "cannot_tell", n_multi=21, n_single=15)
    alone = contrast("orchestrated", "cannot_tell", n_multi=12, n_single=None)
    page = page_of(
        tmp_path, {"mart_patient_contribution": [hidden], "mart_experience_contrast": [few, alone]}
    )
    suppressed = "人が特定されるおそれがあるため、出しません"
    assert [(n.value, n.interval, n.counted, n.note) for n in page.numbers] == [
        ("出せません", "—", "—", suppressed),
        ("16件中12件", "100件中51〜90件", "16件", "参考値"),
        ("対象なし", "—", "—", ""),
        ("人数だけ", "—", "21人と15人", "人数が少ないため、割合は出しません"),
        ("出せません", "—", "—", suppressed),
    ]
    assert page.numbers_note.startswith("ひとつの手段で足りた先生は、この資料にはまだありません。")
    assert "12人" not in page.all_text(), "the side that is left tells nothing of the one that is hidden"


def test_one_against_several_is_seen_together_and_says_who_answers(tmp_path: Path) -> None:
    score = contrast("several_channels", "cannot_tell") | {"outcome_id": "nps"}
    page = page_of(tmp_path, {"mart_experience_contrast": [LINKED, score, SEVERAL]})
    case = told(page, "いくつもの手段")
    assert case.said == [
        "複数の手段で接した先生は、一つの手段の先生より満足の割合が高いことが、一緒に見られました。",
        "つないだ接点（オンラインの反応に担当者が応じたもの）のあった先生と、一つの手段の先生とで、満足の割合が"
        "違うかは、まだ判断できません（見つけられる差は100人あたり17.6人からです）。",
    ]
    assert case.evidence == "一緒に見られたこと（4段階の2）"
    assert case.limits == (
        "several_channelsは当社をよく思う先生ほど答えます。orchestratedは当社をよく思う先生ほど答えます。"
    )
    assert [(item.what, item.why) for item in page.cannot_say] == [
        ("一つの手段と比べた、つないだ接点の満足の割合の差", "差が偶然と見分けられません"),
        ("一つの手段と比べた、複数の手段の推奨度の差", "比べられる先生が少なすぎます"),
    ]


def test_answered_needs_are_compared_too_whenever_they_were_counted_last(tmp_path: Path) -> None:
    needs = contrast(
        "several_channels", "more_with_several", (0.12, 0.03, 0.21), outcome_id="need_answered",
        caution_ja="連絡の機会が多い先生ほど、答えも届きます。",
        period_start=date(2026, 7, 1), period_type="quarter",
    )  # fmt: skip
    page = page_of(tmp_path, {"mart_experience_contrast": [needs, LINKED]})
    case = told(page, "いくつもの手段")
    assert len(case.said) == 2, "the newest answers lie in another period"
    assert case.said[0] == (
        "複数の手段で接した先生は、一つの手段の先生より知りたいことに30日以内に答えが届いた割合が"
        "高いことが、一緒に見られました。"
    )
    assert case.limits.startswith("連絡の機会が多い先生ほど、答えも届きます。")


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (
            "no_difference",
            "複数の手段で接した先生と、一つの手段の先生とで、満足の割合に意味のある大きさの違いは見られませんでした"
            "（100人あたり17.6人からの差なら見つけられました）。",
        ),
        (
            "less_with_several",
            "複数の手段で接した先生は、一つの手段の先生より満足の割合が低いことが、一緒に見られました。",
        ),
    ],
)
def test_no_difference_is_said_with_what_would_have_been_found(
    tmp_path: Path, verdict: str, sentence: str
) -> None:
    row = contrast("several_channels", verdict, (-0.01, -0.02, 0.02))
    assert told(page_of(tmp_path, {"mart_experience_contrast": [row]}), "いくつもの手段").said == [sentence]


def test_a_difference_is_never_said_to_be_an_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = report_hq_physicians.declared("page_hq_physicians")
    bold = words | {"contrast": words["contrast"] | {"more": "{group}には、効果がありました"}}
    real = report_hq_physicians.declared
    monkeypatch.setattr(
        report_hq_physicians, "declared", lambda name: bold if name == "page_hq_physicians" else real(name)
    )
    with pytest.raises(ValueError, match="効果がありました claims more than E2"):
        page_of(tmp_path, FULL)


def test_one_channel_is_enough_only_where_it_was_proven_and_nothing_proven_is_no_lack(tmp_path: Path) -> None:
    segments = [
        sufficed("single_channel_enough", 40, 30, scope_type="segment"),
        sufficed("cannot_tell", 35, 3, scope_type="segment"),
    ]
    enough = sufficed("single_channel_enough", 40, 30, (0.75, 0.6, 0.86))
    page = page_of(tmp_path, {"mart_not_needed": [*segments, enough]})
    case = told(page, "いくつも要る")
    stance = "患者さんへの貢献から見れば、手段がいくつもあることが、いつも必要とは限りません。"
    assert case.said == [
        "2026年7月〜9月に知りたいことがあった40人のうち、満足度に答えた先生は38人です。",
        "基準を確かに超えていました。",
        "先生の区分2種類のうち、ひとつの手段で十分と確かめられたのは1種類です。",
        stance,
    ]
    assert case.limits == (
        "確かめられないことは、足りなかったという意味でも、ほかの手段が不要という意味でもありません。"
    )
    assert page.cannot_say == []
    unsure = sufficed("cannot_tell", 40, 0, (0.0, 0.0, 0.09), physicians_with_csat=3)
    unproven = page_of(tmp_path / "b", {"mart_not_needed": [unsure]})
    assert told(unproven, "いくつも要る").said[:2] == [
        "2026年7月〜9月に知りたいことがあった40人のうち、満足度に答えた先生は5人より少ない数です。",
        "幅が広く、判断できません。",
    ]
    assert [item.what for item in unproven.cannot_say] == ["ひとつの手段で十分か"]
    withheld = told(
        page_of(tmp_path / "c", {"mart_not_needed": [sufficed("cannot_tell", None, None)]}), "要る"
    )
    assert withheld.said[0] == "知りたいことがあった先生が少ないため、人数は出しません。"
    none = told(page_of(tmp_path / "d", {}), "要る")
    assert none.said == ["ひとつの手段で足りていたかを数えた結果は、この資料にはまだありません。", stance]


def test_what_was_seen_together_spans_the_three_rules_and_an_order_that_differs_is_none(
    tmp_path: Path,
) -> None:
    case = told(page_of(tmp_path, FULL), "一緒に見られた手段")
    assert case.said == [
        "2026年7月〜9月に先へ進んだか依頼のあった道筋は、6,772本のうち2,162本でした。",
        # As everywhere else they stand, not by size; each with the rules' least and most, and all intervals.
        "その前の90日に一緒に見られた手段は、全体を100とすると、おもなものはMR訪問が20〜24（幅18〜26）、"
        "本社メールが18〜22（幅16〜24）、自社サイトが21〜28（幅19〜30）です。",
        "3つの計算方法の最小と最大で、幅は、それぞれの幅を合わせた範囲です。",
        "計算方法によって順番が変わるため、順位は参考です。",
        "ほかの手段1種類の数は、「先へ進む前に一緒に見られた手段」の表にあります。",
    ]
    assert case.evidence == "一緒に見られたこと（4段階の2）"
    assert case.limits == "一緒に見られた手段です。手段が先生を動かしたとは言えません。"


def test_one_order_of_all_rules_is_kept(tmp_path: Path) -> None:
    agreed = [row | {"is_same_order": True, "order_note": None} for row in SEEN_TOGETHER]
    case = told(page_of(tmp_path, {"mart_attribution": agreed}), "一緒に見られた手段")
    shares = case.said[1]
    assert shares.index("自社サイト") < shares.index("MR訪問") < shares.index("本社メール")
    assert not any("順番が変わる" in sentence for sentence in case.said)


def test_too_few_paths_are_not_shared_out(tmp_path: Path) -> None:
    reason = "接点のある道筋が300に満たないため、計算していません"
    few = paths(state="not_computed", reason=reason, is_same_order=None, order_note=None)
    page = page_of(tmp_path, {"mart_attribution": [few]})
    case = told(page, "一緒に見られた手段")
    assert (case.said, case.evidence, case.limits) == ([f"{reason}。"], "", "")
    assert [(item.why, item.when) for item in page.cannot_say] == [
        (reason, "次の四半期に、道筋がそろえば言えます")
    ]
    none = told(page_of(tmp_path / "b", {}), "一緒に見られた手段")
    assert none.said == ["先へ進む前に一緒に見られた手段を数えた結果は、この資料にはまだありません。"]


def test_wants_and_receipts_are_set_side_by_side_and_who_cannot_meet_apart(tmp_path: Path) -> None:
    rows = [
        gap("安全性の情報", "more_wanted", 0.6, 0.4),
        gap("対面での説明", "more_received", 0.30, 0.95),
        gap("メールでの情報", "more_received", 0.24, 0.67),
        gap("臨床試験の情報", "more_received", 0.35, 0.77),
        gap("説明会や講演会", "cannot_tell", 0.15, 0.17),
    ]
    case = told(page_of(tmp_path, {"mart_mr_role_gap": rows}), "受けたいこと")
    assert case.said == [
        "受けていた先生より、受けたい先生が多いのは、「安全性の情報」"
        "（受けたい先生は100人中60人、受けていた先生は100人中40人、差の幅+15〜+25人）でした。",
        "受けたい先生より、受けていた先生が多いのは、「対面での説明」"
        "（受けたい先生は100人中30人、受けていた先生は100人中95人、差の幅−70〜−60人）、"
        "「メールでの情報」（受けたい先生は100人中24人、受けていた先生は100人中67人、差の幅−48〜−38人）、"
        "ほか1つでした。",
        "「説明会や講演会」は、差があるかをまだ判断できません。",
        "比べた384人のうち、会いたいが会えない先生は69人、MRは不要という先生は54人でした。",
    ]
    assert case.limits == "受けていた先生のほうが多くても、その接点が不要だったとは言えません。"
    few = gap("対面での説明", "cannot_tell", None, None, n_pairs=22, n_cannot_meet=None)
    hidden = told(page_of(tmp_path / "b", {"mart_mr_role_gap": [few]}), "受けたいこと")
    assert hidden.said == [
        "「対面での説明」は、差があるかをまだ判断できません。",
        "会いたいが会えない先生と、MRは不要という先生の数は、人数が少ないため出しません。",
    ]


def test_a_published_number_stands_only_beside_one_that_counts_the_same(tmp_path: Path) -> None:
    own = builder.value_row("cx.csat_top2_rate", "company", 1, 40, 50, scope_type="company")
    values = [*builder.default_values(), own]
    page = page_of(tmp_path, {"mart_benchmark": [benchmark(1), benchmark(2, "cx.csat_top2_rate")]}, values)
    assert told(page, "社外").said == [
        "満足した医師の割合は、社外では58.5％（日本、2026年、ある調査）、当社では100人中80人（幅67〜89人）です。"
        "全社の平均です。"
    ]
    without = page_of(tmp_path / "b", {"mart_benchmark": [benchmark(2, "cx.csat_top2_rate")]})
    assert told(without, "社外").said == [
        "満足した医師の割合は、社外では58.5％（日本、2026年、ある調査）です。当社の値は、まだありません。"
    ]
    case = told(page_of(tmp_path / "c", FULL), "社外")
    assert case.said == [
        "社外で公表された数字2件に、当社の数字と並べてよいものはありません。数え方や地域が違います。"
        "同じ数え方で公表されたときに並べます。"
    ]
    assert (case.evidence, case.limits) == ("", "")


def test_without_any_mart_every_part_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, {})
    assert len(page.parts) == 6
    for part in page.parts:
        assert "この資料には" in part.case.said[0]
        assert (part.case.evidence, part.case.limits) == ("", "")
    assert (page.numbers, page.claims, page.picture, page.cannot_say) == ([], [], "", [])
    assert page.numbers_note == (
        "患者さんのための求めへの対応、ひとつの手段で足りた先生、手段の数による満足の差は、この資料にはまだありません。"
    )


def test_the_page_is_readable_and_fits_one_sheet(tmp_path: Path) -> None:
    eight = [
        row | {"element_name_ja": f"{row['element_name_ja']}{number}"} for number in (1, 2) for row in WANTED
    ]
    marts = FULL | {
        "mart_mr_expectation": eight,
        "mart_mr_role_gap": [
            gap("臨床試験や診療ガイドラインの情報", "more_wanted", 0.6, 0.4),
            *(gap(f"メールでの情報{number}", "more_received", 0.24, 0.67) for number in range(3)),
            *(gap(f"対面での説明{number}", "cannot_tell", 0.3, 0.3) for number in range(2)),
        ],
    }
    page = page_of(tmp_path, marts)
    assert unexplained_terms(page.all_text(), (*CHANNELS, "several_channels", "orchestrated")) == []
    assert median_sentence_length(page.running_text()) <= 60
    assert {"道筋", "手段", "幅", "根拠の強さ", "参考値"} <= {term for term, _ in page.glossary}
    renderer = Renderer(builder.AS_OF)
    assert pages_in(renderer.pdf("head_office_physicians", dataclasses.asdict(page), sides=2)) == 2
    html = renderer.html("head_office_physicians", page=page, picture=Markup(page.picture), catalogue="")
    sentences = [sentence for part in page.parts for sentence in part.case.said]
    assert len(sentences) > 15
    assert all(sentence in html for sentence in [page.answer, *page.claims, *sentences])
    assert all(line.label in html and line.value in html for line in page.numbers)
    # Neither money nor a patient's outcome is told, only that it is not.
    assert page.not_said[0] == "売上への貢献は、この資料では分かりません。"

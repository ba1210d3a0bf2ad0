"""The head-office page: the answer in one breath, its evidence and limits, and what stays unknown."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from shirube.share import report_hq
from shirube.share.pilot_picture import PilotPicture
from shirube.share.readability import median_sentence_length, unexplained_terms
from shirube.share.release_files import ReleaseFiles
from shirube.share.render import Renderer, pages_in
from shirube.share.report_hq import HeadOfficePage, head_office_page
from shirube.share.report_mr import office_page

from tests.share import release_builder as builder
from tests.share.release_builder import Row

CHANNELS = {
    "mr_visit": "MR訪問",
    "mr_email": "MRメール",
    "hq_email": "本社メール",
    "webinar": "Web講演会",
    "portal": "医療系ポータル",
    "chat": "チャット",
}
NOTHING = (None, None, None)


def line(
    channel: str, verdict: str, level: str = "E3", effect: tuple[Any, ...] = NOTHING, **more: Any
) -> Row:
    value, low, high = effect
    return {
        "channel_id": channel, "segment_id": "all", "segment_type": "company", "segment_name": "全体",
        "benefit_per_100": value, "benefit_low_per_100": low,
        "benefit_high_per_100": high, "minimum_detectable_per_100": None if low is None else 2.0,
        "meaningful_per_100": 3.0,
        "n_treated": 400, "n_control": 900, "verdict": verdict, "evidence_level": level,
        "reason": "理由がここに入ります",
    } | more  # fmt: skip


def pilot(initiative: str, verdict: str, *, easy: bool) -> Row:
    return {
        "initiative_id": initiative, "name_ja": f"施策{initiative}", "design": "staggered",
        "starts_on": date(2026, 6, 1), "benefit_per_100": 5.1, "benefit_low_per_100": 1.2,
        "benefit_high_per_100": 9.0, "minimum_detectable_per_100": 5.6, "n_treated": 1093, "n_control": 666,
        "evidence_level": "E4", "verdict": verdict, "reason": "始める前の動きはそろっていました",
        "is_easy_product": easy,
    }  # fmt: skip


def windows(initiative: str, *months: int, first: float = -1.0) -> list[Row]:
    """Rows of mart_effect_period: differences that grow by one from `first`, two to either side."""
    return [
        {
            "subject_type": "initiative", "subject_id": initiative, "segment_id": None,
            "months_from_start": month, "is_before": month < 0, "difference_per_100": first + place,
            "difference_low_per_100": first + place - 2, "difference_high_per_100": first + place + 2,
        }
        for place, month in enumerate(months)
    ]  # fmt: skip


def page_of(
    tmp_path: Path,
    necessity: list[Row],
    pilots: list[Row] | None = None,
    cases: list[Row] | None = None,
    periods: list[Row] | None = None,
) -> HeadOfficePage:
    folder = builder.write_release(tmp_path)
    builder.write_table(
        folder / "star",
        "dim_channel",
        [
            {"channel_id": channel, "name_ja": name, "is_mr_channel": False, "sort_order": order}
            for order, (channel, name) in enumerate(CHANNELS.items())
        ],
    )
    if necessity:
        builder.write_table(folder / "marts", "mart_necessity", necessity)
    if pilots:
        builder.write_table(folder / "marts", "mart_pilot_readout", pilots)
    if periods:
        builder.write_table(folder / "marts", "mart_effect_period", periods)
    if cases:
        builder.write_table(folder / "marts", "mart_leadership_case", cases)
    with ReleaseFiles(folder) as release:
        return head_office_page(release, release.registry())


WORKS = line("webinar", "needed", effect=(8.0, 5.0, 11.0))
NULL = line("portal", "not_needed", effect=(-0.2, -1.5, 1.1))
OPEN = [line(channel, "cannot_tell", "E2") for channel in ("mr_visit", "mr_email", "hq_email", "chat")]


@pytest.mark.parametrize(
    ("necessity", "answer", "evidence", "limits"),
    [
        (
            [WORKS, NULL, *OPEN],
            "Web講演会は、条件をそろえて比べると差がありました。医療系ポータルは、いまの目的には不要です。"
            "ほかの手段4種類は、まだ判断できません。",
            "条件をそろえた比較（4段階の3）",
            "条件をそろえても、記録にない違いは残ります。原因とまでは言えません。",
        ),
        (
            [line("webinar", "needed", "E4", (8.0, 5.0, 11.0)), OPEN[0]],
            "Web講演会には、効果がありました。MR訪問は、まだ判断できません。",
            "試しの結果（4段階の4）",
            "試した先生と期間での結果です。ほかの先生や時期でも同じとは限りません。",
        ),
        (
            OPEN,
            "どの手段についても、役に立っているかは、まだ判断できません。",
            "",
            "役に立たないという意味ではありません。確かめるには、数か、比べる相手が足りません。",
        ),
        (
            [],
            "必要性を確かめる計算は、この資料にはまだありません。",
            "",
            "役に立たないという意味ではありません。確かめるには、数か、比べる相手が足りません。",
        ),
    ],
)
def test_does_it_work_is_answered_with_its_evidence_and_limits(
    tmp_path: Path, necessity: list[Row], answer: str, evidence: str, limits: str
) -> None:
    page = page_of(tmp_path, necessity)
    assert (page.question, page.answer) == ("結局、役に立っているのですか", answer)
    assert (page.evidence, page.limits) == (evidence, limits)


def test_two_levels_are_never_joined_into_one_claim(tmp_path: Path) -> None:
    """An effect proved by lot and a difference found by matching stand in sentences of their own."""
    page = page_of(tmp_path, [line("webinar", "needed", "E4"), line("portal", "needed", "E3")])
    assert page.answer == (
        "Web講演会には、効果がありました。医療系ポータルは、条件をそろえて比べると差がありました。"
    )
    assert page.evidence == "条件をそろえた比較（4段階の3）"


def test_a_sentence_above_its_evidence_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = report_hq.declared("page_hq")
    bold = words | {"clauses": {"needed": {"E3": "{channels}には、効果がありました"}}}
    monkeypatch.setattr(report_hq, "declared", lambda name: bold if name == "page_hq" else {})
    with pytest.raises(ValueError, match="効果がありました claims more than E3"):
        page_of(tmp_path, [WORKS])


def test_each_channel_has_its_estimate_interval_and_reason(tmp_path: Path) -> None:
    page = page_of(tmp_path, [WORKS, NULL, *OPEN])
    assert [row.channel for row in page.necessity] == [
        "ほかの手段4種類",  # none of them estimated, all for the same reason
        "Web講演会",
        "医療系ポータル",
    ]
    _, webinar, portal = page.necessity
    assert (webinar.verdict, webinar.effect, webinar.interval) == ("必要", "+8人", "+5〜+11人")
    assert (portal.verdict, portal.effect, portal.interval) == ("不要", "−0.2人", "−1.5〜+1.1人")
    assert (portal.detectable, portal.compared, portal.evidence) == (
        "2人",
        "400件と900件",
        "条件をそろえた比較",
    )
    unknown = page.necessity[0]
    assert (unknown.verdict, unknown.effect, unknown.interval) == ("判断できません", "—", "—")
    assert page.picture.count("<circle") == 2
    assert "意味のある差 +3" in page.picture
    assert page_of(tmp_path / "b", OPEN).picture == ""


def part(channel: str, segment: str, name: str, verdict: str, **more: Any) -> Row:
    given = {"segment_id": segment, "segment_type": "need", "segment_name": name} | more
    return line(channel, verdict, **given)


def test_what_can_be_told_of_parts_of_the_physicians(tmp_path: Path) -> None:
    asks, quiet = ("need_open", "知りたいことが出ている先生"), ("need_none", "知りたいことが記録にない先生")
    rows = [
        WORKS,
        part("webinar", *asks, "needed", effect=(6.5, 3.1, 9.9)),
        part("webinar", *quiet, "not_needed", effect=(0.1, -1.2, 1.4)),
        part("portal", *asks, "cannot_tell", effect=(1.0, -3.0, 5.0)),
        part("portal", *quiet, "not_needed", effect=(-0.4, -1.6, 0.8)),
        part("chat", *asks, "cannot_tell"),
        part("chat", *quiet, "cannot_tell"),
    ]
    page = page_of(tmp_path, rows)
    assert page.segments_title == "先生を分けて見ると"
    assert page.segments.said == [
        "知りたいことが出ている先生では、Web講演会（100人あたり+6.5人、幅+3.1〜+9.9人）は、"
        "条件をそろえて比べると差がありました。",
        "知りたいことが記録にない先生では、"
        "Web講演会（100人あたり+0.1人、幅−1.2〜+1.4人、2人からの差なら見つけられた人数）、"
        "医療系ポータル（100人あたり−0.4人、幅−1.6〜+0.8人、2人からの差なら見つけられた人数）は、"
        "いまの目的には不要です。",
        "手段と分け方のほかの組み合わせ3通りは、まだ判断できません。",
    ]
    assert page.segments.evidence == "条件をそろえた比較（4段階の3）"
    assert page.segments.limits.startswith("条件をそろえても、記録にない違いは残ります。")
    # The answer and the table speak of all physicians only.
    assert page.answer == "Web講演会は、条件をそろえて比べると差がありました。"
    assert len(page.necessity) == 1
    assert unexplained_terms(page.all_text(), tuple(CHANNELS.values())) == []
    html = Renderer(builder.AS_OF).html(
        "head_office", page=page, picture=Markup(page.picture), pilot_picture="", catalogue=""
    )
    assert all(sentence in html for sentence in page.segments.said)


def test_parts_of_which_nothing_can_be_told_are_named(tmp_path: Path) -> None:
    rows = [
        part(channel, segment, name, "cannot_tell", evidence_level="E1")
        for channel in ("webinar", "portal")
        for segment, name in (("hospital", "病院の先生"), ("own_practice", "開業の先生"))
    ]
    page = page_of(tmp_path, [*OPEN, *rows])
    assert page.segments.said == [
        "開業の先生、病院の先生のそれぞれを手段ごとに調べましたが（4通り）、まだ判断できません。"
    ]
    assert (page.segments.evidence, page.segments.limits) == ("", "")
    assert page_of(tmp_path / "b", OPEN).segments.said == []


def test_more_parts_than_fit_are_counted(tmp_path: Path) -> None:
    rows = [
        part("webinar", f"s{number}", f"区分{number}", "not_needed", effect=(0.1, -1.2, 1.4))
        for number in range(6)
    ]
    said = page_of(tmp_path, [WORKS, *rows]).segments.said
    assert len(said) == 5
    assert (
        said[-1] == "手段と分け方のほかの組み合わせ2通りの結果は、「手段ごとの必要性の判定」の表にあります。"
    )


def test_a_pilot_on_an_easy_product_says_so(tmp_path: Path) -> None:
    page = page_of(
        tmp_path, [WORKS], [pilot("1", "needed", easy=True), pilot("2", "cannot_tell", easy=False)]
    )
    easy, other = page.pilots
    assert easy.caution == "選びやすい製品での結果です。ほかの製品でも同じとは言えません。"
    assert (easy.design, easy.result) == ("始める月をずらした", "100人あたり+5.1人（+1.2〜+9人）")
    assert (other.caution, other.verdict, other.compared) == (
        "",
        "判断できません",
        "1,093人と666人、見つけられる差は100人あたり5.6人から",
    )
    assert "90日後" in page.pilots_title and page.pilots_note == ""


def test_more_pilots_than_fit_are_counted(tmp_path: Path) -> None:
    many = [pilot(str(number), "cannot_tell", easy=True) for number in range(8)]
    page = page_of(tmp_path, [WORKS], many)
    assert (len(page.pilots), page.pilots_note) == (5, "ほかの施策3件の結果は、施策の結果の表にあります。")
    assert "まだありません" in page_of(tmp_path / "b", [WORKS]).pilots_note


def test_one_initiative_shows_the_time_before_its_start(tmp_path: Path) -> None:
    tried = [
        pilot("newest", "cannot_tell", easy=False),
        pilot("unread", "needed", easy=False) | {"design": "none"},
        pilot("told", "needed", easy=False) | {"design": "matched"},
        pilot("with_lots", "needed", easy=False) | {"design": "randomised"},
    ]
    shown = [
        *windows("newest", -5, -4, 0, 1),
        *windows("unread", -3, 0),
        *windows("with_lots", -3, 0),
        *windows("told", -4, -3, 0, first=-0.5),
    ]
    # Channels are no initiatives, whatever they are called.
    other = [row | {"subject_type": "channel", "segment_id": "all"} for row in windows("told", -7, 1)]
    picture = page_of(tmp_path, [WORKS], tried, periods=[*shown, *other]).pilot_picture
    # The newest with a verdict and something to compare with.
    assert picture.title == "始まる前と後の差: 施策told"
    assert picture.svg.count("<circle") == 3
    assert (
        "始まる前 −4か月 −0.5、幅 −2.5から+1.5、−3か月 +0.5、幅 −1.5から+2.5。始まった後 0か月" in picture.svg
    )
    assert picture.note.startswith("点は、始まる前の平均と比べた差で、縦線は幅です。始まる前の点は、0の")
    drawn = page_of(tmp_path / "c", [WORKS], tried[3:], periods=shown).pilot_picture
    assert drawn.note.startswith("点は、くじで分けた二つの組の差で")
    assert drawn.note.endswith("くじの偏りを疑います。")
    # Without one, the newest of all.
    open_ones = [row | {"verdict": "cannot_tell"} for row in tried]
    newest = page_of(tmp_path / "b", [WORKS], open_ones, periods=shown).pilot_picture
    assert newest.title == "始まる前と後の差: 施策newest"
    assert newest.note.startswith("点は、始まる直前の90日と比べた差で")


def test_without_a_window_on_either_side_there_is_no_picture(tmp_path: Path) -> None:
    tried = [pilot("told", "needed", easy=False)]
    hidden = [row | {"difference_per_100": None} for row in windows("told", -4, -3)]
    after = windows("told", 0, 1)
    page = page_of(tmp_path, [WORKS], tried, periods=[*hidden, *after])
    assert page.pilot_picture == page_of(tmp_path / "b", [WORKS], tried).pilot_picture
    assert (page.pilot_picture.svg, page.pilot_picture.note, page.pilot_picture.title) == ("", "", "")


def test_the_picture_of_an_initiative_stands_on_both_pages(tmp_path: Path) -> None:
    page = page_of(tmp_path, [WORKS], [pilot("1", "needed", easy=True)], periods=windows("1", -5, -4, 0, 1))
    assert unexplained_terms(page.all_text(), (*CHANNELS.values(), "施策1")) == []
    renderer = Renderer(builder.AS_OF)
    html = renderer.html(
        "head_office",
        page=page,
        picture=Markup(page.picture),
        pilot_picture=Markup(page.pilot_picture.svg),
        catalogue="",
    )
    assert page.pilot_picture.svg in html
    assert "この比べ方は成り立ちません" in html
    printed, bare = (
        renderer.pdf("head_office", dataclasses.asdict(one), sides=2)
        for one in (page, dataclasses.replace(page, pilot_picture=PilotPicture()))
    )
    assert len(printed) > len(bare)


def test_what_nobody_can_know_yet_says_how_it_could_be_known(tmp_path: Path) -> None:
    assert page_of(tmp_path, OPEN).how_to_know.startswith("営業所ごとに始める月をずらすと")
    assert page_of(tmp_path / "b", [NULL]).how_to_know == ""


def test_the_page_is_readable_and_fits_one_sheet(tmp_path: Path) -> None:
    page = page_of(tmp_path, [WORKS, NULL, *OPEN], [pilot("1", "needed", easy=True)])
    names = (*CHANNELS.values(), "施策1")
    assert unexplained_terms(page.all_text(), names) == []
    assert median_sentence_length(page.running_text()) <= 60
    pdf = Renderer(builder.AS_OF).pdf(
        "head_office",
        dataclasses.asdict(page),
        sides=2,
    )
    assert pages_in(pdf) == 2


def test_a_full_page_fits_one_sheet(tmp_path: Path) -> None:
    """Seven numbers with a remark each, five initiatives with a caution, six channels with an estimate, five
    parts of the physicians with a verdict."""
    folder = builder.write_release(tmp_path / "numbers")
    with ReleaseFiles(folder) as release:
        numbers = office_page(release, release.registry(), "OF01", "東京第一営業所").numbers
    numbers = [dataclasses.replace(one, note="対象が30に満たないため、参考値です") for one in numbers]
    page = page_of(
        tmp_path,
        [
            *(line(channel, "cannot_tell", effect=(0.5, -1.5, 2.5)) for channel in CHANNELS),
            *(
                part(
                    "webinar",
                    f"s{number}",
                    f"知りたいことのある先生{number}",
                    "needed",
                    effect=(8.0, 5.0, 11.0),
                )
                for number in range(5)
            ),
        ],
        [pilot(str(number), "needed", easy=True) for number in range(5)],
        [case()],
        windows("0", *range(-7, -3), *range(10)),
    )
    assert page.pilot_picture.svg
    page.numbers = [*numbers, *numbers][:7]
    page.numbers_note = "回答した先生についての長い説明がここに入ります。" * 5
    pdf = Renderer(builder.AS_OF).pdf("head_office", dataclasses.asdict(page), sides=2)
    assert pages_in(pdf) == 2


def case(**given: Any) -> Row:
    """A row of mart_leadership_case; its sentences as the mart writes them."""
    after = (
        "：満足した先生100人中31人、そうでない先生100人中24人。一緒に見られた数で、満足が原因とは言えません"
    )
    return {
        "scope_type": "company", "scope_id": "company", "period_type": "half",
        "period_start": date(2026, 4, 1), "period_end": date(2026, 9, 30),
        "n_satisfied": 1200, "n_not_satisfied": 800,
        "pull_verdict": "more_with_satisfaction",
        "pull_words": f"次の四半期に自分から情報を取りに来ました{after}",
        "opt_out_verdict": "cannot_tell", "opt_out_words": "判断できません",
        "n_alpha": 1850, "alpha": 0.816, "alpha_low": 0.79, "alpha_high": 0.84, "min_reliability": 0.7,
        "index_verdict": "reliable_enough",
        "index_words": "満足度の3つの質問は、まとめて1つの指標にできます",
        "must_not_conclude": "満足が先生の行動を変えたとは言えません。売上との関係は調べていません",
        "evidence_level": "E2",
    } | given  # fmt: skip


def test_why_satisfaction_is_asked_and_how_far_it_holds(tmp_path: Path) -> None:
    page = page_of(tmp_path, OPEN, cases=[case()])
    assert page.satisfaction_title == "なぜ満足度を見るのか"
    assert page.satisfaction.said == (
        "2026年4月〜9月に回答した、満足した先生1,200人と、そうでない先生800人を数えました。"
        "次の四半期に自分から情報を取りに来ました：満足した先生100人中31人、そうでない先生100人中24人。"
        "一緒に見られた数で、満足が原因とは言えません。"
        "満足した先生ほど配信を断らないかは、まだ判断できません。"
        "満足度の3つの質問は、まとめて1つの指標にできます。"
        "質問どうしのまとまり（0〜1）は0.82（幅0.79〜0.84、1,850人）で、0.7以上なら信頼できます。"
    )
    assert page.satisfaction.evidence == "一緒に見られたこと（4段階の2）"
    assert page.satisfaction.limits == (
        "満足が先生の行動を変えたとは言えません。売上との関係は調べていません。"
    )
    assert unexplained_terms(page.all_text(), tuple(CHANNELS.values())) == []


def test_of_satisfaction_the_newest_closed_comparison_is_shown_and_of_those_the_longest(
    tmp_path: Path,
) -> None:
    quarter = {"period_type": "quarter", "period_start": date(2026, 7, 1), "n_satisfied": 11}
    older = {"period_start": date(2025, 10, 1), "period_end": date(2026, 3, 31), "n_satisfied": 22}
    ahead = {"period_start": date(2026, 10, 1), "period_end": date(2026, 12, 31), "n_satisfied": 33}
    page = page_of(tmp_path, OPEN, cases=[case(**quarter), case(**older), case(), case(**ahead)])
    assert "1,200人" in page.satisfaction.said
    across = page_of(tmp_path / "b", OPEN, cases=[case(**older)])
    assert across.satisfaction.said.startswith("2025年10月〜2026年3月に回答した")


def test_what_cannot_be_said_of_satisfaction_is_said_so(tmp_path: Path) -> None:
    none = page_of(tmp_path, OPEN).satisfaction
    assert none.said.endswith("この資料にはまだありません。") and none.evidence == none.limits == ""
    nothing = dict.fromkeys(("n_satisfied", "n_not_satisfied", "alpha", "alpha_low", "alpha_high", "n_alpha"))
    verdicts = {f"{part}_verdict": "cannot_tell" for part in ("pull", "opt_out", "index")}
    few = page_of(tmp_path / "b", OPEN, cases=[case(**nothing, **verdicts)]).satisfaction
    assert few.said == (
        "2026年4月〜9月に回答した先生が少ないため、人数は出しません。"
        "満足した先生ほど自分から情報を取りに来るかは、まだ判断できません。"
        "満足した先生ほど配信を断らないかは、まだ判断できません。"
        "満足度の3つの質問を1つの指標にまとめてよいかは、まだ判断できません。"
        "質問どうしのまとまりは、数えられる先生が少ないため出しません。"
    )


def test_satisfaction_is_never_said_to_be_a_cause(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="効果がありました claims more than E2"):
        page_of(tmp_path, OPEN, cases=[case(pull_words="満足には効果がありました")])


def test_the_answer_says_of_what_and_how_much(tmp_path: Path) -> None:
    page = page_of(tmp_path, [WORKS, NULL, *OPEN])
    assert page.claims == [
        "Web講演会: 接点のなかった似た先生より、次の段階へ進んだ先生が100人あたり8人多い差です"
        "（幅+5〜+11人）。",
        "医療系ポータル: 接点のなかった似た先生より、次の段階へ進んだ先生が100人あたり0.2人少ない差です"
        "（幅−1.5〜+1.1人）。",
    ]
    assert page_of(tmp_path / "b", OPEN).claims == []


def test_initiatives_are_part_of_the_answer_with_their_own_level_and_limits(tmp_path: Path) -> None:
    tried = [
        pilot("1", "needed", easy=True),
        pilot("2", "conditional", easy=False),
        pilot("3", "conditional", easy=False) | {"evidence_level": "E3"},
        pilot("4", "cannot_tell", easy=True),
    ]
    page = page_of(tmp_path, [WORKS], tried)
    assert page.pilots_answer == (
        "試した施策は4件です（90日後にいた段階で見ます）。1件に、効果がありました。"
        "1件に、効果がありました（条件付き）。1件に、条件をそろえて比べると差がありました（条件付き）。"
        "結果の出た施策のうち1件は、選びやすい製品での結果です。1件は、まだ判断できません。"
    )
    # The weakest claim decides what the box may carry.
    assert page.pilots_evidence == "条件をそろえた比較（4段階の3）"
    assert page.pilots_limits.startswith("条件をそろえても")
    none = page_of(tmp_path / "b", [WORKS])
    assert (none.pilots_answer, none.pilots_evidence, none.pilots_limits) == ("", "", "")


def test_an_initiative_above_its_evidence_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = report_hq.declared("page_hq")
    bold = words["pilots"] | {
        "answer": words["pilots"]["answer"] | {"needed": {"E3": "{number}件に、効果がありました"}}
    }
    changed = words | {"pilots": bold}
    real = report_hq.declared
    monkeypatch.setattr(report_hq, "declared", lambda name: changed if name == "page_hq" else real(name))
    with pytest.raises(ValueError, match="効果がありました claims more than E3"):
        page_of(tmp_path, [WORKS], [pilot("1", "needed", easy=False) | {"evidence_level": "E3"}])


def test_words_of_the_verdicts_are_explained(tmp_path: Path) -> None:
    page = page_of(tmp_path, [line("webinar", "conditional", effect=(8.0, 5.0, 11.0))])
    terms = [term for term, _ in page.glossary]
    assert {"条件付き", "根拠の強さ", "意味のある差", "見つけられる差", "接点", "手段"} <= set(terms)


def test_the_picture_tells_its_numbers_to_who_listens(tmp_path: Path) -> None:
    picture = page_of(tmp_path, [WORKS, NULL, *OPEN]).picture
    assert "<desc>" in picture
    assert "Web講演会 +8.0、幅 +5.0から+11.0、必要" in picture
    assert "MR訪問 推定なし、判断できません" in picture

"""The sheet of one's own physicians: each rule, and nobody else's people."""

import dataclasses
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from shirube.home import Home
from shirube.share.own_physicians import (
    OwnPhysiciansPage,
    PhysicianLine,
    own_physicians_page,
    physicians_by_employee,
)
from shirube.share.readability import unexplained_terms
from shirube.share.release_files import ReleaseFiles
from shirube.share.wording import declared
from shirube.vault import reveal

from tests.share import release_builder as builder
from tests.share.release_builder import PHYSICIANS

STEPS = {
    "is_known": "MRのメールで、予定どおりに",
    "has_open_request": "10月20日のご要望のあと、あなたの記録がありません。状況を確かめます",
    "has_open_moment": (
        "大事な場面「質問や依頼に14日たっても答えていない（シルベジン）」。10月18日から11月1日まで。"
        "連絡するか、しないかを決めます"
    ),
    "has_open_signal": "10月25日にWeb講演会をご覧。必要か、MRのメールで一言うかがいます",
    "is_unseen": "半年記録なし。負担の少ない方法を一度うかがいます",
    "is_over_contacted": "この30日で9回の連絡。今月は控えます",
    "has_opted_out_of_mr": "訪問を控えるご希望です。こちらからは動きません",
    "has_opted_out_of_preferred": "MRのメールは配信停止のご希望です。送らず、次に会うとき希望を確かめます",
    "has_unknown_preference": "次に会うとき、希望の方法を尋ねて記録します",
}


def pages(home: Home) -> dict[str, OwnPhysiciansPage]:
    with ReleaseFiles(home.current.resolve()) as release:
        found = physicians_by_employee(release)
        names = reveal(home, {row["name_token"] for rows in found.values() for row in rows}, "name")
        return {
            key: own_physicians_page(release, key, rows, names, "東京第一営業所")
            for key, rows in found.items()
        }


def test_every_rule_gives_its_step(home: Home) -> None:
    assert {rule["if"] for rule in declared("own_physicians")["rules"]} == set(STEPS)
    found = {line.name: line.step for page in pages(home).values() for line in page.lines}
    assert found == {f"{name} 先生": STEPS[fact] for _, name, _, fact in PHYSICIANS}


def test_the_order_is_the_order_of_the_rules(home: Home) -> None:
    order = [rule["if"] for rule in declared("own_physicians")["rules"]]
    steps = [line.step for line in pages(home)["e1"].lines]
    assert list(dict.fromkeys(steps)) == [STEPS[fact] for fact in order]


def test_nobody_sees_anybody_elses_physicians(home: Home) -> None:
    found = pages(home)
    assert sorted(found) == ["e1", "e2", "e3", "e4"]
    for employee, page in found.items():
        text = json.dumps(dataclasses.asdict(page), ensure_ascii=False)
        for _, name, owner, _ in PHYSICIANS:
            assert (name in text) == (owner == employee)
        assert not any(name in text for name in builder.EMPLOYEE_NAMES)
        assert "t1." not in text


def test_counts_are_of_all_the_representatives_target_physicians(home: Home) -> None:
    page = pages(home)["e1"]
    assert (page.physicians, page.unseen, page.known_preference) == (10, 1, 9)
    assert page.open_moments == 1
    assert (page.month, page.as_of) == ("2026年10月", "2026年10月31日時点")


def test_a_phase_that_rests_on_the_representative_only_says_so(home: Home) -> None:
    lines = pages(home)["e1"].lines
    judged = [line for line in lines if line.phase_note.endswith("MRの記録のみ")]
    assert [line.phase for line in judged] == ["試用"]
    assert judged[0].phase_note == "シルベジン・MRの記録のみ", "a phase is one of a product, whoever wrote it"
    assert [line.phase_note for line in lines if line.phase == "推奨"] == ["シルベジン"]


def test_at_most_ten_physicians(home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        rows = physicians_by_employee(release)["e1"]
        many = [row | {"physician_key": f"{row['physician_key']}{n}"} for n in range(3) for row in rows]
        page = own_physicians_page(release, "e1", many, {}, "東京第一営業所")
    assert (page.physicians, len(page.lines)) == (30, 10)
    assert {line.name for line in page.lines} == {"お名前の登録なし"}


def test_what_belongs_to_medical_is_not_a_signal(home: Home) -> None:
    folder = home.current.resolve() / "star"
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_touchpoint}")
    late = builder.touchpoint("p01", None, date(2026, 10, 30), "webinar", 3, "pull")
    builder.write_table(folder, "fct_touchpoint", [*rows, late])
    assert next(line for line in pages(home)["e1"].lines if line.name == "青山 一郎 先生").step.startswith(
        "10月30日に"
    )
    for change in (
        {"routed_to_medical": True},
        {"channel_id": "msl_visit"},
        {"channel_id": "medical_inquiry"},
        {"channel_id": "hq_email", "initiator": "medical"},
    ):
        builder.write_table(folder, "fct_touchpoint", [*rows, late | change])
        line = next(line for line in pages(home)["e1"].lines if line.name == "青山 一郎 先生")
        assert line.step == STEPS["is_known"], change
        assert "10月30日" not in line.last_contact


@pytest.mark.parametrize("day", [date(2026, 10, 21), date(2026, 10, 31)])
def test_a_request_that_was_followed_up_is_no_longer_open(home: Home, day: date) -> None:
    folder = home.current.resolve() / "star"
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_touchpoint}")
    answered = builder.touchpoint("p02", "e1", day, "mr_visit", 2, "push")
    builder.write_table(folder, "fct_touchpoint", [*rows, answered])
    line = next(line for line in pages(home)["e1"].lines if line.name == "石川 二葉 先生")
    assert line.step == STEPS["is_known"]
    # The visit in which it was made does not answer it.
    builder.write_table(folder, "fct_touchpoint", [*rows, answered | {"occurred_on": date(2026, 10, 20)}])
    line = next(line for line in pages(home)["e1"].lines if line.name == "石川 二葉 先生")
    assert line.step == STEPS["has_open_request"]
    # Answered by somebody else, it is still open for the one who is responsible.
    builder.write_table(folder, "fct_touchpoint", [*rows, answered | {"employee_key": "e2"}])
    line = next(line for line in pages(home)["e1"].lines if line.name == "石川 二葉 先生")
    assert line.step == STEPS["has_open_request"]


def _line(home: Home, name: str) -> PhysicianLine:
    return next(line for line in pages(home)["e1"].lines if line.name == f"{name} 先生")


@pytest.mark.parametrize("keys", [("a", "b"), ("b", "a")])
def test_of_two_consents_at_one_instant_the_objection_counts(home: Home, keys: tuple[str, str]) -> None:
    """Whichever has the lower key, as in int_consent_interval; a later one takes it back."""
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_consent_event} where physician_key <> 'p01'")
        (given,) = release.query("select * from {fct_consent_event} where physician_key = 'p01'")
    both = [
        given | {"consent_event_key": key, "consent_state": state}
        for key, state in zip(keys, ("opted_in", "opted_out"), strict=True)
    ]
    folder = home.current.resolve() / "star"
    builder.write_table(folder, "fct_consent_event", [*rows, *both])
    assert _line(home, "青山 一郎").step == STEPS["has_opted_out_of_mr"]
    day = date(2026, 8, 2)
    later = given | {"captured_at": datetime(2026, 8, 2, tzinfo=UTC), "captured_on": day}
    builder.write_table(folder, "fct_consent_event", [*rows, *both, later])
    assert _line(home, "青山 一郎").step == STEPS["is_known"]


@pytest.mark.parametrize(
    ("channel", "is_about_representatives", "step"),
    [
        ("mr_any", True, "has_opted_out_of_mr"),
        ("mr_visit", False, "is_known"),
        ("hq_email", False, "is_known"),
    ],
)
def test_the_star_says_which_objection_means_no_representative(
    home: Home, channel: str, is_about_representatives: bool, step: str
) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_consent_event} where physician_key <> 'p01'")
        (given,) = release.query("select * from {fct_consent_event} where physician_key = 'p01'")
    objection = given | {
        "channel_id": channel,
        "consent_state": "opted_out",
        "is_about_representatives": is_about_representatives,
    }
    builder.write_table(home.current.resolve() / "star", "fct_consent_event", [*rows, objection])
    assert _line(home, "青山 一郎").step == STEPS[step]


def test_a_means_that_was_declined_is_not_proposed_whatever_was_preferred_once(home: Home) -> None:
    folder = home.current.resolve() / "star"
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_consent_event}")
    declined = next(row for row in rows if row["channel_id"] == "mr_email") | {"physician_key": "p03"}
    builder.write_table(folder, "fct_consent_event", [*rows, declined])
    line = _line(home, "上野 三奈")
    assert line.step == "10月25日にWeb講演会をご覧。必要か、ご都合のよい方法で一言うかがいます"
    # What else was declined does not matter here, and a later word takes it back.
    builder.write_table(folder, "fct_consent_event", [*rows, declined | {"channel_id": "hq_email"}])
    assert _line(home, "上野 三奈").step == STEPS["has_open_signal"]
    again = declined | {
        "consent_state": "opted_in",
        "captured_at": datetime(2026, 8, 2, tzinfo=UTC),
        "captured_on": date(2026, 8, 2),
    }
    builder.write_table(folder, "fct_consent_event", [*rows, declined, again])
    assert _line(home, "上野 三奈").step == STEPS["has_open_signal"]


@pytest.mark.parametrize(
    ("standings", "phase", "note"),
    [
        # Of one phase what more than a judgement says, of equals the product that comes first.
        ([("PRD-A", "P4", "C"), ("PRD-B", "P4", "B")], "試用", "ルリナール"),
        ([("PRD-A", "P4", "B"), ("PRD-B", "P4", "A")], "試用", "ルリナール"),
        ([("PRD-A", "P4", "B"), ("PRD-B", "P4", "B")], "試用", "シルベジン"),
        ([("PRD-A", "P3", "A"), ("PRD-B", "P4", "C")], "試用", "ルリナール・MRの記録のみ"),
        ([("PRD-A", "P0", None), ("PRD-B", "PX", "B")], "休眠・後退", "ルリナール"),
        ([("PRD-A", "P1", "C"), ("PRD-B", "PX", "A")], "認知", "シルベジン・MRの記録のみ"),
    ],
)
def test_furthest_is_what_the_journey_calls_furthest(
    home: Home, standings: list[tuple[str, str, str | None]], phase: str, note: str
) -> None:
    folder = home.current.resolve() / "star"
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_journey_phase}")
    own = [
        next(row for row in rows if row["physician_key"] == "p01")
        | {"product_id": product, "phase_id": phase_id, "evidence_level": level}
        for product, phase_id, level in standings
    ]
    builder.write_table(
        folder, "fct_journey_phase", [*(row for row in rows if row["physician_key"] != "p01"), *own]
    )
    products = [{"product_id": "PRD-A", "name": "シルベジン"}, {"product_id": "PRD-B", "name": "ルリナール"}]
    builder.write_table(folder, "dim_product", products)
    line = _line(home, "青山 一郎")
    assert (line.phase, line.phase_note) == (phase, note)


def test_the_sheet_uses_no_unexplained_words(home: Home) -> None:
    sheets = pages(home)
    assert len(sheets) >= 2
    for page in sheets.values():
        text = "\n".join(
            [
                *page.notes,
                *(
                    line.step + line.preferred + line.preferred_note + line.last_contact
                    for line in page.lines
                ),
            ]
        )
        assert unexplained_terms(text, ("シルベジン",)) == []


def test_a_day_of_another_year_says_its_year(home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        rows = physicians_by_employee(release)["e1"]
        old = [row | {"last_seen_on": date(2025, 12, 3), "last_channel": "MR訪問"} for row in rows]
        page = own_physicians_page(release, "e1", old, {}, "東京第一営業所")
    assert {line.last_contact for line in page.lines} == {"2025年12月3日 MR訪問"}


def _with_moments(home: Home, *rows: builder.Row) -> dict[str, OwnPhysiciansPage]:
    """The sheets with these moments besides those of the hand-made release."""
    with ReleaseFiles(home.current.resolve()) as release:
        before = release.query("select * from {fct_moment}")
    builder.write_table(home.current.resolve() / "star", "fct_moment", [*before, *rows])
    return pages(home)


OPENED, EXPIRES = date(2026, 10, 19), date(2026, 11, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"contacted_on": date(2026, 10, 31)},
        {"expires_on": date(2026, 10, 30)},
        {"opened_on": date(2026, 11, 1)},
        {"is_opened": False, "not_opened_reason": "refused"},
        {"is_opened": False, "not_opened_reason": "not_wanted"},
        {"is_opened": False, "not_opened_reason": "over_cap"},
        {"employee_key": "e2"},
    ],
)
def test_a_moment_is_shown_only_while_it_is_open_for_its_representative(
    home: Home, change: builder.Row
) -> None:
    opened = builder.moment("p01", "e1", "M-WEBINAR", OPENED, EXPIRES)
    found = _with_moments(home, opened)
    assert _line(home, "青山 一郎").step == (
        "大事な場面「Web講演会を最後まで見た」。10月19日から11月2日まで。連絡するか、しないかを決めます"
    )
    assert found["e1"].open_moments == 2
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_moment} where physician_key <> 'p01'")
    builder.write_table(home.current.resolve() / "star", "fct_moment", [*rows, opened | change])
    assert _line(home, "青山 一郎").step == STEPS["is_known"]
    assert [page.open_moments for page in pages(home).values()] == [1, 0, 0, 0]


def test_its_last_day_and_the_day_of_the_sheet_belong_to_a_moment(home: Home) -> None:
    day = date(2026, 10, 31)
    found = _with_moments(home, builder.moment("p01", "e1", "M-WEBINAR", day, day))
    assert found["e1"].open_moments == 2


def test_what_keeps_from_contacting_and_what_he_asked_for_come_before_a_moment(home: Home) -> None:
    """And yet it is not lost from sight; only who wants no representative has none."""
    found = _with_moments(
        home,
        *(
            builder.moment(physician, "e1", "M-SAFETY", OPENED, EXPIRES)
            for physician in ("p02", "p05", "p06", "p03")
        ),
    )
    beside = "（大事な場面「使っている薬に安全性のお知らせが出た」は11月2日まで）"
    assert _line(home, "加藤 六花").step == STEPS["has_opted_out_of_mr"]
    assert _line(home, "岡田 五月").step == STEPS["is_over_contacted"] + beside
    assert _line(home, "石川 二葉").step == STEPS["has_open_request"] + beside
    assert _line(home, "上野 三奈").step.startswith("大事な場面「使っている薬")
    assert found["e1"].open_moments == 4


def test_of_several_moments_the_first_by_the_rules_stands_and_the_others_are_counted(home: Home) -> None:
    _with_moments(
        home,
        builder.moment("p13", "e1", "M-WEBINAR", OPENED, date(2026, 10, 31)),
        builder.moment("p13", "e1", "M-RETURN", OPENED, date(2026, 10, 31)),
    )
    assert _line(home, "関 十三").step == STEPS["has_open_moment"].replace("」。", "」ほか2件。")


def test_the_moment_that_ends_first_comes_first(home: Home) -> None:
    found = _with_moments(home, builder.moment("p08", "e1", "M-WEBINAR", OPENED, date(2026, 10, 31)))
    names = [line.name for line in found["e1"].lines if line.step.startswith("大事な場面")]
    assert names == ["久保 八重 先生", "関 十三 先生"]


def test_the_cap_is_printed_with_what_it_keeps_closed(home: Home) -> None:
    found = pages(home)
    cap = (
        "大事な場面は、先生の質問や異動など、連絡が役に立ちそうなときです。"
        "開くのは、担当者1人に1週間で5件までです。"
    )
    assert found["e1"].notes[1:3] == (cap, "この上限のため、今は1件を開いていません。")
    assert found["e2"].notes[1] == cap
    assert not any("この上限のため" in note for note in found["e2"].notes)


def test_without_moments_in_the_release_the_sheet_says_so_and_counts_none(home: Home) -> None:
    (home.current.resolve() / "star" / "fct_moment.parquet").unlink()
    page = pages(home)["e1"]
    assert page.open_moments is None
    assert "大事な場面の記録は、この資料にはありません。" in page.notes
    assert not any("大事な場面" in line.step for line in page.lines)


def shown(physician: str, channel: str, **given: Any) -> builder.Row:
    """A row of mart_channel_preference: what responses show, for sure enough."""
    return {
        "snapshot_on": date(2026, 10, 31), "physician_key": physician, "topic_id": None,
        "channel_id": channel, "preference_basis": "revealed", "preference_rank": 1,
    } | given  # fmt: skip


def _with_guesses(home: Home, *rows: builder.Row) -> PhysicianLine:
    # A row on a topic gives the column its type.
    typed = shown("p12", "webinar", topic_id="T-SAFE", preference_basis="stated")
    folder = home.current.resolve() / "marts"
    builder.write_table(folder, "mart_channel_preference", [typed, *rows])
    return _line(home, "木村 七海")


def test_what_responses_show_stands_as_a_guess_and_never_as_a_wish(home: Home) -> None:
    assert [_line(home, "木村 七海").preferred, _line(home, "木村 七海").preferred_note] == ["まだ不明", ""]
    line = _with_guesses(home, shown("p07", "webinar"), shown("p01", "webinar"))
    assert (line.preferred, line.preferred_note) == ("まだ不明", "記録からの推測: Web講演会")
    assert line.step == STEPS["has_unknown_preference"], "a guess is no answer: he is still asked"
    page = pages(home)["e1"]
    assert page.known_preference == 9
    assert any(note.endswith("先生の希望ではありません。") for note in page.notes)
    # What he said himself counts, whatever his responses show.
    own = _line(home, "青山 一郎")
    assert (own.preferred, own.preferred_note) == ("MRのメール", "本人の希望")


@pytest.mark.parametrize(
    "change",
    [
        {"preference_basis": "undetermined", "preference_rank": None},
        {"preference_rank": 2},
        {"topic_id": "T-SAFE"},
        {"snapshot_on": date(2026, 9, 30)},
    ],
)
def test_a_doubtful_second_partial_or_old_guess_is_none(home: Home, change: builder.Row) -> None:
    assert _with_guesses(home, shown("p07", "webinar") | change).preferred_note == ""


def test_a_means_that_was_declined_is_no_guess(home: Home) -> None:
    folder = home.current.resolve() / "star"
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_consent_event}")
    declined = rows[0] | {"physician_key": "p07", "channel_id": "hq_email", "consent_state": "opted_out"}
    builder.write_table(folder, "fct_consent_event", [*rows, declined | {"is_about_representatives": False}])
    assert _with_guesses(home, shown("p07", "hq_email")).preferred_note == ""
    assert _with_guesses(home, shown("p07", "mr_email")).preferred_note == "記録からの推測: MRのメール"
    # Who wants no representative is not said to like one's e-mails.
    builder.write_table(folder, "fct_consent_event", [*rows, declined | {"channel_id": "mr_visit"}])
    assert _with_guesses(home, shown("p07", "mr_email")).preferred_note == ""
    assert _with_guesses(home, shown("p07", "hq_email")).preferred_note == "記録からの推測: 本社のメール"


def test_what_a_representative_entered_is_said_to_be_so(home: Home) -> None:
    with ReleaseFiles(home.current.resolve()) as release:
        rows = release.query("select * from {fct_stated_preference}")
    entered = [
        row | ({"preference_source": "mr_entered"} if row["physician_key"] == "p01" else {}) for row in rows
    ]
    builder.write_table(home.current.resolve() / "star", "fct_stated_preference", entered)
    line = _line(home, "青山 一郎")
    assert (line.preferred, line.preferred_note) == ("MRのメール", "MRの記録")

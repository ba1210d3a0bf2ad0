"""Under a survey score: how many of those asked answered, who asked them, and who did not answer (H5)."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from shirube.share.release_files import ReleaseFiles
from shirube.share.report_mr import office_page

from tests.share import release_builder as builder
from tests.share.release_builder import Row, value_row, with_previous

SCORE = value_row("cx.usefulness_top_rate", "OF01", 1, 31, 50)
ASKED = value_row("cx.response_rate", "OF01", 1, 50, 180)
BY_NOBODY = value_row("cx.mr_sent_share", "OF01", 1, 0, 48)
UNKNOWN_WHO = "回答しなかった先生がどう違うかは、会社全体でもまだ判断できません。"


def note(tmp_path: Path, values: list[Row], compared: list[Row] | None = None) -> str:
    folder = builder.write_release(tmp_path, with_previous(values))
    if compared is not None:
        builder.write_table(folder / "marts", "mart_survey_nonresponse", compared)
    with ReleaseFiles(folder) as release:
        page = office_page(release, release.registry(), "OF01", "東京第一営業所")
    assert page.numbers_note in page.running_text()
    return page.numbers_note


def compared_row(characteristic: str, level: str, verdict: str, difference: float | None, **more: Any) -> Row:
    return {
        "characteristic": characteristic, "level_id": level, "verdict": verdict,
        "standardised_difference": difference,
        "period_start": date(2026, 10, 1), "period_end": date(2026, 10, 31),
    } | more  # fmt: skip


def test_how_many_of_those_asked_answered_and_where_it_cannot_be_said_that_is_said(tmp_path: Path) -> None:
    assert note(tmp_path, [SCORE, ASKED, BY_NOBODY]) == (
        f"調査の数字（10月）は、案内した180人のうち50人の回答です。{UNKNOWN_WHO}"
        "根拠の強さは、どの数字も記録の集計（4段階の1）です。"
    )
    other_month = value_row("cx.response_rate", "OF01", 0, 50, 180)
    assert "案内した先生のうち何人の回答かを出せません。" in note(tmp_path / "b", [SCORE, other_month])
    without_score = value_row("journey.unseen_rate", "OF01", 1, 24, 150)
    assert "調査" not in note(tmp_path / "c", [without_score])


def test_answers_to_somebody_known_are_marked(tmp_path: Path) -> None:
    by_representative = value_row("cx.mr_sent_share", "OF01", 1, 12, 48)
    said = note(tmp_path, [SCORE, ASKED, by_representative])
    assert "50人の回答です。満足度に答えた48人のうち12人は、MRからの案内で答えました。知っている人" in said
    hidden = by_representative | {"numerator": None, "denominator": None, "display_state": "suppressed"}
    unknown = note(tmp_path / "b", [SCORE, ASKED, hidden])
    assert "50人の回答です。そのうち何人がMRからの案内で答えたかは、出せません。" in unknown


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        (
            [
                compared_row("practice_type", "GP", "differs", -0.2),
                compared_row("practice_type", "HP", "cannot_tell", 0.2),
                compared_row("specialty_group", "循環器内科", "differs", 0.15),
                compared_row("prior_contacts", "mean", "differs", 0.31),
                compared_row("prior_contact_band", "19+", "differs", 0.3),
            ],
            "会社全体では、回答した先生に多いのはそれまでの接点が多い先生・循環器内科、"
            "少ないのは開業の先生です。",
        ),
        (
            [
                compared_row("practice_type", "GP", "alike", 0.0),
                compared_row("prior_contacts", "mean", "alike", 0.01),
            ],
            "会社全体では、回答しなかった先生は、診療科・施設・それまでの接点の数で、回答した先生と大きくは違いません。",
        ),
        (
            [
                compared_row("practice_type", "GP", "alike", 0.0),
                compared_row("practice_type", "HP", "cannot_tell", None),
            ],
            UNKNOWN_WHO,
        ),
        (
            [compared_row("practice_type", "GP", "differs", -0.2, period_start=date(2026, 9, 1))],
            UNKNOWN_WHO,
        ),
    ],
)  # fmt: skip
def test_who_did_not_answer_is_said_as_it_was_judged(tmp_path: Path, compared: list[Row], said: str) -> None:
    assert f"50人の回答です。{said}" in note(tmp_path, [SCORE, ASKED, BY_NOBODY], compared)

"""What physicians say of last month's visits against the calls (R51), counted by hand.

September's calls against answers of August to October, as of 31 October; calls are recorded from July on.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.dbt.marts.run import rebuilt

COLUMNS = (
    "n_visit_answers, n_visits_recalled_and_recorded, n_visits_recalled_only, n_visits_recorded_only,"
    " n_visit_answers_suppressed, visit_agreement_rate, visit_agreement_rate_low, visit_agreement_rate_high"
)
Answer = tuple[str, str, str]


def agreement(
    built: Path, folder: Path, answers: list[Answer], visits: list[tuple[str, str, str, str]]
) -> tuple[object, ...]:
    """The mart's columns on the row of calls; answers (physician, day, code), visits (physician, day, source,
    channel)."""

    def change(core: duckdb.DuckDBPyConnection) -> None:
        core.execute("delete from core.fct_touchpoint where source = 'crm_call'")
        core.executemany(
            "insert into core.fct_touchpoint (touchpoint_key, physician_key, occurred_on, source, channel_id)"
            " values (?, ?, ?, ?, ?)",
            [[f"visit-{place}", *visit] for place, visit in enumerate(visits)],
        )
        core.executemany(
            "insert into core.fct_survey_response"
            " (response_key, response_id, physician_key, responded_on, answer_code, item_id)"
            " values (?, ?, ?, ?, ?, 'visit_recall')",
            [[f"{place:03}", f"{place:03}", *answer] for place, answer in enumerate(answers)],
        )

    with rebuilt(built, folder, change, "mart_data_trust") as connection:
        others = connection.execute(
            "select count(n_visit_answers) from marts.mart_data_trust"
            " where source is distinct from 'crm_call'"
        ).fetchone()
        assert others == (0,)
        (found,) = connection.execute(
            f"select {COLUMNS} from marts.mart_data_trust where source = 'crm_call'"
        ).fetchall()
    return tuple(found)


def test_answers_are_set_against_the_calls_of_the_month_before(built: Path, tmp_path: Path) -> None:
    answers = [
        # Five who had a call in September and say so, two who had one and deny it, one who claims one.
        *((f"both{number}", "2026-10-05", "yes") for number in range(5)),
        *((f"forgot{number}", "2026-10-05", "no") for number in range(2)),
        ("claims", "2026-10-05", "yes"),
        # Neither: a call of the month before or after, of somebody else's, or of Medical's is not meant.
        ("august", "2026-10-05", "no"),
        ("october", "2026-10-05", "no"),
        ("msl", "2026-10-05", "no"),
        # A group call is one by a representative too.
        ("briefed", "2026-10-31", "yes"),
        # The last word counts; who is not sure says neither, nor does who took his word back.
        ("twice", "2026-09-10", "no"),
        ("twice", "2026-10-05", "yes"),
        ("unsure", "2026-10-05", "unsure"),
        ("took_back", "2026-09-10", "yes"),
        ("took_back", "2026-10-05", "unsure"),
        # Three months count: since 1 August. July's answer is too old, November's not here yet.
        ("first_day", "2026-08-01", "yes"),
        ("too_old", "2026-07-31", "no"),
        ("not_yet", "2026-11-01", "no"),
    ]
    visits = [
        *((f"both{number}", "2026-09-30", "crm_call", "mr_visit") for number in range(5)),
        *((f"forgot{number}", "2026-09-01", "crm_call", "mr_remote") for number in range(2)),
        ("august", "2026-08-31", "crm_call", "mr_visit"),
        ("october", "2026-10-01", "crm_call", "mr_visit"),
        ("msl", "2026-09-10", "crm_call", "msl_visit"),
        ("briefed", "2026-09-10", "crm_call", "in_person_event"),
        ("twice", "2026-09-10", "crm_call", "mr_visit"),
        ("twice", "2026-09-11", "crm_call", "mr_visit"),
        ("first_day", "2026-07-15", "crm_call", "mr_visit"),
        ("somebody", "2026-06-15", "crm_call", "mr_visit"),
    ]
    found = agreement(built, tmp_path, answers, visits)
    # 14 answered; 8 visits are in both, 1 only told, 2 only recorded, 3 in neither: 11 of 14 agree, Wilson
    # 52.4 to 92.4 %. Parts of one to four are not counted apart.
    assert found[:5] == (14, None, None, None, False)
    assert found[5:] == pytest.approx((11 / 14, 0.5241, 0.9243), abs=5e-4)


def test_parts_of_five_and_none_are_counted(built: Path, tmp_path: Path) -> None:
    answers, visits = [], [("somebody", "2026-08-20", "crm_call", "mr_visit")]
    for name, code, has_call, people in (
        ("both", "yes", True, 6),
        ("only", "no", True, 5),
        ("told", "yes", False, 7),
    ):
        answers += [(f"{name}{number}", "2026-10-05", code) for number in range(people)]
        visits += [
            (f"{name}{number}", "2026-09-15", "crm_call", "mr_visit") for number in range(people * has_call)
        ]
    found = agreement(built, tmp_path, answers, visits)
    assert found[:6] == (18, 6, 7, 5, False, 6 / 18)


def test_before_calls_were_recorded_nothing_is_missing(built: Path, tmp_path: Path) -> None:
    told = [(f"told{number}", "2026-10-05", "yes") for number in range(12)]
    begun = [("somebody", "2026-09-20", "crm_call", "mr_visit")]
    assert agreement(built, tmp_path, told, begun) == (0, None, None, None, False, None, None, None)


@pytest.mark.parametrize(
    ("answers", "shown"),
    [(4, (None, None, None, None, True)), (5, (5, 0, 5, 0, False)), (9, (9, 0, 9, 0, False))],
)
def test_few_answers_are_hidden_or_counted_only(
    built: Path, tmp_path: Path, answers: int, shown: tuple[object, ...]
) -> None:
    told = [(f"told{number}", "2026-10-05", "yes") for number in range(answers)]
    begun = [("somebody", "2026-08-20", "crm_call", "mr_visit")]
    assert agreement(built, tmp_path, told, begun) == (*shown, None, None, None)

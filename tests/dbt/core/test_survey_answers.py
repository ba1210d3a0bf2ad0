"""The survey's further questions in the star: one row per question answered, about its subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dbt.tiny_lake import TinyLake, Warehouse

BEGUN = {
    "recorded_at": "2026-09-10T03:00:00", "status": "0", "is_finished": True, "wave": "2026Q3",
    "external_reference": "M1", "product_code": "PRD-A", "channel": "webinar",
}  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder: Path = tmp_path_factory.mktemp("survey")
    lake = TinyLake(folder)
    lake.deliver(
        "survey_qualtrics",
        "2026-09-20",
        [
            BEGUN | {"response_id": "R_old", "csat": 4, "nps": 9},
            BEGUN
            | {
                "response_id": "R_all", "csat": 5, "convenience_portal": 0, "interest_mr_visit": 10,
                "usefulness_t_safe": 8, "importance_knowledge": 7, "satisfaction_knowledge": 3,
                "want_meeting": 2, "meeting_wish": "会いたいが会えない",
                "visit_recall": "はい",
            },
            BEGUN | {"response_id": "R_only_new", "want_meeting": 9},
            BEGUN | {"response_id": "R_only_recall", "visit_recall": "いいえ"},
            BEGUN
            | {
                "response_id": "R_unknown_wish", "csat": 3, "meeting_wish": "その他", "visit_recall": "昨日",
            },
            BEGUN | {"response_id": "R_nothing"},
            BEGUN | {"response_id": "R_unfinished", "is_finished": False, "want_meeting": 9},
        ],
    )  # fmt: skip
    return lake.build(select=("+fct_survey_response", "+fct_source_delivery"), without_tests=True)


def test_each_answer_is_one_row_about_its_subject(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "select item_id, subject_id, channel_id, score, answer_code from core.fct_survey_response"
        " where response_id = 'R_all' order by item_id"
    )
    assert found == [
        ("convenience", "portal", "portal", 0, None),  # 0 is an answer
        ("csat", None, "webinar", 5, None),
        ("interest", "mr_visit", "mr_visit", 10, None),
        ("meeting_wish", None, "webinar", None, "cannot_meet"),
        ("mr_importance", "knowledge", None, 7, None),
        ("mr_satisfaction", "knowledge", None, 3, None),
        ("mr_want", "meeting", None, 2, None),
        ("topic_usefulness", "T-SAFE", None, 8, None),
        ("visit_recall", None, "webinar", None, "yes"),
    ]


def test_older_exports_without_the_questions_stay_as_they_were(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "select item_id, subject_id, channel_id, score from core.fct_survey_response"
        " where response_id = 'R_old' order by item_id"
    )
    assert found == [("csat", None, "webinar", 4), ("nps", None, "webinar", 9)]


def test_every_response_is_in_the_star_or_rejected_with_a_reason(warehouse: Warehouse) -> None:
    kept = warehouse.rows("select distinct response_id from core.fct_survey_response order by 1")
    assert [name for (name,) in kept] == ["R_all", "R_old", "R_only_new", "R_only_recall", "R_unknown_wish"]
    counted = warehouse.rows(
        "select rows_landed, rows_in_core, rows_rejected from core.fct_source_delivery"
        " where source = 'survey_qualtrics' and state = 'landed'"
    )
    assert counted == [(7, 5, 2)]


def test_an_answer_has_one_key(warehouse: Warehouse) -> None:
    rows, keys = warehouse.rows(
        "select count(*), count(distinct response_key) from core.fct_survey_response"
    )[0]
    assert rows == keys == 14

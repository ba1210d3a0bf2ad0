"""The registers in the star: the first assignment counts, words need four permissions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.dbt.core.conftest import CORE
from tests.dbt.core.star_company import physicians, sales
from tests.dbt.tiny_lake import TinyLake, Warehouse

SOURCES = "('initiative', 'initiative_assignment', 'story', 'strategy_document')"


def assignment(
    unit: str, reference: str | None, arm: str, recorded: str | None, **more: Any
) -> dict[str, Any]:
    column = "physician_code" if unit == "医師" else "office_code"
    row = {"initiative_id": "I1", "unit": unit, column: reference, "arm": arm, "assigned_on": "2026-06-17"}
    row |= {"starts_on": "2026-07-01" if arm == "実施" else None, "recorded_at": recorded}
    return row | more


def story(story_id: str, **more: Any) -> dict[str, Any]:
    row = {
        "story_id": story_id, "written_on": "2026-10-01", "office_code": "OF01",
        "product_name": "シルベリン錠", "theme": "訪問", "outcome": "うまくいった", "is_masked": True,
        "has_consent": True, "is_safety_checked": True, "approved_on": "2026-10-31", "context": "背景",
        "conditions": "条件",
        "action": "担当の先生とA先生に、資料を届けました。", "result": "質問をいただきました。",
        "updated_at": "2026-10-02 00:00:00",
    }  # fmt: skip
    return row | more


def version(name: str, begins: str | None, ends: str | None, **more: Any) -> dict[str, Any]:
    return {"strategy_version": name, "title": name, "effective_from": begins, "effective_to": ends} | more


def fill(lake: TinyLake) -> None:
    lake.deliver("dcf_physician", "2026-01-01", physicians())
    lake.deliver(
        "crm_product", "2026-01-05",
        [sales(id="CP1", external_id="PRD-A", name="シルベリン錠", is_company_product=True)],
    )  # fmt: skip
    plan = {"initiative_id": "I1", "name_ja": "案内", "product_name": "シルベリン錠", "design": "なし"}
    plan |= {"updated_at": "2026-05-01 00:00:00", "starts_on": "2026-07-01"}
    decided = plan | {"design": "無作為", "approved_on": "2026-05-17", "updated_at": "2026-05-17 08:30:00"}
    decided |= {"willing_offices": "OF01；OF02、OF03;", "n_field_mrs_before_approval": 2}
    lake.deliver("initiative", "2026-05-02", [plan])
    lake.deliver("initiative", "2026-10-28", [decided, plan | {"initiative_id": "I2", "design": "その他"}])
    lake.deliver(
        "initiative_assignment", "2026-06-17",
        [
            assignment("医師", "00000001", "実施", "2026-06-17 01:00:00"),
            assignment("医師", "00000002", "比較", "2026-06-17 01:00:00"),
            assignment("医師", "00000002", "比較", "2026-06-17 01:00:00"),  # written twice, the same
            assignment("医師", "00000003", "実施", "2026-06-17 01:00:00", assigned_on="2026-07-02"),
            assignment("医師", "00990001", "実施", "2026-06-17 01:00:00"),  # no such physician
            assignment("医師", "00000004", "比較", None, assigned_on=None),
            assignment("営業所", "OF01", "実施", "2026-06-17 01:00:00", initiative_id="unknown"),
            assignment("医師", "00000005", "未定", "2026-06-17 01:00:00"),  # no arm
            assignment("医師", None, "実施", "2026-06-17 01:00:00"),  # nobody
        ],
    )  # fmt: skip
    lake.deliver(
        "initiative_assignment", "2026-07-21",
        [assignment("医師", "00000002", "実施", "2026-07-21 06:00:00", assigned_on="2026-07-21")],
    )  # fmt: skip
    lake.deliver(
        "strategy_document", "2026-04-04",
        [
            version("open until the next", "2023-04-01", None),
            version("until the day before the leap day", "2024-01-01", "2024-02-28"),
            version("after a gap", "2024-03-01", "2026-12-31", updated_on="2024-02-01"),
            version("the same day, written earlier", "2024-03-01", None, updated_on="2024-01-01"),
            version("overlaps and ends the one before", "2026-04-01", None),
            version("without a first day", None, None),
        ],
    )  # fmt: skip
    lake.deliver(
        "story", "2026-10-03", [story("S1", updated_at="2026-10-01 00:00:00", outcome="うまくいかなかった")]
    )
    lake.deliver(
        "story", "2026-10-31",
        [
            story("S1", reused_by_offices="OF02；OF03、OF01", n_similar_attempts=2)
            | {"n_similar_without_success": 3},
            story("not masked", is_masked=False),
            story("no consent", has_consent=None),
            story("not checked", is_safety_checked=False),
            story("approved tomorrow", approved_on="2026-11-01"),
            story("a name is left", result="佐藤先生に喜ばれました。"),
            story("a name in the theme", theme="佐藤先生への訪問"),
            story("next door reused it", office_code="OF0", reused_by_offices="OF01；OF02"),
            story("no words", action=None),
            story("no outcome", outcome="不明"),
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TinyLake:
    lake = TinyLake(tmp_path_factory.mktemp("registers"))
    fill(lake)
    return lake


@pytest.fixture(scope="module")
def built(lake: TinyLake) -> Warehouse:
    return lake.build(as_of="2026-10-31", select=CORE)


def test_the_register_as_it_was_written_last(built: Warehouse) -> None:
    assert built.rows(
        "select initiative_id, product_id, design, highest_evidence_level, approved_on, "
        "n_field_mrs_before_approval, willing_offices, n_willing_offices, has_event_in_window "
        "from core.dim_initiative order by 1"
    ) == [
        ("I1", "PRD-A", "randomised", "E4", date(2026, 5, 17), 2, "OF01;OF02;OF03;", 3, None),
        (
            "I2",
            "PRD-A",
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        ),  # a design that nobody knows is none recorded
    ]


def test_the_first_assignment_counts_whatever_is_written_later(built: Warehouse) -> None:
    found = built.rows(
        "select coalesce(person.physician_code, a.unit_id, '(unknown)'), a.initiative_id, a.unit_type, "
        "a.arm, a.assigned_on, a.starts_on, a.is_assigned_before_start, a.is_arm_changed, a.design, "
        "a.organization_key is not null from core.fct_assignment as a "
        "left join core.dim_physician as person on a.physician_key = person.physician_key "
        "and person.is_current "
        "order by 1"
    )
    june, july = date(2026, 6, 17), date(2026, 7, 1)
    assert found == [
        ("(unknown)", "I1", "physician", "treatment", june, july, True, False, "randomised", False),
        ("00000001", "I1", "physician", "treatment", june, july, True, False, "randomised", False),
        # moved over in July, analysed as assigned in June
        ("00000002", "I1", "physician", "control", june, None, True, True, "randomised", False),
        # decided a day after the start
        (
            "00000003",
            "I1",
            "physician",
            "treatment",
            date(2026, 7, 2),
            july,
            False,
            False,
            "randomised",
            False,
        ),
        # no day of assignment: the day it was delivered
        ("00000004", "I1", "physician", "control", june, None, True, False, "randomised", False),
        ("OF01", "unknown", "office", "treatment", june, july, True, False, None, True),
    ]


def test_a_later_change_is_not_known_before_it_was_delivered(lake: TinyLake) -> None:
    earlier = lake.build(as_of="2026-07-20", select=("+fct_assignment",), without_tests=True, name="earlier")
    assert earlier.rows(
        "select count(*), count(*) filter (where is_arm_changed) from core.fct_assignment"
    ) == [(6, 0)]


def test_a_strategy_holds_until_its_end_or_the_next(built: Warehouse) -> None:
    found = built.rows(
        "select strategy_version, valid_from, valid_to, is_current from core.dim_strategy order by 2"
    )
    assert found == [
        ("open until the next", date(2023, 4, 1), date(2024, 1, 1), False),
        ("until the day before the leap day", date(2024, 1, 1), date(2024, 2, 29), False),
        ("after a gap", date(2024, 3, 1), date(2026, 4, 1), False),
        ("overlaps and ends the one before", date(2026, 4, 1), date(9999, 12, 31), True),
    ]


def test_words_only_with_all_four_permissions_and_no_name_left(built: Warehouse) -> None:
    found = built.rows(
        "select story_id, is_publishable, action, conditions, approved_on, seems_to_name_somebody "
        "from core.fct_story order by 1"
    )
    words = "担当の先生とA先生に、資料を届けました。"
    day = date(2026, 10, 31)
    assert found == [
        ("S1", True, words, "条件", day, False),
        ("a name in the theme", False, None, None, day, True),
        ("a name is left", False, None, None, day, True),
        ("approved tomorrow", False, None, None, None, False),
        ("next door reused it", True, words, "条件", day, False),
        ("no consent", False, None, None, day, False),
        ("no words", False, None, None, day, False),
        ("not checked", False, None, None, day, False),
        ("not masked", False, None, None, day, False),
    ]


def test_a_story_is_counted_as_it_was_written_last(built: Warehouse) -> None:
    # Its own office is no other one; more failures than attempts are as many as the attempts.
    columns = "outcome_kind, product_id, n_reused_offices, n_similar_attempts, n_similar_without_success"
    assert built.rows(f"select {columns} from core.fct_story where story_id = 'S1'") == [
        ("positive", "PRD-A", 2, 2, 2)
    ]
    # A code within another's is another office.
    query = "select n_reused_offices from core.fct_story where story_id = 'next door reused it'"
    assert built.rows(query) == [(2,)]


def test_every_landed_row_is_in_the_star_or_rejected_for_a_reason(built: Warehouse) -> None:
    rejected = built.rows(
        "select source, reason, cast(sum(rows) as int) from core.fct_reject "
        f"where source in {SOURCES} group by 1, 2"
    )
    assert sorted(rejected) == [
        ("initiative", "duplicate", 1),
        ("initiative_assignment", "duplicate", 2),  # written twice, and changed later
        ("initiative_assignment", "unparseable", 2),
        ("story", "duplicate", 1),
        ("story", "unparseable", 1),
        ("strategy_document", "duplicate", 1),
        ("strategy_document", "unparseable", 1),
    ]
    landed, kept, lost = built.rows(
        "select cast(sum(rows_landed) as int), cast(sum(rows_in_core) as int), "
        "cast(sum(rows_rejected) as int) "
        f"from core.fct_source_delivery where source in {SOURCES}"
    )[0]
    assert (landed, kept, lost) == (30, 21, 9)

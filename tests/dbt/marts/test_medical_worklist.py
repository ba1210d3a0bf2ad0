"""The list that Medical works through: what waits, what is late, and which records are incomplete."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.dbt.marts.run import rebuilt
from tests.dbt.marts.tiny_company import GL_FIELDS

Connection = duckdb.DuckDBPyConnection
WAITS = (
    "select inquiry_id, branch_id, category, received_on::varchar, waited_business_days,"
    " is_acceptance_overdue, is_answer_overdue, answered_on"
    " from marts.mart_medical_worklist where to_do = 'answer' order by inquiry_id"
)


def test_what_is_open_is_listed_with_what_is_late(warehouse: Connection) -> None:
    # P09 and P10 should have been accepted by now; P11 and P12 still have time. No answer is late.
    asked = ("BR1", "off_label", "2026-10-27", 3)
    assert warehouse.execute(WAITS).fetchall() == [
        ("a0D-P09", *asked, True, False, None),
        ("a0D-P10", *asked, True, False, None),
        ("a0D-P11", *asked, False, False, None),
        ("a0D-P12", *asked, False, False, None),
    ]


def test_an_answer_with_an_incomplete_record_says_what_is_missing(warehouse: Connection) -> None:
    # The answer on the label (Q034) needs no such record; what is called complete (Q007) is, without fields.
    found = warehouse.execute(
        f"select inquiry_id, branch_id, answered_on::varchar, waited_business_days, {', '.join(GL_FIELDS)}"
        " from marts.mart_medical_worklist where to_do = 'complete_record' order by inquiry_id"
    ).fetchall()
    answered = ("BR2", "2026-10-07", None)
    assert found == [
        ("a0D-Q001", *answered, *[True] * 6, False, True),
        ("a0D-Q002", *answered, *[True] * 5, None, False, True),
        ("a0D-Q003", *answered, *[None] * 8),
    ]


def test_late_is_only_what_can_still_be_done(built: Path, tmp_path: Path) -> None:
    # P09 was accepted, if late: there is nothing left to accept. P10 should have its answer too. P11 is about
    # safety and comes from nobody's office. P12 is answered, late, and complete.
    def change(core: Connection) -> None:
        for name, what in (
            ("P09", "accepted_at = '2026-10-30T12:00:00+09:00'"),
            ("P10", "is_answered_in_time = false"),
            ("P11", "category = 'safety', office_id = null"),
            (
                "P12",
                "is_open = false, answered_at = '2026-10-31T01:00:00+09:00', is_answered_in_time = false",
            ),
        ):
            core.execute(f"update core.fct_medical_inquiry set {what} where inquiry_key = 'I-{name}'")

    with rebuilt(built, tmp_path, change, "mart_medical_worklist") as connection:
        found = connection.execute(WAITS).fetchall()
    assert found == [
        ("a0D-P09", "BR1", "off_label", "2026-10-27", 3, False, False, None),
        ("a0D-P10", "BR1", "off_label", "2026-10-27", 3, True, True, None),
        ("a0D-P11", None, "safety", "2026-10-27", 3, False, False, None),
    ]


def test_the_list_names_nobody(warehouse: Connection) -> None:
    columns = {row[0] for row in warehouse.execute("describe marts.mart_medical_worklist").fetchall()}
    assert len(columns) == 18
    assert not {
        column
        for column in columns
        if any(word in column for word in ("physician", "employee", "office", "product", "topic", "text"))
    } - {"gl_has_request_text"}

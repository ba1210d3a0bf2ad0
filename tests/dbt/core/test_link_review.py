"""Links that people checked: what was found last counts, and what was mended does not leave the sample."""

from __future__ import annotations

from tests.dbt.core import link_numbers
from tests.dbt.core.conftest import Star


def test_every_checked_link_is_there_as_last_judged(star: Star) -> None:
    found = star.warehouse.rows(
        "select cast(quarter_start as varchar), link_id, judgement, cast(reviewed_on as varchar),"
        " is_link_standing from core.fct_link_review"
    )
    account, member = ("crm_account", "crm_account_id"), ("crm_account", "member_id")
    july, october = "2026-07-01", "2026-10-01"
    assert set(found) == {
        (july, link_numbers.link(*account, "A2", "00000002"), "correct", "2026-08-20", True),
        (july, link_numbers.link(*member, "M2", "00000002"), "correct", "2026-08-25", True),
        (july, link_numbers.link(*account, "A3", "00000003"), "unknown", "2026-08-20", True),
        # Without a day it was found on the day on which it came.
        (july, link_numbers.link(*member, "M3", "00000003"), "correct", "2026-08-20", True),
        # A4 is physician 4's now.
        (july, link_numbers.link(*account, "A4", "00000005"), "false", "2026-08-20", False),
        (october, link_numbers.link(*account, "A2", "00000002"), "false", "2026-10-20", True),
    }
    assert len(found) == 6


def test_what_was_not_judged_is_counted_as_left_out(star: Star) -> None:
    left_out = star.warehouse.rows(
        "select reason, cast(sum(rows) as int) from core.fct_reject where source = 'link_review'"
        " group by 1 order by 1"
    )
    # A5 has no answer yet, M4's is no answer, M2 and the empty A2 were superseded: one by one.
    assert left_out == [("duplicate", 2), ("out_of_scope", 1), ("unparseable", 1)]


def test_a_link_has_one_number_and_nobody_has_none(star: Star) -> None:
    assert star.warehouse.rows(
        "select count(*), count(distinct link_id), count(physician_key) from core.bridge_physician_identity"
        " where link_id is not null"
    ) == star.warehouse.rows(
        "select count(physician_key), count(physician_key), count(link_id)"
        " from core.bridge_physician_identity"
    )
    # Given up in May and handed on in June: two links of one address, none between.
    since = star.warehouse.rows(
        "select cast(valid_from as varchar), link_id from core.bridge_physician_identity"
        " where source = 'crm_account' and reference = 'e1' order by 1"
    )
    assert since == [
        ("1900-01-01", link_numbers.link("crm_account", "email_token", "e1", "00000001")),
        ("2026-05-10", None),
        ("2026-06-01", link_numbers.link("crm_account", "email_token", "e1", "00000005", "2026-06-01")),
    ]

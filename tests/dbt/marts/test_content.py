"""Contents against numbers counted by hand from content_company.py; intervals against scipy's Wilson."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from scipy.stats import binomtest

from tests.dbt.marts.run import number

Connection = duckdb.DuckDBPyConnection


def rows(warehouse: Connection, query: str) -> list[tuple[Any, ...]]:
    return warehouse.execute(query).fetchall()


def evaluation(warehouse: Connection, content: str) -> dict[str, Any]:
    cursor = warehouse.execute(
        "select * from marts.mart_content_evaluation where content_key = ? and period_type = 'month'"
        " and period_start = '2026-10-01' and channel_id = 'mr_visit'",
        [content],
    )
    found = cursor.fetchall()
    assert len(found) == 1, content
    return dict(zip([column[0] for column in cursor.description], found[0], strict=True))


# The five with 30 physicians or more, sorted: 4/40, 4/40, 20/41, 15/30, 36/40. The median is `mid`'s.
LABELS = [
    ("high", 36, 40, "keep"),
    # One more than 40, shown by somebody who has left since. The median itself is a tie.
    ("mid", 20, 41, "undecided"),
    ("low", 4, 40, "improve"),
    ("notice", 4, 40, "improve"),
    ("thirty", 15, 30, "undecided"),  # its interval holds the median
]


@pytest.mark.parametrize(("content", "reacted", "exposed", "label"), LABELS)
def test_a_label_needs_the_whole_interval_on_one_side(
    warehouse: Connection, content: str, reacted: int, exposed: int, label: str
) -> None:
    row = evaluation(warehouse, content)
    assert (row["n_reacted"], row["n_exposed"], row["label"]) == (reacted, exposed, label)
    interval = binomtest(reacted, exposed).proportion_ci(method="wilson")
    assert (row["reaction_low"], row["reaction_high"]) == pytest.approx((interval.low, interval.high))
    # .1 .1 20/41 .5 .9: the one in the middle is 20/41.
    assert row["portfolio_median"] == pytest.approx(20 / 41)
    assert row["portfolio_contents"] == 5
    assert (row["evidence_level"], row["is_evaluated"]) == ("E1", True)


def test_twenty_nine_are_too_few_and_three_are_hidden(warehouse: Connection) -> None:
    almost = evaluation(warehouse, "almost")
    assert (almost["n_reacted"], almost["n_exposed"]) == (29, 29)  # all of them, and yet no label
    assert (almost["is_evaluated"], almost["label"], almost["reaction_rate"]) == (False, "undecided", None)
    small = evaluation(warehouse, "small")
    assert (small["n_exposed"], small["n_reacted"], small["n_exposed_suppressed"]) == (None, None, True)
    assert small["label_ja"] == "判断保留"


def test_a_safety_notice_is_never_to_be_retired(warehouse: Connection) -> None:
    notice, low = evaluation(warehouse, "notice"), evaluation(warehouse, "low")
    assert (notice["may_be_retired"], low["may_be_retired"]) == (False, True)
    assert "やめる対象にはしません" in notice["label_reason_ja"]
    assert (notice["decision"], notice["is_decision_against_rule"]) == ("retire", True)
    assert rows(warehouse, "select distinct label from marts.mart_content_evaluation order by 1") == [
        ("improve",), ("keep",), ("undecided",),
    ]  # fmt: skip


def test_the_newest_decision_that_still_stands_closes_the_loop(warehouse: Connection) -> None:
    high = evaluation(warehouse, "high")
    assert (high["decision"], str(high["decided_on"])) == ("keep", "2026-10-01")
    assert (high["has_decision"], high["is_result_observable"]) == (True, False)
    assert evaluation(warehouse, "mid")["has_decision"] is False  # of 4 May: too long ago
    low = evaluation(warehouse, "low")  # of 5 May; its result could be seen from 3 August
    assert (low["has_decision"], low["is_result_observable"]) == (True, True)
    result = ("n_exposed_before", "n_reacted_before", "n_exposed_after", "n_reacted_after")
    assert [low[f"{count}_decision"] for count in result] == [12, 3, 6, 3]
    assert [high[f"{count}_decision"] for count in result] == [
        12,
        3,
        None,
        None,
    ]  # four are too few to be told
    row = number(warehouse, "content.decision_recorded_rate", "company")
    # Evaluated: five. Decided: high, low, notice. `almost` was decided on but never evaluated.
    assert (row["numerator"], row["denominator"], row["value"]) == (3, 5, None)
    assert row["display_state"] == "counts_only"


def test_reactions_of_the_whole_portfolio(warehouse: Connection) -> None:
    # Q001-Q120, P01-P40 and OF10-2. OF10-1's two weeks are not over; what five fetched themselves is none.
    # Reacted: Q001-Q036, Q041-Q060, Q081-Q084, P01-P04.
    reaction = number(warehouse, "content.reaction_rate", "company")
    assert (reaction["numerator"], reaction["denominator"]) == (64, 161)
    assert reaction["display_state"] == "shown"
    interval = binomtest(64, 161).proportion_ci(method="wilson")
    assert (reaction["ci_low"], reaction["ci_high"]) == pytest.approx((interval.low, interval.high))
    # Next steps: Q001-Q010 and P01-P06.
    step = number(warehouse, "content.next_step_rate", "company")
    assert (step["numerator"], step["denominator"]) == (16, 161)


def test_representatives_who_used_a_content(warehouse: Connection) -> None:
    # E01-E24 of E01-E32. E33 used one and left on the 15th: neither above nor below the line.
    row = number(warehouse, "content.use_rate", "company")
    assert (row["numerator"], row["denominator"], row["value"]) == (24, 32, 0.75)
    mid = evaluation(warehouse, "mid")
    assert (mid["n_mrs_using"], mid["n_mrs_entitled"]) == (24, 32)


def test_rarely_used_needs_ninety_days_and_fewer_than_five_uses(warehouse: Connection) -> None:
    found = rows(
        warehouse,
        "select content_key, is_valid, is_new, uses_in_window, is_rarely_used from marts.mart_content"
        " where period_start = '2026-10-01' and channel_id is null and content_key in"
        " ('new89', 'new90', 'edge4', 'edge5', 'today', 'over') order by 1",
    )
    assert found == [
        ("edge4", True, False, 4, True),  # the fifth was on 2 August, a day too early
        ("edge5", True, False, 5, False),  # the fifth was on 3 August
        ("new89", True, True, 4, None),  # too new to say
        ("new90", True, False, 4, True),
        ("today", True, False, 0, True),  # its last day is today
    ]  # `over` ended yesterday and was not used by anybody in the counted months: no row
    # Valid: the seven shown, new89, new90, edge4, edge5, today = 12. Without new89: 11.
    # Rarely: edge4, new90, today.
    row = number(warehouse, "content.rarely_used_rate", "company")
    assert (row["numerator"], row["denominator"], row["display_state"]) == (3, 11, "reference")
    assert rows(
        warehouse,
        "select n_valid_contents, n_new_contents, n_never_used from marts.mart_content_portfolio"
        " where period_type = 'month' and period_start = '2026-10-01'",
    ) == [(12, 1, 1)]


def test_before_ninety_days_of_log_nobody_says_rarely(warehouse: Connection) -> None:
    # The log begins on 1 April. Ninety days up to 31 May would begin on 3 March; up to 30 June on 2 April.
    found = rows(
        warehouse,
        "select cast(period_start as varchar), n_judgeable_contents from marts.mart_content_portfolio"
        " where period_type = 'month' and period_start in ('2026-05-01', '2026-06-01') order by 1",
    )
    assert found == [("2026-05-01", 0), ("2026-06-01", 11)]


def test_seconds_are_a_median_of_ten_or_more_by_five_representatives_or_more(warehouse: Connection) -> None:
    found = rows(
        warehouse,
        "select content_key, timed_uses, median_seconds from marts.mart_content where timed_uses > 0"
        " and period_start = '2026-10-01' order by 1",
    )
    assert found == [("high", 10, 55.0), ("mid", 9, None), ("thirty", 10, None)]


def test_judged_reactions_stand_on_their_own_line(warehouse: Connection) -> None:
    found = rows(
        warehouse,
        "select content_key, n_reacted, mr_judged, mr_judged_negative, n_negative, n_physicians_reached,"
        " n_physicians_eligible from marts.mart_content where channel_id = 'mr_visit'"
        " and period_start = '2026-10-01' and content_key in ('low', 'notice') order by 1",
    )
    assert found == [("low", 4, 0, 0, 5, 40, 247), ("notice", 4, 40, 30, 0, 40, 247)]


def test_a_content_unknown_to_the_register_is_counted_without_a_version(
    warehouse: Connection,
) -> None:
    assert rows(
        warehouse,
        "select channel_id, content_version, n_exposed, n_reacted, is_valid from marts.mart_content"
        " where content_key = 'web' order by 1 nulls last",
    ) == [("owned_web", None, 5, 5, None), (None, None, 5, 5, False)]


def test_violations_are_counted_and_medical_s_materials_have_no_name(warehouse: Connection) -> None:
    found = rows(
        warehouse,
        "select validity, channel_id, content_id, uses, all_uses from marts.mart_content_violation"
        " where period_start = '2026-10-01' order by all",
    )
    # October: 25 + 10 + 10 + 9 + 16 uses that were right, 1 contact with an expired content, 1 out of role.
    assert found == [
        ("expired", "mr_visit", "id-over", 1, 72),
        ("expired", None, None, 1, 72),
        ("out_of_role", "mr_visit", None, 1, 72),
        ("out_of_role", None, None, 1, 72),
        ("unapproved", None, None, 0, 72),
        ("unknown", None, None, 0, 72),
    ]
    for mart in ("mart_content", "mart_content_evaluation", "mart_information_catalogue"):
        assert rows(warehouse, f"select count(*) from marts.{mart} where content_key = 'secret'") == [(0,)]


def test_what_may_be_said_by_whom_and_with_what(warehouse: Connection) -> None:
    found = rows(
        warehouse,
        "select topic_id, role_id, answer_ja, content_id, n_valid_contents from"
        " marts.mart_information_catalogue where topic_id in ('T-EVID', 'T-DOSE', 'T-OFFL') order by all",
    )
    on_request, gap = "先生から求められたときに提供", "Medicalへ"
    # `over` ended yesterday. Headquarters may use none of them: its gap, too, goes to Medical.
    assert found == [
        ("T-DOSE", "hq", gap, None, 0),
        ("T-DOSE", "medical", on_request, None, 0),
        ("T-DOSE", "mr", gap, None, 0),
        ("T-EVID", "hq", gap, None, 0),
        ("T-EVID", "medical", on_request, None, 0),
        ("T-EVID", "mr", "提供できる", "id-high", 2),
        ("T-EVID", "mr", "提供できる", "id-today", 2),
        ("T-OFFL", "hq", "提供不可", None, 0),
        ("T-OFFL", "medical", on_request, None, 0),
        ("T-OFFL", "mr", gap, None, 0),
    ]
    assert rows(warehouse, "select distinct product_id from marts.mart_information_catalogue") == [("PRD-A",)]


def test_a_template_counts_each_physician_once_and_names_no_medical_one(warehouse: Connection) -> None:
    """P01-P29 got one mail each, P36 five of which two arrived; P30's invites to a survey, Medical's 12 are
    in no rate. P31-P35 got a template that the register gives to Medical only; P35's bounced."""
    low, high = binomtest(7, 30).proportion_ci(method="wilson")
    found = rows(
        warehouse,
        "select template_id, n_emailed_physicians, emails_sent, emails_delivered, n_email_recipients,"
        " n_clicking_physicians, n_machine_clicked_physicians, n_refusing_physicians,"
        " n_open_readable_physicians, n_opening_physicians, n_privacy_proxy_physicians, click_rate_low,"
        " click_rate_high from marts.mart_email_template where channel_id = 'hq_email'"
        " and period_start = '2026-10-01' order by template_id nulls last",
    )
    # Clicked: P01-P06, P36. Refused: P01 unsubscribed, P36 marked spam. Read through a proxy: P01-P04; of the
    # other 26, P05-P14 opened.
    assert found == [
        ("id-high", 30, 34, 31, 30, 7, 2, 2, 26, 10, 4, pytest.approx(low), pytest.approx(high)),
        (None, 5, 5, 4, *[None] * 9),
    ]
    assert rows(
        warehouse,
        "select template_id, template_title, n_email_recipients_suppressed from marts.mart_email_template"
        " where period_start = '2026-10-01' order by template_id nulls last",
    ) == [("id-high", "high", False), (None, None, True)]

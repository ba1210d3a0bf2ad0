"""Needs, moments and patient contribution against numbers worked out by hand from needs_and_moments.py.

Intervals are checked against scipy's Wilson interval, the median wait against scipy's Kaplan-Meier curve.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from scipy.stats import CensoredData, binomtest, ecdf

from tests.dbt.marts.run import number

Connection = duckdb.DuckDBPyConnection
KPIS = {
    "need.fit_rate", "need.answered_rate", "need.learned_by_mr_rate", "need.request_by_mr_rate",
    "moment.coverage_rate", "moment.resource_share", "patient.safety_in_time_rate",
}  # fmt: skip

JULY, SEPTEMBER, OCTOBER = "2026-07-01", "2026-09-01", "2026-10-01"


def row(warehouse: Connection, mart: str, scope_id: str, month: str) -> dict[str, Any]:
    cursor = warehouse.execute(
        f"select * from marts.{mart} where scope_id = ? and period_type = 'month' and period_start = ?",
        [scope_id, month],
    )
    rows = cursor.fetchall()
    assert len(rows) == 1
    return dict(zip([column[0] for column in cursor.description], rows[0], strict=True))


RATES = [
    # Contacts to P01-P20 while they had an open need: three each = 60. On the topic: one to P01-P15, three
    # to P16. P21's five have no topic on record: they stand in neither number.
    ("need.fit_rate", "OF01", OCTOBER, 18, 60, 20, "shown"),
    # Needs of P01-P30, answered in time for P01-P12. P05's and P31's of 30 September are too fresh, the
    # second way by which P01-P11's were shown is no second need, and what P33 and P34 asked of Medical is not
    # counted here.
    ("need.answered_rate", "OF01", SEPTEMBER, 12, 30, 30, "shown"),
    # Everybody answered, of 9, 10, 29 and 30.
    ("need.answered_rate", "OF09", JULY, 9, 9, 9, "counts_only"),
    ("need.answered_rate", "OF10", JULY, 10, 10, 10, "reference"),
    ("need.answered_rate", "OF29", JULY, 29, 29, 29, "reference"),
    ("need.answered_rate", "OF30", JULY, 30, 30, 30, "shown"),
    # Needs first learned: 32 from logs (P01-P31, P05 twice), and by representatives 10 + 10 + 9 + 1 + 1 = 31.
    # Physicians: 31 + 31.
    ("need.learned_by_mr_rate", "company", SEPTEMBER, 31, 63, 62, "shown"),
    # Requests: those 31 but OF30-1's, and three inquiries that reached Medical directly.
    ("need.request_by_mr_rate", "company", SEPTEMBER, 30, 33, 33, "shown"),
    # 32 moments over, contacted P01-P20. P33's window is open; P34's, P35's and P36's never opened.
    ("moment.coverage_rate", "OF01", OCTOBER, 20, 32, 32, "shown"),
    # Two contacts with each of P01-P20, one of them within a moment for P01-P10.
    ("moment.resource_share", "OF01", OCTOBER, 10, 40, 20, "shown"),
    # 30 physicians concerned. P01 to P21 had the first notice in time; P01 did not have his second: 20.
    ("patient.safety_in_time_rate", "OF01", SEPTEMBER, 20, 30, 30, "shown"),
]


@pytest.mark.parametrize(
    ("kpi_id", "scope", "month", "numerator", "denominator", "physicians", "state"), RATES
)
def test_a_rate_is_what_hand_counting_gives(
    warehouse: Connection,
    kpi_id: str,
    scope: str,
    month: str,
    numerator: int,
    denominator: int,
    physicians: int,
    state: str,
) -> None:
    found = number(warehouse, kpi_id, scope, period_start=month)
    assert (found["numerator"], found["denominator"], found["n_physicians"]) == (
        numerator, denominator, physicians,
    )  # fmt: skip
    assert found["display_state"] == state
    if state != "counts_only":
        interval = binomtest(numerator, denominator).proportion_ci(method="wilson")
        assert found["value"] == pytest.approx(numerator / denominator)
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_every_kpi_here_is_declared_for_the_supporters_of_the_field(warehouse: Connection) -> None:
    assert {case[0] for case in RATES} == KPIS
    audiences = dict(
        warehouse.execute(
            "select kpi_id, audience from marts.dim_kpi where kpi_id in (select unnest(?))", [sorted(KPIS)]
        ).fetchall()
    )
    # One of them stands on the office page.
    assert audiences == dict.fromkeys(KPIS, "hq_field") | {"moment.coverage_rate": "mr,hq_field"}


def test_what_is_left_out_is_printed_beside(warehouse: Connection) -> None:
    contacts = row(warehouse, "mart_need_fit", "OF01", OCTOBER)
    assert (
        contacts["push_contacts_in_need_without_topic"] == 1
    )  # P01's; P21 is none of the physicians counted
    needs = row(warehouse, "mart_need_fit", "OF01", SEPTEMBER)
    assert needs["needs_too_fresh"] == 1  # P05's; P31 has no need whose time is over
    moments = row(warehouse, "mart_moment", "OF01", OCTOBER)
    assert [
        moments[name]
        for name in ("moments_triggered", "moments_opened", "moments_over_cap", "moments_without_mr_wish")
    ] == [36, 33, 1, 2]
    assert moments["max_opened_per_mr_week"] == 5


def test_a_team_of_fewer_than_five_representatives_is_not_shown(warehouse: Connection) -> None:
    # The company has six representatives with a need and six with a request; each branch has fewer than
    # five, each office one.
    company = row(warehouse, "mart_mr_strength", "company", SEPTEMBER)
    assert (company["n_mr_with_need"], company["n_mr_with_request"]) == (6, 6)
    shown = warehouse.execute(
        "select count(*), count(first_needs), count(requests) from marts.mart_mr_strength"
        " where period_type = 'month' and period_start = ?"
        " and scope_id in ('BR1', 'BR2', 'BR3', 'OF01', 'OF04', 'OF09')",
        [SEPTEMBER],
    ).fetchone()
    assert shown == (6, 0, 0)
    levels = warehouse.execute("select distinct scope_type from marts.mart_mr_strength").fetchall()
    assert {level for (level,) in levels} == {"company", "branch", "office"}, "nobody's own numbers"


def test_the_recording_rate_stands_beside(warehouse: Connection) -> None:
    # Five representatives with four dialogues each, three of them recorded in full.
    company = row(warehouse, "mart_mr_strength", "company", SEPTEMBER)
    assert (company["n_mr_with_dialogue"], company["dialogues"], company["dialogues_recorded"]) == (5, 20, 15)


def test_the_median_wait_for_an_answer_keeps_who_still_waits(warehouse: Connection) -> None:
    # Answered after 1, 2, … 10 days, twelve times after 20; nine have waited 60 days on 31 October. Of 31,
    # sixteen answers make the half: the 16th came after 20 days.
    waits = CensoredData(uncensored=[*range(1, 11), *[20] * 12], right=[60] * 9)
    curve = ecdf(waits).sf
    median = next(
        day for day, share in zip(curve.quantiles, curve.probabilities, strict=True) if share <= 0.5
    )
    company = row(warehouse, "mart_mr_strength", "company", SEPTEMBER)
    assert company["days_to_answer_median"] == median == 20
    assert (company["first_needs_by_mr"], company["first_needs_by_mr_answered"]) == (31, 22)


def test_patient_contribution(warehouse: Connection) -> None:
    # Notices: 30 concerned and 21 in time, then 5 and 4; that of 30 September is too fresh to say.
    # Questions on safety: P01-P10, answered for P01-P04, once although P01 asked in two ways; P11's was about
    # evidence. OF01 requested nothing.
    office = row(warehouse, "mart_patient_contribution", "OF01", SEPTEMBER)
    assert (office["safety_deliveries"], office["safety_deliveries_in_time"]) == (35, 25)
    assert (office["n_physicians_with_safety_notice"], office["n_physicians_informed_in_time"]) == (30, 20)
    assert (office["proper_use_questions"], office["proper_use_questions_answered"]) == (10, 4)
    assert (office["n_physicians_with_material_request"], office["material_requests"]) == (0, 0)
    for part, counted, of in (
        ("n_physicians_informed_in_time", 20, 30), ("proper_use_questions_answered", 4, 10),
    ):  # fmt: skip
        interval = binomtest(counted, of).proportion_ci(method="wilson")
        found = [office[f"{part}_rate{bound}"] for bound in ("", "_low", "_high")]
        assert found == pytest.approx([counted / of, interval.low, interval.high], abs=1e-9)
    assert office["material_requests_fulfilled_rate"] is None, "there was none"
    requests = row(warehouse, "mart_patient_contribution", "OF04", SEPTEMBER)
    assert (requests["material_requests"], requests["material_requests_fulfilled"]) == (10, 10)


def test_one_channel_is_enough_only_where_it_is_proven(warehouse: Connection) -> None:
    # 40 physicians; ten fail: Q071-072 also asked Medical, Q073-074 gave no answer, Q075-076 have one of two
    # needs answered, Q077-078 were not satisfied, Q079-080 used two channels. 30 of 40: the interval begins
    # at 0.598.
    office = row(warehouse, "mart_not_needed", "OF04", "2026-08-01")
    assert [
        office[name]
        for name in (
            "n_physicians_with_need", "physicians_with_csat", "physicians_needs_answered",
            "physicians_single_channel", "physicians_sufficed",
        )
    ] == [40, 38, 38, 36, 30]  # fmt: skip
    low = binomtest(30, 40).proportion_ci(method="wilson").low
    assert office["sufficed_low"] == pytest.approx(low, abs=1e-9)
    assert (office["verdict"], office["evidence_level"]) == ("single_channel_enough", "E1")
    segment = row(warehouse, "mart_not_needed", "内科|GP", "2026-08-01")
    assert segment["verdict"] == "single_channel_enough"


@pytest.mark.parametrize(
    ("office", "count", "verdict"),
    [("OF09", 9, "cannot_tell"), ("OF10", 10, "cannot_tell"), ("OF29", 29, "cannot_tell"),
     ("OF30", 30, "single_channel_enough")],
)  # fmt: skip
def test_below_thirty_physicians_nothing_is_proven(
    warehouse: Connection, office: str, count: int, verdict: str
) -> None:
    found = row(warehouse, "mart_not_needed", office, JULY)
    assert (found["n_physicians_with_need"], found["physicians_sufficed"]) == (count, count)
    assert found["verdict"] == verdict
    assert (found["sufficed_rate"] is None) == (count < 10)


def test_without_satisfaction_nothing_is_proven(warehouse: Connection) -> None:
    # September: 30 physicians of OF01 with needs, but the survey asked nobody: unknown is not satisfied.
    found = row(warehouse, "mart_not_needed", "OF01", SEPTEMBER)
    assert (found["n_physicians_with_need"], found["physicians_with_csat"]) == (30, 0)
    assert found["verdict"] == "cannot_tell"

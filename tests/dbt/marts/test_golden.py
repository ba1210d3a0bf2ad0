"""Every KPI of the registry against a number worked out by hand from the tiny company (tiny_company.py).

Each block says how the number comes about; nothing here is copied from the SQL's output. Intervals are
checked against scipy, whose Wilson interval and Kaplan-Meier curve are independent implementations.
"""

from __future__ import annotations

from math import log, sqrt

import duckdb
import pytest
from scipy.stats import CensoredData, binomtest, ecdf

from tests.dbt.marts.run import number
from tests.dbt.marts.test_needs_and_moments import KPIS as CHECKED_WITH_NEEDS_AND_MOMENTS

Connection = duckdb.DuckDBPyConnection
OCTOBER = "2026-10-01"


def wilson(successes: int, trials: int) -> tuple[float, float]:
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return interval.low, interval.high


RATES = [
    # Visits: P01-P20 one each, of which P01-P08 answered something: 8 of 20. Below 30: a reference value.
    ("channel.effective_contact_rate", {"channel_id": "mr_visit"}, 8, 20, 20, "reference"),
    # Portal: P21-P40 three each = 60, of which P21-P38 one completed: 18 of 60. The sample is contacts,
    # not people.
    ("channel.effective_contact_rate", {"channel_id": "portal"}, 18, 60, 20, "shown"),
    # 20 of the 40 target physicians were visited.
    ("channel.reach_rate", {"channel_id": "mr_visit"}, 20, 40, 40, "shown"),
    # Nobody of this office was reached by the MR's e-mail (another office's physicians were): 0, not nothing.
    ("channel.reach_rate", {"channel_id": "mr_email"}, 0, 40, 40, "shown"),
    # With the portal everybody was reached: all 40 of 40.
    ("channel.reach_rate", {}, 40, 40, 40, "shown"),
    # 36 physicians were contacted; P01-P09 nine times in 30 days, the others eight times, which is not
    # above eight.
    ("channel.over_contact_rate", {}, 9, 36, 36, "shown"),
    # 35 physicians got one e-mail each (P35's bounced), P36 five of which two arrived: 34 + 2 of 40.
    ("channel.delivered_rate", {"channel_id": "hq_email"}, 36, 40, 36, "shown"),
    # Recipients: P01-P34 and P36 = 35. Clicked: P01-P06 and P36 (twice, counted once); P35 never got his: 7.
    ("email.unique_human_click_rate", {"channel_id": "hq_email"}, 7, 35, 35, "shown"),
    # Of the 35, P01-P04 were opened by a privacy proxy: 31 readable. P05-P14 opened: 10.
    ("email.open_rate_reference", {"channel_id": "hq_email"}, 10, 31, 31, "shown"),
    # Stated: P01-P29 and, since 5 October, P40 = 30; what P31 said of one topic is no preference in general.
    # Shown by responses: P39 (19 of 20 e-mails, portal hardly): 31.
    ("preference.coverage_rate", {}, 31, 40, 40, "shown"),
    # Pushes in October to physicians whose preference was known on 30 September (P01-P29, P39; not yet P40):
    # visits P01-P20 = 20, portal P21-P29 and P39 three each = 30. In a preferred channel: visits to
    # P01-P18 = 18,
    # portal to P21-P27 = 21 (P19, P20 prefer the portal but were visited).
    # For one topic only: P31 wants the portal for safety: of his three, the two about it count, and fit. P21
    # wants visits for evidence: the one of his three about it does not fit. So 39 + 2 - 1 of 50 + 2.
    ("fit.channel_fit_rate", {}, 40, 52, 31, "shown"),
    # Pushes to physicians with a recorded choice: visits 20 + portal P21-P30 30. Honoured: P01-P15 15,
    # P21-P25 15.
    ("fit.choice_honoured_rate", {}, 30, 50, 30, "shown"),
    # Start 31 July: P0 for P01-P20 (9 moved), P1 for P21-P36 (3 moved). P37 not observed, P38 can go no
    # further,
    # P39 has another horizon.
    ("journey.forward_transition_rate", {}, 12, 36, 36, "shown"),
    ("journey.forward_transition_rate", {"product_id": "PRD-A"}, 12, 36, 36, "shown"),
    ("journey.forward_transition_rate", {"product_id": "PRD-A", "phase_id": "P0"}, 9, 20, 20, "reference"),
    # Any contact from May to October: P01-P36. P37's was in April.
    ("journey.unseen_rate", {}, 4, 40, 40, "shown"),
    # 32 answered, P01-P24 with 4. P01 had answered 1 before: his last answer counts.
    ("cx.csat_top2_rate", {}, 24, 32, 32, "shown"),
    # 30 answered, P01-P21 with 8.
    ("cx.usefulness_top_rate", {}, 21, 30, 30, "shown"),
    # 39 invitations arrived (not P40's), P01-P26 answered.
    ("cx.response_rate", {}, 26, 39, 39, "shown"),
]


@pytest.mark.parametrize(("kpi_id", "where", "numerator", "denominator", "physicians", "state"), RATES)
def test_a_rate_is_what_hand_counting_gives(
    warehouse: Connection,
    kpi_id: str,
    where: dict[str, str],
    numerator: int,
    denominator: int,
    physicians: int,
    state: str,
) -> None:
    row = number(warehouse, kpi_id, **where)
    assert (row["numerator"], row["denominator"], row["n_physicians"]) == (numerator, denominator, physicians)
    assert row["display_state"] == state
    assert row["value"] == pytest.approx(numerator / denominator)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(wilson(numerator, denominator), abs=1e-9)


def test_the_closed_loop_needs_thirty_cases(warehouse: Connection) -> None:
    # OF04: 32 answered on 7 October, 24 notified; one more, answered on the 30th, can still be notified
    # in time.
    row = number(warehouse, "medical.closed_loop_rate", "OF04")
    assert (row["numerator"], row["denominator"], row["display_state"]) == (24, 32, "shown")
    assert row["value"] == 0.75
    # OF01: all 8, but 8 are too few for a rate.
    few = number(warehouse, "medical.closed_loop_rate")
    assert (few["numerator"], few["denominator"], few["value"]) == (8, 8, None)
    assert few["display_state"] == "counts_only"


def test_the_median_wait_keeps_open_cases(warehouse: Connection) -> None:
    # 12 inquiries: answered after 1 1 2 2 3 3 5 5 days, four open for 4 days on 31 October.
    # Still waiting: after 1 day 10/12; 2 days 10/12 * 8/10 = 8/12; 3 days 8/12 * 6/8 = 1/2. The median
    # is 3 days.
    # Without the open ones the eight answered would say 2.5.
    row = number(warehouse, "medical.handoff_days_median")
    assert (row["value"], row["denominator"], row["display_state"]) == (3, 12, "shown")
    waits = CensoredData(uncensored=[1, 1, 2, 2, 3, 3, 5, 5], right=[4, 4, 4, 4])
    curve = ecdf(waits).sf
    band = curve.confidence_interval(method="log-log")
    days = curve.quantiles
    low = next(day for day, share in zip(days, band.low.probabilities, strict=True) if share <= 0.5)
    high = next(day for day, share in zip(days, band.high.probabilities, strict=True) if not share > 0.5)
    assert (row["ci_low"], row["ci_high"]) == (low, high) == (1, 5)


def test_the_median_frequency(warehouse: Connection) -> None:
    # 40 physicians in order: twenty with 1, twenty with 3. The 20th has 1, the 21st has 3: median 2.
    # Interval by ranks: (40 - 1.96*sqrt(40))/2 = 13.8 -> 14th = 1; 1 + (40 + 1.96*sqrt(40))/2 = 27.2 ->
    # 27th = 3.
    row = number(warehouse, "channel.frequency_median")
    assert (row["value"], row["ci_low"], row["ci_high"], row["denominator"]) == (2, 1, 3, 40)


def test_the_spread_of_preferences(warehouse: Connection) -> None:
    # First choices of 31: visit 18, portal 10 (P19-P27, P40), representative's e-mail, own site, HQ
    # e-mail 1 each,
    # over a fixed list of nine channels.
    shares = [18 / 31, 10 / 31, 1 / 31, 1 / 31, 1 / 31]
    entropy = -sum(share * log(share) for share in shares)
    spread = sqrt(sum(share * log(share) ** 2 for share in shares) - entropy**2)
    row = number(warehouse, "preference.diversity")
    assert row["denominator"] == 31
    assert row["value"] == pytest.approx(entropy / log(9))
    assert row["ci_low"] == pytest.approx((entropy - 1.959964 * spread / sqrt(31)) / log(9), abs=1e-6)
    assert row["ci_high"] == pytest.approx((entropy + 1.959964 * spread / sqrt(31)) / log(9), abs=1e-6)


def test_the_recommendation_score(warehouse: Connection) -> None:
    # 30 promoters, 54 passives, 36 detractors of 120: 100 * (0.25 - 0.30) = -5,
    # SE = 100 * sqrt((0.25 + 0.30 - 0.05^2) / 120) = 6.754.
    row = number(warehouse, "cx.nps", "OF04")
    assert row["value"] == pytest.approx(-5)
    assert row["ci_high"] - row["value"] == pytest.approx(
        1.959964 * 100 * sqrt((0.55 - 0.0025) / 120), abs=1e-4
    )
    # 40 answers in OF01: the distribution only, although all of them would recommend.
    few = number(warehouse, "cx.nps")
    assert (few["value"], few["denominator"], few["display_state"]) == (None, 40, "counts_only")
    promoters = warehouse.execute(
        "select n_promoters, n_passives, n_detractors, nps from marts.mart_cx where scope_id = 'OF01'"
        " and period_type = 'month' and period_start = ? and channel_id is null and product_id is null",
        [OCTOBER],
    ).fetchone()
    assert promoters == (40, 0, 0, None)


def test_physicians_in_a_phase(warehouse: Connection) -> None:
    # P11-P25 are in P1: 15 of 40; the interval is Wilson's on the share, in physicians.
    row = number(warehouse, "journey.physicians_in_phase", product_id="PRD-A", phase_id="P1")
    low, high = wilson(15, 40)
    assert (row["value"], row["numerator"], row["denominator"]) == (15, 15, 40)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((40 * low, 40 * high))
    # Over all products P01 counts once, in the furthest phase he has reached (P2 with PRD-B): 12 + 1.
    assert number(warehouse, "journey.physicians_in_phase", phase_id="P2")["value"] == 13
    # Nobody in P6 is a result, not a disclosure.
    nobody = number(warehouse, "journey.physicians_in_phase", product_id="PRD-A", phase_id="P6")
    assert (nobody["value"], nobody["display_state"]) == (0, "shown")
    judged = warehouse.execute(
        "select n_judged_only from marts.mart_journey where scope_id = 'OF01' and product_id = 'PRD-A'"
        " and phase_id = 'P1' and period_type = 'month' and period_start = ?",
        [OCTOBER],
    ).fetchone()
    assert judged == (1,)


def test_trust_numbers(warehouse: Connection) -> None:
    # crm_call: 36 of 40 rows have a physician. Webinar: 5 of 10.
    calls = number(warehouse, "trust.match_rate", "company", breakdown="source=crm_call")
    assert (calls["numerator"], calls["denominator"], calls["value"]) == (36, 40, 0.9)
    webinars = number(warehouse, "trust.match_rate", "company", breakdown="source=webinar_zoom")
    assert (webinars["numerator"], webinars["denominator"], webinars["display_state"]) == (5, 10, "reference")
    # 247 target physicians; P01-P36 in the 90 days before. The webinar's two recent ones are among them.
    covered = number(warehouse, "trust.coverage_rate", "company")
    assert (covered["numerator"], covered["denominator"]) == (36, 247)
    webinar = number(warehouse, "trust.coverage_rate", "company", breakdown="source=webinar_zoom")
    assert webinar["numerator"] == 2
    # 20 deliveries whose newest event was 1, 2, … 20 days old: 19 of them at most 19 days = 456 hours.
    freshness = number(warehouse, "trust.freshness_hours_p95", "company", breakdown="source=crm_call")
    assert (freshness["value"], freshness["denominator"]) == (456, 20)


def test_every_registered_kpi_was_checked_here(warehouse: Connection) -> None:
    registered = {row[0] for row in warehouse.execute("select kpi_id from marts.dim_kpi").fetchall()}
    published = {
        row[0] for row in warehouse.execute("select distinct kpi_id from marts.fct_kpi_value").fetchall()
    }
    by_hand = {case[0] for case in RATES} | {
        "medical.closed_loop_rate", "medical.handoff_days_median", "channel.frequency_median",
        "preference.diversity", "cx.nps", "journey.physicians_in_phase", "trust.match_rate",
        "trust.coverage_rate", "trust.freshness_hours_p95",
    }  # fmt: skip
    by_hand |= CHECKED_WITH_NEEDS_AND_MOMENTS
    assert registered == published == by_hand
    assert len(registered) == 29


def test_periods_are_complete_or_a_month(warehouse: Connection) -> None:
    periods = warehouse.execute(
        "select period_type, period_start, period_end, label_ja from marts.mart_period"
        " where period_type <> 'month' order by all"
    ).fetchall()
    # April to October: two whole quarters and the first half; the fiscal year is not over, October no
    # quarter.
    assert [(kind, str(first), str(last), label) for kind, first, last, label in periods] == [
        ("half", "2026-04-01", "2026-09-30", "2026年度上期"),
        ("quarter", "2026-04-01", "2026-06-30", "2026年度 第1四半期"),
        ("quarter", "2026-07-01", "2026-09-30", "2026年度 第2四半期"),
    ]
    months = warehouse.execute("select count(*), min(period_start), max(label_ja) from marts.mart_period"
                               " where period_type = 'month'").fetchone()  # fmt: skip
    assert months is not None
    assert (months[0], str(months[1])) == (7, "2026-04-01")

"""Every KPI of the registry against a number worked out by hand from the tiny company (tiny_company.py).

Each block says how the number comes about; nothing here is copied from the SQL's output. Intervals are
checked against scipy, whose Wilson interval and Kaplan-Meier curve are independent implementations.
"""

from __future__ import annotations

from math import log, sqrt

import duckdb
import pytest
from scipy.stats import CensoredData, binom, binomtest, ecdf, t

from tests.dbt.marts import content_company
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
    # Of the 324 contacts with them, P11 withdrew his consent at the end of October; P20 had withdrawn in
    # March, and P40 was not contacted.
    ("cx.opt_out_per_contact_rate", {}, 1, 324, 36, "shown"),
    # P30, P31 and P36 (five times, counted once); what P12 marked was Medical's.
    ("cx.complaint_per_contact_rate", {}, 3, 324, 36, "shown"),
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
    # Of the 32, P01-P09 were asked by their representative (P01 the second time, which counts).
    ("cx.mr_sent_share", {}, 9, 32, 32, "shown"),
    # 30 answered, P01-P21 with 8.
    ("cx.usefulness_top_rate", {}, 21, 30, 30, "shown"),
    # 39 invitations arrived (not P40's), P01-P26 answered.
    ("cx.response_rate", {}, 26, 39, 39, "shown"),
    # Ten success stories of OF01 may be shown; no transition ended in September: no number beside them.
    ("story.evidence_attached_rate", {}, 0, 10, None, "reference"),
    # Ten initiatives with 0, 0, 1, 1, 2, 2, 3, 3 representatives and twice no record: four with two or more.
    ("initiative.co_planned_rate", {"scope_id": "company"}, 4, 10, None, "reference"),
    # 36 webinars: P01-P18 followed, P19-P24 dismissed with a reason. The nine signals left out count nowhere.
    ("orchestration.handled_rate", {}, 24, 36, 36, "shown"),
    ("orchestration.handled_rate", {"channel_id": "webinar"}, 24, 36, 36, "shown"),
    ("orchestration.follow_up_7d_rate", {}, 18, 36, 36, "shown"),
    # P01-P15 on another channel.
    ("orchestration.sequence_rate", {}, 15, 36, 36, "shown"),
    # Everybody has a representative. P01-P10 visit, webinar and e-mail (P11 withdrew the day before, P12's
    # consent ran out then); P21-P30 visit, webinar and portal, but P25 wants no representative. P29 neither,
    # and has the own site instead. P13-P20 and P31-P40 have two channels, P13 although visits are agreed to:
    # that is no consent to a representative's e-mail. 10 + 9.
    ("choice.availability_rate", {}, 19, 40, 40, "shown"),
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
    # 12 inquiries: answered after 1 1 2 2 3 3 4 4 business days, four open for 3 on Saturday, 31 October.
    # Still waiting: after 1 day 10/12; 2 days 10/12 * 8/10 = 8/12; 3 days 8/12 * 6/8 = 1/2. The median
    # is 3 days.
    # Without the open ones the eight answered would say 2.5. The last two waited 5 days, one a Saturday.
    row = number(warehouse, "medical.handoff_days_median")
    assert (row["value"], row["denominator"], row["display_state"]) == (3, 12, "shown")
    waits = CensoredData(uncensored=[1, 1, 2, 2, 3, 3, 4, 4], right=[3, 3, 3, 3])
    curve = ecdf(waits).sf
    band = curve.confidence_interval(method="log-log")
    days = curve.quantiles
    low = next(day for day, share in zip(days, band.low.probabilities, strict=True) if share <= 0.5)
    high = next(day for day, share in zip(days, band.high.probabilities, strict=True) if not share > 0.5)
    assert (row["ci_low"], row["ci_high"]) == (low, high) == (1, 4)


def test_answers_in_the_agreed_time_leave_out_whose_time_still_runs(warehouse: Connection) -> None:
    # OF01: of eight answered the last two were late; the four open ones still have time.
    counted = warehouse.execute(
        "select n_physicians_answer_due, answers_due, answered_in_time from marts.mart_medical_handoff"
        " where scope_id = 'OF01' and period_type = 'month' and period_start = ?",
        [OCTOBER],
    ).fetchall()
    assert counted == [(8, 8, 6)]
    # Eight are too few for a share. With OF04's 33, all within three days: 39 of 41.
    few = number(warehouse, "medical.answered_in_time_rate")
    assert (few["numerator"], few["denominator"], few["value"], few["display_state"]) == (
        6,
        8,
        None,
        "counts_only",
    )
    row = number(warehouse, "medical.answered_in_time_rate", "company")
    assert (row["numerator"], row["denominator"], row["n_physicians"]) == (39, 41, 41)
    assert (row["value"], row["display_state"]) == (pytest.approx(39 / 41), "shown")


def test_the_median_days_until_a_wish_is_honoured(warehouse: Connection) -> None:
    # 29 wishes of 15 September: P19-P22 portal after 16 days, P01-P18 visit after 25; P23-P27 portal, P28
    # representative's e-mail and P29 own site have waited 46 days on 31 October. P30's is Medical's.
    # Still waiting after 16 days 25/29, after 25 days 25/29 * 7/25 = 7/29.
    row = number(warehouse, "choice.days_to_honour_median", period_start="2026-09-01")
    assert (row["value"], row["denominator"], row["display_state"]) == (25, 29, "shown")
    waits = CensoredData(uncensored=[16] * 4 + [25] * 18, right=[46] * 7)
    band = ecdf(waits).sf.confidence_interval(method="log-log")
    days = ecdf(waits).sf.quantiles
    low = next(day for day, share in zip(days, band.low.probabilities, strict=True) if share <= 0.5)
    high = next(day for day, share in zip(days, band.high.probabilities, strict=True) if share <= 0.5)
    assert (row["ci_low"], row["ci_high"]) == (low, high) == (25, 25)


def test_follow_up_beyond_coincidence(warehouse: Connection) -> None:
    # OF01: 18 of 36 followed, each with a chance of 1/4: 9 expected, lift 9/36. Coincidence alone moves the
    # rate by sqrt(36 * 3/16) / 36. By physician the excess is 3/4 or -1/4 about a mean of 1/4, half each.
    row = number(warehouse, "orchestration.lift")
    margin = t.ppf(0.975, 35) * sqrt(36 / 35 * 36 * 0.25) / 36
    assert (row["value"], row["denominator"]) == (0.25, 36)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.25 - margin, 0.25 + margin), abs=1e-6)
    chance = number(warehouse, "orchestration.coincidence_rate")
    half = 1.959964 * sqrt(36 * 0.25 * 0.75) / 36
    assert (chance["value"], chance["ci_low"], chance["ci_high"]) == pytest.approx(
        (0.25, 0.25 - half, 0.25 + half)
    )
    counted = warehouse.execute(
        "select followed, followed_on_first_day, followed_by_link, dismissed_with_reason, signals_left_out"
        " from marts.mart_orchestration where scope_id = 'OF01' and period_type = 'month'"
        " and period_start = ? and channel_id is null",
        [OCTOBER],
    ).fetchone()
    assert counted == (18, 4, 10, 6, 9)


def test_coincidental_follow_up_shows_no_lift(warehouse: Connection) -> None:
    # OF04: 40 of 80 followed, 40 expected. Two signals of one physician go together: every excess is 1 or -1,
    # which makes the interval wider than 80 independent signals would (squares 40 against a variance of 20).
    row = number(warehouse, "orchestration.lift", "OF04", channel_id="owned_web")
    margin = t.ppf(0.975, 39) * sqrt(40 / 39 * 40) / 80
    assert row["value"] == 0
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((-margin, margin), abs=1e-6)
    assert margin > 1.96 * sqrt(20) / 80


def test_the_way_to_medical_counts_what_a_representative_may_not_answer(warehouse: Connection) -> None:
    # Beyond the label in October: 12 at OF01 (BR1), 33 at OF04 (BR2). In time: all but P09 and P10; of P11,
    # P12 and Q033 nobody can say yet: 40 of 42.
    row = number(warehouse, "medical.route_availability_rate", "company")
    assert (row["numerator"], row["denominator"], row["display_state"]) == (40, 42, "shown")
    assert row["value"] == pytest.approx(40 / 42)
    # 8 + 32 + 1 answered; the record is missing for Q001-Q003. The inquiry on the label is not among them.
    row = number(warehouse, "medical.gl_record_complete_rate", "company")
    assert (row["numerator"], row["denominator"], row["display_state"]) == (38, 41, "shown")
    few = number(warehouse, "medical.gl_record_complete_rate", "BR1")
    assert (few["numerator"], few["denominator"], few["value"]) == (8, 8, None)
    # Waiting of 45: after 1 day 42/45 (P01, P02, Q033), after 2 days 42/45 * 8/42 = 8/45: the median is 2.
    row = number(warehouse, "medical.beyond_label_answer_days_median", "company")
    assert (row["value"], row["denominator"], row["display_state"]) == (2, 45, "shown")
    waits = CensoredData(uncensored=[1, 1, 2, 2, 3, 3, 4, 4, 1] + [2] * 32, right=[3, 3, 3, 3])
    band = ecdf(waits).sf.confidence_interval(method="log-log")
    days = ecdf(waits).sf.quantiles
    low = next(day for day, share in zip(days, band.low.probabilities, strict=True) if share <= 0.5)
    high = next(day for day, share in zip(days, band.high.probabilities, strict=True) if share <= 0.5)
    assert (row["ci_low"], row["ci_high"]) == (low, high)


def test_what_is_missing_in_the_records_is_counted_field_by_field(warehouse: Connection) -> None:
    # Q001 and Q002 did not state unfavourable data. BR1 keeps no fields: nothing is known there, not "none
    # missing". Open are also Q002's evidence and all of Q003 and Q007.
    counted = warehouse.execute(
        "select scope_id, answers, answers_recorded, answers_without_requester, answers_without_request_text,"
        " answers_without_date, answers_without_provider, answers_without_material, answers_without_evidence,"
        " answers_without_negative_data, answers_without_unapproved, answers_fields_unknown"
        " from marts.mart_medical_access where period_start = '2026-10-01' and period_type = 'month'"
        " order by scope_id"
    ).fetchall()
    assert counted == [
        ("BR1", 8, 8, *[None] * 8, 8),
        ("BR2", 33, 30, 0, 0, 0, 0, 0, 0, 2, 0, 3),
        ("company", 41, 38, 0, 0, 0, 0, 0, 0, 2, 0, 11),
    ]


def test_what_was_not_asked_unprompted_is_counted_and_is_no_number(warehouse: Connection) -> None:
    counted = warehouse.execute(
        "select scope_id, inquiries_solicited, inquiries_solicitation_unknown from marts.mart_medical_access"
        " where period_start = '2026-10-01' and period_type = 'month' order by scope_id"
    ).fetchall()
    assert counted == [("BR1", 1, 0), ("BR2", 2, 1), ("company", 3, 1)]
    told = warehouse.execute("select string_agg(numerator || denominator || value) from marts.dim_kpi")
    assert "solicit" not in str(told.fetchall())


def test_bursts_are_flags_for_compliance_and_no_number(warehouse: Connection) -> None:
    flags = warehouse.execute(
        "select scope_type, scope_id, inquiries, burst_flags from marts.mart_medical_access"
        " where period_type = 'month' and period_start = '2026-10-01' order by scope_id"
    ).fetchall()
    assert flags == [("branch", "BR1", 12, 1), ("branch", "BR2", 33, 0), ("company", "company", 45, 1)]
    told = warehouse.execute("select string_agg(numerator || denominator || value) from marts.dim_kpi")
    assert "burst" not in str(told.fetchall())


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
    # 30 promoters, 54 passives, 36 detractors of 120: 100 * (0.25 - 0.30) = -5.
    row = number(warehouse, "cx.nps", "OF04")
    assert row["value"] == pytest.approx(-5)
    # Three answers added, 3/4 of one on either side: 30.75 and 36.75 of 123.
    centre, half = -6 / 123, 1.959964 * sqrt((67.5 / 123 - (6 / 123) ** 2) / 123)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        (100 * (centre - half), 100 * (centre + half)), abs=1e-4
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


@pytest.mark.parametrize(
    ("kpi_id", "channel", "sample", "mean", "half", "state"),
    [
        # 15 say 4 and 15 say 6: s² = 30/29, t(29) = 2.04523.
        ("cx.effort_mean", None, 30, 5.0, 2.04523 * sqrt(30 / 29 / 30), "shown"),
        # All say 7: the spread is taken as if one had said 8 (s² = 1/30), so the interval is no point.
        ("cx.convenience_mean", "webinar", 30, 7.0, 2.04523 / 30, "shown"),
        # 10 say 5 and 10 say 8: s² = 20 · 1.5² / 19, t(19) = 2.09302.
        ("cx.interest_mean", "webinar", 20, 6.5, 2.09302 * sqrt(2.25 / 19), "reference"),
    ],
)
def test_means_of_answers(
    warehouse: Connection, kpi_id: str, channel: str | None, sample: int, mean: float, half: float, state: str
) -> None:
    row = number(warehouse, kpi_id, channel_id=channel)
    assert (row["denominator"], row["display_state"], row["value"]) == (sample, state, pytest.approx(mean))
    assert row["value"] - row["ci_low"] == pytest.approx(half, abs=1e-3)
    assert row["ci_high"] - row["value"] == pytest.approx(half, abs=1e-3)


def test_weighting_one_stratum_changes_nothing(warehouse: Connection) -> None:
    # All of the tiny company's physicians are of one specialty and practice: 24 of 32.
    row = number(warehouse, "cx.csat_top2_weighted_rate", "company")
    assert (row["value"], row["denominator"]) == (pytest.approx(75), 32)
    low, high = wilson(24, 32)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((100 * low, 100 * high))


def test_nobody_was_asked_twice_and_one_opted_out(warehouse: Connection) -> None:
    asked = number(warehouse, "cx.survey_fatigue_rate")
    assert (asked["numerator"], asked["denominator"], asked["value"]) == (0, 39, 0)
    # E-mail allowed on 30 September by P01-P12; P11 withdrew in October (P12's consent ran out, which is no
    # withdrawal).
    opted = number(warehouse, "cx.opt_out_rate")
    assert (opted["numerator"], opted["denominator"]) == (1, 12)
    assert opted["display_state"] == "reference"


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
    # crm_call: 36 of 40 rows have a physician. Webinar: 5 of 10, and the 17 of moment_judgements.py.
    calls = number(warehouse, "trust.match_rate", "company", breakdown="source=crm_call")
    assert (calls["numerator"], calls["denominator"], calls["value"]) == (36, 40, 0.9)
    webinars = number(warehouse, "trust.match_rate", "company", breakdown="source=webinar_zoom")
    assert (webinars["numerator"], webinars["denominator"], webinars["display_state"]) == (
        22,
        27,
        "reference",
    )
    # 247 target physicians; P01-P36 in the 90 days before. The webinar's two recent ones are among them.
    covered = number(warehouse, "trust.coverage_rate", "company")
    assert (covered["numerator"], covered["denominator"]) == (36, 247)
    webinar = number(warehouse, "trust.coverage_rate", "company", breakdown="source=webinar_zoom")
    assert webinar["numerator"] == 2
    # 20 deliveries whose newest event was 1, 2, … 20 days old: 19 of them at most 19 days = 456 hours.
    freshness = number(warehouse, "trust.freshness_hours_p95", "company", breakdown="source=crm_call")
    assert (freshness["value"], freshness["denominator"], freshness["display_state"]) == (456, 20, "shown")
    # Of 20, more than 16 are earlier than the true value in all but 1.6 of 100 cases, more than 17 not: the
    # 17th is the lower end. That all 20 were early happens in 36 of 100: there is no upper end.
    assert binom.cdf(16, 20, 0.95) < 0.025 < binom.cdf(17, 20, 0.95)
    assert (freshness["ci_low"], freshness["ci_high"]) == (17 * 24, None)


def test_links_found_false(warehouse: Connection) -> None:
    # Accounts: 3 of 50 judged ones; the 4 that nobody could decide are in neither, July's 150 are of before.
    accounts = number(warehouse, "trust.false_link_rate", "company", breakdown="source=crm_account")
    assert (accounts["numerator"], accounts["denominator"], accounts["value"]) == (3, 50, 0.06)
    assert (accounts["ci_low"], accounts["ci_high"]) == pytest.approx(wilson(3, 50))
    # None of 31 is no proof that there is none: 1.96² / (31 + 1.96²) = 11 of 100 can be false.
    calls = number(warehouse, "trust.false_link_rate", "company", breakdown="source=crm_call")
    assert (calls["value"], calls["display_state"]) == (0, "shown")
    assert calls["ci_high"] == pytest.approx(1.959963984540054**2 / (31 + 1.959963984540054**2))
    # 1 of 9: counts only.
    webinars = number(warehouse, "trust.false_link_rate", "company", breakdown="source=webinar_zoom")
    assert (webinars["numerator"], webinars["denominator"]) == (1, 9)
    assert (webinars["value"], webinars["ci_high"], webinars["display_state"]) == (None, None, "counts_only")
    # All together 4 of 50 + 31 + 9.
    together = number(warehouse, "trust.false_link_rate", "company")
    assert (together["numerator"], together["denominator"], together["display_state"]) == (4, 90, "shown")
    undecided = warehouse.execute(
        "select source, n_links_undecided, cast(links_drawn_for as varchar), false_link_rate"
        " from marts.mart_data_trust where n_links_checked is not null order by source nulls last"
    ).fetchall()
    assert undecided == [
        ("crm_account", 4, "2026-10-01", 0.06),
        ("crm_call", 0, "2026-10-01", 0.0),
        ("webinar_zoom", 1, "2026-10-01", None),
        (None, 5, "2026-10-01", 4 / 90),
    ]


def test_what_went_together_with_satisfaction(warehouse: Connection) -> None:
    # 30 of 40 satisfied physicians and 9 of 30 others came for information: 75 - 30 = 45 more of 100. The
    # sample is the smaller side.
    row = number(
        warehouse,
        "cx.pull_difference_satisfied",
        "company",
        period_type="quarter",
        period_start="2026-04-01",
    )
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((45, 21, 62))
    assert (row["denominator"], row["n_physicians"], row["display_state"]) == (30, 70, "shown")
    assert (row["evidence_level"], row["verdict"]) == ("E2", None)


def test_every_registered_kpi_was_checked_here(warehouse: Connection) -> None:
    registered = {row[0] for row in warehouse.execute("select kpi_id from marts.dim_kpi").fetchall()}
    published = {
        row[0] for row in warehouse.execute("select distinct kpi_id from marts.fct_kpi_value").fetchall()
    }
    by_hand = {case[0] for case in RATES} | {
        "medical.closed_loop_rate", "medical.answered_in_time_rate", "medical.handoff_days_median",
        "channel.frequency_median",
        "medical.route_availability_rate", "medical.gl_record_complete_rate",
        "medical.beyond_label_answer_days_median",
        "preference.diversity", "cx.nps", "journey.physicians_in_phase", "trust.match_rate",
        "trust.false_link_rate", "trust.coverage_rate", "trust.freshness_hours_p95", "orchestration.lift",
        "orchestration.coincidence_rate", "choice.days_to_honour_median",
        "cx.effort_mean", "cx.convenience_mean", "cx.interest_mean", "cx.csat_top2_weighted_rate",
        "cx.survey_fatigue_rate", "cx.opt_out_rate", "cx.pull_difference_satisfied",
        "content.needs_covered_rate",
    } | content_company.KPIS | CHECKED_WITH_NEEDS_AND_MOMENTS  # fmt: skip
    assert registered == published == by_hand
    assert len(registered) == 60


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

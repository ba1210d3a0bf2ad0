"""What physicians answered, worked out by hand; statistics against scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import binomtest, pearsonr, t
from statsmodels.stats.weightstats import DescrStatsW

from tests.dbt.marts import cx_company
from tests.dbt.marts.core_tables import write_core, write_estimates
from tests.dbt.marts.run import number, run_dbt

OCTOBER = "2026-10-01"
Z = 1.959963984540054
T29 = 2.04522964


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("cx")
    write_core(folder / "warehouse.duckdb", cx_company.tables())
    write_estimates(folder / "estimates", {})
    done = run_dbt(folder, "build", "--select", "path:models/marts", "path:seeds")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def row(marts: duckdb.DuckDBPyConnection, mart: str, **where: Any) -> dict[str, Any]:
    """The one row of a mart; October unless told otherwise."""
    wanted = {"period_type": "month", "period_start": OCTOBER} | where
    conditions = " and ".join(f"{column} is not distinct from ?" for column in wanted)
    cursor = marts.execute(f"select * from marts.{mart} where {conditions}", list(wanted.values()))
    found = cursor.fetchall()
    assert len(found) == 1, f"{mart} {where}: {len(found)} rows"
    return dict(zip([column[0] for column in cursor.description], found[0], strict=True))


def detail(marts: duckdb.DuckDBPyConnection, **where: Any) -> dict[str, Any]:
    place = {"scope_type": "company", "channel_id": None, "phase_id": None, "breakdown": None}
    return row(marts, "mart_cx_detail", **(place | where))


# --- by phase, channel and topic ---


@pytest.mark.parametrize(("phase", "answers", "satisfied"), [("P1", 10, 10), ("P2", 29, 29), ("P3", 30, 24)])
def test_satisfaction_by_phase(marts: Any, phase: str, answers: int, satisfied: int) -> None:
    found = detail(marts, phase_id=phase)
    assert (found["n_csat"], found["n_csat_top2"]) == (answers, satisfied)
    reference = binomtest(satisfied, answers).proportion_ci(method="wilson")
    assert found["csat_top2_rate"] == pytest.approx(satisfied / answers)
    assert (found["csat_top2_rate_low"], found["csat_top2_rate_high"]) == pytest.approx(
        (reference.low, reference.high), abs=1e-12
    )


def test_nine_answers_are_counted_and_no_more(marts: Any) -> None:
    found = detail(marts, phase_id="P0")
    assert (found["n_csat"], found["n_csat_top2"], found["csat_top2_rate"]) == (9, 9, None)
    assert (found["n_effort"], found["effort_mean"], found["effort_mean_low"]) == (9, None, None)


def test_the_phase_is_that_of_the_month_before_the_answer(marts: Any) -> None:
    phases = marts.execute("select distinct phase_id from marts.mart_cx_detail where phase_id is not null")
    assert {phase for (phase,) in phases.fetchall()} == {"P0", "P1", "P2", "P3", "P4", "P5"}


@pytest.mark.parametrize(
    ("phase", "answers", "state", "half"),
    [
        ("P0", 9, "counts_only", None),
        ("P1", 10, "reference", t.ppf(0.975, 9) * sqrt(10 / 9 / 10)),  # five 3 and five 5
        ("P2", 29, "reference", t.ppf(0.975, 28) / 29),  # all 5: as if one were a step apart
        ("P3", 30, "shown", t.ppf(0.975, 29) * sqrt(30 / 29 / 30)),  # fifteen 4 and fifteen 6
    ],
)
def test_effort_by_phase(marts: Any, phase: str, answers: int, state: str, half: float | None) -> None:
    found = number(marts, "cx.effort_mean", "company", phase_id=phase)
    assert (found["denominator"], found["display_state"]) == (answers, state)
    if half is None:
        assert (found["value"], found["ci_low"], found["ci_high"]) == (None, None, None)
    else:
        assert found["value"] == pytest.approx(4 if phase == "P1" else 5)
        assert found["ci_high"] - found["value"] == pytest.approx(half, abs=1e-3)
        assert found["value"] - found["ci_low"] == pytest.approx(half, abs=1e-3)


def test_the_score_needs_a_hundred(marts: Any) -> None:
    # P4: 99 who would all recommend. The distribution, not the score.
    short = detail(marts, phase_id="P4")
    assert [short[c] for c in ("n_nps", "n_promoters", "n_detractors", "nps", "nps_low")] == [
        99,
        99,
        0,
        None,
        None,
    ]
    # P5: 40 promoters, 30 detractors of 100, and three answers added: 40.75 and 30.75 of 103.
    enough = detail(marts, phase_id="P5")
    assert (enough["n_nps"], enough["n_passives"], enough["nps"]) == (100, 30, pytest.approx(10))
    centre, half = 10 / 103, Z * sqrt((71.5 / 103 - (10 / 103) ** 2) / 103)
    assert (enough["nps_low"], enough["nps_high"]) == pytest.approx(
        (100 * (centre - half), 100 * (centre + half))
    )


def test_convenience_and_interest_of_a_channel(marts: Any) -> None:
    shown = number(marts, "cx.convenience_mean", "company", channel_id="webinar")
    assert (shown["value"], shown["denominator"], shown["display_state"]) == (pytest.approx(7), 30, "shown")
    assert shown["ci_high"] - 7 == pytest.approx(T29 * sqrt(30 / 29 / 30), abs=1e-3)
    few = number(marts, "cx.convenience_mean", "company", channel_id="portal")
    assert (few["value"], few["denominator"], few["display_state"]) == (None, 9, "counts_only")
    reference = number(marts, "cx.interest_mean", "company", channel_id="webinar")
    assert (reference["value"], reference["display_state"]) == (pytest.approx(7), "reference")
    # Channels are rated one by one: there is no mean over all of them.
    assert not marts.execute(
        "select 1 from marts.fct_kpi_value where kpi_id = 'cx.convenience_mean' and channel_id is null"
    ).fetchall()


def test_usefulness_of_a_kind_of_information(marts: Any) -> None:
    found = detail(marts, breakdown="topic=T-SAFE")
    assert (found["n_topic_usefulness"], found["n_topic_usefulness_top"]) == (30, 21)
    assert found["topic_usefulness_top_rate"] == pytest.approx(0.7)
    assert found["n_csat"] is None  # nobody was asked how satisfied he is with a topic


# --- weighting, and who did not answer ---


def test_weighted_to_the_target_physicians(marts: Any) -> None:
    # 60 internists, 15 of 20 satisfied; 40 surgeons, 2 of 10: 0.6 · 0.75 + 0.4 · 0.2 = 0.53, plainly 17/30.
    found = row(marts, "mart_cx_weighted", period_start="2026-09-01")
    assert (found["n_csat"], found["n_csat_represented"], found["n_csat_strata"]) == (30, 100, 2)
    assert found["csat_top2_rate"] == pytest.approx(100 * 17 / 30)
    assert found["csat_top2_rate_weighted"] == pytest.approx(53)
    # As exact as 1 / (0.36/20 + 0.16/10) answers; Wilson's interval of 0.53 at that size.
    size = 1 / 0.034
    centre = (0.53 + Z**2 / 2 / size) / (1 + Z**2 / size)
    half = Z / (1 + Z**2 / size) * sqrt(0.53 * 0.47 / size + Z**2 / 4 / size**2)
    assert found["csat_effective_answers"] == pytest.approx(size)
    assert (found["csat_top2_rate_weighted_low"], found["csat_top2_rate_weighted_high"]) == pytest.approx(
        (100 * (centre - half), 100 * (centre + half))
    )


def test_a_stratum_with_four_answers_speaks_for_nobody(marts: Any) -> None:
    found = row(marts, "mart_cx_weighted", period_start="2026-08-01")
    assert (found["n_csat"], found["n_csat_represented"], found["csat_top2_rate_weighted"]) == (24, 60, None)
    assert found["csat_top2_rate"] == pytest.approx(100 * 15 / 24)


def test_all_satisfied_is_no_certainty(marts: Any) -> None:
    found = row(marts, "mart_cx_weighted", period_start="2026-07-01")
    assert (found["csat_top2_rate_weighted"], found["csat_top2_rate_weighted_high"]) == (100, 100)
    assert found["csat_top2_rate_weighted_low"] == pytest.approx(100 / (1 + Z**2 * 0.034))


def test_who_did_not_answer(marts: Any) -> None:
    # 30 of the 40 who answered and 10 of the 40 who did not are internists: 0.5 / sqrt(0.75 · 0.25).
    found = row(marts, "mart_survey_nonresponse", characteristic="specialty_group", level_id="内科")
    assert (found["n_invited"], found["n_responded"], found["verdict"]) == (40, 30, "differs")
    d = 0.5 / sqrt(0.1875)
    assert found["standardised_difference"] == pytest.approx(d)
    half = Z * sqrt(80 / 1600 + d**2 / 160)
    assert (found["standardised_low"], found["standardised_high"]) == pytest.approx((d - half, d + half))
    # Contacts before: thirty 2 and ten 4 against forty 1.
    before = row(marts, "mart_survey_nonresponse", characteristic="prior_contacts")
    answered, silent = np.repeat([2, 4], [30, 10]), np.ones(40)
    spread = sqrt((answered.var(ddof=1) + silent.var(ddof=1)) / 2)
    assert (before["mean_responded"], before["mean_not_responded"]) == (2.5, 1)
    assert before["standardised_difference"] == pytest.approx(1.5 / spread)


def test_asked_again_within_ninety_days(marts: Any) -> None:
    # 80 were asked in October, five of them 89 days after July's survey. 90 days are long enough, and a
    # mail that bounced asked nobody.
    found = number(marts, "cx.survey_fatigue_rate", "company")
    assert (found["numerator"], found["denominator"]) == (5, 80)
    assert number(marts, "cx.survey_fatigue_rate", "company", period_start="2026-07-01")["numerator"] == 0


def test_consent_that_was_in_force_and_was_withdrawn(marts: Any) -> None:
    # Of 20, W005 had withdrawn and W006's had run out; W001 to W003 and W007 withdrew in October.
    found = number(marts, "cx.opt_out_rate", "company")
    assert (found["numerator"], found["denominator"]) == (4, 18)


# --- what is wanted of representatives ---


def test_importance_and_satisfaction_of_an_element(marts: Any) -> None:
    found = row(
        marts,
        "mart_mr_expectation",
        segment_type="specialty_group",
        segment_id="精神科",
        element_id="context_first",
    )
    assert (found["n_importance"], found["importance_mean"]) == (30, pytest.approx(8))
    assert found["importance_mean_high"] - 8 == pytest.approx(T29 * sqrt(30 / 29 / 30), abs=1e-3)
    # Lines: (8 + 5) / 2 and (4 + 8) / 2.
    assert (found["importance_line"], found["satisfaction_line"]) == (pytest.approx(6.5), pytest.approx(6))
    assert (found["quadrant"], found["quadrant_ja"]) == ("improve", "大切だが満足が低い。先に直すところ")
    reply = row(
        marts,
        "mart_mr_expectation",
        segment_type="specialty_group",
        segment_id="精神科",
        element_id="quick_reply",
    )
    assert (reply["quadrant"], reply["importance_mean"]) == ("enough", pytest.approx(5))


def test_derived_importance_is_the_correlation(marts: Any) -> None:
    # The first 24 psychiatrists are satisfied (4, the others 3); the first 15 like the context (5, not 3).
    reference = pearsonr([4] * 24 + [3] * 6, [5] * 15 + [3] * 15)
    interval = reference.confidence_interval()
    found = row(
        marts,
        "mart_mr_expectation",
        segment_type="specialty_group",
        segment_id="精神科",
        element_id="context_first",
    )
    assert (found["n_derived"], found["derived_importance"]) == (30, pytest.approx(reference.statistic))
    assert (found["derived_importance_low"], found["derived_importance_high"]) == pytest.approx(
        (interval.low, interval.high)
    )


def test_twenty_nine_are_no_segment(marts: Any) -> None:
    found = row(
        marts,
        "mart_mr_expectation",
        segment_type="specialty_group",
        segment_id="皮膚科",
        element_id="context_first",
    )
    assert (found["n_importance"], found["importance_mean"], found["quadrant"]) == (29, None, "cannot_tell")
    together = row(
        marts,
        "mart_mr_expectation",
        segment_type="specialty_group",
        segment_id="all",
        element_id="context_first",
    )
    assert (together["n_importance"], together["importance_mean"]) == (
        59,
        pytest.approx((29 * 9 + 30 * 8) / 59),
    )


def test_the_gap_between_wanted_and_received(marts: Any) -> None:
    # 30 of 50 want visits; 26 had one: 20 who want it and H021, and five who do not.
    found = row(marts, "mart_mr_role_gap", need_item_id="face_to_face")
    counts = [found[f"n_{name}"] for name in ("pairs", "wanting", "receiving", "unmet", "received_unwanted")]
    assert counts == [50, 30, 26, 9, 5]
    assert (found["gap"], found["verdict"]) == (pytest.approx(0.08), "cannot_tell")
    # Agresti and Min: the plain interval of paired differences with half a physician more of each kind.
    pairs = DescrStatsW(np.array([1.0, 0.0, -1.0]), weights=np.array([9.5, 37.0, 5.5]), ddof=0)
    spread = sqrt(pairs.var / 52)
    assert (found["gap_low"], found["gap_high"]) == pytest.approx(
        (pairs.mean - Z * spread, pairs.mean + Z * spread)
    )
    # Of the nine, five want to meet and cannot, four of the five who want no representatives.
    assert (found["n_not_wanted"], found["is_unmet_split_hidden"]) == (5, False)
    unmet = [found[f"n_unmet_{wish}"] for wish in ("meets", "cannot_meet", "when_needed", "not_wanted")]
    assert unmet == [0, 5, 0, 4]


def test_four_of_one_wish_are_in_no_split(marts: Any) -> None:
    found = row(marts, "mart_mr_role_gap", need_item_id="evidence")
    assert (found["n_pairs"], found["n_unmet"], found["is_unmet_split_hidden"]) == (30, 30, True)
    split = [f"{kind}_{wish}" for kind in ("n", "n_unmet") for wish in ("meets", "cannot_meet", "not_wanted")]
    assert {found[name] for name in split} == {None}


def test_forty_nine_pairs_are_too_few(marts: Any) -> None:
    found = row(marts, "mart_mr_role_gap", need_item_id="remote_meeting")
    assert (found["n_pairs"], found["n_wanting"], found["n_receiving"]) == (49, 49, 0)
    assert (found["gap"], found["wanting_rate"], found["verdict"]) == (None, None, "cannot_tell")


def test_all_want_it_and_nobody_received_it(marts: Any) -> None:
    # Visits about other topics are no information on safety.
    found = row(marts, "mart_mr_role_gap", need_item_id="safety_information")
    assert (found["gap"], found["n_unmet"], found["verdict"]) == (1, 50, "more_wanted")
    # 50/52 ± 1.96 · sqrt(51 - 50²/52) / 52, cut at 1.
    assert found["gap_low"] == pytest.approx(50 / 52 - Z * sqrt(51 - 2500 / 52) / 52)
    assert found["gap_high"] == 1


def test_no_difference_among_pairs_is_no_certainty(marts: Any) -> None:
    # 7 is not "want" and nobody was invited: 0 against 0, and an interval that is no point.
    found = row(marts, "mart_mr_role_gap", need_item_id="meeting")
    assert (found["n_wanting"], found["n_receiving"], found["gap"], found["verdict"]) == (
        0,
        0,
        0,
        "cannot_tell",
    )
    assert found["gap_high"] == pytest.approx(Z / 52)


# --- several channels and one, and the board ---


def frame(outcome: str) -> pd.DataFrame:
    rows = []
    for name, (satisfied, recommended) in cx_company.outcomes().items():
        if name[0] == "C":
            score = 100 * (int(recommended >= 9) - int(recommended <= 6))
            told = {
                "csat_top2": satisfied >= 4, "nps": score, "need_answered": cx_company.is_need_answered(name)
            }  # fmt: skip
            rows.append(
                {
                    "y": float(told[outcome]),
                    "multi": int(cx_company.is_multi(name)),
                    "stratum": "|".join(cx_company.stratum(name)),
                    "mr": int(name[1:]) // 10,
                }
            )
    return pd.DataFrame(rows)


def contrast(marts: duckdb.DuckDBPyConnection, contrast_id: str, **where: Any) -> dict[str, Any]:
    return row(marts, "mart_experience_contrast", contrast_id=contrast_id, **where)


@pytest.mark.parametrize("outcome", ["csat_top2", "nps", "need_answered"])
def test_contrast_is_a_regression_within_strata(marts: Any, outcome: str) -> None:
    data = frame(outcome)
    model = smf.ols("y ~ multi + C(stratum)", data=data)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": data["mr"], "use_correction": False})
    clusters = data["mr"].nunique()
    error = fit.bse["multi"] * sqrt(40 / 39) * sqrt(clusters / (clusters - 1))  # six strata of 40
    half = t.ppf(0.975, clusters - 1) * error
    found = contrast(marts, "several_channels", period_start="2026-06-01", outcome_id=outcome)
    assert (found["n_multi"], found["n_single"], found["n_clusters"]) == (120, 120, clusters)
    assert found["difference"] == pytest.approx(fit.params["multi"])
    assert found["difference_high"] - found["difference"] == pytest.approx(half, rel=1e-3)
    assert found["evidence_level"] == "E2"
    assert "結果とは言えません" in found["caution_ja"]


def test_everybody_satisfied_on_both_sides_is_no_certainty(marts: Any) -> None:
    # 30 with one channel and 30 with two, all satisfied: nothing is known of how much they could differ.
    found = contrast(marts, "several_channels", period_start="2026-07-01", outcome_id="csat_top2")
    assert (found["n_multi"], found["n_single"]) == (30, 30)
    assert (found["difference"], found["difference_low"], found["verdict"]) == (None, None, "cannot_tell")


def test_ninety_nine_on_one_side_give_no_score(marts: Any) -> None:
    score = contrast(marts, "several_channels", period_start="2026-08-01", outcome_id="nps")
    assert (score["n_multi"], score["n_single"]) == (99, 100)
    assert (score["difference"], score["mean_multi"], score["verdict"]) == (None, None, "cannot_tell")
    satisfied = contrast(marts, "several_channels", period_start="2026-08-01", outcome_id="csat_top2")
    assert satisfied["difference"] is not None


def test_orchestrated_contact_against_one_channel(marts: Any) -> None:
    # One stratum. 30 of two channels and five of one; the other 95 of one channel stand on the other side.
    found = contrast(marts, "orchestrated", period_start="2026-08-01", outcome_id="csat_top2")
    sides = [found[name] for name in ("n_all_multi", "n_all_single", "n_multi", "n_single")]
    assert sides == [35, 95, 35, 95]
    outcomes = cx_company.outcomes()
    other = [f"D{number:03d}" for number in range(105, 200)]
    satisfied = [
        np.mean([outcomes[name][0] >= 4 for name in names]) for names in (cx_company.ORCHESTRATED, other)
    ]
    assert found["difference"] == pytest.approx(satisfied[0] - satisfied[1])
    assert found["evidence_level"] == "E2"
    assert "一緒に見られた" in found["caution_ja"]
    assert "結果とは言えません" in found["caution_ja"]
    # Those of several channels stay as they are, and a score needs a hundred.
    several = contrast(marts, "several_channels", period_start="2026-08-01", outcome_id="nps")
    assert several["n_all_single"] == 100
    assert contrast(marts, "orchestrated", period_start="2026-08-01", outcome_id="nps")["difference"] is None


def test_the_two_contrasts_do_not_tell_of_a_few(marts: Any) -> None:
    # In June two of the 120 with one channel had orchestrated contact: 120 less 118 would tell.
    several = contrast(marts, "several_channels", period_start="2026-06-01", outcome_id="nps")
    assert several["n_all_single"] == 120
    few = contrast(marts, "orchestrated", period_start="2026-06-01", outcome_id="nps")
    assert [few[name] for name in ("n_all_multi", "n_all_single", "n_multi", "n_single")] == [None] * 4
    nobody = contrast(marts, "orchestrated", period_start="2026-07-01", outcome_id="csat_top2")
    assert (nobody["n_all_multi"], nobody["n_all_single"], nobody["verdict"]) == (0, 30, "cannot_tell")


def test_the_board_shows_what_is_published_and_says_what_is_not(marts: Any) -> None:
    def cell(outcome: str) -> dict[str, Any]:
        return row(marts, "mart_outcome_board", scope_id="company", outcome_id=outcome)

    published = number(marts, "cx.csat_top2_rate", "company")
    satisfied = cell("satisfied")
    for column in (
        "numerator",
        "denominator",
        "value",
        "ci_low",
        "ci_high",
        "evidence_level",
        "display_state",
    ):
        assert satisfied[column] == published[column]
    assert (satisfied["n_invited"], satisfied["n_responded"]) == (80, 40)
    assert cell("opt_out")["n_invited"] is None  # no survey
    nobody_asked = cell("need_answered")
    assert (nobody_asked["display_state"], nobody_asked["denominator"]) == ("counts_only", 0)
    board = marts.execute(
        "select count(distinct outcome_id), count(*) from marts.mart_outcome_board"
        " where scope_id = 'company' and period_type = 'month' and period_start = ?",
        [OCTOBER],
    ).fetchone()
    assert board == (8, 8)

"""Read-outs of initiatives from cores to be followed by hand: who is compared, when, and what is said."""

from __future__ import annotations

import calendar
import math
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats
from shirube.estimation import pilot_readout
from shirube.estimation.decision_ladder import Burden, Design
from shirube.estimation.effects import Effect
from shirube.estimation.pilot_readout import Finding, Initiative, Pilot, ReadOut, read_out, rows
from shirube.estimation.staggered import NEVER

from benchmarks.truth import RULE
from tests.estimation.small_core import make_core

Row = dict[str, Any]
AS_OF = date(2026, 11, 8)
MONTHS = [
    date(year, month, calendar.monthrange(year, month)[1])
    for year in (2025, 2026)
    for month in range(1, 13)
    if (2025, 5) <= (year, month) <= (2026, 10)
]
JUNE = date(2026, 6, 30)
JULY_1 = date(2026, 7, 1)


class Company:
    """One initiative, its physicians, and how each one's journey went on."""

    def __init__(self, design: str | None = "randomised", **register: Any) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in pilot_readout.READS}
        self.tables["dim_initiative"] = [
            {"initiative_id": "I", "product_id": "PRD-A", "design": design, "starts_on": JULY_1} | register
        ]

    def lives(self, name: str, office: str = "OF01", employee: str = "E1", **more: Any) -> None:
        self.tables["fct_physician_month"] += [
            {"physician_key": name, "month_end": month, "is_target": True, "is_active": True}
            | {
                "specialty_group": "内科",
                "practice_type": "GP",
                "office_id": office,
                "employee_key": employee,
            }
            | more
            for month in MONTHS
        ]

    def assign(self, unit: str, arm: str, unit_type: str = "physician", **more: Any) -> None:
        treated = arm == "treatment"
        number = len(self.tables["fct_assignment"])
        self.tables["fct_assignment"].append(
            {"assignment_key": f"a{number:04d}", "initiative_id": "I", "unit_type": unit_type}
            | {"unit_id": unit, "arm": arm, "assigned_on": date(2026, 6, 17)}
            | {"starts_on": JULY_1 if treated else None, "is_assigned_before_start": True, **more}
        )

    def goes(self, name: str, month: date, moved: bool, phase: str = "P1", **more: Any) -> None:
        self.tables["fct_journey_transition"].append(
            {"physician_key": name, "product_id": "PRD-A", "month_end": month, "horizon_days": 90}
            | {"from_phase_id": phase, "is_forward": moved, "is_start_observable": True}
            | {"is_observed_until_end": True, "is_target_throughout": True, **more}
        )

    def contact(self, name: str, month: date, contacts: int, **more: Any) -> None:
        self.tables["fct_physician_channel_product_month"].append(
            {"physician_key": name, "channel_id": "mr_visit", "product_id": "PRD-A", "month_end": month}
            | {"delivered_contacts": contacts, **more}
        )

    def pressed(self, name: str, month: date, most: int) -> None:
        self.tables["fct_physician_contact_month"].append(
            {"physician_key": name, "month_end": month, "push_contacts": most, "max_push_contacts_30d": most}
        )

    def core(self) -> duckdb.DuckDBPyConnection:
        return make_core(pilot_readout.READS, self.tables)

    def row(self, as_of: date = AS_OF) -> Row:
        table = pilot_readout.estimate(self.core(), as_of)
        assert table.schema == pilot_readout.SCHEMA
        (found,) = table.to_pylist()
        return dict(found)


def drawn(treated: int = 40, control: int = 40, moved: tuple[int, int] = (20, 10)) -> Company:
    """Forty on each side; of the treated twenty move on from June, of the others ten."""
    company = Company()
    for arm, count, forward in (("treatment", treated, moved[0]), ("control", control, moved[1])):
        for number in range(count):
            name = f"{arm[0]}{number:03d}"
            company.lives(name)
            company.assign(name, arm)
            company.goes(name, JUNE, number < forward)
    return company


def test_a_lot_by_hand() -> None:
    row = drawn().row()
    # 20 of 40 against 10 of 40. Squared deviations from the own arm's share: 40 * 1/4 + 40 * 3/16 = 17.5;
    # times (80/79)² for the estimated mean and the number of clusters, over 40²: 0.0112159, root 0.105906.
    assert row["effect"] == pytest.approx(0.25)
    half = float(stats.t.ppf(0.975, 79)) * 0.105906
    assert (row["effect_low"], row["effect_high"]) == pytest.approx((0.25 - half, 0.25 + half), abs=1e-5)
    assert (row["n_treated"], row["n_control"], row["n_clusters"], row["moved_treated"]) == (40, 40, 80, 20)
    assert (row["rate_treated"], row["rate_without"]) == pytest.approx((0.5, 0.25))
    assert (row["design"], row["compared_from"], row["first_start_on"]) == ("randomised", JUNE, JULY_1)
    assert (row["failed_diagnostics"], row["missing_diagnostics"], row["e_value"]) == ("", "", None)
    # 0.25 - 0.21 is just above 3 of 100; nobody bore anything.
    assert (row["evidence_level"], row["verdict"], row["n_tests"]) == ("E4", "needed", 1)
    assert "効果がありました" in row["reason_ja"]


def test_who_is_compared() -> None:
    company = drawn()
    stranger = {"is_assigned_before_start": False, "assigned_on": date(2026, 7, 20)}
    for name, phase, more in (
        ("further", "P5", {}),  # can still move on: compared
        ("furthest", "P6", {}),
        ("dormant", "PX", {}),
        ("left", "P1", {"is_observed_until_end": False}),
        ("dropped", "P1", {"is_target_throughout": False}),
    ):
        company.lives(name)
        company.assign(name, "treatment")
        company.goes(name, JUNE, False, phase, **more)
    company.lives("late")
    company.assign("late", "treatment", **stranger)
    company.goes("late", JUNE, True)
    company.lives("no_target", is_target=False)
    company.assign("no_target", "treatment")
    company.goes("no_target", JUNE, True)
    # A second code of one physician, with the other arm: the first assignment counts.
    company.assign("c000", "treatment", assigned_on=date(2026, 6, 18))
    row = company.row()
    assert (row["n_treated"], row["n_control"], row["moved_treated"]) == (41, 40, 20)
    assert (row["n_assigned_treated"], row["n_assigned_control"], row["n_assigned_late"]) == (45, 40, 1)


def test_what_was_known_before_is_taken_into_account() -> None:
    # Everybody who moves from June moved from March too: nothing of the difference is left but the chance of
    # the draw. Against the plain difference of 0.25 (CUPED: theta = 1 here, so the outcome is foretold).
    company = drawn()
    for row in list(company.tables["fct_journey_transition"]):
        company.goes(row["physician_key"], date(2026, 3, 31), row["is_forward"])
    row = company.row()
    assert row["effect"] == pytest.approx(0, abs=1e-9)
    # Ten more of forty before the start: the lot did not make the arms alike.
    assert (row["failed_diagnostics"], row["evidence_level"]) == ("balance", "E3")
    # The window of April to June shows it, with the interval of the plain difference above.
    before, after = row["periods"]
    assert (before["months_from_start"], after["months_from_start"]) == (-3, 0)
    assert (before["effect"], after["effect"]) == pytest.approx((0.25, row["effect"]))
    half = float(stats.t.ppf(0.975, 79)) * 0.105906
    assert (before["effect_low"], before["effect_high"]) == pytest.approx(
        (0.25 - half, 0.25 + half), abs=1e-5
    )


def test_the_burden_is_that_of_the_treated_time() -> None:
    company = drawn()
    for month, contacts in (
        (JUNE, 9),
        (date(2026, 7, 31), 2),
        (date(2026, 9, 30), 1),
        (date(2026, 10, 31), 9),
    ):
        company.contact("t000", month, contacts)
        company.contact("c000", month, contacts)
    company.contact("t001", date(2026, 7, 31), 5, product_id="PRD-B")
    company.contact("t001", date(2026, 8, 31), 5, channel_id="msl_visit")
    company.pressed("t000", JUNE, 9)
    company.pressed("t000", date(2026, 8, 31), 9)
    company.pressed("t001", date(2026, 8, 31), 8)  # the rule is "more than 8"
    row = company.row()
    # July 2 and September 1 of forty treated; one of 40 * 3 months beyond the rule; 0.075 / 0.25 per move.
    assert row["contacts_per_treated"] == pytest.approx(3 / 40)
    assert row["over_contact_share"] == pytest.approx(1 / 120)
    assert row["contacts_per_move"] == pytest.approx(0.3)
    company.tables["dim_initiative"][0]["ends_on"] = date(2026, 8, 15)
    ended = company.row()
    assert ended["contacts_per_treated"] == pytest.approx(2 / 40)
    assert ended["over_contact_share"] == pytest.approx(1 / 80)


@pytest.mark.parametrize(
    ("register", "words"),
    [
        ({"design": None}, "台帳にありません"),
        ({"design": "none"}, "比べる相手を決めずに"),
        ({"product_id": None}, "対象の製品"),
    ],
)
def test_an_initiative_without_a_design_says_so(register: Row, words: str) -> None:
    company = drawn()
    company.tables["dim_initiative"][0] |= register
    row = company.row()
    assert (row["verdict"], row["evidence_level"], row["effect"]) == ("cannot_tell", "E1", None)
    assert row["design"] == ("none" if "design" in register else "randomised")
    assert words in row["reason_ja"] and not row["reason_ja"].endswith("。")


def test_an_initiative_without_usable_assignments_says_so() -> None:
    company = Company()
    assert company.row()["reason_ja"] == "割付の記録がありません"
    company.assign("p", "control")
    assert company.row()["reason_ja"] == "実施する側の割付がありません"
    company.assign("q", "treatment", is_assigned_before_start=False)
    late = company.row()
    assert (late["reason_ja"], late["n_assigned_late"]) == ("割付が、始まったあとに記録されています", 1)
    company.lives("somebody_else")
    company.assign("r", "treatment")
    assert "追える人がいません" in company.row()["reason_ja"]
    company.lives("r")
    alone = company.row()
    assert "どちらかの側に" in alone["reason_ja"]
    assert (alone["evidence_level"], alone["failed_diagnostics"], alone["missing_diagnostics"]) == (
        "E1",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("starts_on", "words"),
    [
        (date(2026, 11, 9), "まだ始まっていません（開始は2026年11月9日）"),
        (date(2026, 9, 1), "始まってから90日の結果が、まだそろっていません"),
        (date(2025, 5, 1), "始まる前の月の記録がありません"),
    ],
)
def test_an_initiative_that_is_too_young_or_too_old_says_so(starts_on: date, words: str) -> None:
    company = drawn()
    for row in company.tables["fct_assignment"]:
        row["starts_on"] = starts_on if row["arm"] == "treatment" else None
    found = company.row()
    assert (found["reason_ja"], found["verdict"], found["design"]) == (words, "cannot_tell", "randomised")


def test_a_treated_unit_without_a_day_begins_with_the_initiative() -> None:
    company = drawn()
    for row in company.tables["fct_assignment"]:
        row["starts_on"] = None
    assert company.row()["compared_from"] == JUNE
    company.tables["dim_initiative"][0]["starts_on"] = None
    assert company.row()["reason_ja"] == "実施する側の割付がありません"


def test_few_physicians_are_no_verdict_and_no_test() -> None:
    row = drawn(treated=29).row()
    assert (row["verdict"], row["n_tests"], row["q_value"]) == ("cannot_tell", 0, None)
    assert "少なすぎます" in row["reason_ja"]


def offices(moved_after: int) -> Company:
    """24 offices of four: eight start in June, eight in August, eight never; one of four moves on in every
    window, and `moved_after` in the windows that lie wholly after the start."""
    company = Company("staggered", starts_on=date(2026, 6, 1))
    starts = [date(2026, 6, 1), date(2026, 8, 1), None]
    for number in range(24):
        office, start = f"OF{number:02d}", starts[number % 3]
        company.assign(office, "treatment" if start else "control", "office", starts_on=start)
        for physician in range(4):
            name = f"{office}-{physician}"
            company.lives(name, office)
            for place, month in enumerate(MONTHS[:-3]):
                is_full = start is not None and MONTHS[place + 1] > start
                company.goes(name, month, physician < (moved_after if is_full else 1))
    return company


def test_a_roll_out_by_hand() -> None:
    row = offices(2).row()
    # From May (June starts) and from July (August starts) two of four move on instead of one: 0.25 exactly.
    assert row["effect"] == pytest.approx(0.25)
    # The window from May of those who start in August touches their start: only the eight others compare.
    assert (row["n_treated"], row["n_control"], row["n_clusters"], row["moved_treated"]) == (64, 32, 24, 32)
    assert (row["rate_treated"], row["rate_without"]) == pytest.approx((0.5, 0.25))
    assert (row["design"], row["compared_from"]) == ("staggered", date(2026, 5, 31))
    # Before the start nothing ever differed, so that a test of it has no spread to measure by.
    assert (row["failed_diagnostics"], row["missing_diagnostics"]) == ("", "pre_trend")
    assert "始まる前の動きを確かめられない" in row["reason_ja"]
    assert "違った" not in row["reason_ja"]
    # Four windows that ended before the start, and those from it on; from a month later only June's offices
    # have been followed to the end. Before, those of August compare with June's as well.
    assert [
        (one["months_from_start"], one["n_treated"], one["n_control"], round(one["effect"], 9))
        for one in row["periods"]
    ] == [
        *((months, 64, 64, 0.0) for months in (-7, -6, -5, -4)),
        (0, 64, 32, 0.25),
        (1, 32, 32, 0.25),
        (2, 32, 32, 0.25),
    ]


def test_a_roll_out_bears_each_office_for_its_own_time() -> None:
    company = offices(2)
    for month in MONTHS:
        company.contact("OF00-0", month, 1)  # starts in June
        company.contact("OF01-0", month, 1)  # starts in August
        company.contact("OF02-0", month, 1)  # never
    # June to August and August to October, of 64 treated.
    assert company.row()["contacts_per_treated"] == pytest.approx(6 / 64)


def rolled_out(seed: int, n_offices: int, effect: float) -> Pilot:
    """Arrays of a roll-out in steps: 18 windows, thirty physicians an office, what an office shares; the
    effect grows with the months of a window that lie after the start."""
    random = np.random.default_rng([seed, 46])
    cluster = np.repeat(np.arange(n_offices), 30)
    begins = random.permutation(np.resize([12, 14, NEVER], n_offices))
    start, n = begins[cluster], len(cluster)
    window = np.arange(18)
    touched = np.clip((window + 4 - start[:, None].astype(float)) / 3, 0, 1)
    level = 0.2 + random.normal(0, 0.03, (n_offices, 18))[cluster] + effect * touched
    moved = (random.random((n, 18)) < level).astype(np.float32)
    moved[:, 15:] = np.nan
    empty = np.zeros(n, np.int64)
    other = np.full((2, n), np.nan)
    return Pilot(moved, moved, start, empty, other, cluster, empty, empty, empty, Burden(1, 0), 3)


STAGGERED = Initiative("I", "PRD-A", "staggered", None, date(2026, 5, 1), 1, 0)


@pytest.mark.parametrize("n_offices", [12, 30])
def test_intervals_of_roll_outs_hold_the_truth_with_few_and_many_offices(n_offices: int) -> None:
    covered, found, before = [], [], []
    for seed in range(60):
        finding, _ = read_out(rolled_out(seed, n_offices, 0.1), STAGGERED, RULE)
        assert finding.effect is not None and finding.n_clusters == n_offices
        covered.append(finding.effect.low <= 0.1 <= finding.effect.high)
        found.append(finding.effect.estimate)
        before += [one.effect for one in finding.periods if one.months_from_start < 0]
    assert np.mean(covered) >= 0.9
    assert len(before) == 60 * RULE.minimum_pre_periods
    assert np.mean([effect.low <= 0 <= effect.high for effect in before]) >= 0.9
    assert np.mean(found) == pytest.approx(0.1, abs=3 * np.std(found) / math.sqrt(60))


def chosen(seed: int, keen: float = 0.0, effect: float = 0.0, territories: int = 40) -> Company:
    """800 physicians of two kinds; somebody chose a third of them, more of the hospital's; `keen`: how much
    more often the chosen move on at all times."""
    random = np.random.default_rng([seed, 47])
    company = Company("comparison_only")
    for number in range(800):
        name, hospital = f"p{number:03d}", number % 2
        kind = {"practice_type": "HP" if hospital else "GP"}
        company.lives(name, employee=f"E{number % territories:02d}", **kind)
        is_chosen = random.random() < 0.2 + 0.3 * hospital
        company.assign(name, "treatment" if is_chosen else "control")
        for month in MONTHS[:-3]:
            chance = 0.15 + 0.1 * hospital + keen * is_chosen
            for product, more in (("PRD-A", effect * is_chosen * (month == JUNE)), ("PRD-B", 0.0)):
                company.goes(name, month, bool(random.random() < chance + more), product_id=product)
    return company


def test_a_matched_comparison_reaches_its_level_and_no_more() -> None:
    row = chosen(5, effect=0.4).row()
    assert row["design"] == "matched"
    assert row["effect_low"] < 0.4 < row["effect_high"]
    assert (row["failed_diagnostics"], row["missing_diagnostics"], row["evidence_level"]) == ("", "", "E3")
    # Representatives, not physicians, are what the physicians of a comparison share.
    assert row["n_clusters"] == 40
    assert row["e_value_limit"] > 1.5
    assert row["verdict"] == "needed" and "比べると差がありました" in row["reason_ja"]
    # July to September, and four windows that ended before July: their mean is what is taken away.
    *before, after = row["periods"]
    assert [one["months_from_start"] for one in row["periods"]] == [-6, -5, -4, -3, 0]
    assert [after[name] for name in ("effect", "effect_low", "effect_high")] == [
        row[name] for name in ("effect", "effect_low", "effect_high")
    ]
    assert sum(one["effect"] for one in before) == pytest.approx(0, abs=1e-12)
    assert all(one["effect_low"] < 0 < one["effect_high"] for one in before)


def test_keener_physicians_are_no_effect() -> None:
    row = chosen(2, keen=0.25).row()
    # A plain comparison would say 25 of 100; what was there before goes with it, and the check sees it.
    assert abs(row["effect"]) < 0.1
    assert "balance" in row["failed_diagnostics"].split(",")
    assert (row["verdict"], row["evidence_level"]) == ("cannot_tell", "E2")


def test_few_territories_have_a_wider_interval_by_changing_signs() -> None:
    few = chosen(3, effect=0.4, territories=12).row()
    assert few["n_clusters"] == 12
    assert few["effect_low"] < 0.4 < few["effect_high"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("practice_type", ("HP", "GP")),
        ("area_type", ("metropolitan", "regional")),
        ("specialty_group", "AB"),
        ("has_several_facilities", (True, False)),
    ],
)
def test_nobody_alike_is_said_in_words(column: str, values: Sequence[Any]) -> None:
    company = chosen(4)
    chosen_ones = {row["unit_id"] for row in company.tables["fct_assignment"] if row["arm"] == "treatment"}
    for row in company.tables["fct_physician_month"]:
        row[column] = values[0] if row["physician_key"] in chosen_ones else values[1]
    found = company.row()
    assert (found["reason_ja"], found["failed_diagnostics"]) == (
        "似た先生がほとんどいないため、比べられません",
        "overlap",
    )
    assert (found["evidence_level"], found["effect"], found["missing_diagnostics"]) == ("E1", None, "")


def need(company: Company, name: str, **more: Any) -> None:
    company.tables["dim_topic"] = [{"topic_id": "T", "info_class": "safety"}]
    company.tables["fct_need_signal"].append(
        {"physician_key": name, "topic_id": "T", "product_id": "PRD-A", "signalled_on": date(2026, 6, 10)}
        | {"open_until": date(2026, 9, 8), **more}
    )


def asked(knows_needs: bool) -> Company:
    """900 physicians; of those with an open need 60 of 100 are chosen, of the others 20; nobody is moved by
    it. In need 45 of 100 move on from June, else and before always 15."""
    random = np.random.default_rng([6, 48])
    company = Company("comparison_only")
    for number in range(900):
        name, wants = f"p{number:03d}", number % 5 < 2
        company.lives(name, employee=f"E{number % 40:02d}")
        company.assign(name, "treatment" if random.random() < (0.6 if wants else 0.2) else "control")
        if wants and knows_needs:
            need(company, name)
        for month in MONTHS[7:-4]:
            company.goes(name, month, bool(random.random() < (0.45 if wants and month == JUNE else 0.15)))
    return company


def test_selection_that_follows_needs_is_no_effect() -> None:
    fooled, compared = asked(knows_needs=False).row(), asked(knows_needs=True).row()
    # Two thirds of the chosen are in need and a quarter of the others: 0.42 * 30 of 100 look like an effect,
    # and no window before shows it.
    assert fooled["effect_low"] > 0.03
    assert "pre_trend" not in fooled["failed_diagnostics"]
    assert compared["effect_low"] < 0 < compared["effect_high"]
    assert abs(compared["effect"]) < 0.06
    assert compared["n_treated"] == fooled["n_treated"]


def test_a_need_counts_as_it_stood_when_the_month_of_the_start_began() -> None:
    company = drawn()
    company.tables["dim_initiative"][0]["design"] = "comparison_only"
    for number, (is_open, more) in enumerate(
        (
            (True, {"signalled_on": date(2026, 6, 30), "open_until": date(2026, 7, 1)}),
            (True, {"product_id": None}),
            (False, {"signalled_on": date(2026, 7, 1)}),
            (False, {"open_until": date(2026, 6, 30)}),
            (False, {"product_id": "PRD-B"}),
            (False, {"topic_id": None}),  # what Medical was asked
        )
    ):
        name = f"{'in' if is_open else 'no'}{number}"
        company.lives(name)
        company.assign(name, "treatment")
        company.goes(name, JUNE, False)
        need(company, name, **more)
    # None of the forty others is in need: whoever is has nobody alike.
    row = company.row()
    assert (row["n_assigned_treated"], row["n_treated"], row["n_control"]) == (46, 44, 40)


MAY_1, LOT = date(2026, 5, 1), date(2026, 6, 17)
EARLY = {"assigned_on": date(2026, 3, 1), "starts_on": date(2026, 4, 1)}


@pytest.mark.parametrize(
    ("design", "register", "assignment", "found"),
    [
        # Two months without: what ended on the last of April is over by July.
        ("randomised", {"ends_on": date(2026, 4, 30)}, EARLY, (0, 0)),
        ("randomised", {"ends_on": MAY_1}, EARLY, (1, 0)),
        ("randomised", {"ends_on": None}, EARLY, (1, 0)),
        ("randomised", {"product_id": "PRD-B"}, EARLY, (0, 0)),
        ("randomised", {"product_id": None}, EARLY, (1, 0)),
        ("randomised", {}, EARLY | {"arm": "control"}, (0, 0)),
        # Until the 30th of September the outcome is counted.
        ("randomised", {}, {"assigned_on": date(2026, 6, 16), "starts_on": date(2026, 9, 30)}, (1, 0)),
        ("randomised", {}, {"assigned_on": date(2026, 6, 16), "starts_on": date(2026, 10, 1)}, (0, 0)),
        # What was decided when the lot was known can follow from it; of similar ones until the start.
        ("randomised", {}, {"assigned_on": LOT, "starts_on": date(2026, 8, 1)}, (0, 1)),
        ("comparison_only", {}, {"assigned_on": JULY_1, "starts_on": date(2026, 8, 1)}, (1, 0)),
        ("comparison_only", {}, {"assigned_on": date(2026, 7, 2), "starts_on": date(2026, 8, 1)}, (0, 1)),
        # A day of its own it does not name: that of its initiative.
        ("randomised", {"starts_on": MAY_1}, EARLY | {"starts_on": None}, (1, 0)),
        ("randomised", {}, EARLY | {"unit": "OF02", "unit_type": "office"}, (1, 0)),
    ],
)
def test_whoever_another_initiative_treats_is_left_out(
    design: str, register: Row, assignment: Row, found: tuple[int, int]
) -> None:
    company = drawn()
    company.tables["dim_initiative"][0]["design"] = design
    company.tables["dim_initiative"].append({"initiative_id": "J", "product_id": "PRD-A"} | register)
    company.lives("both", office="OF02")
    company.assign("both", "treatment")
    company.goes("both", JUNE, True)
    company.assign(**{"unit": "both", "arm": "treatment", "initiative_id": "J"} | assignment)
    row = next(
        one
        for one in pilot_readout.estimate(company.core(), AS_OF).to_pylist()
        if one["initiative_id"] == "I"
    )
    assert (row["n_washed_out"], row["n_treated_elsewhere"]) == found
    assert (row["n_assigned_treated"], row["n_treated"]) == (41 - found[0], 41 - found[0])


def test_both_sides_are_left_out_and_who_is_named_himself_is_not_taken_with_his_office() -> None:
    company = drawn()
    company.tables["dim_initiative"].append({"initiative_id": "J", "product_id": "PRD-A"})
    for rows_of_physician in company.tables["fct_physician_month"]:
        if rows_of_physician["physician_key"] in ("t000", "t001", "c000", "c001", "c002"):
            rows_of_physician["office_id"] = "OF02"
    company.assign("OF02", "treatment", "office", initiative_id="J", **EARLY)
    company.assign("c002", "control", initiative_id="J", **EARLY)
    row = next(iter(pilot_readout.estimate(company.core(), AS_OF).to_pylist()))
    assert (row["n_washed_out"], row["n_treated"], row["n_control"]) == (4, 38, 38)


def test_an_initiative_wholly_within_another_says_so() -> None:
    company = drawn()
    company.tables["dim_initiative"].append({"initiative_id": "J", "product_id": "PRD-A"})
    company.assign("OF01", "treatment", "office", initiative_id="J", **EARLY)
    row = next(iter(pilot_readout.estimate(company.core(), AS_OF).to_pylist()))
    assert (row["n_washed_out"], row["effect"], row["evidence_level"]) == (80, None, "E1")
    assert "同じ製品のほかの施策と重なり" in row["reason_ja"]


@pytest.mark.parametrize(("starts_on", "washed_out"), [(date(2026, 10, 31), 4), (date(2026, 11, 1), 0)])
def test_a_roll_out_is_followed_until_the_last_has_been(starts_on: date, washed_out: int) -> None:
    # August is the last start, so that outcomes are counted until October.
    company = offices(2)
    company.tables["dim_initiative"].append({"initiative_id": "J", "product_id": "PRD-A"})
    decided = {"assigned_on": date(2026, 5, 1), "starts_on": starts_on}
    company.assign("OF02", "treatment", "office", initiative_id="J", **decided)
    row = next(iter(pilot_readout.estimate(company.core(), AS_OF).to_pylist()))
    assert (row["n_washed_out"], row["n_treated"], row["n_control"]) == (washed_out, 64, 32 - washed_out)


def finding(p: float, units: int = 100, clusters: int = 40) -> Finding:
    """A finding whose one-sided p-value against the effect that matters is p."""
    error = 0.02
    estimate = RULE.meaningful_effect + error * float(stats.t.isf(p, clusters - 1))
    effect = Effect(estimate, error, clusters - 1)
    return Finding(Design.RANDOMISED, effect, units, units, clusters, 0.2, (), Burden(1, 0))


def test_only_what_could_be_judged_is_corrected_for() -> None:
    initiative = Initiative("I", "PRD-A", "randomised", None, JULY_1, 1, 0)
    tested = [finding(0.02), finding(0.06), finding(0.5)]
    small = [finding(0.9, units=29), finding(0.9, clusters=9)]
    nothing = [Finding(Design.NONE, None, 0, 0, 0, math.nan, (), Burden(1, 0))]
    found = rows([ReadOut(initiative, one) for one in tested + small + nothing], RULE)
    # Three questions: 0.02 * 3 / 1, 0.06 * 3 / 2, 0.5. With the two small ones 0.02 would have become 0.1.
    assert [row["q_value"] for row in found] == [
        pytest.approx(0.06), pytest.approx(0.09), pytest.approx(0.5), None, None, None,
    ]  # fmt: skip
    assert {row["n_tests"] for row in found} == {3}


def test_every_initiative_has_a_row_and_equal_cores_equal_rows() -> None:
    company = drawn()
    company.tables["dim_initiative"].append({"initiative_id": "J", "design": "none"})
    core = company.core()
    first, again = (pilot_readout.estimate(core, AS_OF) for _ in range(2))
    assert first.column("initiative_id").to_pylist() == ["I", "J"]
    assert first.equals(again)

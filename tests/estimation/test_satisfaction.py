"""Satisfaction, and what came a quarter later, from answers that can be counted by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from shirube.estimation import satisfaction

from tests.estimation.small_core import make_core

AS_OF = date(2026, 10, 31)
Row = dict[str, Any]


class Survey:
    """Physicians, their answers, and what they did."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in satisfaction.READS if name != "dim_date"}

    def answer(self, name: str, day: str, csat: int | None = None, **items: int) -> None:
        response = f"{name}-{day}"
        scores = ({} if csat is None else {"csat": csat}) | items
        self.tables["fct_survey_response"] += [
            {
                "response_key": f"{response}-{item}", "response_id": response, "physician_key": name,
                "responded_on": date.fromisoformat(day), "item_id": item, "score": score,
            }
            for item, score in scores.items()
        ]  # fmt: skip

    def stays(self, *names: str, until: date = date(2026, 9, 30), is_active: bool = True) -> None:
        self.tables["fct_physician_month"] += [
            {"physician_key": name, "month_end": until, "is_active": is_active} for name in names
        ]

    def comes(self, name: str, day: str, **more: Any) -> None:
        contact = {
            "physician_key": name,
            "occurred_on": date.fromisoformat(day),
            "direction": "pull",
            "depth": 2,
        }
        self.tables["fct_touchpoint"].append(contact | {"channel_id": "owned_web"} | more)

    def declines(self, name: str, day: str, state: str = "opted_out", channel: str = "hq_email") -> None:
        event = {"physician_key": name, "captured_on": date.fromisoformat(day), "consent_state": state}
        self.tables["fct_consent_event"].append(event | {"channel_id": channel})

    def estimate(self, as_of: date = AS_OF) -> dict[tuple[str, date], Row]:
        table = satisfaction.estimate(make_core(satisfaction.READS, self.tables), as_of)
        assert table.schema == satisfaction.SCHEMA
        return {(row["period_type"], row["period_start"]): row for row in table.to_pylist()}


SPRING = ("quarter", date(2026, 4, 1))


def asked() -> Survey:
    """40 satisfied physicians of whom 30 come a quarter later, 30 others of whom 9 do; all but five of either
    agreed to mails, and two decline them.
    """
    survey = Survey()
    names = [f"P{number:02d}" for number in range(70)]
    survey.stays(*names)
    for number, name in enumerate(names):
        survey.answer(name, "2026-05-10", 4 if number < 40 else 3)
        if not (30 <= number < 35 or 55 <= number < 60):
            survey.declines(name, "2026-01-10", "opted_in")
        if number < 30 or 40 <= number < 49:
            survey.comes(name, "2026-08-01")
    survey.declines("P00", "2026-07-01")
    survey.declines("P69", "2026-09-30")
    return survey


def test_the_difference_by_hand() -> None:
    row = asked().estimate()[SPRING]
    assert (row["n_physicians"], row["n_satisfied"], row["n_not_satisfied"]) == (70, 40, 30)
    assert (row["pull_satisfied"], row["pull_not_satisfied"]) == (30, 9)
    assert row["pull_difference"] == pytest.approx(30 / 40 - 9 / 30)
    # Newcombe's method 10 on the Wilson intervals 0.5981-0.8581 and 0.1666-0.4788, to be had from any table.
    low = 0.45 - ((0.75 - 0.59806) ** 2 + (0.47879 - 0.3) ** 2) ** 0.5
    high = 0.45 + ((0.85814 - 0.75) ** 2 + (0.3 - 0.16664) ** 2) ** 0.5
    assert (row["pull_difference_low"], row["pull_difference_high"]) == pytest.approx((low, high), abs=1e-4)
    assert (row["n_consented_satisfied"], row["n_consented_not_satisfied"]) == (35, 25)
    assert (row["opt_out_satisfied"], row["opt_out_not_satisfied"]) == (1, 1)
    assert row["opt_out_difference"] == pytest.approx(1 / 35 - 1 / 25)


def test_only_the_next_quarter_counts_and_medical_does_not() -> None:
    survey = asked()
    before = survey.estimate()[SPRING]
    for name in ("P30", "P31", "P32", "P33", "P34", "P35"):
        survey.comes(name, "2026-06-30")  # before the next quarter
        survey.comes(name, "2026-10-01")  # after it
        survey.comes(name, "2026-08-01", depth=1)  # looked, no more
        survey.comes(name, "2026-08-01", direction="push")
        survey.comes(name, "2026-08-01", channel_id="medical_inquiry", depth=4)
        survey.comes(name, "2026-08-01", depth=4, routed_to_medical=True)  # handed over to Medical
        survey.comes(name, "2026-08-01", info_class="non_promotional_medical")
        survey.comes(name, "2026-08-01", initiator="medical")
        survey.declines(name, "2026-08-01", "opted_in")
        survey.declines(name, "2026-08-01", channel="web_tracking")  # may not be measured, may be written to
    survey.comes("P00", "2026-08-02")  # twice, and still one physician
    assert survey.estimate()[SPRING] == before


def test_only_who_agreed_can_decline() -> None:
    survey = asked()
    # Of those who never agreed: one declines, one agrees too late to be counted, one agreed until May.
    survey.declines("P30", "2026-07-15")
    survey.declines("P31", "2026-07-10", "opted_in")
    survey.declines("P31", "2026-07-15")
    survey.declines("P32", "2026-01-10", "opted_in")
    survey.tables["fct_consent_event"][-1]["expires_on"] = date(2026, 5, 31)
    survey.declines("P32", "2026-07-15")
    # Agreed, and took it back before the quarter began: nothing is left to decline.
    survey.declines("P01", "2026-06-20")
    survey.declines("P01", "2026-07-15")
    row = survey.estimate()[SPRING]
    assert (row["n_consented_satisfied"], row["opt_out_satisfied"]) == (34, 1)
    # Agreed to one of two channels, and declined it after the other.
    survey.declines("P02", "2026-06-20")
    survey.declines("P02", "2026-02-01", "opted_in", channel="mr_email")
    survey.declines("P02", "2026-07-15", channel="mr_email")
    row = survey.estimate()[SPRING]
    assert (row["n_consented_satisfied"], row["opt_out_satisfied"]) == (34, 2)


def test_few_who_agreed_hide_what_they_declined_and_nothing_else() -> None:
    survey = asked()
    survey.declines("P30", "2026-02-01", "opted_in")  # leaves four satisfied ones who never agreed
    row = survey.estimate()[SPRING]
    assert (row["n_satisfied"], row["pull_satisfied"]) == (40, 30)
    names = ("n_consented_satisfied", "opt_out_satisfied", "opt_out_difference")
    assert [row[name] for name in names] == [None] * 3


def test_physicians_of_one_representative_are_not_independent() -> None:
    # Of each representative's ten, all are satisfied or none, and all come or none: eight representatives.
    survey = Survey()
    for number in range(80):
        name, mr = f"P{number:02d}", number // 10
        survey.stays(name)
        survey.tables["fct_physician_month"][-1]["employee_key"] = f"MR{mr}"
        survey.answer(name, "2026-05-10", 5 if mr < 4 else 2)
        if mr in (0, 1, 2, 4):
            survey.comes(name, "2026-08-01")
    row = survey.estimate()[SPRING]
    assert row["pull_difference"] == pytest.approx(0.5)
    # Taken as 80 independent physicians it would be 0.30 to 0.66.
    assert row["pull_difference_low"] < 0


def test_the_last_answer_of_a_quarter_counts() -> None:
    survey = asked()
    survey.answer("P00", "2026-05-01", 1)
    survey.answer("P69", "2026-06-30", 5)
    row = survey.estimate()[SPRING]
    assert (row["n_satisfied"], row["n_not_satisfied"]) == (41, 29)


def test_who_left_or_cannot_be_followed_yet_is_not_counted() -> None:
    survey = asked()
    survey.tables["fct_physician_month"][0]["is_active"] = False
    row = survey.estimate()[SPRING]
    assert (row["n_physicians"], row["pull_satisfied"]) == (69, 29)
    survey.answer("P01", "2026-08-01", 5)  # the quarter after is not over
    assert set(survey.estimate()) == {SPRING}
    # The half from April needs the quarter from October behind it, and the fiscal year the one from April
    # 2027.
    assert survey.estimate(as_of=date(2026, 9, 29)) == {}
    assert Survey().estimate() == {}


def test_years_count_physicians_and_widen_for_repeats() -> None:
    survey = Survey()
    names = [f"P{number:02d}" for number in range(60)]
    ends = {"2025-05-10": date(2025, 9, 30), "2025-08-10": date(2025, 12, 31)}
    ends |= {"2025-11-10": date(2026, 3, 31), "2026-02-10": date(2026, 6, 30)}
    for day, end in ends.items():
        survey.stays(*names, until=end)
        for number, name in enumerate(names):
            survey.answer(name, day, 5 if number < 30 else 2)
            if number % 3 == 0:
                survey.comes(name, f"{end.year}-{end.month:02d}-15")
    found = survey.estimate()
    assert {kind for kind, _ in found} == {"quarter", "half", "fiscal_year"}
    quarter, year = found["quarter", date(2025, 4, 1)], found["fiscal_year", date(2025, 4, 1)]
    assert (year["n_physicians"], year["n_satisfied"], quarter["n_satisfied"]) == (60, 120, 30)
    # The same physicians come each time: four rounds tell no more than one.
    assert year["pull_difference_low"] == pytest.approx(quarter["pull_difference_low"])


@pytest.mark.parametrize(("others", "is_told"), [(0, True), (4, False), (5, True)])
def test_a_small_group_hides_the_comparison(others: int, is_told: bool) -> None:
    survey = Survey()
    names = [f"P{number:02d}" for number in range(30)]
    survey.stays(*names)
    for number, name in enumerate(names):
        survey.answer(name, "2026-05-10", 2 if number < others else 5)
    row = survey.estimate()[SPRING]
    assert (row["n_physicians"] is not None) == is_told
    assert (row["pull_satisfied"] is not None) == is_told
    if others == 0:
        assert (row["n_not_satisfied"], row["pull_difference"]) == (0, None)


def test_the_index_hangs_together_as_well_as_it_was_made_to() -> None:
    # True value with variance 1 behind three questions with errors of variance 1 each: alpha 0.75. Rounding
    # to the scales takes a little away.
    random = np.random.default_rng(6)
    survey = Survey()
    for number in range(1500):
        name = f"P{number:04d}"
        truth = random.normal()
        told = truth + random.normal(size=3)
        csat = int(np.clip(np.round(3 + 0.7 * told[0]), 1, 5))
        useful, ease = (
            int(np.clip(np.round(5 + 1.6 * told[1]), 0, 10)),
            int(np.clip(np.round(4 + told[2]), 1, 7)),
        )
        survey.stays(name)
        survey.answer(name, "2026-05-10", csat, usefulness=useful, ces=ease)
    row = survey.estimate()[SPRING]
    assert row["n_alpha"] == 1500
    assert row["alpha"] == pytest.approx(0.75, abs=0.04)
    assert row["alpha_low"] < row["alpha"] < row["alpha_high"]
    assert (row["n_retest"], row["retest"]) == (0, None)


def test_the_index_is_scaled_and_needs_every_question() -> None:
    # csat 3 of 1-5 is 0.5, usefulness 5 of 0-10 is 0.5, ease 4 of 1-7 is 0.5: one physician on the middle of
    # all.
    survey = Survey()
    answers = [(1, 0, 1), (3, 5, 4), (5, 10, 7), (2, 2, 2), (4, 9, 7), (5, 9, 6)]
    scaled = [((c - 1) / 4, u / 10, (e - 1) / 6) for c, u, e in answers]
    for number, (csat, useful, ease) in enumerate(answers):
        survey.stays(f"P{number}")
        survey.answer(f"P{number}", "2026-05-10", csat, usefulness=useful, ces=ease)
    for number in range(6, 20):
        survey.stays(f"P{number}")
        survey.answer(f"P{number}", "2026-05-10", 4, usefulness=8)  # the third question left out
    row = survey.estimate()[SPRING]
    items = np.array(scaled)
    expected = 1.5 * (1 - items.var(axis=0, ddof=1).sum() / items.sum(axis=1).var(ddof=1))
    assert (row["n_alpha"], row["alpha"]) == (6, pytest.approx(expected))


def test_two_waves_are_compared_once_per_physician() -> None:
    survey = Survey()
    levels = [(1, 1), (2, 3), (3, 2), (4, 5), (5, 4), (3, 3)]
    for number, (earlier, later) in enumerate(levels):
        name = f"P{number}"
        survey.stays(name)
        for day, score in (("2025-11-10", earlier), ("2026-05-10", later)):
            survey.answer(name, day, score, usefulness=2 * score, ces=score)
    # Every question rises with the level alone, so the indices are linear in it.
    row = survey.estimate()[SPRING]
    assert row["n_retest"] == 6
    assert row["retest"] == pytest.approx(np.corrcoef(np.array(levels).T)[0, 1])

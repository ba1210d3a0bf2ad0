"""Which KPIs would say the same of a representative again, in companies where that is known."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import yaml
from shirube.estimation import kpi_reliability
from shirube.estimation.kpi_reliability import CONTRIBUTIONS
from shirube.home import project_root

from tests.estimation.small_core import make_core

AS_OF = date(2026, 10, 31)
OCTOBER, SEPTEMBER = date(2026, 10, 31), date(2026, 9, 30)
Row = dict[str, Any]
EFFECTIVE = "channel.effective_contact_rate"


def company(
    mrs: int,
    physicians: int,
    contacts: int,
    strength: float,
    seed: int = 1,
    months: tuple[date, ...] = (OCTOBER,),
) -> dict[str, list[Row]]:
    """Representatives whose visits are answered at rates Beta(0.4 s, 0.6 s), the same for all of their
    physicians.

    A representative's rate over n visits then has the reliability n / (n + s).
    """
    random = np.random.default_rng(seed)
    rates = random.beta(0.4 * strength, 0.6 * strength, mrs)
    people = [(f"P{mr:03d}-{k:02d}", mr) for mr in range(mrs) for k in range(physicians)]
    counted = [
        {
            "physician_key": name, "channel_id": "mr_visit", "month_end": month, "contacts": contacts,
            "delivered_contacts": contacts, "effective_contacts": int(random.binomial(contacts, rates[mr])),
            "push_contacts": contacts, "push_contacts_with_choice": 0, "push_contacts_honouring_choice": 0,
        }
        for month in months for name, mr in people
    ]  # fmt: skip
    others = [row | {"channel_id": "webinar", "effective_contacts": 0} for row in counted]
    return {
        "dim_channel": [
            {"channel_id": "mr_visit", "is_mr_channel": True},
            {"channel_id": "webinar", "is_mr_channel": False},
        ],
        "fct_physician_month": [
            {
                "physician_key": name, "month_end": month, "is_target": True, "is_active": True,
                "employee_key": f"E{mr:03d}",
            }
            for month in (SEPTEMBER, OCTOBER) for name, mr in people
        ],
        "fct_physician_contact_month": [{"physician_key": "x", "month_end": min(months), "contacts": 1}],
        "fct_physician_channel_month": counted + others,
    }  # fmt: skip


def estimated(
    tables: dict[str, list[Row]], as_of: date = AS_OF, **setting: Any
) -> dict[tuple[str, ...], Row]:
    changed = {"evaluation_setting": {"draws": 100} | setting}
    table = kpi_reliability.estimate(make_core(kpi_reliability.READS, tables, changed), as_of)
    assert table.schema == kpi_reliability.SCHEMA
    rows = table.to_pylist()
    found = {(row["kpi_id"], row["period_type"], row["contact_band"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_real_differences_between_representatives_are_found() -> None:
    # 20 physicians with 20 visits each: n = 400, s = 100, reliability 0.8.
    row = estimated(company(200, 20, 20, strength=100))[EFFECTIVE, "month", "all"]
    assert row["reliability"] == pytest.approx(0.8, abs=0.06)
    assert row["reliability_low"] < 0.8 < row["reliability_high"]
    assert (row["n_mrs"], row["n_mrs_in_halves"], row["n_mrs_enough"]) == (200, 200, 200)
    # The representative's own channel only: visits, not the webinars that nobody answered.
    assert (row["denominator"], row["contacts_median"], row["reason"]) == (80_000, 400, None)


def test_the_same_differences_are_noise_at_a_few_contacts() -> None:
    # The same representatives with 20 physicians and one visit each: n = 20, reliability 20 / 120 = 0.17.
    # This is what the mart is there to show.
    row = estimated(company(200, 20, 1, strength=100))[EFFECTIVE, "month", "all"]
    assert row["reliability"] < 0.45
    assert row["reliability_low"] < 0.7
    assert row["n_mrs_enough"] == 0


def test_representatives_with_few_and_many_contacts_are_told_apart() -> None:
    many, few = company(60, 20, 20, strength=30), company(60, 20, 1, strength=30, seed=2)
    for table in ("fct_physician_month", "fct_physician_channel_month"):
        for row in few[table]:
            row["physician_key"] = f"few-{row['physician_key']}"
            if "employee_key" in row:
                row["employee_key"] = f"few-{row['employee_key']}"
    both = {
        name: rows + (few[name] if name.startswith("fct_physician") else []) for name, rows in many.items()
    }
    found = estimated(both)
    # n = 400: 400 / 430 = 0.93. n = 20: 20 / 50 = 0.4.
    assert found[EFFECTIVE, "month", "many_contacts"]["reliability"] > 0.85
    assert found[EFFECTIVE, "month", "few_contacts"]["reliability"] < 0.7
    sizes = [found[EFFECTIVE, "month", band]["n_mrs"] for band in kpi_reliability.BANDS]
    assert sizes == [120, 60, 60]


def test_small_groups_of_representatives_are_never_told() -> None:
    tables = company(40, 20, 20, strength=30)
    for row in tables["fct_physician_channel_month"]:
        if row["physician_key"].startswith(("P000", "P001", "P002")):
            row["delivered_contacts"], row["effective_contacts"] = 1, 0
    found = estimated(tables)
    # Three have few contacts: neither band is told, for the whole less the one would be the other.
    assert [band for kpi, _, band in found if kpi == EFFECTIVE] == ["all"]
    four = estimated(company(4, 20, 20, strength=30))[EFFECTIVE, "month", "all"]
    assert (four["n_mrs"], four["numerator"], four["reliability"]) == (None, None, None)
    assert four["reason"] == "too_few_mrs"
    nine = estimated(company(9, 20, 20, strength=30))[EFFECTIVE, "month", "all"]
    assert (nine["n_mrs"], nine["reliability"], nine["reason"]) == (9, None, "too_few_mrs")
    assert estimated(company(10, 20, 20, strength=30))[EFFECTIVE, "month", "all"]["reliability"] is not None


def test_everybody_the_same_is_no_difference_to_measure() -> None:
    tables = company(20, 10, 5, strength=30)
    for row in tables["fct_physician_channel_month"]:
        row["effective_contacts"] = row["delivered_contacts"]
    row = estimated(tables)[EFFECTIVE, "month", "all"]
    assert (row["reliability"], row["reason"], row["numerator"]) == (None, "no_spread", row["denominator"])


def test_only_periods_that_the_logs_cover() -> None:
    half = tuple(
        date(2026, month, day) for month, day in ((4, 30), (5, 31), (6, 30), (7, 31), (8, 31), (9, 30))
    )
    found = estimated(company(12, 4, 2, strength=30, months=half))
    spans = {(row["period_type"], row["period_start"], row["period_end"]) for row in found.values()}
    # The half from April is over in September; the fiscal year before it was not recorded.
    assert spans == {
        ("month", date(2026, 10, 1), date(2026, 10, 31)),
        ("quarter", date(2026, 7, 1), date(2026, 9, 30)),
        ("half", date(2026, 4, 1), date(2026, 9, 30)),
    }
    assert found[EFFECTIVE, "month", "all"]["reason"] == "no_mrs"  # no contacts in October
    assert estimated({}) == {}


def test_a_physician_is_his_representatives_at_the_end_of_the_period() -> None:
    tables = company(12, 4, 3, strength=30)
    for row in tables["fct_physician_month"]:
        if row["physician_key"].startswith("P000"):
            # Handed over on 1 October, or no target any more.
            row["employee_key"] = "E001" if row["month_end"] == OCTOBER else "E000"
        if row["physician_key"] == "P002-00" and row["month_end"] == OCTOBER:
            row["is_target"] = False
    row = estimated(tables)[EFFECTIVE, "month", "all"]
    assert (row["n_mrs"], row["denominator"]) == (11, 47 * 3)


def test_what_each_kpi_counts() -> None:
    tables = company(12, 4, 3, strength=30)
    people = sorted({row["physician_key"] for row in tables["fct_physician_month"]})
    answer = {"responded_on": date(2026, 10, 5)}
    tables["fct_survey_response"] = [
        answer | {"response_key": f"{name}-1", "physician_key": name, "item_id": "csat", "score": 5}
        for name in people
    ] + [
        # His last answer counts, and he counts once.
        answer | {"response_key": "z", "physician_key": people[0], "item_id": "csat", "score": 3},
        answer | {"response_key": "u", "physician_key": people[0], "item_id": "usefulness", "score": 8},
        answer | {"response_key": "v", "physician_key": people[1], "item_id": "usefulness", "score": 7},
    ]
    mail = {"month_end": OCTOBER, "channel_id": "mr_visit", "is_delivered": True, "initiator": "mr"}
    tables["fct_email_recipient"] = [
        mail | {"sent_email_id": "1", "physician_key": people[0], "is_human_clicked": False},
        mail | {"sent_email_id": "2", "physician_key": people[0], "is_human_clicked": True},
        mail
        | {"sent_email_id": "3", "physician_key": people[1], "is_human_clicked": True, "is_delivered": False},
        mail
        | {
            "sent_email_id": "4",
            "physician_key": people[2],
            "is_human_clicked": True,
            "initiator": "medical",
        },
    ]
    move = {
        "month_end": date(2026, 7, 31), "horizon_days": 90, "from_phase_id": "P1",
        "is_start_observable": True, "is_observed_until_end": True, "is_target_throughout": True,
        "is_countable": True, "is_forward": False,
    }  # fmt: skip
    tables["fct_journey_transition"] = [
        move | {"physician_key": people[0], "product_id": "PRD-A"},
        move | {"physician_key": people[0], "product_id": "PRD-B", "is_forward": True},
        move | {"physician_key": people[1], "product_id": "PRD-A"},
        move | {"physician_key": people[2], "product_id": "PRD-A", "is_countable": False, "is_forward": True},
    ]
    tables["fct_physician_channel_month"][0] |= {
        "push_contacts_with_choice": 3,
        "push_contacts_honouring_choice": 2,
    }
    for row in tables["fct_physician_channel_month"]:
        if row["physician_key"] == people[3]:
            row["delivered_contacts"] = row["effective_contacts"] = 0
    found = estimated(tables, min_group=1)
    counted = {
        kpi: (row["numerator"], row["denominator"]) for (kpi, period, band), row in found.items()
        if (period, band) == ("month", "all")
    }  # fmt: skip
    del counted[EFFECTIVE]
    assert counted == {
        "channel.reach_rate": (47, 48),
        "cx.csat_top2_rate": (47, 48),
        "cx.usefulness_top_rate": (1, 2),
        "email.unique_human_click_rate": (1, 1),
        "fit.choice_honoured_rate": (2, 3),
        "journey.forward_transition_rate": (1, 2),
    }


def test_the_facts_are_about_registered_kpis_and_no_money() -> None:
    marts = project_root() / "dbt_project" / "models" / "marts"
    registered = {
        (kpi["id"], kpi["version"])
        for file in marts.glob("*.yml")
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
        for kpi in model["config"]["meta"].get("kpis", [])
    }
    facts = make_core((), {}).execute("select * from seeds.evaluation_fact").fetch_arrow_table().to_pylist()
    assert {fact["kpi_id"] for fact in facts} == set(CONTRIBUTIONS)
    assert {(fact["kpi_id"], fact["kpi_version"]) for fact in facts} <= registered
    assert not any(fact["contains_money"] or fact["is_evaluation_use"] for fact in facts)

"""Initiatives whose effect is planted: what is read out of the true phases is what is said to be true.

The sample's behaviour is simulated without files, and its phases stand in the core as if every one had been
seen. So estimate and truth can differ by chance only, and a truth stated in another outcome would show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from shirube.estimation import pilot_readout
from shirube.sample import names
from shirube.sample.behaviour import Simulation
from shirube.sample.company import Period, found
from shirube.sample.initiatives import NEVER

from benchmarks import truth as benchmark
from tests.estimation.small_core import make_core

MONTHS, HORIZON = 18, 3
RANK = np.array([0, 1, 2, 3, 4, 5, 6, 0])
"""By phase, P0 to P6 and PX: as the seed journey_phase says."""
SEEDS = range(5)


@dataclass(frozen=True)
class ReadCompany:
    """What was read out of one company and what is true about it, by initiative."""

    rows: dict[str, dict[str, Any]]
    truth: dict[str, dict[str, Any]]


def read_company(seed: int, physicians: int = 1500) -> ReadCompany:
    """Simulate a company, lay its true phases into a core, and read out its initiatives."""
    period = Period.ending("2026-10-31", MONTHS)
    company = found(np.random.default_rng([seed, 1]), period, physicians, 60, 20)
    simulation = Simulation(company, seed)
    phase = np.stack([simulation.month(index).phase for index in range(MONTHS)])  # (months, physicians, R)
    ends = [np.datetime64(period.month_start(index + 1) - 1, "D") for index in range(MONTHS)]
    people = company.physicians
    listed = np.flatnonzero(people.is_target & people.is_resolvable & (people.deleted_month > NEVER - 1))
    names_of = np.array([f"p{number:05d}" for number in range(physicians)])
    core = make_core(
        pilot_readout.READS,
        {
            "dim_initiative": [
                {"initiative_id": one.id, "product_id": one.product_id, "design": one.design}
                for one in simulation.initiatives.all
            ],
            "fct_assignment": _assignments(simulation, names_of, listed),
        },
    )
    first = period.month_start(simulation.initiatives.all[0].start) - 1
    office = company.facilities.office[company.facility_of(first)]
    member = pa.table(
        {
            "physician_key": names_of[listed],
            "office_id": np.char.mod("OF%02d", office[listed]),
            "employee_key": np.char.mod("E%03d", office[listed]),
            "practice_type": np.where(people.is_hospital[listed], "HP", "GP"),
        }
    )
    core.register("member", member)
    core.register("month", pa.table({"month_end": np.array(ends)}))
    core.execute(
        "insert into core.fct_physician_month by name select *, '内科' as specialty_group, "
        "true as is_target, true as is_active from member cross join month"
    )
    for index in range(MONTHS - HORIZON):
        before, after = phase[index][listed], phase[index + HORIZON][listed]
        n, products = before.shape
        transition = pa.table(
            {
                "physician_key": np.repeat(names_of[listed], products),
                "product_id": np.tile([code for code, *_ in names.PRODUCTS], n),
                "from_phase_id": np.array(["P0", "P1", "P2", "P3", "P4", "P5", "P6", "PX"])[before.ravel()],
                "is_forward": (RANK[after] > RANK[before]).ravel(),
            }
        )
        core.register("transition", transition)
        core.execute(
            "insert into core.fct_journey_transition by name "
            f"select *, date '{ends[index]}' as month_end, 90 as horizon_days, true as is_start_observable, "
            "true as is_observed_until_end, true as is_target_throughout from transition"
        )
    table = pilot_readout.estimate(core, date(2026, 10, 31))
    return ReadCompany(
        {row["initiative_id"]: row for row in table.to_pylist()},
        {one["initiative_id"]: one for one in simulation.initiatives.truth()},
    )


def _assignments(simulation: Simulation, names_of: Any, listed: Any) -> list[dict[str, Any]]:
    """As the lists of the sample say: by office, or by physician."""
    period, lines = simulation.company.period, []
    for one in simulation.initiatives.all:
        units = (
            [(f"OF{number:02d}", int(begins)) for number, begins in enumerate(one.office_from)]
            if one.unit_type == "office"
            else [(names_of[who], int(one.treated_from[who])) for who in np.flatnonzero(one.is_assigned)]
        )
        for unit, begins in units:
            start = str(np.datetime64(period.month_start(min(begins, MONTHS)), "D"))
            lines.append(
                {"assignment_key": f"{one.id}-{unit}", "initiative_id": one.id, "unit_type": one.unit_type}
                | {"unit_id": str(unit), "arm": "treatment" if begins < NEVER else "control"}
                | {"assigned_on": date(2026, 5, 1), "is_assigned_before_start": True}
                | {"starts_on": date.fromisoformat(start) if begins < NEVER else None}
            )
    return lines


@pytest.fixture(scope="module")
def companies() -> list[ReadCompany]:
    return [read_company(seed) for seed in SEEDS]


@pytest.mark.parametrize("initiative", ["INI-01", "INI-02", "INI-03"])
def test_intervals_hold_the_planted_effect(companies: list[ReadCompany], initiative: str) -> None:
    missed = []
    for seed, company in zip(SEEDS, companies, strict=True):
        row, truth = company.rows[initiative], company.truth[initiative]
        planted = truth["true_effect_per_100_over_horizon"]
        if not 100 * row["effect_low"] <= planted <= 100 * row["effect_high"]:
            missed.append((seed, planted, row["effect_low"], row["effect"], row["effect_high"]))
    assert not missed


def test_what_is_read_out_is_the_outcome_that_is_said_to_be_true(companies: list[ReadCompany]) -> None:
    """Not by luck of wide intervals: the shares of both arms are those of the truth, and so is the mean."""
    effects, planted = [], []
    for company in companies:
        row, truth = company.rows["INI-01"], company.truth["INI-01"]
        arms = truth["outcome_by_arm"]
        # The lot falls on physicians: the same ones are compared, and the same of them are further on.
        assert (row["n_treated"], row["n_control"]) == (
            arms["treated"]["physicians"], arms["control"]["physicians"],
        )  # fmt: skip
        assert row["moved_treated"] == arms["treated"]["further"]
        for initiative in ("INI-01", "INI-02"):
            effects.append(100 * company.rows[initiative]["effect"])
            planted.append(company.truth[initiative]["true_effect_per_100_over_horizon"])
    # Ten effects with a spread of some 3 each: their mean lies within 2 of the truth. Counting whoever moved
    # at least once, or P0 to P4 only, would say 17.8 instead of 16.
    assert np.mean(effects) == pytest.approx(np.mean(planted), abs=1.7)
    assert 15 < np.mean(planted) < 17


def test_the_lessons_are_told(companies: list[ReadCompany]) -> None:
    for company in companies:
        rows = company.rows
        # Too few are compared, and whoever was chosen for being active has nobody alike.
        assert rows["INI-04"]["verdict"] == rows["INI-05"]["verdict"] == "cannot_tell"
        assert rows["INI-05"]["effect"] is None or rows["INI-05"]["evidence_level"] < "E3"
        assert rows["INI-03"]["verdict"] not in ("needed", "conditional")
    told = [company.rows[one]["verdict"] for company in companies for one in ("INI-01", "INI-02")]
    assert told.count("needed") >= 8


def test_a_lot_is_judged_rightly_where_the_truth_is_planted() -> None:
    scores = benchmark.score_initiatives(range(1000, 1010))
    assert all(sum(one.covered) >= 8 for one in scores.values())
    assert scores["lot works"].share("needed") == 1
    for name in ("lot null", "lot over 14 offices null"):
        assert scores[name].share("needed", "conditional") == 0
    assert np.mean(scores["lot works"].effects) == pytest.approx(
        np.mean(scores["lot works"].planted), abs=0.012
    )

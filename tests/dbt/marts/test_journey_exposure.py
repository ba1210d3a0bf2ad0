"""Who moved forward after a contact: how many different physicians a comparison rests on, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt.marts.core_tables import write_core, write_estimates
from tests.dbt.marts.run import run_dbt

Row = dict[str, Any]
MONTHS = ("2026-05-31", "2026-06-30", "2026-07-31")
ENDS = dict(zip(MONTHS, ("2026-08-31", "2026-09-30", "2026-10-31"), strict=True))
PRODUCTS = ("PRD-A", "PRD-B")
# All alike: 40 physicians of eight representatives, three months, two products. Starts at the ends of May and
# June end in August and September: the quarter from July.
PHYSICIANS = [f"P{number:02d}" for number in range(1, 41)]
PORTAL, WEBINAR, WEB, SEQUENCE = PHYSICIANS[:4], PHYSICIANS[:10], PHYSICIANS[:5], PHYSICIANS[:6]


def tables() -> dict[str, list[Row]]:
    place = {"is_target": True, "is_active": True, "specialty_group": "内科", "practice_type": "HP"}
    contact = {"contacts": 1, "delivered_contacts": 1, "effective_contacts": 1, "product_id": None}

    def told(names: list[str], channel: str, months: tuple[str, ...]) -> list[Row]:
        return [
            contact | {"physician_key": name, "channel_id": channel, "month_end": month}
            for name in names
            for month in months
        ]

    def taken_up(name: str, at: str, **more: Any) -> Row:
        return {
            "physician_key": name, "channel_id": "owned_web", "product_id": "PRD-A",
            "signal_on": "2026-06-30", "follow_up_at": at, "is_counted": True,
            "is_followed": True, "is_orchestrated": True,
        } | more  # fmt: skip

    return {
        "fct_physician_month": [
            place | {"physician_key": name, "month_end": month, "employee_key": f"MR{k % 8}"}
            for k, name in enumerate(PHYSICIANS)
            for month in (*MONTHS, "2026-08-31", "2026-09-30", "2026-10-31")
        ],
        # A contact on record, of somebody else: nobody's relation is busier than another's.
        "fct_physician_contact_month": [{"physician_key": "X1", "month_end": MONTHS[0], "contacts": 1}],
        "fct_journey_transition": [
            {
                "physician_key": name, "product_id": product, "month_end": month, "end_on": ENDS[month],
                "from_phase_id": "P1", "is_forward": k % 3 == 0, "is_start_observable": True,
                "is_observed_until_end": True, "is_target_throughout": True, "is_countable": True,
            }
            for k, name in enumerate(PHYSICIANS)
            for month in MONTHS
            for product in PRODUCTS
        ],
        "fct_physician_channel_product_month": [
            *told(PORTAL, "portal", MONTHS), *told(WEBINAR, "webinar", MONTHS),
            *told(WEB, "owned_web", MONTHS),
            *told(PHYSICIANS[:37], "hq_email", MONTHS),
            *told(PHYSICIANS[:20], "mr_visit", MONTHS[:1]), *told(PHYSICIANS[20:], "mr_visit", MONTHS[1:]),
        ],
        "fct_digital_signal": [
            *(taken_up(name, "2026-06-30T23:59:00+09:00") for name in SEQUENCE),
            taken_up("P01", "2026-06-20T10:00:00+09:00"),  # twice is once
            taken_up("P20", "2026-07-01T00:01:00+09:00"),  # July's, for both products
            taken_up("P20", "2026-07-02T00:00:00+09:00", product_id=None),
            taken_up("P21", "2026-06-10T10:00:00+09:00", is_orchestrated=False),
            taken_up("P22", "2026-06-10T10:00:00+09:00", channel_id="medical_inquiry"),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("exposure")
    write_core(folder / "warehouse.duckdb", tables())
    write_estimates(folder / "estimates", {})
    done = run_dbt(folder, "build", "--select", "path:seeds", "mart_period", "mart_journey_exposure")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def exposure(marts: duckdb.DuckDBPyConnection, exposure_id: str, start: str, kind: str) -> Row:
    cursor = marts.execute(
        "select * from marts.mart_journey_exposure"
        " where exposure_id = ? and period_start = ? and period_type = ?",
        [exposure_id, start, kind],
    )
    (found,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description], found, strict=True))


def counts(found: Row) -> list[Any]:
    names = ("n_physicians_exposed", "n_physicians_unexposed", "n_exposed", "n_unexposed")
    return [found[name] for name in names]


def test_ten_physicians_are_not_forty(marts: Any) -> None:
    found = exposure(marts, "webinar", "2026-07-01", "quarter")
    assert counts(found) == [10, 30, 40, 120]  # 10 and 30 physicians × 2 months × 2 products
    hidden = ("rate_exposed", "rate_unexposed", "difference", "minimum_detectable_difference")
    assert [found[name] for name in hidden] == [None] * 4
    assert found["verdict"] == "cannot_tell"


def test_three_without_a_contact_are_a_small_group_too(marts: Any) -> None:
    found = exposure(marts, "hq_email", "2026-07-01", "quarter")
    assert counts(found) == [37, None, 148, None]  # 12 starts of three physicians


def test_four_physicians_are_not_published_and_five_are(marts: Any) -> None:
    assert counts(exposure(marts, "portal", "2026-10-01", "month")) == [None, 36, None, 72]
    assert counts(exposure(marts, "portal", "2026-07-01", "quarter")) == [None, 36, None, 144]
    assert counts(exposure(marts, "owned_web", "2026-10-01", "month")) == [5, 35, 10, 70]


def test_one_physician_may_stand_on_both_sides(marts: Any) -> None:
    # Twenty were visited in May and the other twenty in June: each of the forty once, and once not.
    found = exposure(marts, "mr_visit", "2026-07-01", "quarter")
    assert counts(found) == [40, 40, 80, 80]
    # Everybody moved, or did not, in both months: no difference, and nothing to learn its error from.
    assert found["difference"] == pytest.approx(0)
    assert (found["difference_low"], found["difference_high"]) == (None, None)
    assert found["verdict"] == "cannot_tell"
    assert counts(exposure(marts, "mr_visit", "2026-08-01", "month")) == [20, 20, 40, 40]


def test_orchestrated_contact_counts_in_the_month_of_the_representative(marts: Any) -> None:
    # June: six, for PRD-A only. The quarter compares them with the 40 starts of May as well.
    june = exposure(marts, "orchestrated", "2026-09-01", "month")
    assert (june["channel_id"], june["evidence_level"], counts(june)) == (None, "E2", [6, 34, 6, 34])
    assert counts(exposure(marts, "orchestrated", "2026-07-01", "quarter")) == [6, 40, 6, 74]
    # July: P20 alone, whose representative came one minute after midnight; for both products.
    assert counts(exposure(marts, "orchestrated", "2026-10-01", "month")) == [None, 39, None, 78]

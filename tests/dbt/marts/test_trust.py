"""What arrived of what a number is made of: late, never come and not there to come are three things.

One company: the portal is no channel of it (its contract expects none, none came); sessions on other sites
came until 30 September, though no contract asks for them; suggestions should come and never did; nor did the
survey, which its contract does not even expect. Ten more links were checked than in the tiny company, which
makes a hundred, four of them false.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.dbt.marts.run import number, rebuilt

SEPTEMBER = "2026-09-01"


@pytest.fixture(scope="module")
def warehouse(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    def take_away(core: duckdb.DuckDBPyConnection) -> None:
        core.execute(
            "delete from core.fct_source_delivery"
            " where source in ('portal_delivery', 'crm_suggestion', 'survey_qualtrics')"
        )
        core.execute(
            "update core.fct_source_delivery set delivered_on = '2026-09-30'"
            " where source = 'crm_multichannel_activity'"
        )
        core.execute(
            "update core.dim_source set is_expected = false"
            " where source in ('portal_delivery', 'crm_multichannel_activity', 'survey_qualtrics')"
        )
        core.execute(
            "insert into core.fct_link_review (quarter_start, link_id, source, judgement)"
            " select '2026-10-01', 'right-' || number, 'crm_call', 'correct' from range(10) as links(number)"
        )

    folder = tmp_path_factory.mktemp("trust")
    with rebuilt(built, folder, take_away, "mart_data_trust", "fct_kpi_value") as connection:
        yield connection


def test_every_source_is_listed_with_whether_it_should_come(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = {
        row[0]: row[1:]
        for row in warehouse.execute(
            "select source, is_expected, has_arrived, deliveries, cast(last_delivered_on as varchar),"
            " cast(covered_until as varchar) from marts.mart_data_trust where source is not null"
        ).fetchall()
    }
    assert len(found) == 29
    # 48 hours promised: two days after the delivery the next one is due.
    assert found["crm_multichannel_activity"] == (True, True, 1, "2026-09-30", "2026-10-02"), "it has come"
    assert found["crm_suggestion"] == (True, False, 0, None, None)
    assert found["initiative_assignment"] == (True, False, 0, None, None), (
        "no KPI needs it, its contract does"
    )
    assert found["portal_delivery"] == (False, False, 0, None, None)
    assert found["strategy_document"] == (False, False, 0, None, None)


def test_what_the_company_does_not_have_is_no_gap(warehouse: duckdb.DuckDBPyConnection) -> None:
    # Calls, e-mails and webinars may push; of these all came. The portal alone did not.
    over = number(warehouse, "channel.over_contact_rate")
    assert (over["display_state"], over["trust_arrival"]) == ("shown", "enough")


def test_what_came_and_stopped_is_missed_from_then_on(warehouse: duckdb.DuckDBPyConnection) -> None:
    # All other channels reach October: more than half, less than all.
    october = number(warehouse, "channel.frequency_median")
    assert (october["display_state"], october["trust_arrival"]) == ("shown", "caution")
    september = number(warehouse, "channel.frequency_median", period_start=SEPTEMBER)
    assert september["trust_arrival"] == "enough"
    # The number says so itself: which log is behind, and until when there is something of every log.
    assert october["sources_not_arrived"] == "crm_multichannel_activity"
    assert september["sources_not_arrived"] is None
    assert october["delivered_until"] == september["delivered_until"] == date(2026, 9, 30)


def test_what_should_have_come_lowers_the_arrival(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert number(warehouse, "orchestration.handled_rate")["trust_arrival"] == "caution"


def test_without_what_it_needs_there_is_no_number(warehouse: duckdb.DuckDBPyConnection) -> None:
    # Three of the four sources of this number came, but nobody was asked.
    response = number(warehouse, "cx.response_rate")
    assert (response["display_state"], response["trust_arrival"]) == ("withheld", "lacking")
    assert response["reason"] == "もとになる記録が届いていないため、出していません"
    assert response["sources_not_arrived"] == "survey_qualtrics" and response["delivered_until"] is None
    # A wish may be told to the CRM or in the survey: the number does with one of them.
    honoured = number(warehouse, "fit.choice_honoured_rate")
    assert (honoured["display_state"], honoured["trust_arrival"]) == ("shown", "enough")


def test_links_found_false_lower_the_mark_of_linkage(
    warehouse: duckdb.DuckDBPyConnection, built: Path
) -> None:
    # 4 of 90 are too few to say so; 4 of 100 may be 9.8 %, above 5.
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as before:
        assert number(before, "fit.choice_honoured_rate")["trust_linkage"] == "enough"
    assert number(warehouse, "fit.choice_honoured_rate")["trust_linkage"] == "caution"
    # A number that links nobody has no false links.
    assert number(warehouse, "trust.false_link_rate", "company")["trust_linkage"] == "enough"


@pytest.mark.parametrize(("quarter", "checked"), [("2026-07-01", 150), ("2026-04-01", 0)])
def test_a_review_counts_for_six_months(built: Path, tmp_path: Path, quarter: str, checked: int) -> None:
    # October's last day: the quarter that began in July is in its fourth month, April's in its seventh.
    def age(core: duckdb.DuckDBPyConnection) -> None:
        core.execute("delete from core.fct_link_review where quarter_start = '2026-10-01'")
        core.execute("update core.fct_link_review set quarter_start = ?", [quarter])

    with rebuilt(built, tmp_path, age, "mart_data_trust") as connection:
        found = connection.execute(
            "select n_links_checked, n_links_false, false_link_rate from marts.mart_data_trust"
            " where source is null"
        ).fetchall()
    assert found == [(checked, checked, 1.0 if checked else None)]

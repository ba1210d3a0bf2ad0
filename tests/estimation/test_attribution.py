"""Paths of contacts from a core that is small enough to follow by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from shirube.estimation import attribution

from tests.estimation.small_core import make_core

AS_OF = date(2026, 10, 31)
Row = dict[str, Any]


class Company:
    """Physicians with a product each, what reached them, and what they did."""

    def __init__(self) -> None:
        self.transitions: list[Row] = []
        self.phases: list[Row] = []
        self.evidence: list[Row] = []
        self.touchpoints: list[Row] = []

    def physician(
        self, name: str, contacts: str = "", moved_on: date | None = None, product: str = "PRD-A", **more: Any
    ) -> None:
        """`contacts`: 'channel MM-DD', by commas. `moved_on`: when he gave the evidence of P1."""
        place = {"physician_key": name, "product_id": product}
        self.transitions.append(
            place
            | {
                "month_end": date(2026, 6, 30), "end_on": date(2026, 9, 30), "horizon_days": 90,
                "from_phase_id": "P0", "is_forward": moved_on is not None, "is_start_observable": True,
                "is_observed_until_end": True, "is_target_throughout": True, "is_countable": True,
            }
            | more
        )  # fmt: skip
        for month_end in (date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30)):
            risen = moved_on is not None and moved_on <= month_end
            self.phases.append(place | {"month_end": month_end, "phase_id": "P1" if risen else "P0"})
        if moved_on:
            self.evidence.append(place | {"evidence_kind": "engaged_observed", "evidence_on": moved_on})
        for contact in contacts.split(",") if contacts else ():
            self.contact(name, *contact.split())

    def contact(self, name: str, channel: str, day: str, **more: Any) -> None:
        on = date.fromisoformat(f"2026-{day}")
        self.touchpoints.append(
            {
                "touchpoint_key": f"t{len(self.touchpoints)}", "physician_key": name, "channel_id": channel,
                "occurred_on": on, "occurred_at": datetime(on.year, on.month, on.day, 3, tzinfo=UTC),
                "time_precision": "second", "depth": 1, "initiator": "mr", "direction": "push",
                "product_id": "PRD-A", "routed_to_medical": False, "info_class": "promotional",
            }
            | more
        )  # fmt: skip

    def estimate(self, **setting: Any) -> dict[tuple[str | None, str | None], Row]:
        """Product and channel → row of the third quarter of 2026."""
        tables = {
            "fct_journey_transition": self.transitions, "fct_journey_phase": self.phases,
            "fct_journey_evidence": self.evidence, "fct_touchpoint": self.touchpoints,
        }  # fmt: skip
        connection = make_core(attribution.READS, tables, {"attribution_setting": {"draws": 20} | setting})
        table = attribution.estimate(connection, AS_OF)
        assert table.schema == attribution.SCHEMA
        rows = table.to_pylist()
        assert {(row["period_start"], row["period_end"]) for row in rows} == {
            (date(2026, 7, 1), date(2026, 9, 30))
        }
        found = {(row["product_id"], row["channel_id"]): row for row in rows}
        assert len(found) == len(rows)
        return found


def crowd(size: int = 200) -> Company:
    company = Company()
    for number in range(60):
        company.physician(f"moved-{number:03d}", "portal 07-05, mr_visit 08-01", date(2026, 8, 20))
        # The contact that is the evidence, and what came after it.
        company.contact(f"moved-{number:03d}", "webinar", "08-20", depth=2)
        company.contact(f"moved-{number:03d}", "hq_email", "09-01")
    for number in range(size):
        company.physician(f"mailed-{number:03d}", "hq_email 07-10, hq_email 07-20, hq_email 08-10")
    for number in range(100):
        company.physician(f"visited-{number:03d}", "mr_visit 07-10, medical_inquiry 08-01, mr_visit 09-10")
    for number in range(10):
        company.physician(f"alone-{number:03d}")
    return company


def test_three_rules_by_hand() -> None:
    # 360 paths: 60 portal > mr_visit convert, 200 hq_email and 100 mr_visit do not. Position and Shapley
    # halve each conversion. Chain: start -> portal 60/360, mr 100/360; portal -> mr; mr -> conversion 60/160.
    # P = 1/6. Without the portal 100/360 * 60/160 = 0.104, an effect of 0.375; without the visits all is
    # lost: 1.
    found = crowd().estimate()
    whole = found[None, None]
    assert (whole["n_paths"], whole["n_conversions"], whole["n_physicians"]) == (360, 60, 370)
    assert (whole["n_paths_without_contact"], whole["n_conversions_without_contact"]) == (10, 0)
    assert (whole["reason"], whole["is_same_order"]) == (None, True)
    expected = {"portal": (0.5, 0.375 / 1.375), "mr_visit": (0.5, 1 / 1.375), "hq_email": (0.0, 0.0)}
    assert {channel for product, channel in found if product is None} == {None, *expected}
    for channel, (half, removal) in expected.items():
        row = found[None, channel]
        assert (row["position_weight"], row["shapley_weight"]) == pytest.approx((half, half))
        assert row["markov_weight"] == pytest.approx(removal)
        assert row["markov2_weight"] is None  # 360 paths are too few for the second order
        assert row["markov_low"] <= row["markov_weight"] <= row["markov_high"]
    assert (found[None, "mr_visit"]["n_paths"], found[None, "mr_visit"]["n_conversions"]) == (160, 60)
    # One product only: it and the whole say the same.
    assert found["PRD-A", "portal"]["markov_weight"] == found[None, "portal"]["markov_weight"]


def test_too_few_paths_or_conversions_are_not_computed() -> None:
    few = crowd(139).estimate()
    assert (few[None, None]["n_paths"], few[None, None]["reason"]) == (299, "too_few_paths")
    assert [channel for _, channel in few if channel] == []
    assert crowd(140).estimate()[None, None]["reason"] is None
    assert crowd().estimate(min_conversions=61)[None, None]["reason"] == "too_few_conversions"


def test_a_second_order_chain_needs_a_thousand_paths() -> None:
    assert crowd().estimate(min_second_order_paths=360)[None, "portal"]["markov2_weight"] is not None
    assert crowd().estimate(min_second_order_paths=361)[None, "portal"]["markov2_weight"] is None


def small(company: Company) -> dict[tuple[str | None, str | None], Row]:
    return company.estimate(min_paths=1, min_conversions=1, min_physicians=1)


def test_a_request_is_an_outcome_and_ends_the_path() -> None:
    company = Company()
    company.physician("p", "portal 07-05, mr_visit 08-01")
    company.contact("p", "mr_remote", "09-10", depth=4)
    company.contact("p", "hq_email", "09-20")
    company.physician("asked-medical", "portal 07-05")
    company.contact("asked-medical", "medical_inquiry", "09-10", depth=4, initiator="physician")
    company.physician("handed-over", "portal 07-05")
    company.contact("handed-over", "mr_visit", "09-10", depth=4, routed_to_medical=True)
    found = small(company)
    assert (found[None, None]["n_paths"], found[None, None]["n_conversions"]) == (3, 1)
    assert {channel for product, channel in found if product is None} == {None, "mr_visit", "portal"}
    assert found[None, "mr_visit"]["n_paths"] == 1


def test_only_what_reached_him_within_ninety_days_counts() -> None:
    company = Company()
    # Outcome on 20 August: 22 May is 90 days before, 21 May is not.
    company.physician("p", "hq_email 05-21, portal 05-22, mr_visit 08-19", date(2026, 8, 20))
    company.contact("p", "webinar", "08-01", depth=0)  # sent, not delivered
    company.contact("p", "owned_web", "08-01", time_precision="month")  # nobody knows where in the path
    company.contact("p", "chat", "08-01", initiator="medical")
    company.contact("p", "mr_email", "08-01", info_class="non_promotional_medical")
    company.contact("p", "in_person_event", "08-01", product_id="PRD-B")  # about another product
    company.contact("p", "mr_remote", "08-02", product_id=None)  # about none: about his as well
    found = small(company)
    assert {channel for product, channel in found if product is None} == {
        None, "portal", "mr_remote", "mr_visit",
    }  # fmt: skip
    # portal > mr_remote > mr_visit: 40, 20, 40.
    assert [found[None, c]["position_weight"] for c in ("portal", "mr_remote", "mr_visit")] == pytest.approx(
        [0.4, 0.2, 0.4]
    )


def test_orchestration_is_a_flag_on_the_sequence() -> None:
    company = Company()
    for number in range(6):
        company.physician(f"p{number}", "portal 07-05", date(2026, 8, 20))
        company.contact(f"p{number}", "mr_visit", "07-10", orchestrated_by="E1")
    company.physician("other", "portal 07-05")
    found = company.estimate(min_paths=1, min_conversions=1)
    whole = found[None, None]
    assert (whole["n_physicians_orchestrated"], whole["n_conversions_orchestrated"]) == (6, 6)
    assert {channel for product, channel in found if product is None} == {None, "mr_visit", "portal"}
    # Nobody was without a contact: fewer than five, so the number is withheld. By product both are.
    assert whole["n_physicians_without_contact"] is None
    assert found["PRD-A", None]["n_physicians_orchestrated"] is None


def test_a_channel_of_a_few_physicians_is_no_token() -> None:
    company = Company()
    for number in range(20):
        company.physician(f"p{number:02d}", "portal 07-05, mr_visit 08-01", date(2026, 8, 20))
    for number in range(4):
        company.contact(f"p{number:02d}", "chat", "08-10")
    found = company.estimate(min_paths=1, min_conversions=1)
    assert {channel for product, channel in found if product is None} == {None, "mr_visit", "portal"}
    assert found[None, "portal"]["position_weight"] == pytest.approx(0.5)


def test_who_is_not_counted_by_the_journey_has_no_path() -> None:
    company = Company()
    company.physician("p", "portal 07-05", date(2026, 8, 20))
    company.physician("left out", "portal 07-05", date(2026, 8, 20), is_countable=False)
    assert small(company)[None, None]["n_paths"] == 1


def test_a_fall_within_the_quarter_is_no_conversion_and_no_logs_are_no_rows() -> None:
    company = Company()
    company.physician("p", "portal 07-05", date(2026, 8, 20), is_forward=False)
    company.physician("q", "portal 07-05", date(2026, 8, 20))
    assert small(company)[None, None]["n_conversions"] == 1
    assert attribution.estimate(make_core(attribution.READS, {}), AS_OF).num_rows == 0


def test_the_quarter_must_be_over() -> None:
    company = crowd()
    tables = {"fct_journey_transition": company.transitions}
    connection = make_core(attribution.READS, tables)
    assert attribution.estimate(connection, date(2026, 9, 29)).num_rows == 0


def test_a_channel_that_everybody_gets_and_two_that_go_before_moves() -> None:
    # Mails go to all 400; a webinar follows in a quarter, with a move in half of the cases; a visit in half,
    # with a move in a fifth. Chain: 1/4 * 1/2 + 1/2 * 1/5 = 0.225. Without the webinar 0.125 of it is lost,
    # without the visits 0.1, without the mails everything: effects 5/9, 4/9 and 1.
    company = Company()
    for number in range(400):
        webinar, visit = number % 4 == 0, number % 2 == 1
        moves = number % 8 == 0 or number % 10 == 1
        contacts = "hq_email 07-05" + (", webinar 07-20" if webinar else "")
        contacts += ", mr_visit 08-01" if visit else ""
        company.physician(f"p{number:03d}", contacts, date(2026, 8, 20) if moves else None)
    found = company.estimate(draws=200)
    for rule in ("position", "markov", "shapley"):
        weights = [found[None, c][f"{rule}_weight"] for c in ("hq_email", "webinar", "mr_visit")]
        assert weights == pytest.approx([1 / 2, 5 / 18, 4 / 18])
    assert found[None, None]["is_same_order"]
    # 50 and 40 conversions can trade places by chance, and the intervals say so.
    assert found[None, "webinar"]["markov_low"] < found[None, "mr_visit"]["markov_high"]
    assert found[None, "mr_visit"]["markov_high"] < found[None, "hq_email"]["markov_low"]


def test_what_is_too_small_by_product_leaves_no_channel_behind() -> None:
    # Four physicians of each of two products were reached by chat and by nothing else: neither product may be
    # shown. Together they would make chat a channel without a path.
    company = crowd()
    for product in ("PRD-B", "PRD-C"):
        for number in range(4):
            company.physician(f"{product}-{number}", product=product)
            company.contact(f"{product}-{number}", "chat", "07-10", product_id=product)
    found = company.estimate()
    assert {channel for _, channel in found} == {None, "portal", "mr_visit", "hq_email"}
    assert {product for product, _ in found} == {None, "PRD-A"}


def test_the_whole_less_its_products_leaves_no_few_physicians() -> None:
    # Chat reached five physicians about one product and four about the other: 9 - 5 would tell of the four.
    company = crowd()
    for number in range(20):
        company.physician(f"other-{number:02d}", product="PRD-B", moved_on=date(2026, 8, 20))
        company.contact(f"other-{number:02d}", "hq_email", "07-10", product_id="PRD-B")
    for product, name, many in (("PRD-A", "mailed-{:03d}", 5), ("PRD-B", "other-{:02d}", 4)):
        for number in range(many):
            company.contact(name.format(number), "chat", "07-15", product_id=product)
    found = company.estimate(min_paths=1, min_conversions=1)
    for count in ("n_physicians", "n_paths", "n_conversions"):
        assert found[None, "chat"][count] == found["PRD-A", "chat"][count]
    assert ("PRD-B", "chat") not in found

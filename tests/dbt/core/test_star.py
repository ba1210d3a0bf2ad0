"""The star against what the small company (star_company.py) must give, worked out by hand."""

from __future__ import annotations

from datetime import date

from tests.dbt.core.conftest import Star

PERSON = """left join core.dim_physician as person
    on t.physician_key = person.physician_key and person.is_current"""
PLACE = """inner join core.dim_facility as place
    on t.facility_key = place.facility_key and place.is_current"""


def test_dbt_ran_its_models_data_tests_and_unit_tests(star: Star) -> None:
    kinds = [result["unique_id"].split(".")[0] for result in star.warehouse.results]
    assert kinds.count("unit_test") >= 16
    assert kinds.count("model") >= 80
    assert kinds.count("test") >= 50
    assert kinds.count("seed") >= 20


def test_touchpoints_with_depth_physician_and_product(star: Star) -> None:
    found = star.warehouse.rows(
        f"""
        select t.source, t.channel_id, cast(t.occurred_on as varchar), person.physician_code,
            t.product_id, t.depth, t.direction, t.initiator
        from core.fct_touchpoint as t {PERSON}
        order by t.source, t.occurred_on, t.depth, person.physician_code nulls last, t.source_record_id
        """
    )
    assert found == [
        (
            "crm_call",
            "mr_visit",
            "2026-03-10",
            "00000001",
            "PRD-A",
            2,
            "push",
            "mr",
        ),  # merged account, 5 minutes
        ("crm_call", "mr_visit", "2026-04-10", "00000002", None, 3, "push", "mr"),
        ("crm_call", "mr_visit", "2026-04-11", "00000002", None, 1, "push", "mr"),
        (
            "crm_call",
            "mr_visit",
            "2026-04-12",
            "00000002",
            None,
            1,
            "push",
            "mr",
        ),  # planned first, then submitted
        ("crm_sent_email", "mr_email", "2026-04-10", "00000002", "PRD-A", 2, "push", "mr"),
        ("crm_sent_email", "mr_email", "2026-04-21", "00000002", "PRD-A", 1, "push", "mr"),
        ("portal_delivery", "portal", "2026-04-05", None, "PRD-A", 0, "push", "third_party"),  # code unknown
        ("portal_delivery", "portal", "2026-04-05", "00000002", "PRD-A", 2, "push", "third_party"),
        ("web_snowplow", "owned_web", "2026-04-07", "00000001", "PRD-A", 2, "pull", "physician"),
        ("webinar_zoom", "webinar", "2026-04-15", "00000001", "PRD-A", 2, "push", "hq"),
        ("webinar_zoom", "webinar", "2026-04-15", None, "PRD-A", 2, "push", "hq"),  # the shared address
    ]


def test_rejected_rows_are_counted_by_reason(star: Star) -> None:
    found = star.warehouse.rows(
        "select source, reason, cast(sum(rows) as int) from core.fct_reject group by 1, 2"
    )
    assert sorted(found) == [
        ("crm_call", "duplicate", 2),
        ("crm_email_activity", "opted_out_of_tracking", 1),
        ("crm_sent_email", "opted_out_of_tracking", 1),
        ("crm_suggestion", "anonymous", 1),
        ("link_review", "duplicate", 2),
        ("link_review", "out_of_scope", 1),
        ("link_review", "unparseable", 1),
        ("portal_delivery", "anonymous", 1),
        ("portal_delivery", "duplicate", 2),  # the superseded month, and what the own site saw too
        ("web_snowplow", "anonymous", 1),
        ("web_snowplow", "duplicate", 1),
        ("webinar_zoom", "anonymous", 1),
        ("webinar_zoom", "duplicate", 1),
    ]
    calls = star.batches["calls"]
    assert star.warehouse.rows(f"select reason, rows from core.fct_reject where batch_id = '{calls}'") == [
        ("duplicate", 2)
    ]


def test_every_landed_row_is_in_the_star_or_counted(star: Star) -> None:
    deliveries = star.warehouse.records("select * from core.fct_source_delivery")
    logs = [delivery for delivery in deliveries if delivery["rows_in_core"] is not None]
    assert len(logs) == 15
    assert sum(delivery["rows_in_core"] for delivery in logs) == 26
    for delivery in deliveries:
        assert delivery["rows_in"] == delivery["rows_landed"] + delivery["rows_quarantined"]
    for delivery in logs:
        assert delivery["rows_landed"] == delivery["rows_in_core"] + delivery["rows_rejected"], delivery[
            "source"
        ]
    web = next(delivery for delivery in logs if delivery["source"] == "web_snowplow")
    assert (web["rows_in"], web["rows_quarantined"], web["rows_in_core"]) == (6, 2, 2)


def test_aggregated_rows_stay_apart(star: Star) -> None:
    assert star.warehouse.rows(
        "select vendor, cast(month_end as varchar), product_id, delivered_count, read_count"
        " from core.fct_channel_exposure_agg"
    ) == [("MedPort", "2026-04-30", "PRD-A", 120, 30)]


def test_consent_as_of_the_moment_of_sending(star: Star) -> None:
    found = star.warehouse.rows(
        "select sent_email_id, consent_state, is_after_opt_out, is_human_clicked, is_delivered"
        " from core.fct_email_recipient order by 1"
    )
    assert found == [("S1", "opted_in", False, True, True), ("S2", "opted_out", True, False, True)]
    others = star.warehouse.rows(
        "select distinct consent_state from core.fct_touchpoint where channel_id <> 'mr_email'"
    )
    assert others == [("not_required",)]


def test_a_follow_up_names_the_contact_it_follows(star: Star) -> None:
    found = star.warehouse.rows(
        """
        select later.source_record_id, earlier.source_record_id, later.orchestrated_by = later.employee_key
        from core.fct_touchpoint as later
        inner join core.fct_touchpoint as earlier on later.follows_touchpoint_key = earlier.touchpoint_key
        """
    )
    assert found == [("C3", "S1", True)]
    assert star.warehouse.rows("select count(orchestrated_by) from core.fct_touchpoint") == [(1,)]


def test_ambiguous_and_unknown_references_resolve_to_nobody(star: Star) -> None:
    found = star.warehouse.rows(
        """
        select source, reference_type, reference, method, physician_key is null, is_ambiguous
        from core.bridge_physician_identity
        where source in ('webinar_zoom', 'portal_delivery') and valid_from <= '2026-04-30'
            and valid_to > '2026-04-30' order by 1, 2, 3
        """
    )
    assert found == [
        ("portal_delivery", "dcf_code", "00000002", "master_code", False, False),
        ("portal_delivery", "dcf_code", "00000009", "unmatched", True, False),
        ("webinar_zoom", "email_token", "e1", "account_email_unique", False, False),
        ("webinar_zoom", "email_token", "e3", "ambiguous", True, True),
    ]


def test_an_address_that_changed_hands_belongs_to_whom_it_was_given_on_that_day(star: Star) -> None:
    found = star.warehouse.rows(
        f"""
        select t.method, person.physician_code, t.confidence, cast(t.valid_from as varchar)
        from core.bridge_physician_identity as t {PERSON}
        where t.source = 'webinar_zoom' and t.reference = 'e1' order by t.valid_from
        """
    )
    assert found == [
        ("account_email_unique", "00000001", 0.9, "1900-01-01"),
        ("unmatched", None, 0.0, "2026-05-10"),
        ("account_email_unique", "00000005", 0.9, "2026-06-01"),
    ]


def test_stays_of_a_webinar_are_merged(star: Star) -> None:
    found = star.warehouse.rows(
        "select physician_reference, duration_seconds from core.fct_touchpoint"
        " where source = 'webinar_zoom' order by 1"
    )
    assert found == [("e1", 660), ("e3", 3600)]  # 10:00-10:06 and 10:04-10:11 are eleven minutes


def test_physician_versions_begin_with_the_picture_that_shows_the_change(star: Star) -> None:
    found = star.warehouse.rows(
        "select physician_code, specialty_code, valid_from, valid_to, is_current from core.dim_physician"
        " where physician_code in ('00000001', '00000003') order by physician_code, valid_from"
    )
    always, never = date(1900, 1, 1), date(9999, 12, 31)
    assert found == [
        ("00000001", "101", always, never, True),
        ("00000003", "101", always, date(2026, 4, 1), False),
        ("00000003", "102", date(2026, 4, 1), never, True),
    ]


def test_april_transfers_change_facility_territory_and_office(star: Star) -> None:
    moved = star.warehouse.rows(
        f"""
        select cast(t.month_end as varchar), place.facility_code, t.office_id
        from core.fct_physician_month as t {PERSON} {PLACE}
        where person.physician_code = '00000002' and t.month_end in ('2026-03-31', '2026-04-30') order by 1
        """
    )
    assert moved == [("2026-03-31", "F1", "OF01"), ("2026-04-30", "F2", "OF02")]
    offices = star.warehouse.rows(
        """
        select t.source_record_id, unit.organization_id from core.fct_touchpoint as t
        inner join core.dim_organization as unit on t.organization_key = unit.organization_key
        where t.source = 'crm_call' order by 1
        """
    )
    assert offices == [("C1", "OF01"), ("C2", "OF02"), ("C3", "OF02"), ("C4", "OF02")]


def test_affiliation_weights_add_up_to_one_on_every_day(star: Star) -> None:
    found = star.warehouse.rows(
        f"""
        select person.physician_code, place.facility_code, t.is_primary, t.weight
        from core.bridge_physician_facility as t {PERSON} {PLACE}
        where t.valid_from <= '2026-05-01' and t.valid_to > '2026-05-01' order by 1, 2
        """
    )
    assert found == [
        ("00000001", "F1", True, 1.0),
        ("00000002", "F2", True, 1.0),
        ("00000004", "F1", True, 0.5),
        ("00000004", "F2", False, 0.5),
    ]


def test_the_universe_has_every_physician_in_every_month(star: Star) -> None:
    found = star.warehouse.rows(
        "select cast(min(month_end) as varchar), cast(max(month_end) as varchar), count(*),"
        " count(distinct physician_key), sum(cast(is_target as int)) from core.fct_physician_month"
    )
    assert found == [("2026-03-31", "2026-10-31", 8 * 5, 5, 8 * 4)]


def test_phases_of_two_physicians(star: Star) -> None:
    found = star.warehouse.rows(
        f"""
        select person.physician_code, cast(t.month_end as varchar), t.phase_id, t.evidence_level
        from core.fct_journey_phase as t {PERSON}
        where person.physician_code in ('00000001', '00000002')
            and t.month_end in ('2026-03-31', '2026-04-30', '2026-07-31', '2026-08-31') order by 1, 2
        """
    )
    assert found == [
        ("00000001", "2026-03-31", "P1", "C"),  # one call of five minutes
        ("00000001", "2026-04-30", "P2", "B"),  # a download
        ("00000001", "2026-07-31", "P2", "B"),  # 7 April + 90 + 30 days is 5 August
        ("00000001", "2026-08-31", "P1", "B"),
        ("00000002", "2026-03-31", "P0", "none"),
        ("00000002", "2026-04-30", "P2", "B"),  # portal on 9 April, e-mail on 10 April
        ("00000002", "2026-07-31", "P2", "B"),  # 9 April + 90 + 30 days is 7 August
        ("00000002", "2026-08-31", "P1", "B"),
    ]


def test_no_direct_identifier_column_is_in_the_star(star: Star) -> None:
    columns = star.warehouse.rows(
        "select table_name, column_name from information_schema.columns where table_schema = 'core'"
    )
    assert len(columns) > 250
    personal = ("name_kanji", "name_kana", "birth", "email", "phone", "address", "comment", "inquiry_text")
    found = [
        (table, column)
        for table, column in columns
        if any(word in column for word in personal)
        and not column.endswith("_token")
        and column not in {"sent_email_id"}
    ]
    assert found == []


def test_what_was_done_online_is_visible_from_its_first_delivery_on(star: Star) -> None:
    """Not from the act, nor from a later file that brought the same again; midnight in Tokyo is 15:00 UTC."""
    found = star.warehouse.rows(
        "select source, source_record_id, cast(cast(visible_at as date) as varchar) from core.fct_touchpoint"
        " where physician_key is not null and depth = 2 and source <> 'crm_call' order by 1"
    )
    assert [(source, day) for source, _, day in found] == [
        ("crm_sent_email", "2026-04-26"),  # clicked on 10 April, exported on the 27th
        ("portal_delivery", "2026-05-19"),  # read on 9 April, first said so by the report of 20 May
        ("web_snowplow", "2026-04-29"),  # on 7 April; delivered on the 30th, and again a month later
        ("webinar_zoom", "2026-04-15"),  # on the 15th; in the report of the 16th, corrected on the 20th
    ]
    too_early = star.warehouse.rows(
        "select source_record_id from core.fct_touchpoint where visible_at < occurred_at"
    )
    assert too_early == []


def test_a_suggestion_goes_back_to_a_signal_of_the_same_physician(star: Star) -> None:
    found = star.warehouse.rows(
        "select s.suggestion_id, s.action_taken, s.dismiss_reason_id, s.is_handled, s.office_id,"
        " s.suggested_channel_id, s.product_id, t.source_record_id"
        " from core.fct_suggestion as s"
        " left join core.fct_touchpoint as t on s.signal_touchpoint_key = t.touchpoint_key order by 1"
    )
    assert found == [
        ("G1", "dismissed", "not_needed_now", True, "OF02", "mr_visit", "PRD-A", "S1"),
        # Made for physician 1 (merged account), but the click is physician 2's.
        ("G2", "expired", None, False, "OF02", "mr_visit", "PRD-A", None),
    ]


def test_a_signal_begins_when_it_could_be_seen_or_was_evidently_seen(star: Star) -> None:
    found = star.warehouse.rows(
        "select channel_id, cast(acted_at as varchar), cast(signal_at as varchar), is_linked,"
        " exclusion_reason"
        " from core.fct_digital_signal order by 1"
    )
    assert [(row[0], row[1][:16], row[2][:16], row[3], row[4]) for row in found] == [
        # Call C3 of 11 April names the click of the day before, which arrived on the 27th only.
        ("mr_email", "2026-04-10 03:00", "2026-04-10 03:00", True, None),
        ("owned_web", "2026-04-07 01:00", "2026-04-29 15:00", False, "not_observable"),
        ("portal", "2026-04-04 15:00", "2026-05-19 15:00", False, "not_observable"),
        ("webinar", "2026-04-15 10:00", "2026-04-15 15:00", False, "not_observable"),
    ]

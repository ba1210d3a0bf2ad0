"""A company of five physicians, small enough to know every row of its star by heart."""

from __future__ import annotations

from typing import Any

from tests.dbt.core import link_numbers
from tests.dbt.tiny_lake import TinyLake

Rows = list[dict[str, Any]]


def sales(**columns: Any) -> dict[str, Any]:
    """A CRM row with what every CRM row has."""
    return {"is_deleted": False, "system_modstamp": "2026-01-01 00:00:00"} | columns


def physicians(changed: bool = False) -> Rows:
    """The master: five physicians; the third moved from internal medicine to cardiology."""
    return [
        {
            "physician_code": f"0000000{number}",
            "specialty_code": "102" if changed and number == 3 else "101",
            "practice_type_code": "1" if number == 5 else "2",
            "graduation_year": 2000,
            "name_kanji_token": f"t1.name{number}",
        }
        for number in range(1, 6)
    ]


def affiliations() -> Rows:
    """Physician 2 moves on 1 April; physician 4 works half at each of two hospitals."""
    return [
        {"physician_code": "00000001", "facility_code": "F1", "started_on": "2020-04-01", "is_primary": True},
        {
            "physician_code": "00000002",
            "facility_code": "F1",
            "started_on": "2020-04-01",
            "ended_on": "2026-03-31",
            "is_primary": True,
        },
        {"physician_code": "00000002", "facility_code": "F2", "started_on": "2026-04-01", "is_primary": True},
        {"physician_code": "00000004", "facility_code": "F1", "started_on": "2020-04-01", "is_primary": True},
        {
            "physician_code": "00000004",
            "facility_code": "F2",
            "started_on": "2020-04-01",
            "is_primary": False,
        },
    ]


def fill(lake: TinyLake) -> dict[str, str]:
    """Deliver everything; returns the batch ids that tests ask for, by name."""
    batches = {"physicians": lake.deliver("dcf_physician", "2026-01-01", physicians())}
    lake.deliver_again(batches["physicians"], "2026-02-01")
    lake.deliver_again(batches["physicians"], "2026-03-01")
    lake.deliver("dcf_physician", "2026-04-01", physicians(changed=True))
    lake.deliver(
        "dcf_facility",
        "2026-01-01",
        [{"facility_code": "F1", "beds": 400}, {"facility_code": "F2", "beds": 10}],
    )
    lake.deliver("dcf_affiliation", "2026-04-01", affiliations())
    lake.deliver(
        "crm_product",
        "2026-01-05",
        [sales(id="CP1", external_id="PRD-A", name="シルベリン錠", is_company_product=True)],
    )
    representative = sales(id="U1", employee_number="E1", role="MR", is_active=True)
    representative |= {"branch_code": "BR1", "branch_name": "支店"}
    lake.deliver(
        "crm_user",
        "2026-01-05",
        [
            sales(id="U1", role="MR", territory="T1", office_code="OF01", office_name="一", branch_code="BR1")
            | {
                "branch_name": "支店",
                "employee_number": "E1",
                "effective_on": "2025-10-01",
                "is_active": True,
            },
            sales(id="U1", role="MR", territory="T2", office_code="OF02", office_name="二", branch_code="BR1")
            | {
                "branch_name": "支店",
                "employee_number": "E1",
                "effective_on": "2026-04-01",
                "is_active": True,
            },
        ],
    )
    accounts = [
        sales(
            id=f"A{number}", external_id=f"0000000{number}", member_id=f"M{number}", email_token=f"e{number}"
        )
        | {"is_person_account": True, "is_target": True, "territory": ";T1;"}
        for number in (1, 2, 3, 4)
    ]
    accounts[3]["email_token"] = "e3"  # physicians 3 and 4 share an address
    loser = sales(id="A9", is_person_account=True) | {"is_deleted": True, "master_record_id": "A1"}
    lake.deliver("crm_account", "2026-01-05", [*accounts, loser])
    lake.deliver(
        "crm_account",
        "2026-04-06",
        [accounts[1] | {"territory": ";T2;", "system_modstamp": "2026-04-01 01:00:00"}],
    )
    # Physician 1 takes a new address in May; in June the old one is given to physician 5.
    moved = accounts[0] | {"email_token": "e1new", "system_modstamp": "2026-05-10 01:00:00"}
    heir = accounts[0] | {"id": "A5", "external_id": "00000005", "member_id": "M5", "is_target": False}
    heir |= {"territory": None, "created_at": "2026-06-01 01:00:00", "system_modstamp": "2026-06-01 01:00:00"}
    lake.deliver("crm_account", "2026-06-02", [moved, heir])
    batches |= _contacts(lake)
    _reviewed_links(lake)
    return batches


def reviewed(
    account: str, code: str, answer: str | None, day: str | None, kind: str = "id"
) -> dict[str, Any]:
    """A row of the drawn table for July's quarter: that this account is the physician with this code."""
    reference_type, method = {
        "id": ("crm_account_id", "account_external_id"),
        "member": ("member_id", "account_member_id"),
    }[kind]
    return {
        "quarter_start": "2026-07-01", "answer": answer, "reviewed_on": day, "source": "crm_account",
        "link_id": link_numbers.link("crm_account", reference_type, account, code), "method": method,
        "physician_key": link_numbers.physician(code),
    }  # fmt: skip


def _reviewed_links(lake: TinyLake) -> None:
    """Of July's quarter, filled in two steps; of October's one link again."""
    first = [
        reviewed("A2", "00000002", "正しい", "2026-08-20"),
        reviewed("M2", "00000002", "誤り", "2026-08-20", "member"),
        reviewed("A3", "00000003", "分からない", "2026-08-20"),
        reviewed("M3", "00000003", "正しい", None, "member"),
        # The account was linked to another physician when it was drawn; that was mended.
        reviewed("A4", "00000005", "誤り", "2026-08-20"),
        reviewed("A5", "00000005", None, None),
        reviewed("M4", "00000004", "たぶん", "2026-08-20", "member"),
    ]
    lake.deliver("link_review", "2026-08-20", first)
    # Looked at once more: M2 is right. A2 came back empty, which takes nothing back.
    again = [first[0] | {"answer": None, "reviewed_on": None}, first[1] | {"answer": "正しい"}]
    again[1]["reviewed_on"] = "2026-08-25"
    lake.deliver("link_review", "2026-08-25", again)
    lake.deliver(
        "link_review",
        "2026-10-20",
        [first[0] | {"quarter_start": "2026-10-01", "answer": "誤り", "reviewed_on": "2026-10-20"}],
    )


def _contacts(lake: TinyLake) -> dict[str, str]:
    call = {"user_id": "U1", "channel": "visit", "status": "Submitted_vod"}
    first = [
        sales(id="C1", account_id="A9", call_date="2026-03-10", duration_minutes=5) | call,
        sales(id="C2", account_id="A2", call_date="2026-04-10", reaction="positive") | call,
        sales(id="C3", account_id="A2", call_date="2026-04-11", followed_record_id="K1") | call,
        sales(id="C4", account_id="A2", call_date="2026-04-12") | call | {"status": "Planned_vod"},
    ]
    batches = {"calls": lake.deliver("crm_call", "2026-04-13", first)}
    again = {"system_modstamp": "2026-04-15 00:00:00"}
    batches["calls_again"] = lake.deliver(
        "crm_call", "2026-04-20", [first[3] | again | {"status": "Submitted_vod"}, first[2] | again]
    )
    lake.deliver(
        "crm_call_detail", "2026-04-13", [sales(id="D1", call_id="C1", product_id="CP1", priority=1)]
    )
    consent = {"account_id": "A2", "channel": "mr_email"}
    lake.deliver(
        "crm_consent",
        "2026-01-05",
        [
            sales(id="N1", opt_type="Opt_In_vod", captured_at="2026-01-01 00:00:00") | consent,
            sales(id="N2", opt_type="Opt_Out_vod", captured_at="2026-04-20 00:00:00") | consent,
        ],
    )
    mail = {
        "account_id": "A2",
        "sender_department": "mr",
        "status": "Delivered_vod",
        "product_id": "CP1",
        "link_count": 3,
    }
    lake.deliver(
        "crm_sent_email",
        "2026-04-27",
        [
            sales(id="S1", sent_at="2026-04-10 00:00:00") | mail,
            sales(id="S2", sent_at="2026-04-21 00:00:00") | mail,
            sales(id="S3", sent_at="2026-04-21 00:00:00") | mail | {"account_id": None},
        ],
    )
    click = {
        "event_type": "Clicked_vod",
        "click_url": "https://example.jp/1",
        "user_agent": "Mozilla/5.0 (X11)",
    }
    lake.deliver(
        "crm_email_activity",
        "2026-04-27",
        [
            sales(id="K1", sent_email_id="S1", activity_at="2026-04-10 03:00:00") | click,
            sales(id="K3", sent_email_id="S3", activity_at="2026-04-21 03:00:00") | click,
        ],
    )
    suggested = {
        "owner_id": "U1",
        "record_type": "Call_vod",
        "suggested_channel": "visit",
        "product_id": "CP1",
    }
    suggested |= {"posted_on": "2026-04-11", "expires_on": "2026-04-25", "created_at": "2026-04-10 21:00:00"}
    declined = {"dismissed": 1, "dismiss_reason": "今回は不要", "feedback_at": "2026-04-12 03:00:00"}
    lake.deliver(
        "crm_suggestion",
        "2026-04-27",
        [
            sales(id="G1", account_id="A2", signal_record_id="K1") | suggested | declined,
            sales(id="G2", account_id="A9", signal_record_id="K1") | suggested,
            sales(id="G3") | suggested,
        ],
    )
    meeting = {
        "meeting_id": "850",
        "topic": "【PRD-A】シルベリン錠 Web講演会 #C1001",
        "meeting_start_at": "2026-04-15 10:00:00",
        "meeting_end_at": "2026-04-15 11:00:00",
    }
    at_ten = meeting | {"joined_at": "2026-04-15 10:00:00"}
    early = at_ten | {"email_token": "e1", "left_at": "2026-04-15 10:02:00"}
    batches["webinar_early"] = lake.deliver("webinar_zoom", "2026-04-16", [early], period="850")
    stays = [
        early | {"left_at": "2026-04-15 10:06:00"},
        early | {"joined_at": "2026-04-15 10:04:00", "left_at": "2026-04-15 10:11:00"},
        at_ten | {"email_token": "e3", "left_at": "2026-04-15 11:00:00"},
        at_ten | {"left_at": "2026-04-15 11:00:00"},
    ]
    lake.deliver("webinar_zoom", "2026-04-20", stays, period="850")
    row = {"vendor": "MedPort", "period": "202604", "product_name": "シルベリン錠", "content_id": "C1001"}
    row |= {"delivered_on": "2026-04-05", "delivered_count": 1}
    old = [row | {"delivery_id": "P0", "physician_code": "00000001"}]
    batches["portal_old"] = lake.deliver("portal_delivery", "2026-05-08", old, period="2026-04")
    new = [
        row
        | {"delivery_id": "P1", "physician_code": "00000001", "read_on": "2026-04-07", "is_completed": True},
        row | {"delivery_id": "P2", "physician_code": "00000009"},
        row | {"delivery_id": "P3", "delivered_count": 120, "read_count": 30},
        row | {"delivery_id": "P4"},
        row
        | {"delivery_id": "P5", "physician_code": "00000002", "read_on": "2026-04-09", "is_completed": True},
    ]
    lake.deliver("portal_delivery", "2026-05-20", new, period="2026-04")
    page = {"app_id": "site", "user_id": "M1", "domain_session_id": "s1", "page_urlpath": "/contents/C1001"}
    first = page | {"event_id": "W1", "event_fingerprint": "f", "derived_at": "2026-04-07 01:00:00"}
    download = {"se_category": "download", "se_action": "download", "derived_at": "2026-04-07 01:01:00"}
    events = [
        first,
        first,
        page | download | {"event_id": "W2", "event_fingerprint": "g"},
        first | {"event_id": "W3", "user_id": None},
    ]
    web = lake.deliver("web_snowplow", "2026-04-30", events, quarantined=2)
    lake.deliver_again(web, "2026-05-30")
    return batches

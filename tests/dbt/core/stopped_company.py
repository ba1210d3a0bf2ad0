"""The company of five, and all a log can hold of its first physician, whose data may not be used any more.

Physician 1 has the accounts A1, A9 (merged into A1), A8 (named him in January, nobody since) and A7 (merged
into A99, which never came); the member ids M1 and M8; the addresses e1 (physician 5's since June), e1new and
e8; the portal's number PM1. Beside each record of his stands one of somebody else.
"""

from __future__ import annotations

from typing import Any

from tests.dbt.core.star_company import fill as fill_star
from tests.dbt.core.star_company import reviewed, sales
from tests.dbt.tiny_lake import TinyLake

CODE = "00000001"
HIS = {
    "dcf_code": {CODE},
    "crm_account_id": {"A1", "A7", "A8", "A9", "A99"},
    "member_id": {"M1", "M8"},
    "email_token": {"e1", "e1new", "e8"},
    "portal_member_id": {"MedPort:PM1"},
}
"""What any source ever called him, by kind of reference."""

REJECTED = {
    # C1 came by A9; G0 is the header of a group under his own account.
    "crm_call": {"C1", "C10", "C11", "C13", "G0", "G1"},
    "crm_call_detail": {"D1", "D10"},
    "crm_call_key_message": {"P10"},
    "crm_sent_email": {"S10"},
    "crm_email_activity": {"K10"},
    "crm_consent": {"N10"},
    "crm_medical_inquiry": {"Q10"},
    "crm_suggestion": {"G2", "G10"},
    "crm_multichannel_activity": {"X10", "X11", "X12"},
    "crm_multichannel_activity_line": {"Y10", "Y11"},
    "webinar_zoom": {"e1 04-15 first", "e1 04-15 second", "e1 05-20", "e1new", "e8"},
    "portal_delivery": {"P1", "P6", "P7"},
    "survey_qualtrics": {"R10", "R11"},
    "web_snowplow": {"W1", "W1 again", "W2", "W10"},
    "initiative_assignment": {"his"},
    "link_review": {"his account"},
}
"""Source → what of it is left out because it is his: one by one from the rows below and the star's."""


def fill(lake: TinyLake) -> None:
    """Deliver the star's company and what is added to it."""
    fill_star(lake)
    _accounts(lake)
    _calls(lake)
    _mail(lake)
    _online(lake)
    _answers(lake)


def _accounts(lake: TinyLake) -> None:
    person = {"is_person_account": True, "is_target": True, "territory": ";T1;"}
    once = sales(id="A8", external_id=CODE, member_id="M8", email_token="e8") | person
    nobody = once | {"external_id": None, "system_modstamp": "2026-02-01 01:00:00"}
    lost = sales(id="A7", external_id=CODE) | person | {"is_deleted": True, "master_record_id": "A99"}
    lake.deliver("crm_account", "2026-02-02", [once, nobody, lost])


def _calls(lake: TinyLake) -> None:
    call = {"user_id": "U1", "channel": "visit", "status": "Submitted_vod", "call_date": "2026-04-14"}
    group = call | {"call_date": "2026-04-16", "channel": "briefing"}
    lake.deliver(
        "crm_call",
        "2026-04-27",
        [
            sales(id="C10", account_id="A1", reaction="positive", request=True) | call,
            sales(id="C11", account_id="A8") | call,
            sales(id="C13", account_id="A99") | call,
            sales(id="C20", account_id="A2") | call,
            # Before anything of his, so that the company's history begins on the same day without him.
            sales(id="C21", account_id="A3") | call | {"call_date": "2026-02-27"},
            sales(id="G0", account_id="A1") | group,
            sales(id="G1", account_id="A1", parent_call_id="G0") | group,
            sales(id="G3", account_id="A3", parent_call_id="G0") | group,
        ],
    )
    lake.deliver(
        "crm_call_detail",
        "2026-04-27",
        [
            sales(id="D10", call_id="C10", product_id="CP1", priority=1),
            sales(id="D20", call_id="C20", product_id="CP1", priority=1),
            sales(id="D21", call_id="C21", product_id="CP1", priority=1),
            sales(id="D30", call_id="G0", product_id="CP1", priority=1),  # the group's, so A3's too
        ],
    )
    slide = {"product_id": "CP1", "is_training": False, "object_type": "Key_Message_vod"}
    lake.deliver("crm_key_message", "2026-01-05", [sales(id="KM1", vault_doc_id="C2001", name="一") | slide])
    page = {"key_message_id": "KM1", "duration_seconds": 40}
    lake.deliver(
        "crm_call_key_message",
        "2026-04-27",
        [
            sales(id="P10", call_id="C10") | page,
            sales(id="P20", call_id="C20") | page,
            sales(id="P30", call_id="G0") | page,
        ],
    )


def _mail(lake: TinyLake) -> None:
    mail = {"sender_department": "mr", "status": "Delivered_vod", "product_id": "CP1", "link_count": 3}
    mail |= {"sent_at": "2026-04-12 00:00:00", "survey_wave": "2026Q2"}
    click = {"event_type": "Clicked_vod", "click_url": "https://example.jp/1", "user_agent": "Mozilla/5.0"}
    click |= {"activity_at": "2026-04-13 03:00:00"}
    lake.deliver(
        "crm_sent_email",
        "2026-05-04",
        [sales(id="S10", account_id="A1") | mail, sales(id="S20", account_id="A2") | mail],
    )
    lake.deliver(
        "crm_email_activity",
        "2026-05-04",
        [sales(id="K10", sent_email_id="S10") | click, sales(id="K20", sent_email_id="S20") | click],
    )
    consent = {"channel": "hq_email", "opt_type": "Opt_In_vod", "captured_at": "2026-01-01 00:00:00"}
    consent |= {"preferred_channel": "Webinar"}
    lake.deliver(
        "crm_consent",
        "2026-01-12",
        [sales(id="N10", account_id="A9") | consent, sales(id="N20", account_id="A3") | consent],
    )


def _online(lake: TinyLake) -> None:
    elsewhere = {"record_type": "External_Channel", "site": "MedPort.example", "duration_seconds": 12}
    elsewhere |= {"started_at": "2026-04-02 15:30:00"}
    lake.deliver(
        "crm_multichannel_activity",
        "2026-04-27",
        [
            sales(id="X10", account_id="A1") | elsewhere,
            sales(id="X11", account_id="A1", call_id="C10", started_at="2026-04-14 01:00:00"),
            sales(id="X12", sent_email_id="S10", started_at="2026-04-14 01:00:00"),
            sales(id="X20", account_id="A2") | elsewhere,
        ],
    )
    lake.deliver(
        "crm_multichannel_activity_line",
        "2026-04-27",
        [
            sales(id="Y10", activity_id="X10", event_type="Download_vod"),
            sales(id="Y11", activity_id="X11", key_message_id="KM1"),
            sales(id="Y20", activity_id="X20", event_type="Download_vod"),
        ],
    )

    def stay(meeting: str, token: str, day: str) -> dict[str, Any]:
        return {
            "meeting_id": meeting, "topic": "【PRD-A】シルベリン錠 Web講演会 #C1001",
            "meeting_start_at": f"{day} 10:00:00", "meeting_end_at": f"{day} 11:00:00",
            "joined_at": f"{day} 10:00:00", "left_at": f"{day} 10:30:00", "email_token": token,
        }  # fmt: skip

    # In May nobody had the old address; since June it is physician 5's, whose stay of July stays.
    for meeting, day, tokens in (
        ("849", "2026-03-01", ["e8"]),
        ("851", "2026-05-20", ["e1", "e1new", "e2"]),
        ("852", "2026-07-15", ["e1"]),
    ):
        stays = [stay(meeting, token, day) for token in tokens]
        lake.deliver("webinar_zoom", f"{day}T23:00", stays, period=meeting)
    row = {"vendor": "MedPort", "period": "202605", "product_name": "シルベリン錠", "content_id": "C1001"}
    row |= {"delivered_on": "2026-05-05", "delivered_count": 1}
    lake.deliver(
        "portal_delivery",
        "2026-06-08",
        [
            row | {"delivery_id": "P6", "physician_code": CODE, "portal_member_id": "PM1"},
            row | {"delivery_id": "P7", "portal_member_id": "PM1"},
            row | {"delivery_id": "P8", "portal_member_id": "PM2"},
            row | {"delivery_id": "P9", "physician_code": "00000002", "portal_member_id": "PM3"},
        ],
        period="2026-05",
    )
    lake.deliver(
        "portal_delivery", "2026-06-08",
        [row | {"vendor": "Other", "delivery_id": "P1", "portal_member_id": "PM1"}], period="2026-05",
    )  # fmt: skip
    page = {"app_id": "site", "page_urlpath": "/contents/C1001", "derived_at": "2026-05-07 01:00:00"}
    lake.deliver(
        "web_snowplow",
        "2026-05-30",
        [
            page | {"event_id": "W10", "event_fingerprint": "h", "user_id": "M8", "domain_session_id": "s8"},
            page | {"event_id": "W20", "event_fingerprint": "h", "user_id": "M2", "domain_session_id": "s2"},
            page | {"event_id": "W30", "event_fingerprint": "h", "user_id": "M77", "domain_session_id": "s3"},
        ],
    )


def _answers(lake: TinyLake) -> None:
    answer = {
        "recorded_at": "2026-06-10T03:00:00", "status": "0", "is_finished": True, "wave": "2026Q2",
        "product_code": "PRD-A", "channel": "webinar", "csat": 4, "nps": 9,
    }  # fmt: skip
    lake.deliver(
        "survey_qualtrics",
        "2026-06-20",
        [
            answer | {"response_id": "R10", "external_reference": "M1"},
            # Another link's member id that nobody knows, but the invitation went to his address.
            answer | {"response_id": "R11", "external_reference": "M99", "recipient_email_token": "e1new"},
            answer | {"response_id": "R20", "external_reference": "M2"},
            answer | {"response_id": "R30", "external_reference": "M98"},
        ],
    )
    inquiry = {"product_name": "シルベリン錠", "category": "on_label", "received_at": "2026-05-11 01:00:00"}
    inquiry |= {"owner_id": "U1", "mr_notified_at": "2026-05-12 01:00:00"}
    lake.deliver(
        "crm_medical_inquiry",
        "2026-05-18",
        [sales(id="Q10", account_id="A1") | inquiry, sales(id="Q20", account_id="A2") | inquiry],
    )
    suggested = {"owner_id": "U1", "record_type": "Call_vod", "suggested_channel": "visit"}
    suggested |= {"posted_on": "2026-05-11", "created_at": "2026-05-10 21:00:00", "actioned": 1}
    lake.deliver(
        "crm_suggestion",
        "2026-05-18",
        [sales(id="G10", account_id="A1") | suggested, sales(id="G20", account_id="A2") | suggested],
    )
    plan = {"initiative_id": "I1", "name_ja": "案内", "product_name": "シルベリン錠", "design": "無作為"}
    plan |= {"updated_at": "2026-05-01 00:00:00", "starts_on": "2026-07-01", "approved_on": "2026-05-17"}
    lake.deliver("initiative", "2026-05-20", [plan])
    drawn = {"initiative_id": "I1", "assigned_on": "2026-06-17", "recorded_at": "2026-06-17 01:00:00"}
    lake.deliver(
        "initiative_assignment",
        "2026-06-17",
        [
            drawn | {"unit": "医師", "physician_code": CODE, "arm": "実施"},
            drawn | {"unit": "医師", "physician_code": "00000002", "arm": "比較"},
            drawn | {"unit": "営業所", "office_code": "OF01", "arm": "実施"},
        ],
    )
    lake.deliver("link_review", "2026-08-21", [reviewed("A1", CODE, "正しい", "2026-08-21")])

"""Uses of contents, their versions and what followed, over a lake of a few rows counted by hand.

Leap year 2024. Slide C2001 (for representatives) has version 1 until 29 February and version 2 from
20 February; C2002 is Medical's; C2009 has been shown but never approved; K9 is for training. Template TM1
is sent by representatives, TM2 and TM3 by Medical only.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt.core.star_company import affiliations, physicians, sales
from tests.dbt.tiny_lake import TinyLake, Warehouse

WANTED = (
    "+fct_content_use_month",
    "+fct_decision",
    "+dim_content_version",
    "+fct_source_delivery",
    "+fct_reject",
)


def _masters(lake: TinyLake) -> None:
    lake.deliver("dcf_physician", "2024-01-01", physicians())
    lake.deliver("dcf_affiliation", "2024-01-01", affiliations())
    product = sales(id="CP1", external_id="PRD-A", name="シルベリン錠", is_company_product=True)
    lake.deliver("crm_product", "2024-01-05", [product])
    place = {"territory": "T1", "office_code": "OF01", "office_name": "一", "branch_code": "BR1"}
    user = place | {"branch_name": "支店", "effective_on": "2023-04-01", "is_active": True}
    people = [
        sales(id="U1", role="MR", employee_number="E1") | user,
        sales(id="U2", role="MSL", employee_number="E2") | user,
    ]
    lake.deliver("crm_user", "2024-01-05", people)
    accounts = [
        sales(id=f"A{n}", external_id=f"0000000{n}", member_id=f"M{n}", email_token=f"e{n}")
        | {"is_person_account": True, "is_target": True, "territory": ";T1;"}
        for n in (1, 2, 3)
    ]
    lake.deliver("crm_account", "2024-01-05", accounts)


def _register(lake: TinyLake) -> None:
    def version(material: str, number: str, approved: str | None, last: str | None, who: str = "MR") -> Any:
        return {
            "material_number": material, "content_version": number, "approved_on": approved,
            "expires_on": last, "audience": who, "info_class_word": "プロモーション",
            "product_name": "シルベリン錠", "topic_name": "臨床試験成績", "title": f"題{material}",
            "approval_number": f"審{material}-{number}", "updated_on": approved or "2024-03-01",
        }  # fmt: skip

    lake.deliver(
        "content_approval",
        "2024-03-05",
        [
            version("C2001", "1.0", "2024-01-01", "2024-02-29"),
            version("C2001", "2.0", "2024-02-20", None),
            version("C2001", "3.0", None, None),  # under review
            version("C2002", "1.0", "2024-01-01", None, "Medical"),
            version("C3001", "1.0", "2024-01-01", None, "両方"),
            version("C3002", "1.0", "2024-01-01", None, "Medical"),
            version("C1001", "1.0", "2024-01-01", None),
        ],
    )
    content = {"product_id": "CP1", "is_training": False, "object_type": "Key_Message_vod"}
    template = content | {"object_type": "Approved_Email_Template_vod"}
    known = [
        sales(id="K1", vault_doc_id="C2001", name="一") | content,
        sales(id="K1b", vault_doc_id="C2001", name="一の短い版") | content,  # the same page in a second deck
        sales(id="K2", vault_doc_id="C2002", name="医学") | content,
        sales(id="K8", vault_doc_id="C2009", name="未審査") | content,
        sales(id="K9", vault_doc_id="C2010", name="研修") | content | {"is_training": True},
        sales(id="TM1", vault_doc_id="C3001", name="ご案内") | template,
        sales(id="TM2", vault_doc_id="C3002", name="学術のご案内") | template,
        sales(id="TM3", vault_doc_id="C3003", name="学術の続報") | template,  # Medical's, not registered
    ]
    lake.deliver("crm_key_message", "2024-03-05", known)
    lake.deliver(
        "content_decision",
        "2024-03-05",
        [
            {"material_number": "C2001", "content_version": "1.0", "decided_on": "2024-02-29",
             "decision_word": "直す", "department": "営業企画部"},
            {"material_number": "C2001", "content_version": "2.0", "decided_on": "2024-03-01",
             "decision_word": "残す", "department": "営業企画部"},
            {"material_number": "C1001", "content_version": "1.0", "decided_on": "2024-03-01",
             "decision_word": "様子見", "department": "営業企画部"},
        ],
    )  # fmt: skip


def _calls(lake: TinyLake) -> None:
    def call(name: str, account: str, day: str, user: str = "U1", **more: Any) -> Any:
        return sales(id=name, account_id=account, call_date=day, user_id=user, channel="visit") | {
            "status": "Submitted_vod"
        } | more  # fmt: skip

    lake.deliver(
        "crm_call",
        "2024-03-04",
        [
            call("L1", "A1", "2024-02-29"),
            call("L2", "A1", "2024-03-01"),
            call("L3", "A2", "2024-02-10"),
            call("G0", "A3", "2024-02-12"),  # a group: header and two attendees
            call("G1", "A1", "2024-02-12", parent_call_id="G0"),
            call("G2", "A2", "2024-02-12", parent_call_id="G0"),
            call("M1", "A2", "2024-02-13", user="U2"),  # an MSL
            call("P1", "A2", "2024-02-14") | {"status": "Planned_vod"},
        ],
    )

    def page(number: str, call_id: str, content: str, version: str, seconds: int, **more: Any) -> Any:
        return sales(id=number, call_id=call_id, key_message_id=content, slide_version=version) | {
            "duration_seconds": seconds, "product_id": "CP1",
        } | more  # fmt: skip

    lake.deliver(
        "crm_call_key_message",
        "2024-03-04",
        [
            page("S1", "L1", "K1", "1.0", 300, reaction="Positive"),  # on the last day; five minutes exactly
            page("S2", "L2", "K1b", "1.0", 301),  # the day after; a second above five minutes
            page("S3", "L3", "K1", "2.0", 40),  # ten days before that version was approved
            page("S4", "L3", "K8", "1.0", 40),
            page("S5", "L3", "K2", "1.0", 40),
            page("S6", "G0", "K1", "1.0", 6000),
            page("S7", "M1", "K2", "1.0", 40),
            page("S8", "M1", "K1", "1.0", 40),
            page("S9", "P1", "K1", "1.0", 40),
            page("S10", "L1", "K9", "1.0", 40),
            page("S11", "L1", "K1", "1.0", 40) | {"is_deleted": True},
            page("S12", "L1", "K1", "9.0", 40),  # a version that nobody approved
        ],
    )


def _mails_and_views(lake: TinyLake) -> None:
    mail = {"status": "Delivered_vod", "link_count": 9, "product_id": "CP1", "topic_id": "T-EVID"}
    lake.deliver(
        "crm_sent_email",
        "2024-03-04",
        [
            sales(id="E1", account_id="A1", sent_at="2024-02-15 01:00:00", template_id="TM1")
            | mail | {"sender_department": "mr"},
            sales(id="E2", account_id="A2", sent_at="2024-02-15 01:00:00", template_id="TM2")
            | mail | {"sender_department": "medical"},
            sales(id="E3", account_id="A2", sent_at="2024-02-16 01:00:00", template_id="TM3")
            | mail | {"sender_department": "medical"},
        ],
    )  # fmt: skip
    agent = {"user_agent": "Mozilla/5.0 (X11)", "click_url": "https://example.jp/1"}
    lake.deliver(
        "crm_email_activity",
        "2024-03-04",
        [
            # For the briefing of the 12th, 26 February is the last day that counts.
            sales(id="X1", sent_email_id="E1", activity_at="2024-02-26 03:00:00",
                  event_type="Clicked_vod") | agent,
            sales(id="X2", sent_email_id="E1", activity_at="2024-02-27 03:00:00",
                  event_type="Unsubscribed_vod") | agent,
        ],
    )  # fmt: skip
    page = {"app_id": "site", "domain_session_id": "s1", "page_urlpath": "/contents/C1001"}
    view = page | {"event_id": "W1", "event_fingerprint": "f", "user_id": "M1"}
    view |= {"derived_at": "2024-03-15 01:00:00"}
    lake.deliver("web_snowplow", "2024-03-20", [view])
    row = {"vendor": "MedPort", "period": "202401", "product_name": "シルベリン錠", "content_id": "C1001"}
    row |= {"topic_id": "T-EVID", "delivered_on": "2024-01-10", "delivered_count": 1, "delivery_id": "D1"}
    total = row | {"delivery_id": "AGG", "delivered_count": 120, "content_title": "集計（未同意会員）"}
    told = row | {"physician_code": "00000003", "content_title": "臨床試験 第1版"}
    lake.deliver("portal_delivery", "2024-02-08", [told, total], period="2024-01")


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    lake = TinyLake(tmp_path_factory.mktemp("contents"))
    _masters(lake)
    _register(lake)
    _calls(lake)
    _mails_and_views(lake)
    return lake.build(as_of="2024-03-20", select=WANTED, without_tests=True)


def test_a_use_is_valid_until_its_last_day(contents: Warehouse) -> None:
    found = contents.rows(
        """
        select source_record_id, cast(used_on as varchar), content_version, role_id, validity
        from core.fct_content_use where source = 'crm_call_key_message' order by 1, 2
        """
    )
    assert found == [
        ("S1", "2024-02-29", "1", "mr", "valid"),
        ("S12", "2024-02-29", "9", "mr", "unapproved"),
        ("S2", "2024-03-01", "1", "mr", "expired"),
        ("S3", "2024-02-10", "2", "mr", "unapproved"),
        ("S4", "2024-02-10", "1", "mr", "unapproved"),
        ("S5", "2024-02-10", "1", "mr", "out_of_role"),
        ("S6", "2024-02-12", "1", "mr", "valid"),  # both attendees of the group
        ("S6", "2024-02-12", "1", "mr", "valid"),
        ("S7", "2024-02-13", "1", "medical", "valid"),
        ("S8", "2024-02-13", "1", "medical", "out_of_role"),
    ]


def test_a_page_left_open_is_cut_at_five_minutes(contents: Warehouse) -> None:
    found = contents.rows(
        "select distinct source_record_id, logged_seconds, seconds, is_idle_cut from core.fct_content_use"
        " where source_record_id in ('S1', 'S2', 'S6') order by 1"
    )
    assert found == [("S1", 300, 300, False), ("S2", 301, 300, True), ("S6", 6000, 300, True)]
    others = contents.rows(
        "select count(*), count(seconds) from core.fct_content_use where source <> 'crm_call_key_message'"
    )
    assert others == [(3, 0)]  # e-mail, portal, own site: no time, and none made up


def test_what_followed_within_fourteen_days(contents: Warehouse) -> None:
    found = contents.rows(
        """
        select case when source = 'web_snowplow' then 'visit' else source_record_id end as record,
            cast(reaction_on as varchar), cast(negative_on as varchar),
            cast(next_step_on as varchar), is_response_over
        from core.fct_content_use where physician_key = (
            select physician_key from core.fct_touchpoint where source_record_id = 'E1'
        ) order by source, source_record_id
        """
    )
    # The click on 26 February is a reaction to the e-mail and, about the same product and topic, to the
    # briefing of the 12th (exactly fourteen days later). L1 and L2 come after it. The site was visited on
    # 15 March: fourteen days after 1 March, fifteen after 29 February. On 20 March no window is open any
    # more but the visit's own.
    assert found == [
        ("S1", None, None, None, True),
        ("S12", None, None, None, True),
        ("S2", None, None, "2024-03-15", True),
        ("S6", "2024-02-26", None, None, True),
        ("E1", "2024-02-26", "2024-02-27", None, True),
        ("visit", None, None, None, False),
    ]


def test_a_total_without_a_physician_names_no_content(contents: Warehouse) -> None:
    query = "select title from core.dim_content where content_id = 'C1001'"
    assert contents.rows(query) == [("臨床試験 第1版",)]


def test_two_decks_are_one_content_and_medical_s_have_no_name(contents: Warehouse) -> None:
    found = contents.rows(
        "select content_id, material_number, content_version, allowed_roles, cast(valid_from as varchar),"
        " cast(first_seen_on as varchar), topic_id from core.dim_content order by 1"
    )
    assert found == [
        ("C1001", "C1001", "1", "mr,hq", "2024-01-01", "2024-01-10", "T-EVID"),
        ("C2001", "C2001", "2", "mr,hq", "2024-02-20", "2024-02-10", "T-EVID"),
        ("C2009", "C2009", None, None, None, "2024-02-10", None),
        ("TM1", "C3001", "1", "mr,hq,medical", "2024-01-01", "2024-02-15", "T-EVID"),
    ]
    named = contents.rows(
        "select content_id || '-' || content_version from core.dim_content_version order by 1"
    )
    assert named == [("C1001-1",), ("C2001-1",), ("C2001-2",), ("TM1-1",)]
    by_medical = "select content_key from core.fct_touchpoint where source_record_id = 'E2'"
    assert contents.rows(by_medical) == [(None,)]


def test_months_leave_out_what_is_medical_s(contents: Warehouse) -> None:
    found = contents.rows(
        """
        select content.content_id, month.channel_id, cast(month.month_end as varchar), sum(month.uses),
            sum(month.exposures), sum(month.judged_exposures), count(case when month.has_reaction then 1 end),
            sum(month.mr_judged), sum(month.mr_judged_positive)
        from core.fct_content_use_month as month
        inner join core.dim_content as content on month.content_key = content.content_key
        group by all order by all
        """
    )
    # C2001 in February: L1 (two pages, one contact, one of them of a version nobody approved: its own row),
    # L3 with version 2, G1 and G2. The portal's delivery was not opened: used, but it reached nobody.
    assert found == [
        ("C1001", "owned_web", "2024-03-31", 1, 1, 0, 0, 0, 0),
        ("C1001", "portal", "2024-01-31", 1, 0, 0, 0, 0, 0),
        ("C2001", "mr_visit", "2024-02-29", 5, 5, 5, 1, 1, 1),
        ("C2001", "mr_visit", "2024-03-31", 1, 1, 1, 0, 0, 0),
        ("C2009", "mr_visit", "2024-02-29", 1, 1, 1, 0, 0, 0),
        ("TM1", "mr_email", "2024-02-29", 1, 1, 1, 1, 0, 0),
    ]


def test_every_page_and_decision_is_in_the_star_or_counted(contents: Warehouse) -> None:
    rejected = contents.rows(
        "select source, reason, cast(sum(rows) as int) from core.fct_reject"
        " where source in ('crm_call_key_message', 'content_decision') group by 1, 2 order by 1, 2"
    )
    assert rejected == [
        ("content_decision", "unparseable", 1),
        ("crm_call_key_message", "deleted_in_source", 1),
        ("crm_call_key_message", "out_of_scope", 2),  # the planned call's page and the training's
    ]
    kept = contents.rows(
        "select source, rows_landed, rows_in_core, rows_rejected from core.fct_source_delivery"
        " where source in ('crm_call_key_message', 'content_decision', 'crm_key_message') order by 1"
    )
    assert kept == [
        ("content_decision", 3, 2, 1), ("crm_call_key_message", 12, 9, 3), ("crm_key_message", 8, None, None),
    ]  # fmt: skip


def test_the_result_of_a_decision_can_be_seen_after_ninety_days(contents: Warehouse) -> None:
    found = contents.rows(
        "select content_version, decision, cast(result_due_on as varchar), is_result_observable"
        " from core.fct_decision order by 1"
    )
    assert found == [("1", "improve", "2024-05-29", False), ("2", "keep", "2024-05-30", False)]

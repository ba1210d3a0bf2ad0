"""Sessions of the CRM in the star: parts of a call stay its parts, one on another site is a contact."""

from __future__ import annotations

import pytest

from tests.dbt.core.star_company import affiliations, physicians, sales
from tests.dbt.tiny_lake import TinyLake, Warehouse

WANTED = ("+fct_content_use", "+dim_content", "+fct_source_delivery", "+fct_reject")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    lake = TinyLake(tmp_path_factory.mktemp("sessions"))
    lake.deliver("dcf_physician", "2024-01-01", physicians())
    lake.deliver("dcf_affiliation", "2024-01-01", affiliations())
    product = sales(id="CP1", external_id="PRD-A", name="シルベリン錠", is_company_product=True)
    lake.deliver("crm_product", "2024-01-05", [product])
    account = sales(id="A1", external_id="00000001", is_person_account=True, is_target=True)
    lake.deliver("crm_account", "2024-01-05", [account])
    slide = {"product_id": "CP1", "is_training": False, "object_type": "Key_Message_vod"}
    lake.deliver("crm_key_message", "2024-01-05", [sales(id="K1", vault_doc_id="C2001", name="一") | slide])
    call = {"account_id": "A1", "user_id": "U1", "channel": "visit", "status": "Submitted_vod"}
    lake.deliver(
        "crm_call",
        "2024-03-04",
        [sales(id=name, call_date=f"2024-03-0{day}") | call for name, day in (("L1", 1), ("L2", 2))],
    )
    page = {"key_message_id": "K1", "duration_seconds": 40}
    lake.deliver("crm_call_key_message", "2024-03-04", [sales(id="S1", call_id="L1") | page])
    elsewhere = {"record_type": "External_Channel", "site": "MedPort.example"}
    elsewhere |= {"started_at": "2024-03-02 15:30:00", "duration_seconds": 12}
    lake.deliver(
        "crm_multichannel_activity",
        "2024-03-05",
        [
            sales(id="X1", account_id="A1", call_id="L1", started_at="2024-03-01 01:00:00"),
            sales(id="X2", account_id="A1", call_id="L2", started_at="2024-03-02 01:00:00"),
            sales(id="X3", account_id="A1", url="https://medport.example/products/prd-a/C1001") | elsewhere,
            sales(id="X4") | elsewhere,
        ],
    )
    lake.deliver(
        "crm_multichannel_activity_line",
        "2024-03-07",
        [
            sales(id="Y1", activity_id="X1") | page,
            sales(id="Y2", activity_id="X2") | page,
            sales(id="Y3", activity_id="X2") | page | {"duration_seconds": 5},
            sales(id="Y4", activity_id="X3", event_type="Download_vod"),
            sales(id="Y5", activity_id="X4", event_type="Page_View_vod"),
        ],
    )
    return lake.build(as_of="2024-03-20", select=WANTED, without_tests=True)


def test_only_the_session_elsewhere_is_a_new_contact(sessions: Warehouse) -> None:
    found = sessions.rows(
        "select source, source_record_id, channel_id, cast(occurred_on as varchar), depth, product_id,"
        " direction, initiator, cast(cast(visible_at as date) as varchar) from core.fct_touchpoint order by 2"
    )
    assert [row for row in found if row[0] != "crm_call"] == [
        # Half past midnight in Tokyo; twelve seconds and a download, which the lines of 7 March told first.
        ("crm_multichannel_activity", "X3", "portal", "2024-03-03", 2, "PRD-A", "pull", "physician",
         "2024-03-06"),
    ]  # fmt: skip
    assert [row[1] for row in found] == ["L1", "L2", "X3"]


def test_a_page_is_told_once_by_the_list_of_the_call_or_else_by_its_session(sessions: Warehouse) -> None:
    found = sessions.rows(
        "select u.source, u.source_record_id, t.source_record_id, u.logged_seconds, u.channel_id,"
        " u.role_id from core.fct_content_use as u"
        " inner join core.fct_touchpoint as t using (touchpoint_key) order by 2"
    )
    assert found == [
        ("crm_call_key_message", "S1", "L1", 40, "mr_visit", "mr"),
        ("crm_multichannel_activity", "X3", "X3", None, "portal", "hq"),
        # Opened twice in the second call, whose own list is empty: one use of 40 and 5 seconds.
        ("crm_multichannel_activity_line", "Y2", "L2", 45, "mr_visit", "mr"),
    ]
    unknown = "select count(*) from core.fct_content_use where content_key not in"
    assert sessions.rows(f"{unknown} (select content_key from core.dim_content)") == [(0,)]


def test_every_session_and_event_is_in_the_star_or_counted(sessions: Warehouse) -> None:
    counted = sessions.rows(
        "select source, rows_landed, rows_in_core, rows_rejected from core.fct_source_delivery"
        " where source like 'crm_multichannel%' order by 1"
    )
    assert counted == [
        ("crm_multichannel_activity", 4, 1, 3), ("crm_multichannel_activity_line", 5, 3, 2),
    ]  # fmt: skip
    rejected = sessions.rows(
        "select source, reason, cast(rows as int) from core.fct_reject"
        " where source like 'crm_multichannel%' order by 1, 2"
    )
    assert rejected == [
        ("crm_multichannel_activity", "anonymous", 1),
        ("crm_multichannel_activity", "part_of_contact", 2),
        ("crm_multichannel_activity_line", "anonymous", 1),
        ("crm_multichannel_activity_line", "duplicate", 1),
    ]

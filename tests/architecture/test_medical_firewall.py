"""X03: what Medical was asked or answered cannot be read by an MR, an office manager or marketing."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.architecture.column_lineage import Manifest, meta
from tests.architecture.medical_wall import INSIDE, Wall, walk

INQUIRY = "model.shirube.fct_medical_inquiry"


@pytest.fixture(scope="module")
def wall(dbt_manifest: Manifest) -> Wall:
    return walk(dbt_manifest)


@pytest.fixture
def planted(dbt_manifest: Manifest) -> Manifest:
    """A copy to plant a path in."""
    return copy.deepcopy(dbt_manifest)


def node(manifest: Manifest, name: str) -> dict[str, Any]:
    found: dict[str, Any] = manifest["nodes"][f"model.shirube.{name}"]
    return found


def test_no_path_leads_from_medical_to_other_readers(wall: Wall) -> None:
    assert wall.leaks == []


def test_medicals_content_is_followed_to_where_it_is_kept(wall: Wall) -> None:
    held = set(wall.content)
    assert {
        ("stg_crm_medical_inquiry", "category"), ("int_medical_inquiry", "product_id"),
        ("fct_medical_inquiry", "product_id"), ("fct_medical_inquiry", "completes_burst"),
        ("int_call", "topic_id"), ("int_call_touched_product", "product_id"),
        ("stg_crm_medical_inquiry", "is_unsolicited"), ("fct_medical_inquiry", "gl_states_negative_data"),
        ("mart_medical_access", "inquiries"), ("mart_medical_worklist", "category"),
    } <= held  # fmt: skip
    assert ("fct_medical_inquiry", "answered_at") not in held, "times are no content"


def test_only_staging_reads_what_medical_delivered(dbt_manifest: Manifest) -> None:
    readers = {
        one["name"]
        for one in dbt_manifest["nodes"].values()
        if one["resource_type"] == "model"
        and any(key.endswith(".lake.crm_medical_inquiry") for key in one["depends_on"]["nodes"])
    }
    assert readers == {"stg_crm_medical_inquiry"}


def test_every_cut_says_why_and_cuts_something(dbt_manifest: Manifest, wall: Wall) -> None:
    assert wall.unused == []
    cuts = [
        (one["name"], cut)
        for one in dbt_manifest["nodes"].values()
        if one["resource_type"] == "model"
        for cut in meta(one).get("firewall", [])
    ]
    assert len(cuts) > 8
    assert [name for name, cut in cuts if not (cut.get("why") and cut["from"] and cut["columns"])] == []


def test_what_holds_it_is_for_medical_and_compliance_alone(dbt_manifest: Manifest, wall: Wall) -> None:
    marts = {table for table, _ in wall.content if table.startswith("mart_")}
    assert marts == {"mart_medical_access", "mart_medical_worklist"}
    for mart in marts:
        assert set(meta(node(dbt_manifest, mart))["audience"]) == INSIDE


@pytest.mark.parametrize(
    ("model", "leak"),
    [
        ("int_touchpoint__crm_call", "fct_touchpoint.product_id"),
        ("int_touchpoint__crm_sent_email", "fct_touchpoint.content_key"),
        ("dim_content", "dim_content.content_id"),
        ("fct_email_recipient", None),
        ("int_call_detail_outcome", "fct_reject.reason"),
        ("fct_journey_evidence", "fct_journey_phase.phase_id"),
        ("fct_kpi_value", "fct_kpi_value.value"),
    ],
)
def test_without_a_cut_the_path_is_found(planted: Manifest, model: str, leak: str | None) -> None:
    found = node(planted, model)
    found["config"]["meta"].pop("firewall")
    found.pop("meta", None)
    leaks = walk(planted).leaks
    if leak is None:
        # The letter's name is in no mart yet: its holder is Medical's now, and the first reader would leak.
        node(planted, "mart_cx")["compiled_code"] = "select template_id as n from core.fct_email_recipient"
        leak = "mart_cx.n"
        leaks = walk(planted).leaks
    assert [way for way in leaks if way.startswith(f"{leak} ←")]


@pytest.mark.parametrize(
    ("sql", "leak"),
    [
        ("select inquiry.product_id as asked from core.fct_medical_inquiry as inquiry", "mart_cx.asked"),
        ("select count(*) as n from core.fct_medical_inquiry where category = 'off_label'", "mart_cx.n"),
        (
            "with asked as (select physician_key from core.fct_medical_inquiry where category = 'off_label')"
            " select p.physician_key as who from core.fct_physician_month as p"
            " inner join asked on p.physician_key = asked.physician_key",
            "mart_cx.who",
        ),
        (
            "select p.physician_key as who, exists (select 1 from core.fct_medical_inquiry as i where"
            " i.physician_key = p.physician_key and i.category = 'off_label') as has_asked"
            " from core.fct_physician_month as p",
            "mart_cx.has_asked",
        ),
        ("select 1 as n union all select count(product_id) as n from core.fct_medical_inquiry", "mart_cx.n"),
        ("select * from marts.mart_medical_access", "mart_cx.burst_flags"),
        (
            "select p.physician_key as who, i.category as why from core.fct_physician_month as p"
            " left join core.fct_medical_inquiry as i on p.physician_key = i.physician_key",
            "mart_cx.why",
        ),
    ],
    ids=["column", "count", "join", "exists", "union", "star", "left join"],
)
def test_a_planted_path_is_found(planted: Manifest, sql: str, leak: str) -> None:
    mart = node(planted, "mart_cx")
    mart["compiled_code"] = sql
    mart["depends_on"]["nodes"] += [INQUIRY, "model.shirube.mart_medical_access"]
    assert [way for way in walk(planted).leaks if way.startswith(f"{leak} ←")], walk(planted).leaks[:5]


OFF_LABEL = "with asked as (select physician_key from core.fct_medical_inquiry where category = 'off_label') "
ASKED_ONCE = (
    "with asked as (select physician_key from core.fct_medical_inquiry where category = 'off_label'"
    " group by physician_key) "
)
NUMBERED = (
    "with numbered as (select physician_key,"
    " row_number() over (partition by physician_key order by category) as n"
    " from core.fct_medical_inquiry), asked as (select physician_key from numbered where n = 1) "
)
PHYSICIANS = "from core.fct_physician_month as p"
LEFT_JOIN = f"{PHYSICIANS} left join asked on p.physician_key = asked.physician_key"
LEFT_JOIN_OF_TABLE = (
    f"{PHYSICIANS} left join core.fct_medical_inquiry as i"
    " on p.physician_key = i.physician_key and i.category = 'off_label'"
)


def plant(manifest: Manifest, sql: str) -> set[str]:
    """The columns of mart_cx that leak once it is made by this SQL."""
    mart = node(manifest, "mart_cx")
    mart["compiled_code"] = sql
    mart["depends_on"]["nodes"].append(INQUIRY)
    ways = walk(manifest).leaks
    return {way.split(" ← ")[0].removeprefix("mart_cx.") for way in ways if way.startswith("mart_cx.")}


@pytest.mark.parametrize(
    ("sql", "leaks"),
    [
        (f"{OFF_LABEL} select count(*) as n from asked", {"n"}),
        (f"{OFF_LABEL} select 'asked' as word from asked", {"__rows"}),
        (f"{OFF_LABEL} select (select count(*) from asked) as n {PHYSICIANS}", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS} cross join asked", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS}, asked", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS} inner join asked using (physician_key)", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS} semi join asked using (physician_key)", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS} anti join asked using (physician_key)", {"n"}),
        (f"{OFF_LABEL} select count(*) as n {PHYSICIANS} where exists (select 1 from asked)", {"n"}),
        (
            f"{OFF_LABEL} select count(*) as n {PHYSICIANS}"
            " where p.physician_key not in (select physician_key from asked)",
            {"n"},
        ),
        (f"{OFF_LABEL} select p.month_end as m, count(*) as n {LEFT_JOIN} group by 1", {"n"}),
        (f"{OFF_LABEL} select p.month_end as m, count(1) as n {LEFT_JOIN} group by 1", {"n"}),
        (f"{OFF_LABEL} select p.month_end as m, sum(1) as n {LEFT_JOIN} group by 1", {"n"}),
        (f"{OFF_LABEL} select p.month_end as m, count(p.month_end) as n {LEFT_JOIN} group by 1", {"n"}),
        (f"{OFF_LABEL} select p.month_end as m, count(*) over () as n {LEFT_JOIN}", {"n", "__rows"}),
        (f"{OFF_LABEL} select p.month_end as m {LEFT_JOIN}", {"__rows"}),
        (f"{OFF_LABEL}, seen as (select p.month_end {LEFT_JOIN}) select count(*) as n from seen", {"n"}),
        (f"select p.month_end as m, count(*) as n {LEFT_JOIN_OF_TABLE} group by 1", {"n"}),
        (
            f"{OFF_LABEL} select p.month_end as m, case when asked.physician_key is not null then 1 end as n"
            f" {LEFT_JOIN}",
            {"n"},
        ),
        (
            "with asked as (select distinct physician_key, category from core.fct_medical_inquiry)"
            " select count(*) as n from asked",
            {"n"},
        ),
        (
            "with asked as (select category from core.fct_medical_inquiry union select 'none' as category)"
            " select count(*) as n from asked",
            {"n"},
        ),
        (
            "with asked as (select category from core.fct_medical_inquiry except select 'none' as category)"
            " select count(*) as n from asked",
            {"n"},
        ),
        (
            "with asked as (select 1 as n from core.fct_medical_inquiry where category = 'off_label'"
            " union all select 1 as n) select count(*) as n from asked",
            {"n"},
        ),
    ],
)  # fmt: skip
def test_which_rows_there_are_is_followed(planted: Manifest, sql: str, leaks: set[str]) -> None:
    assert leaks <= plant(planted, sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"{ASKED_ONCE} select p.month_end as m, count(*) as n {LEFT_JOIN} group by 1",
        f"{NUMBERED} select p.month_end as m, count(*) as n {LEFT_JOIN} group by 1",
        f"{OFF_LABEL} select p.month_end as m, max(p.month_end) as n {LEFT_JOIN} group by 1",
        f"{OFF_LABEL} select p.month_end as m, count(distinct p.physician_key) as n {LEFT_JOIN} group by 1",
        f"select p.month_end as m, count(*) as n {PHYSICIANS} left join core.fct_medical_inquiry as i"
        " on p.physician_key = i.inquiry_key and i.category = 'off_label' group by 1",
    ],
    ids=["grouped", "first of each", "maximum", "distinct", "tested unique"],
)
def test_a_left_join_that_repeats_no_row_tells_nothing(planted: Manifest, sql: str) -> None:
    assert plant(planted, sql) == set()


def test_rows_need_a_cut_of_their_own(planted: Manifest) -> None:
    found = node(planted, "int_touchpoint__crm_call")
    found.pop("meta", None)
    for cut in found["config"]["meta"]["firewall"]:
        cut["columns"] = [column for column in cut["columns"] if column != "__rows"]
    assert [way for way in walk(planted).leaks if way.startswith("fct_touchpoint.__rows ←")]


def test_times_of_an_answer_may_be_read(planted: Manifest) -> None:
    mart = node(planted, "mart_cx")
    mart["compiled_code"] = "select answered_at as at, count(*) as n from core.fct_medical_inquiry group by 1"
    mart["depends_on"]["nodes"].append(INQUIRY)
    assert [way for way in walk(planted).leaks if way.startswith("mart_cx.")] == []


@pytest.mark.parametrize("relation", ["effect", "read_parquet('estimates/effect.parquet') as effect"])
@pytest.mark.parametrize(
    ("reads", "leaks"), [(["fct_medical_inquiry"], True), (["fct_physician_month"], False)]
)
def test_an_estimate_is_walked_through(
    planted: Manifest, reads: list[str], leaks: bool, relation: str
) -> None:
    planted["sources"]["source.shirube.estimates.effect"] = {
        "source_name": "estimates",
        "name": "effect",
        "columns": {"low": {}, "high": {}},
        "config": {"meta": {"reads": reads}},
    }
    mart = node(planted, "mart_cx")
    mart["compiled_code"] = f"select low from {relation}"
    mart["depends_on"]["nodes"].append("source.shirube.estimates.effect")
    found = [way for way in walk(planted).leaks if way.startswith("mart_cx.low ←")]
    assert bool(found) == leaks


def test_a_wider_audience_opens_a_mart(planted: Manifest) -> None:
    mart = node(planted, "mart_medical_access")
    for place in (mart.get("meta"), mart["config"]["meta"]):
        if place:
            place["audience"] = ["medical", "hq_marketing"]
    assert [way for way in walk(planted).leaks if way.startswith("mart_medical_access.inquiries ←")]

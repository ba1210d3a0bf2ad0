"""What each KPI says it rests on is what its rows come from: a source that stops must be seen beside it."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
from shirube.contracts import load_contracts

from tests.architecture.column_lineage import Manifest, meta
from tests.architecture.kpi_sources import REGISTERS, logs_behind

EMAIL = {"crm_email_activity", "crm_sent_email"}
SESSIONS = {"crm_multichannel_activity", "crm_multichannel_activity_line"}
ONLINE = {"portal_delivery", "web_snowplow", "webinar_zoom"}
CALLS = {"crm_call", "crm_call_detail"}
E_MAILS_ALONE = {"channel.delivered_rate", "email.open_rate_reference", "email.unique_human_click_rate"}
ASKED = {"cx.convenience_mean", "cx.effort_mean", "cx.interest_mean"}
IN_ONE_SURVEY = {"cx.csat_top2_rate", "cx.nps", "cx.usefulness_top_rate"}
ONCE_PER_CALL = {
    "channel.frequency_median", "channel.over_contact_rate", "choice.availability_rate",
    "cx.complaint_per_contact_rate", "cx.opt_out_per_contact_rate",
    "choice.days_to_honour_median", "content.decision_recorded_rate", "content.rarely_used_rate",
    "content.use_rate", "fit.channel_fit_rate", "fit.choice_honoured_rate", "journey.unseen_rate",
    "preference.coverage_rate", "preference.diversity", "trust.coverage_rate", "trust.freshness_hours_p95",
}  # fmt: skip
CONTENT = {
    "content.decision_recorded_rate", "content.next_step_rate", "content.rarely_used_rate",
    "content.reaction_rate", "content.use_rate",
}  # fmt: skip
MEDICAL = {
    "medical.answered_in_time_rate", "medical.beyond_label_answer_days_median", "medical.closed_loop_rate",
    "medical.gl_record_complete_rate", "medical.handoff_days_median", "medical.route_availability_rate",
}  # fmt: skip

# KPIs, the logs that their columns could hold but do not, and why.
REVIEWED: list[tuple[set[str], set[str], str]] = [
    (E_MAILS_ALONE, CALLS | SESSIONS | ONLINE, "the mart joins all channels; these count its e-mails"),
    (ONCE_PER_CALL, {"crm_call_detail"}, "a call counts once, whatever products it was about"),
    (
        {"channel.over_contact_rate", "cx.complaint_per_contact_rate", "cx.opt_out_per_contact_rate"},
        SESSIONS | {"web_snowplow"},
        "what a physician fetched himself is no contact that the company began",
    ),
    (
        {"cx.complaint_per_contact_rate", "cx.opt_out_per_contact_rate"},
        {"crm_medical_inquiry"},
        "what a physician asks Medical is none either",
    ),
    ({"fit.choice_honoured_rate"}, {"crm_multichannel_activity", "web_snowplow"}, "as above"),
    (
        {"choice.availability_rate"},
        EMAIL | {"survey_qualtrics", "web_snowplow", "webinar_zoom"},
        "an address or an account reaches these channels; only remote calls and portals rest on past contact",
    ),
    ({"choice.availability_rate", "choice.days_to_honour_median"}, {"crm_medical_inquiry"}, "no such choice"),
    (CONTENT, {"crm_medical_inquiry"}, "what Medical shows is left out"),
    (
        {"content.rarely_used_rate", "content.use_rate", "journey.unseen_rate"},
        {"crm_email_activity"},
        "an e-mail is counted whatever became of it",
    ),
    ({"content.use_rate"}, ONLINE, "no representative shows these"),
    (ASKED, CALLS | EMAIL | SESSIONS | ONLINE | {"crm_medical_inquiry"}, "the phase only sorts the answers"),
    (IN_ONE_SURVEY, EMAIL, "invitations stand beside the answers"),
    ({"cx.csat_top2_weighted_rate"}, {"crm_sent_email"}, "as above"),
    ({"cx.mr_sent_share"}, {"crm_email_activity"}, "who asked, whatever became of the e-mail"),
    (
        {"cx.pull_difference_satisfied"},
        EMAIL | {"crm_call_detail", "crm_consent", "crm_medical_inquiry", "portal_delivery", "webinar_zoom"},
        "only what physicians sought themselves, Medical's left out; opting out is a number of its own",
    ),
    (
        {"journey.unseen_rate"},
        {"crm_multichannel_activity_line", "survey_qualtrics"},
        "any session is a trace",
    ),
    (
        {"need.fit_rate"},
        {"crm_consent", "survey_qualtrics"},
        "a contact stands beside each open moment and is gathered again: moments add no contact",
    ),
    ({"patient.safety_in_time_rate"}, {"crm_medical_inquiry"}, "what Medical says is left out"),
    (MEDICAL, {"crm_call"}, "the call only tells whose inquiry it is; without it the record's owner stands"),
    (
        {"trust.coverage_rate", "trust.freshness_hours_p95", "trust.match_rate"},
        {"crm_email_activity"},
        "an e-mail is one record whatever became of it",
    ),
]


@pytest.fixture(scope="module")
def behind(dbt_manifest: Manifest) -> dict[str, set[str]]:
    return logs_behind(dbt_manifest)


def registry(manifest: Manifest) -> dict[str, dict[str, Any]]:
    nodes = manifest["nodes"].values()
    return {str(kpi["id"]): kpi for node in nodes for kpi in meta(node).get("kpis") or []}


def test_every_kpi_lists_the_logs_that_its_rows_come_from(
    dbt_manifest: Manifest, behind: dict[str, set[str]]
) -> None:
    left_out: dict[str, set[str]] = {}
    for kpis, logs, _ in REVIEWED:
        for kpi in kpis:
            left_out[kpi] = left_out.get(kpi, set()) | logs
    wrong = {}
    for kpi, declared in registry(dbt_manifest).items():
        listed = {*declared["sources"], *declared["sources_if_present"]} - REGISTERS
        expected = behind[kpi] - left_out.get(kpi, set())
        if listed != expected:
            wrong[kpi] = {"not listed": expected - listed, "not behind it": listed - expected}
    assert wrong == {}


def test_every_source_listed_has_a_contract(dbt_manifest: Manifest) -> None:
    contracts = set(load_contracts())
    assert contracts >= REGISTERS
    for kpi, declared in registry(dbt_manifest).items():
        named = [*declared["sources"], *declared["sources_if_present"]]
        assert not set(named) - contracts, kpi
        assert [name for name, times in Counter(named).items() if times > 1] == [], kpi


def test_what_was_reviewed_is_still_so(dbt_manifest: Manifest, behind: dict[str, set[str]]) -> None:
    assert {kpi for kpis, _, _ in REVIEWED for kpi in kpis} <= registry(dbt_manifest).keys()
    stale = [
        (kpi, sorted(logs - behind[kpi]), why)
        for kpis, logs, why in REVIEWED
        for kpi in sorted(kpis)
        if logs - behind[kpi]
    ]
    assert stale == []


def test_a_new_way_into_a_number_is_found(dbt_manifest: Manifest, behind: dict[str, set[str]]) -> None:
    planted = copy.deepcopy(dbt_manifest)
    mart = planted["nodes"]["model.shirube.mart_contact_burden"]
    mart["compiled_code"] = (
        f"select mart.* exclude (n_asked), mart.n_asked + story.n as n_asked from ({mart['compiled_code']})"
        " as mart cross join (select count(*) as n from core.fct_story) as story"
    )
    mart["depends_on"]["nodes"].append("model.shirube.fct_story")
    assert logs_behind(planted)["cx.survey_fatigue_rate"] == behind["cx.survey_fatigue_rate"] | {"story"}

"""What is true about a sample: phases and effects as drawn, planted defects, and expected counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shirube.sample import columns as col
from shirube.sample import gaps, names, opinions, satisfaction, silence
from shirube.sample.company import N_PRODUCTS, Array, Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Month
from shirube.sample.parameters import P4, PHASES, Parameters
from shirube.sample.silence import HEARD
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.multichannel import KINDS as SESSION_KINDS

_PHASE_SCHEMA = pa.schema(
    [
        ("physician_code", pa.string()),
        ("product_id", pa.string()),
        ("month", pa.string()),
        ("phase_id", pa.string()),
        ("webinar_exposed", pa.bool_()),
        ("portal_exposed", pa.bool_()),
        ("moved_forward", pa.bool_()),
    ]
)


class Contrast:
    """Forward rates of exposed and unexposed physicians, by latent phase and segment."""

    def __init__(self) -> None:
        self.people = np.zeros((2, P4 + 1, 2))
        self.moved = np.zeros((2, P4 + 1, 2))

    def add(self, phase: Array, segment: Array, exposed: Array, moved: Array, population: Array) -> None:
        """Add one month; all arguments are physician × product."""
        use = population & (phase <= P4)
        index = (exposed[use].astype(int), phase[use].astype(int), segment[use].astype(int))
        np.add.at(self.people, index, 1)
        np.add.at(self.moved, index, moved[use])

    def result(self) -> dict[str, Any]:
        """Differences in monthly forward rate: naive, and within phase × segment (Mantel-Haenszel)."""
        n1, n0 = self.people[1], self.people[0]
        both = (n1 > 0) & (n0 > 0)
        naive = self.moved[1].sum() / max(n1.sum(), 1) - self.moved[0].sum() / max(n0.sum(), 1)
        r1, r0 = self.moved[1][both] / n1[both], self.moved[0][both] / n0[both]
        weight = n1[both] * n0[both] / (n1[both] + n0[both])
        variance = (r1 * (1 - r1) / n1[both] + r0 * (1 - r0) / n0[both]) * weight**2
        total = max(weight.sum(), 1.0)
        return {
            "exposed": int(n1.sum()),
            "unexposed": int(n0.sum()),
            "naive_difference": round(float(naive), 5),
            "stratified_difference": round(float((weight * (r1 - r0)).sum() / total), 5),
            "standard_error": round(float(np.sqrt(variance.sum()) / total), 5),
        }


class Truth:
    """Collects the truth month by month and assembles truth.json; `close()` ends truth_phase.parquet."""

    def __init__(self, out: Path, company: Company) -> None:
        self.company = company
        self.contrasts = {"webinar": Contrast(), "portal": Contrast()}
        self.phases = pq.ParquetWriter(out / "truth_phase.parquet", _PHASE_SCHEMA)
        pq.write_table(_physicians(company), out / "truth_physician.parquet")

    def add(self, month: Month) -> None:
        """Record one month's latent phases and who was exposed to what."""
        people = self.company.physicians
        population = (people.has_account & people.has_email & (people.deleted_month > month.index))[:, None]
        segment = np.repeat(people.is_hospital[:, None], N_PRODUCTS, axis=1)
        population = np.broadcast_to(population, segment.shape)
        self.contrasts["webinar"].add(month.phase, segment, month.webinar_on, month.moved_forward, population)
        self.contrasts["portal"].add(month.phase, segment, month.portal_on, month.moved_forward, population)
        count = len(people)
        rows = count * N_PRODUCTS
        self.phases.write_table(
            pa.table(
                [
                    col.take(people.code, np.repeat(np.arange(count), N_PRODUCTS)),
                    col.pick([p[0] for p in names.PRODUCTS], np.tile(np.arange(N_PRODUCTS), count)),
                    col.constant(self.company.period.label(month.index), rows),
                    col.pick(PHASES, month.phase.ravel()),
                    pa.array(month.webinar_on.ravel()),
                    pa.array(month.portal_on.ravel()),
                    pa.array(month.moved_forward.ravel()),
                ],
                schema=_PHASE_SCHEMA,
            )
        )

    def close(self) -> None:
        """Finish truth_phase.parquet."""
        self.phases.close()

    def assemble(
        self,
        log: FileLog,
        defects: Defects,
        parameters: Parameters,
        asked: dict[str, Any],
        records: dict[str, int],
    ) -> dict[str, Any]:
        """Everything that goes into truth.json."""
        return {
            "asked": asked,
            "parameters": asdict(parameters),
            "effects": self._effects(parameters),
            "satisfaction": satisfaction.planted(),
            "opinions": opinions.planted(),
            "content_gaps": gaps.planted(self.company),
            "silent_targets": silence.planted(self.company),
            "follow_up": self._follow_up(defects, parameters),
            "planted": _planted(log, defects, records),
            "expected": _expected(log, defects, records),
            "files": log.files,
        }

    def _effects(self, parameters: Parameters) -> dict[str, Any]:
        return {
            "what": "added to the monthly chance of moving a phase forward, from P0-P4, by exposure in it",
            "webinar": {
                "true_effect": parameters.webinar_effect_per_month,
                **self.contrasts["webinar"].result(),
            },
            "portal": {
                "true_effect": parameters.portal_effect_per_month,
                **self.contrasts["portal"].result(),
            },
            "segment": "practice type (HP: main facility with 20 beds or more)",
        }

    def _follow_up(self, defects: Defects, parameters: Parameters) -> dict[str, Any]:
        acting = self.company.orchestrating_offices
        ids = [f"OF{number + 1:02d}" for number in range(self.company.n_offices)]
        return {
            "what": "routine calls ignore signals everywhere, so follow-up without a link is coincidence: "
            "observed equals expected; only orchestrating offices add linked follow-ups within seven days",
            "orchestrating_offices": [office for office, on in zip(ids, acting, strict=True) if on],
            "coincidental_offices": [office for office, on in zip(ids, acting, strict=True) if not on],
            "linked_share_of_signals": parameters.explicit_follow_up_share,
            "linked_follow_ups": defects.counts["calls_linked"],
            "suggestions": {
                name: defects.counts[f"suggestions_{name}"]
                for name in ("acted", "dismissed", "dismissed_with_reason")
            },
        }


def _physicians(company: Company) -> pa.Table:
    people, period = company.physicians, company.period
    last = period.end_day
    place = company.facilities
    before, after = company.facility_of(period.start_day), company.facility_of(last)
    since = silence.silent_from(company)

    def office(facility: Array) -> pa.StringArray:
        return col.padded(place.office[facility] + 1, 2, "OF")

    return pa.table(
        {
            "physician_code": people.code,
            "account_id": company.account_ids,
            "member_id": company.member_ids,
            "specialty_name": col.pick([name for _, name in names.SPECIALTIES], people.specialty),
            "practice_type": col.pick(["GP", "HP"], people.is_hospital.astype(int)),
            "is_target": pa.array(people.is_target & people.has_account),
            "preferred_channel": col.pick(names.CHANNELS, people.preference),
            "facility_code_first": col.take(place.code, before),
            "facility_code_last": col.take(place.code, after),
            "second_facility_code": col.take(place.code, people.second_facility),
            "office_id_first": office(before),
            "office_id_last": office(after),
            "is_resolvable": pa.array(people.is_resolvable),
            "is_email_ambiguous": pa.array(people.is_ambiguous),
            "is_merged": pa.array(people.is_merged),
            "silent_from": col.pick(
                [period.label(month) for month in range(period.months)], np.where(since < HEARD, since, -1)
            ),
        }
    )


def _with_note(log: FileLog, note: str) -> list[str]:
    return [f"{entry['source']}/{entry['file']}" for entry in log.files if entry.get("note") == note]


def _superseded(log: FileLog, defects: Defects, records: dict[str, int]) -> dict[str, int]:
    """Landed rows of each source that another row replaces: repeated, older versions, older deliveries."""
    landed: Counter[str] = Counter()
    for entry in log.files:
        landed[entry["source"]] += entry["landed"]
    rows = {source: landed[source] - count for source, count in records.items() if log.wants(source)}
    counts = defects.counts
    rows["webinar_zoom"] = counts["webinar_superseded_rows"]
    rows["portal_delivery"] = counts["portal_superseded_rows"]
    rows["survey_qualtrics"] = counts["survey_superseded_rows"]
    rows["jdnet_delivery"] = counts["jdnet_superseded"]
    rows["web_snowplow"] = counts["web_repeated_rows"]
    for source in ("initiative", "initiative_assignment", "story"):
        rows[source] = counts[source + "_superseded_rows"]
    return {source: number for source, number in rows.items() if number and log.wants(source)}


def _planted(log: FileLog, defects: Defects, records: dict[str, int]) -> dict[str, Any]:
    """One entry per defect: how many, and where it must be caught."""
    counts, details = defects.counts, defects.details

    def entry(caught_by: str, **facts: Any) -> dict[str, Any]:
        return {"caught_by": caught_by, **facts}

    return {
        "duplicates_across_redeliveries": entry(
            "core reject: duplicate",
            rows=_superseded(log, defects, records),
            replaced_files=_with_note(log, "superseded"),
        ),
        "duplicates_across_portal_and_own_log": entry(
            "core reject: duplicate (portal row; same physician, content and day)",
            rows=counts["web_duplicates_of_portal"],
        ),
        "bot_clicks": entry(
            "fct_email_recipient.is_bot_clicked; no human click on these e-mails",
            emails={
                "too_fast": counts["emails_bot_under_two_seconds"],
                "burst": counts["emails_bot_most_links_at_once"],
                "hidden_link": counts["emails_bot_hidden_link"],
                "user_agent": counts["emails_bot_user_agent"],
            },
            human_clicked_emails=counts["emails_human_clicked"],
        ),
        "privacy_proxy_opens": entry(
            "fct_email_recipient.is_privacy_proxy_open", emails=counts["emails_privacy_proxy_opened"]
        ),
        "sends_after_opt_out": entry(
            "consent: fct_email_recipient.is_after_opt_out", emails=counts["sends_after_opt_out"]
        ),
        "late_files": entry(
            "state of the ledger; results do not depend on arrival", files=_with_note(log, "late")
        ),
        "out_of_order_files": entry(
            "version column decides, not arrival", files=_with_note(log, "out_of_order")
        ),
        "april_transfers": entry(
            "SCD2: bridge_physician_facility and dim_employee",
            physicians=counts["april_transfers_physicians"],
            users=details.get("april_transfers_users", []),
        ),
        "physicians_with_two_facilities": entry(
            "bridge_physician_facility", physicians=counts["two_facility_physicians"]
        ),
        "unmatched_identities": entry(
            "identity: physician_key null",
            web_members=counts["web_unknown_member"],
            portal_unknown_codes=counts["portal_unknown_code"],
            portal_without_code=counts["portal_no_code"],
            webinar_unknown_addresses=counts["webinar_unknown_address"],
            webinar_guests_without_address=counts["webinar_guests"],
        ),
        "ambiguous_identities": entry(
            "identity: method ambiguous, physician_key null",
            shared_addresses=counts["shared_addresses"],
            webinar_stays=counts["webinar_ambiguous"],
        ),
        "lost_leading_zeros": entry("quarantine: lost_leading_zero", rows=counts["portal_lost_leading_zero"]),
        "excel_scientific_notation": entry(
            "quarantine: scientific_notation", rows=counts["portal_scientific_notation"]
        ),
        "impossible_era_dates": entry("quarantine: impossible_era_date", rows=counts["impossible_era_dates"]),
        "times_past_24h": entry(
            "cast rolls over to the next day; nothing rejected",
            rows=counts["webinar_past_midnight_24h"],
            column="webinar_zoom Leave Time",
        ),
        "triangle_negatives": entry(
            "cast to a negative number",
            rows=counts["portal_negative_points"],
            column="portal_delivery ポイント増減",
        ),
        "truncated_file": entry("quarantine of the file: truncated_file", files=_with_note(log, "truncated")),
        "wrongly_encoded_file": entry(
            "quarantine of the file: wrong_encoding", files=_with_note(log, "wrong_encoding")
        ),
        "column_renamed": entry(
            "header aliases of the contract", headers=sorted(set(details.get("renamed_column", [])))
        ),
        "group_calls": entry(
            "core reject: out_of_scope (the parent row)",
            parents=counts["group_call_parents"],
            attendees=counts["group_call_attendees"],
        ),
        "soft_deletes": entry(
            "core reject: deleted_in_source",
            calls=counts["soft_deleted_calls"],
            suggestions=counts["suggestions_deleted"],
        ),
        "account_merges": entry(
            "identity follows MasterRecordId",
            accounts=details.get("merged_accounts", {}),
            calls=counts["calls_on_merged_accounts"],
        ),
        "aggregated_rows": entry("fct_channel_exposure_agg", rows=counts["portal_aggregated"]),
        "test_records": entry(
            "core reject: test_record",
            calls=counts["calls_test_records"],
            emails=counts["emails_test_records"],
            web_events=counts["web_test_records"],
            survey_responses=counts["survey_test_records"],
            suggestions=counts["suggestions_test_records"],
        ),
        "anonymous_web_events": entry("core reject: anonymous", rows=counts["web_anonymous"]),
        "opted_out_of_tracking": entry(
            "core reject: opted_out_of_tracking",
            web_events=counts["web_opted_out_of_tracking"],
            email_stubs=counts["emails_anonymous_stubs"],
        ),
        "truncated_rows": entry(
            "quarantine: too_few_columns (129 and 130 fields are fine)", rows=counts["web_broken_rows"]
        ),
        "assignments_changed_later": entry(
            "core reject: duplicate (the first record counts); fct_assignment.is_arm_changed",
            rows=counts["initiative_assignment_superseded_rows"],
        ),
        "assignments_of_unknown_physicians": entry(
            "fct_assignment.physician_key null", rows=counts["assignments_unknown_physician"]
        ),
        "stories_that_may_not_be_shown": entry(
            "fct_story.is_publishable false and no text",
            not_approved=counts["stories_not_approved"],
            not_masked=counts["stories_not_masked"],
            no_consent=counts["stories_without_consent"],
            not_checked=counts["stories_not_checked"],
            publishable=counts["stories_publishable"],
        ),
        "contents_used_wrongly": entry(
            "fct_content_use.validity; mart_content_violation",
            expired=counts["content_expired_uses"],
            unapproved=counts["content_unapproved_uses"],
            out_of_role=counts["content_out_of_role_uses"],
        ),
        "contents_left_open": entry(
            "fct_content_use.is_idle_cut (more than five minutes)", rows=counts["content_left_open"]
        ),
        "training_presentations": entry("core reject: out_of_scope", rows=counts["content_training_rows"]),
        "records_cut_inside_a_character": entry(
            "quarantine: bad_record_length and undecodable",
            records=counts["jdnet_records_cut"],
            names=counts["jdnet_names_cut"],
        ),
        "corrected_deliveries": entry(
            "the line of the last making stands; a cancelled one is deleted_in_source",
            rows=counts["jdnet_superseded"],
            cancelled=counts["jdnet_cancelled"],
            returns=counts["jdnet_returns"],
        ),
        "sessions_that_are_no_contact_of_their_own": entry(
            "core reject by reason; fct_touchpoint has only what is left",
            **{name: counts[f"sessions_{name}"] for name in SESSION_KINDS if name != "contact"},
            pages_of_calls_told_twice=counts["session_lines_duplicate"],
        ),
        "off_label_without_record": entry(
            "gate on the Medical hand-off KPI", inquiries=counts["inquiries_off_label_incomplete"]
        ),
        "off_label_not_asked_unprompted": entry(
            "mart_medical_access, for Medical and compliance alone",
            solicited=counts["inquiries_off_label_solicited"],
            unknown=counts["inquiries_off_label_solicitation_unknown"],
        ),
    }


def _expected(log: FileLog, defects: Defects, records: dict[str, int]) -> dict[str, Any]:
    """Per source: files, rows, quarantine, rejects and touchpoints that a right pipeline counts."""
    counts = defects.counts
    superseded = _superseded(log, defects, records)
    stages: dict[str, dict[str, Any]] = {}
    for entry in log.files:
        stage = stages.setdefault(
            entry["source"],
            {
                "files": 0,
                "refused_files": {},
                "rows": 0,
                "quarantined": {},
                "landed": 0,
            },
        )
        stage["files"] += 1
        if entry["file_reason"]:
            refused = stage["refused_files"]
            refused[entry["file_reason"]] = refused.get(entry["file_reason"], 0) + 1
            continue
        stage["rows"] += entry["rows"]
        stage["landed"] += entry["landed"]
        for reason, number in entry["quarantined"].items():
            stage["quarantined"][reason] = stage["quarantined"].get(reason, 0) + number
    rejects: dict[str, dict[str, int]] = {
        "crm_call": {
            "deleted_in_source": counts["soft_deleted_calls"],
            "out_of_scope": counts["group_call_parents"] + counts["calls_not_submitted"],
            "test_record": counts["calls_test_submitted"],
        },
        "crm_call_detail": {"out_of_scope": counts["details_of_rejected_calls"]},
        "crm_call_key_message": {
            "deleted_in_source": counts["content_rows_deleted"],
            "out_of_scope": counts["content_rows_out_of_scope"],
        },
        "content_decision": {},
        "link_review": {},
        "crm_email_activity": {
            "opted_out_of_tracking": counts["activities_of_stubs"],
            "test_record": counts["activities_of_test_records"],
        },
        "crm_sent_email": {
            "opted_out_of_tracking": counts["emails_anonymous_stubs"],
            "test_record": counts["emails_test_records"],
        },
        "webinar_zoom": {"anonymous": counts["webinar_guests"]},
        "story": {"unparseable": counts["stories_without_outcome"]},
        "survey_qualtrics": {
            "test_record": counts["survey_test_records"],
            "out_of_scope": counts["survey_responses"] - counts["survey_finished"],
        },
        "crm_suggestion": {
            "deleted_in_source": counts["suggestions_deleted"],
            "test_record": counts["suggestions_test_records"],
        },
        "crm_multichannel_activity": {
            name: counts[f"sessions_{name}"] for name in SESSION_KINDS if name not in ("contact", "duplicate")
        },
        "crm_multichannel_activity_line": {
            name: counts[f"session_lines_{name}"]
            for name in SESSION_KINDS
            if name not in ("contact", "duplicate")
        },
        "portal_delivery": {},
        "web_snowplow": {
            "anonymous": counts["web_anonymous"],
            "test_record": counts["web_test_records"],
            "opted_out_of_tracking": counts["web_opted_out_of_tracking"],
        },
        "jdnet_delivery": {
            "out_of_scope": counts["jdnet_other_products"],
            "deleted_in_source": counts["jdnet_cancelled"],
        },
    }
    # Every version of these feeds a dimension.
    masters = ("crm_account", "crm_user", "crm_product", "crm_key_message", "content_approval")
    duplicates = {source: number for source, number in superseded.items() if source not in masters}
    duplicates["portal_delivery"] = duplicates.get("portal_delivery", 0) + counts["web_duplicates_of_portal"]
    for source, told in (
        ("crm_multichannel_activity", "sessions_duplicate"),
        ("crm_multichannel_activity_line", "session_lines_duplicate"),
    ):
        duplicates[source] = duplicates.get(source, 0) + counts[told]
    touchpoints = {
        "crm_call": counts["touchpoints_crm_call"],
        "crm_sent_email": counts["touchpoints_crm_sent_email"],
        "webinar_zoom": counts["touchpoints_webinar_zoom"],
        "portal_delivery": counts["touchpoints_portal_delivery"],
        "web_snowplow": counts["touchpoints_web_snowplow"],
        "crm_medical_inquiry": counts["inquiries"],
        "crm_multichannel_activity": counts["sessions_contact"],
    }
    unresolved = {
        "crm_call": counts["unresolved_crm_call"],
        "crm_sent_email": counts["emails_unresolved"],
        "webinar_zoom": counts["unresolved_webinar_zoom"],
        "portal_delivery": counts["portal_unknown_code"] + counts["portal_no_code"],
        "web_snowplow": counts["unresolved_web_snowplow"],
        "crm_medical_inquiry": counts["inquiries_unresolved"],
        "crm_multichannel_activity": counts["sessions_unresolved"],
    }
    for source, stage in stages.items():
        own = dict(rejects.get(source, {}))
        if duplicates.get(source):
            own["duplicate"] = duplicates[source]
        stage["core_rejects"] = {reason: number for reason, number in own.items() if number}
        if source in touchpoints:
            stage["touchpoints"] = touchpoints[source]
            stage["unresolved_touchpoints"] = unresolved[source]
    totals = {
        "touchpoints": sum(touchpoints.values()),
        "unresolved_touchpoints": sum(unresolved.values()),
    }
    facts = {
        "emails_delivered": counts["emails_delivered"],
        "survey_invitations": counts["survey_invitations"],
        "survey_answers": counts["survey_finished"],
        "opt_outs": counts["opt_outs"],
        "tracking_objections": counts["tracking_objections"],
        "stated_preferences": counts["stated_preferences"],
        "inquiries_open": counts["inquiries_open"],
        "inquiries_off_label": counts["inquiries_off_label"],
        "inquiries_from_calls": counts["inquiries_from_calls"],
        "webinar_rejoins": counts["webinar_rejoins"],
        "linked_follow_ups": counts["calls_linked"],
    }
    return {"sources": stages, "totals": totals, "facts": facts}

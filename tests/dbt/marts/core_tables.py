"""The core tables that marts read, with the columns and types they rely on, and a writer of tiny ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from shirube.estimation.step import ESTIMATORS

Rows = Sequence[Mapping[str, Any]]

CORE: dict[str, dict[str, str]] = {
    "dim_physician": {
        "physician_key": "text", "valid_from": "date", "valid_to": "date", "career_band": "text",
    },
    "dim_channel": {"channel_id": "text", "is_mr_channel": "boolean"},
    "dim_organization": {
        "organization_key": "text", "organization_id": "text", "level": "text",
        "parent_organization_key": "text",
    },
    "fct_physician_month": {
        "physician_key": "text", "month_end": "date", "is_target": "boolean", "is_active": "boolean",
        "specialty_group": "text", "practice_type": "text", "facility_key": "text",
        "employee_key": "text", "office_id": "text", "branch_id": "text",
    },
    "fct_touchpoint": {
        "touchpoint_key": "text", "source": "text", "physician_key": "text", "occurred_on": "date",
        "channel_id": "text", "product_id": "text", "topic_id": "text", "depth": "integer",
        "initiator": "text", "consent_state": "text",
    },
    "fct_suggestion": {
        "suggestion_key": "text", "physician_key": "text", "employee_key": "text", "posted_on": "date",
        "action_taken": "text", "dismiss_reason_id": "text", "signal_touchpoint_key": "text",
    },
    "fct_digital_signal": {
        "physician_key": "text", "channel_id": "text", "product_id": "text", "signal_on": "date",
        "follow_up_at": "timestamptz", "is_counted": "boolean",
        "is_linked": "boolean", "is_followed": "boolean", "is_followed_on_first_day": "boolean",
        "is_dismissed_with_reason": "boolean", "is_handled": "boolean", "is_orchestrated": "boolean",
        "chance_of_follow_up": "double",
    },
    "bridge_physician_identity": {
        "reference_type": "text", "physician_key": "text", "valid_from": "date", "valid_to": "date",
    },
    "fct_physician_channel_product_month": {
        "physician_key": "text", "channel_id": "text", "product_id": "text", "month_end": "date",
        "contacts": "integer", "delivered_contacts": "integer", "effective_contacts": "integer",
        "previous_delivered_month_end": "date",
    },
    "fct_physician_channel_month": {
        "physician_key": "text", "channel_id": "text", "month_end": "date", "contacts": "integer",
        "push_contacts": "integer", "delivered_contacts": "integer", "effective_contacts": "integer",
        "push_contacts_with_choice": "integer", "push_contacts_honouring_choice": "integer",
    },
    "fct_physician_channel_topic_month": {
        "physician_key": "text", "channel_id": "text", "topic_id": "text", "month_end": "date",
        "push_contacts": "integer",
    },
    "fct_physician_contact_month": {
        "physician_key": "text", "month_end": "date", "contacts": "integer", "push_contacts": "integer",
        "max_push_contacts_30d": "integer",
    },
    "fct_email_recipient": {
        "sent_email_id": "text", "physician_key": "text", "channel_id": "text", "initiator": "text",
        "product_id": "text", "month_end": "date", "is_sent": "boolean", "is_delivered": "boolean",
        "is_human_clicked": "boolean", "is_bot_clicked": "boolean", "is_opened": "boolean",
        "is_privacy_proxy_open": "boolean", "is_unsubscribed": "boolean", "is_marked_spam": "boolean",
        "template_id": "text", "survey_wave": "text",
    },
    "fct_consent_event": {
        "consent_event_key": "text", "source": "text", "physician_key": "text", "channel_id": "text",
        "consent_state": "text", "captured_at": "timestamptz", "captured_on": "date", "expires_on": "date",
    },
    "dim_initiative": {
        "initiative_id": "text", "name_ja": "text", "product_id": "text",
        "n_field_mrs_before_approval": "integer", "approved_on": "date", "starts_on": "date",
        "ends_on": "date", "comparison": "text", "design": "text", "is_easy_product": "boolean",
        "named_outcome": "text", "willing_offices": "text", "n_willing_offices": "integer",
        "has_event_in_window": "boolean",
    },
    "fct_assignment": {
        "assignment_key": "text", "initiative_id": "text", "unit_type": "text", "unit_id": "text",
        "arm": "text", "assigned_on": "date",
    },
    "fct_story": {
        "story_id": "text", "written_on": "date", "office_id": "text", "product_id": "text", "theme": "text",
        "initiative_id": "text", "outcome_kind": "text", "n_similar_attempts": "integer",
        "n_similar_without_success": "integer", "is_publishable": "boolean", "context": "text",
        "action": "text", "result": "text", "conditions": "text", "n_reused_offices": "integer",
    },
    "fct_stated_preference": {
        "preference_key": "text", "physician_key": "text", "recorded_on": "date", "channel_id": "text",
        "topic_id": "text", "preference_source": "text", "rank": "integer",
    },
    "fct_medical_inquiry": {
        "inquiry_key": "text", "inquiry_id": "text", "physician_key": "text", "office_id": "text",
        "is_from_mr": "boolean", "accepted_at": "timestamptz",
        "received_on": "date", "answered_at": "timestamptz", "is_open": "boolean",
        "waited_business_days": "integer", "is_answered_in_time": "boolean",
        "notified_within_2_business_days": "boolean", "category": "text", "gl_record_complete": "boolean",
        "is_accepted_in_time": "boolean", "completes_burst": "boolean", "is_unsolicited": "boolean",
        "gl_has_requester": "boolean", "gl_has_request_text": "boolean", "gl_has_date": "boolean",
        "gl_has_provider": "boolean", "gl_has_material": "boolean", "gl_has_evidence": "boolean",
        "gl_states_negative_data": "boolean", "gl_states_unapproved": "boolean",
    },
    "fct_survey_response": {
        "response_key": "text", "response_id": "text", "physician_key": "text", "responded_on": "date",
        "item_id": "text", "subject_id": "text", "score": "integer", "answer_code": "text",
        "product_id": "text", "channel_id": "text", "is_mr_sent": "boolean",
    },
    "fct_survey_invitation": {
        "invitation_key": "text", "physician_key": "text", "invited_on": "date", "is_delivered": "boolean",
        "has_response": "boolean",
    },
    "fct_journey_phase": {
        "physician_key": "text", "product_id": "text", "snapshot_on": "date", "month_end": "date",
        "phase_id": "text", "evidence_level": "text", "phase_since": "date",
    },
    "fct_journey_transition": {
        "physician_key": "text", "product_id": "text", "month_end": "date", "end_on": "date",
        "horizon_days": "integer", "from_phase_id": "text", "to_phase_id": "text", "is_forward": "boolean",
        "is_start_observable": "boolean", "is_observed_until_end": "boolean",
        "is_target_throughout": "boolean", "is_countable": "boolean",
    },
    "dim_product": {"product_id": "text", "name": "text", "is_company_product": "boolean"},
    "dim_employee": {
        "employee_key": "text", "valid_from": "date", "valid_to": "date", "role": "text",
        "is_active": "boolean",
    },
    "dim_content": {
        "content_key": "text", "content_id": "text", "title": "text", "product_id": "text",
        "topic_id": "text", "first_seen_on": "date", "last_seen_on": "date",
    },
    "dim_content_version": {
        "content_version_key": "text", "content_key": "text", "content_id": "text",
        "material_number": "text", "content_version": "text", "title": "text", "approval_number": "text",
        "product_id": "text", "topic_id": "text", "indication": "text", "may_mr_use": "boolean",
        "may_hq_use": "boolean", "info_class": "text", "is_never_retired": "boolean", "valid_from": "date",
        "valid_to": "date", "superseded_on": "date",
    },
    "fct_content_use": {
        "content_use_key": "text", "touchpoint_key": "text", "content_key": "text",
        "content_version_key": "text", "content_version": "text", "role_id": "text", "channel_id": "text",
        "employee_key": "text", "used_on": "date", "month_end": "date", "seconds": "integer",
        "validity": "text",
    },
    "fct_content_use_month": {
        "content_key": "text", "content_version_key": "text", "channel_id": "text", "physician_key": "text",
        "employee_key": "text", "role_id": "text", "direction": "text", "month_end": "date",
        "uses": "integer", "exposures": "integer", "judged_exposures": "integer", "has_reaction": "boolean",
        "has_next_step": "boolean", "has_negative": "boolean", "mr_judged": "integer",
        "mr_judged_positive": "integer", "mr_judged_negative": "integer",
    },
    "fct_decision": {
        "decision_key": "text", "material_number": "text", "content_version": "text", "decision": "text",
        "decided_on": "date", "department": "text", "is_result_observable": "boolean",
        "n_exposed_before": "integer", "n_reacted_before": "integer", "n_exposed_after": "integer",
        "n_reacted_after": "integer",
    },
    "dim_topic": {"topic_id": "text", "name_ja": "text", "info_class": "text"},
    "dim_moment": {
        "moment_id": "text", "name_ja": "text", "trigger_kind": "text", "window_days": "integer",
        "max_opened_per_mr_week": "integer", "min_precision": "double", "min_judged": "integer",
        "rule_version": "text",
    },
    "fct_need_signal": {
        "physician_key": "text", "topic_id": "text", "product_id": "text", "episode_opened_on": "date",
        "is_first_in_episode": "boolean", "learned_by": "text",
        "has_question": "boolean", "has_request": "boolean", "signalled_on": "date", "answered_on": "date",
        "is_answered_within_30d": "boolean", "open_until": "date",
    },
    "fct_physician_aimed_contact_month": {
        "physician_key": "text", "month_end": "date", "push_contacts_in_need": "integer",
        "push_contacts_in_need_without_topic": "integer", "push_contacts_on_needed_topic": "integer",
        "mr_contacts": "integer", "mr_contacts_in_moment": "integer", "mr_dialogues": "integer",
        "mr_dialogues_recorded": "integer",
    },
    "fct_moment": {
        "moment_key": "text", "physician_key": "text", "product_id": "text", "moment_id": "text",
        "opened_on": "date", "expires_on": "date", "employee_key": "text", "is_opened": "boolean",
        "not_opened_reason": "text", "is_contacted_in_window": "boolean",
    },
    "fct_safety_notice_physician": {
        "physician_key": "text", "issued_on": "date", "is_delivered_in_time": "boolean",
    },
    "fct_link_review": {
        "quarter_start": "date", "link_id": "text", "source": "text", "judgement": "text",
    },
    "fct_reject": {"source": "text", "reason": "text", "rows": "bigint"},
    "fct_source_delivery": {
        "source": "text", "batch_id": "text", "delivered_on": "date", "state": "text",
        "event_max_on": "date", "rows_in": "bigint", "rows_landed": "bigint", "rows_quarantined": "bigint",
        "rows_in_core": "bigint", "rows_rejected": "bigint",
    },
    "dim_source": {
        "source": "text", "name_ja": "text", "freshness_hours": "bigint", "is_periodic": "boolean",
        "is_expected": "boolean",
    },
}  # fmt: skip


def write_estimates(folder: Path, tables: Mapping[str, Rows]) -> None:
    """Write what each estimator would have written, with the given rows (no column: null; no table: no rows).

    Raises KeyError for a table or column that no estimator declares.
    """
    unknown = set(tables) - {estimator.NAME for estimator in ESTIMATORS}
    if unknown:
        raise KeyError(f"no estimator is called {sorted(unknown)}")
    folder.mkdir(parents=True, exist_ok=True)
    for estimator in ESTIMATORS:
        rows = [dict(row) for row in tables.get(estimator.NAME, [])]
        strange = {column for row in rows for column in row} - set(estimator.SCHEMA.names)
        if strange:
            raise KeyError(f"{estimator.NAME} has no column {sorted(strange)}")
        pq.write_table(
            pa.Table.from_pylist(rows, schema=estimator.SCHEMA), folder / f"{estimator.NAME}.parquet"
        )


def write_core(warehouse: Path, tables: Mapping[str, Rows]) -> None:
    """Create every core table that marts read, in schema `core`, with the given rows (no column: null).

    Raises KeyError for a table or column that no mart reads.
    """
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists core")
        for name, columns in CORE.items():
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create or replace table core.{name} ({declared})")
        for name, rows in tables.items():
            columns = CORE[name]
            unknown = {column for row in rows for column in row} - set(columns)
            if unknown:
                raise KeyError(f"{name} has no column {sorted(unknown)}")
            if rows:
                places = ", ".join(f"cast(? as {kind})" for kind in columns.values())
                values = [[row.get(column) for column in columns] for row in rows]
                connection.executemany(f"insert into core.{name} values ({places})", values)

"""The core tables that marts read, with the columns and types they rely on, and a writer of tiny ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

Rows = Sequence[Mapping[str, Any]]

CORE: dict[str, dict[str, str]] = {
    "dim_physician": {
        "physician_key": "text", "valid_from": "date", "valid_to": "date", "career_band": "text",
    },
    "dim_channel": {"channel_id": "text"},
    "dim_organization": {
        "organization_key": "text", "organization_id": "text", "level": "text",
        "parent_organization_key": "text",
    },
    "fct_physician_month": {
        "physician_key": "text", "month_end": "date", "is_target": "boolean", "is_active": "boolean",
        "specialty_group": "text", "practice_type": "text", "facility_key": "text",
        "employee_key": "text", "office_id": "text", "branch_id": "text",
    },
    "fct_touchpoint": {"source": "text", "physician_key": "text", "occurred_on": "date"},
    "fct_physician_channel_product_month": {
        "physician_key": "text", "channel_id": "text", "product_id": "text", "month_end": "date",
        "contacts": "integer", "delivered_contacts": "integer", "effective_contacts": "integer",
    },
    "fct_physician_channel_month": {
        "physician_key": "text", "channel_id": "text", "month_end": "date", "contacts": "integer",
        "push_contacts": "integer", "delivered_contacts": "integer", "effective_contacts": "integer",
        "push_contacts_with_choice": "integer", "push_contacts_honouring_choice": "integer",
    },
    "fct_physician_contact_month": {
        "physician_key": "text", "month_end": "date", "contacts": "integer", "push_contacts": "integer",
        "max_push_contacts_30d": "integer",
    },
    "fct_email_recipient": {
        "sent_email_id": "text", "physician_key": "text", "channel_id": "text", "initiator": "text",
        "product_id": "text", "month_end": "date", "is_sent": "boolean", "is_delivered": "boolean",
        "is_human_clicked": "boolean", "is_opened": "boolean", "is_privacy_proxy_open": "boolean",
    },
    "fct_consent_event": {"source": "text", "physician_key": "text"},
    "fct_stated_preference": {
        "preference_key": "text", "physician_key": "text", "recorded_on": "date", "channel_id": "text",
        "topic_id": "text", "preference_source": "text", "rank": "integer",
    },
    "fct_medical_inquiry": {
        "inquiry_key": "text", "physician_key": "text", "office_id": "text", "is_from_mr": "boolean",
        "received_on": "date", "answered_at": "timestamptz", "is_open": "boolean",
        "notified_within_2_business_days": "boolean", "category": "text", "gl_record_complete": "boolean",
        "is_accepted_in_time": "boolean", "completes_burst": "boolean",
    },
    "fct_survey_response": {
        "response_key": "text", "response_id": "text", "physician_key": "text", "responded_on": "date",
        "item_id": "text", "score": "integer", "product_id": "text", "channel_id": "text",
        "is_mr_sent": "boolean",
    },
    "fct_survey_invitation": {
        "invitation_key": "text", "physician_key": "text", "invited_on": "date", "is_delivered": "boolean",
        "has_response": "boolean",
    },
    "fct_journey_phase": {
        "physician_key": "text", "product_id": "text", "snapshot_on": "date", "phase_id": "text",
        "evidence_level": "text",
    },
    "fct_journey_transition": {
        "physician_key": "text", "product_id": "text", "month_end": "date", "horizon_days": "integer",
        "from_phase_id": "text", "is_forward": "boolean", "is_start_observable": "boolean",
        "is_observed_until_end": "boolean", "is_target_throughout": "boolean",
    },
    "fct_reject": {"source": "text", "reason": "text", "rows": "bigint"},
    "fct_source_delivery": {
        "source": "text", "batch_id": "text", "delivered_on": "date", "state": "text",
        "event_max_on": "date", "rows_in": "bigint", "rows_landed": "bigint", "rows_quarantined": "bigint",
        "rows_in_core": "bigint", "rows_rejected": "bigint", "freshness_hours": "bigint",
        "is_periodic": "boolean", "is_expected": "boolean",
    },
}  # fmt: skip


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

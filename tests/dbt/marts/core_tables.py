"""The core tables that marts read, with the columns and types they rely on, and a writer of tiny ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

Rows = Sequence[Mapping[str, Any]]

CORE: dict[str, dict[str, str]] = {
    "dim_physician": {
        "physician_key": "varchar", "valid_from": "date", "valid_to": "date", "career_band": "varchar",
    },
    "dim_channel": {"channel_id": "varchar"},
    "dim_organization": {
        "organization_key": "varchar", "organization_id": "varchar", "level": "varchar",
        "parent_organization_key": "varchar",
    },
    "fct_physician_month": {
        "physician_key": "varchar", "month_end": "date", "is_target": "boolean", "is_active": "boolean",
        "specialty_group": "varchar", "practice_type": "varchar", "facility_key": "varchar",
        "employee_key": "varchar", "office_id": "varchar", "branch_id": "varchar",
    },
    "fct_touchpoint": {"source": "varchar", "physician_key": "varchar", "occurred_on": "date"},
    "fct_physician_channel_month": {
        "physician_key": "varchar", "channel_id": "varchar", "product_id": "varchar", "month_end": "date",
        "contacts": "bigint", "push_contacts": "bigint", "delivered_contacts": "bigint",
        "effective_contacts": "bigint", "push_contacts_with_choice": "bigint",
        "push_contacts_honouring_choice": "bigint",
    },
    "fct_physician_contact_month": {
        "physician_key": "varchar", "month_end": "date", "contacts": "bigint", "push_contacts": "bigint",
        "max_push_contacts_30d": "bigint",
    },
    "fct_email_recipient": {
        "sent_email_id": "varchar", "physician_key": "varchar", "channel_id": "varchar", "product_id": "varchar",
        "month_end": "date", "is_sent": "boolean", "is_delivered": "boolean", "is_human_clicked": "boolean",
        "is_opened": "boolean", "is_privacy_proxy_open": "boolean",
    },
    "fct_consent_event": {"source": "varchar", "physician_key": "varchar"},
    "fct_stated_preference": {
        "preference_key": "varchar", "physician_key": "varchar", "recorded_on": "date", "channel_id": "varchar",
        "topic_id": "varchar", "preference_source": "varchar", "rank": "integer",
    },
    "fct_medical_inquiry": {
        "inquiry_key": "varchar", "physician_key": "varchar", "office_id": "varchar", "is_from_mr": "boolean",
        "received_on": "date", "answered_at": "timestamptz", "is_open": "boolean",
        "notified_within_2_business_days": "boolean",
    },
    "fct_survey_response": {
        "response_key": "varchar", "response_id": "varchar", "physician_key": "varchar", "responded_on": "date",
        "item_id": "varchar", "score": "double", "product_id": "varchar", "channel_id": "varchar",
        "is_mr_sent": "boolean",
    },
    "fct_survey_invitation": {
        "invitation_key": "varchar", "physician_key": "varchar", "invited_on": "date", "is_delivered": "boolean",
        "has_response": "boolean",
    },
    "fct_journey_phase": {
        "physician_key": "varchar", "product_id": "varchar", "snapshot_on": "date", "phase_id": "varchar",
        "evidence_level": "varchar",
    },
    "fct_journey_transition": {
        "physician_key": "varchar", "product_id": "varchar", "month_end": "date", "horizon_days": "integer",
        "from_phase_id": "varchar", "is_forward": "boolean", "is_observed_until_end": "boolean",
    },
    "fct_reject": {"source": "varchar", "reason": "varchar", "rows": "bigint"},
    "fct_source_delivery": {
        "source": "varchar", "batch_id": "varchar", "delivered_on": "date", "rows_in": "bigint",
        "rows_landed": "bigint", "rows_quarantined": "bigint", "rows_in_core": "bigint", "rows_rejected": "bigint",
        "freshness_hours": "double", "is_expected": "boolean",
    },
}  # fmt: skip


def write_core(warehouse: Path, tables: Mapping[str, Rows]) -> None:
    """Create every core table that marts read in schema `core`, filled with the given rows (columns left out are null).

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

"""A lake and a ledger small enough to check by hand, and one `dbt build` over them.

    lake = TinyLake(tmp_path)
    lake.deliver("crm_call", "2026-04-06", [{"id": "C1", ...}, ...])     # one batch; missing columns are null
    warehouse = lake.build(as_of="2026-10-31")                           # or select="+fct_touchpoint"
    warehouse.rows("select * from core.fct_touchpoint order by 1")
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
INSTANT = pa.timestamp("us", tz="UTC")

# The lake's columns: text unless the name is listed with another type below.
COLUMNS: dict[str, str] = {
    "dcf_physician": "physician_code name_kanji_token name_kana_token birth_date_token graduation_year specialty_code "
    "specialty_name practice_type_code position_code physician_kind deletion_reason updated_on",
    "dcf_facility": "facility_code facility_name facility_name_kana prefecture_code municipality_code postal_code "
    "address phone_token beds management_type_code opened_on insurance_code deletion_reason updated_on",
    "dcf_affiliation": "physician_code facility_code is_primary department_code position_code started_on ended_on",
    "crm_account": "id is_deleted system_modstamp master_record_id is_person_account last_name_token first_name_token "
    "furigana_token email_token external_id specialty primary_parent_id territory email_opt_type is_target member_id "
    "created_at",
    "crm_user": "id is_deleted system_modstamp name_token email_token employee_number is_active manager_id role "
    "role_profile territory office_code office_name branch_code branch_name effective_on time_zone",
    "crm_product": "id is_deleted system_modstamp name product_type parent_product_id external_id is_company_product "
    "therapeutic_area yj_code",
    "crm_call": "id is_deleted system_modstamp name account_id call_date call_datetime status call_type parent_call_id "
    "is_parent_call attendee_type territory user_id owner_id duration_minutes detailed_products remote_meeting channel "
    "reaction request question_recorded usage_statement topic_id followed_record_id comments_token created_at",
    "crm_call_detail": "id is_deleted system_modstamp call_id product_id priority detail_group type",
    "crm_sent_email": "id is_deleted system_modstamp account_id recipient_email_token template_id sent_at status "
    "product_id open_count click_count user_id owner_id call_id sender_department topic_id survey_wave "
    "valid_consent_exists failure_message created_at link_count",
    "crm_email_activity": "id is_deleted system_modstamp sent_email_id activity_at event_type click_url "
    "ip_address_token user_agent client_name device_type",
    "crm_consent": "id is_deleted system_modstamp account_id channel_value_token channel opt_type optout_event_type "
    "captured_at expires_on consent_type product_id preferred_channel preference_topic entered_by text_version",
    "crm_medical_inquiry": "id is_deleted system_modstamp account_id product_name inquiry_text_token delivery_method "
    "status call_id owner_id assigned_user_id fulfillment_status email_token phone_token category topic_id "
    "is_unsolicited gl_record_complete received_at handed_off_at accepted_at answered_at mr_notified_at created_at",
    "webinar_zoom": "meeting_id topic meeting_start_at meeting_end_at participant_name_token email_token joined_at "
    "left_at duration_minutes is_guest",
    "portal_delivery": "vendor period delivery_id physician_code portal_member_id specialty_name product_name "
    "content_id content_title topic_id delivered_on read_on is_completed viewed_seconds reaction delivered_count "
    "read_count point_change",
    "survey_qualtrics": "response_id started_at ended_at recorded_at status progress is_finished duration_seconds "
    "external_reference recipient_email_token distribution_channel wave product_code channel csat nps usefulness ces "
    "preferred_channel usage_stage comment_token",
    "web_snowplow": "app_id platform collector_at derived_at event event_id user_id domain_userid domain_session_id "
    "page_url page_title page_urlpath se_category se_action se_label se_value event_fingerprint useragent br_family "
    "dvce_ismobile",
}
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(
        "graduation_year beds priority open_count click_count link_count duration_minutes viewed_seconds "
        "delivered_count read_count point_change progress duration_seconds csat nps usefulness ces".split(),
        pa.int64(),
    ),
    "se_value": pa.float64(),
    **dict.fromkeys(
        "is_deleted is_primary is_person_account is_target is_active is_company_product request question_recorded "
        "valid_consent_exists is_unsolicited gl_record_complete is_guest is_finished is_parent_call is_completed "
        "dvce_ismobile remote_meeting".split(),
        pa.bool_(),
    ),
    **dict.fromkeys(
        "updated_on opened_on started_on ended_on call_date effective_on expires_on delivered_on read_on".split(),
        pa.date32(),
    ),
    **dict.fromkeys(
        "system_modstamp created_at call_datetime sent_at activity_at captured_at received_at handed_off_at "
        "accepted_at answered_at mr_notified_at meeting_start_at meeting_end_at joined_at left_at started_at ended_at "
        "recorded_at collector_at derived_at".split(),
        INSTANT,
    ),
}
BATCH_COLUMNS = pa.schema(
    [("batch_id", pa.string()), ("landing_id", pa.string()), ("source", pa.string()), ("file_name", pa.string())]
    + [("delivered_at", pa.timestamp("us")), ("delivered_on", pa.date32()), ("period", pa.string())]
    + [("state", pa.string()), ("rows_in", pa.int64()), ("rows_landed", pa.int64()), ("rows_quarantined", pa.int64())]
    + [("event_min_on", pa.date32()), ("event_max_on", pa.date32()), ("content_hash", pa.string())]
)
QUARANTINE_COLUMNS = pa.schema(
    [("source", pa.string()), ("batch_id", pa.string()), ("landing_id", pa.string())]
    + [("reason_code", pa.string()), ("rows", pa.int64())]
)
SOURCE_COLUMNS = pa.schema(
    [("source", pa.string()), ("business_name", pa.string()), ("freshness_hours", pa.int64())]
    + [("is_expected", pa.bool_())]
)


def lake_schema(source: str) -> pa.Schema:
    """The columns of one source in the lake."""
    named = [(name, _TYPES.get(name, pa.string())) for name in COLUMNS[source].split()]
    return pa.schema([*named, ("_landing_id", pa.string()), ("_row_number", pa.int64()), ("_extra", pa.string())])


def _cell(value: Any, kind: pa.DataType) -> Any:
    if not isinstance(value, str):
        return value
    if pa.types.is_timestamp(kind):  # a wall time without a zone is UTC, as in the lake
        return datetime.fromisoformat(value.replace("Z", "+00:00") if "T" in value else value + "+00:00")
    return date.fromisoformat(value) if pa.types.is_date(kind) else value


@dataclass
class Warehouse:
    """A finished build."""

    file: Path
    results: list[dict[str, Any]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples; instants come back in UTC."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(query).fetchall()

    def records(self, query: str) -> list[dict[str, Any]]:
        """All rows of a query as dictionaries."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass
class TinyLake:
    """Files of a data home written by hand: what landing would have left for dbt."""

    root: Path
    batches: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for source in COLUMNS:
            self._write(self.root / "lake" / source / "00000000-schema.parquet", lake_schema(source), [])

    def deliver(
        self,
        source: str,
        delivered: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        period: str | None = None,
        quarantined: int = 0,
        state: str = "landed",
    ) -> str:
        """Land one batch delivered on a day (`2026-04-06` or `2026-04-06T01:00`, Japan); returns its batch id."""
        schema = lake_schema(source)
        given = [dict(row) for row in rows]
        for row in given:
            unknown = set(row) - set(schema.names)
            assert not unknown, f"{source} has no column {sorted(unknown)}"
        moment = datetime.combine(date.fromisoformat(delivered[:10]), time.fromisoformat(delivered[11:] or "00:00"))
        content = json.dumps([source, delivered, period, given], default=str, sort_keys=True)
        batch_id = sha256(content.encode()).hexdigest()[:16]
        landing_id = f"{batch_id}-00c0ffee"
        table = [
            {name: _cell(row.get(name), schema.field(name).type) for name in schema.names}
            | {"_landing_id": landing_id, "_row_number": number}
            for number, row in enumerate(given, 2)
        ]
        self._write(self.root / "lake" / source / f"{landing_id}.parquet", schema, table)
        self.batches.append(
            {"batch_id": batch_id, "landing_id": landing_id, "source": source, "period": period, "state": state}
            | {"file_name": f"{source}_{delivered}.csv", "delivered_at": moment, "delivered_on": moment.date()}
            | {"rows_in": len(given) + quarantined, "rows_landed": len(given), "rows_quarantined": quarantined}
            | {"event_min_on": None, "event_max_on": None, "content_hash": sha256(content.encode()).hexdigest()}
        )
        if quarantined:
            self.quarantined.append(
                {"source": source, "batch_id": batch_id, "landing_id": landing_id}
                | {"reason_code": "bad_date", "rows": quarantined}
            )
        return batch_id

    def build(
        self,
        as_of: str = "2026-10-31",
        *,
        select: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
        command: str = "build",
        name: str = "warehouse",
    ) -> Warehouse:
        """Run dbt once over what was delivered; fails with dbt's own words when a model or test fails."""
        ledger = self.root / "ledger"
        sources = [
            {"source": source, "business_name": source, "freshness_hours": 24 * 45, "is_expected": True}
            for source in COLUMNS
        ]
        self._write(ledger / "batch.parquet", BATCH_COLUMNS, self.batches)
        self._write(ledger / "quarantine.parquet", QUARANTINE_COLUMNS, self.quarantined)
        self._write(ledger / "source.parquet", SOURCE_COLUMNS, sources)
        file = self.root / f"{name}.duckdb"
        target = self.root / f"target_{name}"
        environment = os.environ | {
            "SHIRUBE_WAREHOUSE_FILE": str(file),
            "SHIRUBE_LAKE": str(self.root / "lake"),
            "SHIRUBE_LEDGER_EXPORT": str(ledger),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        chosen = {"as_of": as_of, "release_id": "tiny", "config_version": "tiny"} | dict(variables or {})
        arguments = [sys.executable, "-m", "dbt.cli.main", command, "--project-dir", str(PROJECT)]
        arguments += ["--profiles-dir", str(PROJECT), "--target-path", str(target)]
        arguments += ["--log-path", str(self.root / "logs"), "--vars", json.dumps(chosen)]
        if select:
            arguments += ["--select", *select]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            failures = re.findall(r"^.*(?:ERROR|FAIL|Error|Failure).*$", done.stdout, flags=re.MULTILINE)
            raise AssertionError("\n".join(failures[:40]) + "\n" + done.stdout[-6000:] + done.stderr[-2000:])
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
        return Warehouse(file, results)

    @staticmethod
    def _write(path: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

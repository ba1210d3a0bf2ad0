"""Make a landed company several times as large without files to land: persons and records again, renamed.

A hundred million touchpoints are some sixty gigabytes of received files, and the vault keeps them again. A
build reads neither, so sizes that a disk cannot hold as files are made in the lake: each landed row is
repeated with other physicians, facilities and records, and the ledger is told. Products, contents, employees
and webinars stay as they are.

    python benchmarks/enlarge.py HOME COPIES
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import duckdb

IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "crm_account": ("id", "master_record_id", "primary_parent_id", "email_token", "member_id"),
    "crm_call": ("id", "account_id", "parent_call_id", "followed_record_id"),
    "crm_call_detail": ("id", "call_id"),
    "crm_call_key_message": ("id", "call_id"),
    "crm_consent": ("id", "account_id", "channel_value_token"),
    "crm_email_activity": ("id", "sent_email_id"),
    "crm_medical_inquiry": ("id", "account_id", "call_id", "email_token"),
    "crm_multichannel_activity": ("id", "account_id", "call_id", "sent_email_id", "primary_key_text"),
    "crm_multichannel_activity_line": ("id", "activity_id"),
    "crm_sent_email": ("id", "account_id", "recipient_email_token", "call_id"),
    "crm_suggestion": ("id", "account_id", "signal_record_id", "call_id"),
    "dcf_affiliation": (),
    "dcf_facility": (),
    "dcf_physician": (),
    "initiative_assignment": (),
    "jdnet_delivery": ("slip_number",),
    "portal_delivery": ("delivery_id", "portal_member_id"),
    "survey_qualtrics": ("response_id", "external_reference", "recipient_email_token"),
    "web_snowplow": ("event_id", "user_id", "domain_userid", "domain_session_id", "event_fingerprint"),
    "webinar_zoom": ("participant_name_token", "email_token"),
}
"""Sources whose rows are repeated, and their columns that name a person or a record."""

CODES: dict[str, tuple[str, ...]] = {
    "crm_account": ("external_id",),
    "dcf_affiliation": ("physician_code", "facility_code"),
    "dcf_facility": ("facility_code",),
    "dcf_physician": ("physician_code",),
    "initiative_assignment": ("physician_code",),
    "jdnet_delivery": ("delivered_to_code",),
    "portal_delivery": ("physician_code",),
}
"""Columns that name a person or a facility in a text of fixed length."""

REPEATED_WHERE = {"initiative_assignment": "physician_code is not null"}
"""A trial's offices are there once; only its physicians are repeated."""

MOST_COPIES = 10
ROWS_OF_A_FILE = 10_000_000
"""Row numbers of a copy begin after those that any file of the sample reaches."""


def enlarge(home: Path, copies: int) -> int:
    """Repeat what was landed in `home` until it is there `copies` times (2-10); return the lake's rows.

    Raises: ValueError for another number of copies.
    """
    if not 2 <= copies <= MOST_COPIES:
        raise ValueError(f"copies must be 2 to {MOST_COPIES}, not {copies}")
    rows = 0
    with duckdb.connect() as engine, sqlite3.connect(home / "ledger" / "ledger.sqlite") as ledger:
        for source in IDENTIFIERS:
            landed = ledger.execute(
                "select landing_id from batch where source = ? and state = 'landed'", [source]
            ).fetchall()
            for (landing_id,) in landed:
                now = _repeat(engine, home / "lake" / source / f"{landing_id}.parquet", source, copies)
                ledger.execute(
                    "update batch set rows_landed = ?, rows_in = ? + rows_quarantined where landing_id = ?",
                    [now, now, landing_id],
                )
                rows += now
    return rows


def _repeat(engine: duckdb.DuckDBPyConnection, file: Path, source: str, copies: int) -> int:
    """Write the file anew with its rows `copies` times; the number of its rows."""
    parts = [f"select * from read_parquet('{file}')"]
    for copy in range(1, copies):
        letter = chr(ord("A") + copy - 1)
        # All digits: a webinar, which all copies share.
        named = [
            f"if(regexp_full_match({column}, '[0-9]+'), {column}, {column} || '{letter}') as {column}"
            for column in IDENTIFIERS[source]
        ]
        # A code keeps its length; one that does not begin with 0 is of nobody known.
        named += [
            f"if({column}[1] = '0', '{letter}' || {column}[2:], {column}) as {column}"
            for column in CODES.get(source, ())
        ]
        named.append(f"_row_number + {copy * ROWS_OF_A_FILE} as _row_number")
        where = REPEATED_WHERE.get(source, "true")
        parts.append(f"select * replace ({', '.join(named)}) from read_parquet('{file}') where {where}")
    draft = file.with_suffix(".draft")
    engine.execute(f"copy ({' union all '.join(parts)}) to '{draft}' (format parquet, compression zstd)")
    draft.rename(file)
    counted = engine.execute(f"select count(*) from read_parquet('{file}')").fetchone()
    assert counted is not None
    return int(counted[0])


if __name__ == "__main__":
    print(f"{enlarge(Path(sys.argv[1]), int(sys.argv[2])):,} rows")

"""Links between references and physicians, drawn by lot so that people check how many are false (R51).

The lot takes the links of a build that lead to a physician and hold on a day of the fiscal quarter, each with
the same chance whatever its source or method: so the share of false ones in the sample estimates the share
among all links without any weights. A source with few links in it gets counts, no rate. Not drawn are the
master's own codes, which stand for their physicians by definition, and Medical's log: who asked Medical is
nobody else's business, and its accounts are drawn as the CRM's. The lot is a digest of the quarter and the
link: the same quarter of the same build gives the same sample, and whoever stops early has looked at a sample
too.

    vault/link_review/結びつけの確認_2026-10.csv       mode 0600: it holds names and addresses

The filled table comes back as the source `link_review`, whose contract reads neither.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from shirube import durable
from shirube.engine import bounded
from shirube.fiscal_periods import FiscalPeriod, containing, fiscal_start_month
from shirube.home import Home
from shirube.landing.locks import reading_lake
from shirube.rules import rows_in_force
from shirube.vault import private_folder, reveal

FOLDER = "link_review"
"""In the vault: the tables that were drawn."""
NOT_DRAWN = ("dcf_physician", "crm_medical_inquiry")
"""Sources whose links are never drawn; why is said above."""

_DRAWN = f"""
create temp table drawn as
select
    link_id, source, reference_type, reference, valid_from, valid_to, method, physician_key,
    row_number() over (order by md5($quarter || '|' || link_id), link_id) as place
from (
    select * from core.bridge_physician_identity
    where link_id is not null and not list_contains($not_drawn, source)
        and valid_from <= $last_day and valid_to > $first_day
    order by md5($quarter || '|' || link_id), link_id
    limit (select links_per_quarter from {rows_in_force("link_review_rule")})
)
"""

# What stands on record under a reference: in the log itself where that has words of its own, else in the CRM.
# Of several records the newest from before the link's end is shown.
_RECORDS = (
    *(
        f"""
        select 'crm_account' as log, '{kind}' as reference_type, {column} as reference,
            last_name_token as name_token, first_name_token, specialty, primary_parent_id as parent_id,
            system_modstamp as seen_at, _landing_id, _row_number
        from {{crm_account}}"""
        for kind, column in (
            ("crm_account_id", "id"),
            ("member_id", "member_id"),
            ("email_token", "email_token"),
        )
    ),
    """
        select 'webinar_zoom', 'email_token', email_token, participant_name_token, null, null, null,
            joined_at, _landing_id, _row_number
        from {webinar_zoom}""",
    """
        select 'portal_delivery', 'dcf_code', physician_code, null, null, specialty_name, null, delivered_on,
            _landing_id, _row_number
        from {portal_delivery}""",
)
_WRITTEN = f"""
create temp table written as
select * from (
    select
        drawn.link_id, record.name_token, record.first_name_token, record.specialty, record.parent_id,
        row_number() over (
            partition by drawn.link_id
            order by record.log = drawn.source desc, record.seen_at desc, _landing_id desc, _row_number desc
        ) as recency
    from drawn
    join ({" union all ".join(_RECORDS)}) as record using (reference_type, reference)
    where record.log in ('crm_account', drawn.source) and record.seen_at < drawn.valid_to
) where recency = 1
"""
_PAIRS = """
with parent as (
    select id, max_by(external_id, (system_modstamp, _landing_id, _row_number)) as facility_code
    from {crm_account} where id in (select parent_id from written) group by id
),
place as (
    select physician_key, string_agg(facility_name, ' / ' order by facility_name) as facility
    from core.bridge_physician_facility as stay
    join core.dim_facility as facility using (facility_key)
    where stay.is_primary and facility.is_current
        and stay.valid_from <= $last_day and stay.valid_to > $last_day
    group by physician_key
)
select
    drawn.link_id, drawn.source, drawn.method, drawn.physician_key, drawn.reference_type, drawn.reference,
    dim_source.name_ja as source_name, rule.method_ja, written.name_token, written.first_name_token,
    written.specialty, facility.facility_name as facility, person.name_token as master_token,
    place.facility as master_facility, person.specialty_group as master_specialty
from drawn
left join core.dim_source on drawn.source = dim_source.source
left join seeds.identity_rule as rule on drawn.reference_type = rule.reference_type
left join written on drawn.link_id = written.link_id
left join parent on written.parent_id = parent.id
left join core.dim_facility as facility
    on parent.facility_code = facility.facility_code and facility.is_current
left join core.dim_physician as person on drawn.physician_key = person.physician_key and person.is_current
left join place on drawn.physician_key = place.physician_key
order by drawn.place
"""
HEADER = (
    "四半期の初日", "結びつけの番号", "判定", "確かめた日", "記録の種類", "結びつけ方", "記録の番号",
    "記録の氏名", "記録の施設", "記録の診療科", "記録のメール", "台帳の氏名", "台帳の施設", "台帳の診療科",
    "source", "method", "physician_key",
)  # fmt: skip
"""Of these the contract reads back the first four and the last three."""


@dataclass(frozen=True)
class DrawnLinks:
    """A table to be filled: where it is, the first day of its quarter, and how many links it holds."""

    file: Path
    quarter_start: date
    links: int


def draw_links(home: Home, warehouse_file: Path, day: date) -> DrawnLinks:
    """Draw the links of the fiscal quarter in which `day` falls and write them into the vault.

    Raises: FileExistsError if that quarter was drawn before, for somebody may be filling that table;
    LookupError if the build holds no link of that quarter; VaultPermissionError if others can read the vault.
    """
    with (
        reading_lake(home),
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(str(warehouse_file), read_only=True, config=bounded(Path(spill))) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        quarter = _quarter(connection, day)
        file = private_folder(home, FOLDER) / f"結びつけの確認_{quarter.start:%Y-%m}.csv"
        if file.exists():
            raise FileExistsError(
                f"{file} はもうあります。書きかけなら続けてください。引き直すなら、先に移してください。 / "
                "was drawn before: go on filling it, or move it away to draw again."
            )
        pairs = _pairs(connection, home, quarter)
    if not pairs:
        raise LookupError(
            f"{quarter.start} からの四半期に、確かめる結びつけがありません。 / no link holds in this quarter."
        )
    with durable.replacing(file, durable.PRIVATE) as handle:
        handle.write(_table(home, pairs, quarter))
    return DrawnLinks(file, quarter.start, len(pairs))


def _quarter(connection: duckdb.DuckDBPyConnection, day: date) -> FiscalPeriod:
    return containing(day, "quarter", fiscal_start_month(connection))


def _pairs(connection: duckdb.DuckDBPyConnection, home: Home, quarter: FiscalPeriod) -> list[dict[str, Any]]:
    """The drawn links in the order of the lot, with what log and master say; names are still tokens."""
    lake = {
        source: "read_parquet('{}', union_by_name = true)".format(
            str(home.lake / source / "*.parquet").replace("'", "''")
        )
        for source in ("crm_account", "webinar_zoom", "portal_delivery")
    }
    days = {"first_day": quarter.start, "last_day": quarter.end}
    connection.execute(_DRAWN, {**days, "quarter": quarter.start.isoformat(), "not_drawn": list(NOT_DRAWN)})
    connection.execute(_WRITTEN.format_map(lake))
    found = connection.execute(_PAIRS.format_map(lake), {"last_day": quarter.end})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _table(home: Home, pairs: Sequence[dict[str, Any]], quarter: FiscalPeriod) -> bytes:
    """UTF-8 with a byte order mark and CRLF, so that a spreadsheet opens it by a double click."""
    tokens = ("name_token", "first_name_token", "master_token")
    names = reveal(home, (pair[token] for pair in pairs for token in tokens if pair[token]), "name")
    by_address = [pair["reference"] for pair in pairs if pair["reference_type"] == "email_token"]
    addresses = reveal(home, by_address, "email")
    sink = io.StringIO(newline="")
    lines = csv.writer(sink, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    lines.writerow(HEADER)
    for pair in pairs:
        is_address = pair["reference_type"] == "email_token"
        written = (names.get(pair["name_token"]), names.get(pair["first_name_token"]))
        shown = (
            pair["source_name"],
            pair["method_ja"],
            None if is_address else pair["reference"],
            " ".join(part for part in written if part),
            pair["facility"],
            pair["specialty"],
            addresses.get(pair["reference"]) if is_address else None,
            names.get(pair["master_token"]),
            pair["master_facility"],
            pair["master_specialty"],
        )
        named = (pair["source"], pair["method"], pair["physician_key"])
        lines.writerow([quarter.start, pair["link_id"], "", "", *map(_inert, shown), *named])
    return sink.getvalue().encode("utf-8-sig")


def _inert(cell: str | None) -> str:
    """A cell that no spreadsheet runs as a formula: strangers chose what stands in some."""
    return f"'{cell}" if cell and cell[0] in "=+-@\t\r" else cell or ""

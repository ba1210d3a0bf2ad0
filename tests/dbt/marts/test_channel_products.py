"""By product a physician's months add up to physicians: whoever has several in a period counts once."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.dbt.marts.run import rebuilt
from tests.dbt.marts.tiny_company import AUGUST, JULY, SEPTEMBER, p

# physicians, month, delivered contacts, the month before with a delivered one
MONTHS = [
    (p(21, 28), AUGUST, 2, None),
    (p(21, 26), SEPTEMBER, 1, AUGUST),
    (p(29, 30), JULY, 0, None),  # sent, never delivered: July does not count them
    (p(29, 30), SEPTEMBER, 1, None),
]


def test_a_physician_with_two_months_counts_once_in_the_quarter(built: Path, tmp_path: Path) -> None:
    rows = [
        (name, month, delivered, before)
        for physicians, month, delivered, before in MONTHS
        for name in physicians
    ]

    def deliver(core: duckdb.DuckDBPyConnection) -> None:
        core.executemany(
            "insert into core.fct_physician_channel_product_month (physician_key, channel_id, product_id,"
            " month_end, contacts, delivered_contacts, effective_contacts, previous_delivered_month_end)"
            " values ($1, 'portal', 'PRD-B', $2, 3, $3, 0, $4)",
            rows,
        )
        # Over all products August has as many as September has, or its one product would be hidden.
        core.execute(
            "insert into core.fct_physician_channel_month"
            f" select * replace (date '{AUGUST}' as month_end) from core.fct_physician_channel_month"
            f" where channel_id = 'portal' and month_end = '{SEPTEMBER}'"
        )

    with rebuilt(built, tmp_path, deliver, "mart_channel_quality") as connection:
        found = connection.execute(
            "select period_type, cast(period_start as varchar), n_delivered_physicians, delivered_contacts"
            " from marts.mart_channel_quality where scope_type = 'company' and channel_id = 'portal'"
            " and product_id = 'PRD-B' order by 1, 2"
        ).fetchall()
    assert found == [
        ("half", "2026-04-01", 10, 24),
        ("month", "2026-07-01", 0, 0),
        ("month", "2026-08-01", 8, 16),
        ("month", "2026-09-01", 8, 8),
        ("quarter", "2026-07-01", 10, 24),
    ]

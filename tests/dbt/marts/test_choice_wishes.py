"""Which contacts honour a wish, and when the waiting for it ends, where the physician declined it since."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.dbt.marts.needs_and_moments import p
from tests.dbt.marts.run import rebuilt

WISHED, DECLINED = "2026-09-05", "2026-09-08"


def test_what_was_declined_is_not_honoured_and_no_longer_waited_for(built: Path, tmp_path: Path) -> None:
    honoured, against, declined, before, same_day = p(1, 5)
    contacts = [
        (honoured, "2026-09-10", "opted_in"),
        (against, "2026-09-12", "opted_out"),
        # Agreed to again after the wish had been declined: that is a new word, not the old wish.
        (declined, "2026-09-20", "opted_in"),
        (before, "2026-09-07", "opted_in"),
        (same_day, "2026-09-09", "opted_in"),
    ]
    # Of two words on one day nobody knows which was the later one: the wish stands.
    refusals = [(declined, DECLINED), (before, DECLINED), (same_day, WISHED)]

    def change(core: duckdb.DuckDBPyConnection) -> None:
        core.execute("delete from core.fct_stated_preference")
        core.execute("delete from core.fct_touchpoint where channel_id = 'mr_email'")
        core.executemany(
            "insert into core.fct_stated_preference"
            " (physician_key, channel_id, recorded_on, preference_source)"
            " values (?, 'mr_email', ?, 'survey')",
            [[name, WISHED] for name, *_ in contacts],
        )
        core.executemany(
            "insert into core.fct_touchpoint (touchpoint_key, physician_key, channel_id, occurred_on,"
            " consent_state, depth, initiator) values (?, ?, 'mr_email', ?, ?, 1, 'mr')",
            [[f"wish-{place}", *contact] for place, contact in enumerate(contacts)],
        )
        core.executemany(
            "insert into core.fct_consent_event (consent_event_key, physician_key, channel_id, consent_state,"
            " captured_at, captured_on) values (?, ?, 'mr_email', 'opted_out', ?, ?)",
            [
                [f"refusal-{place}", name, f"{day} 09:00:00+09", day]
                for place, (name, day) in enumerate(refusals)
            ],
        )

    with rebuilt(built, tmp_path, change, "mart_choice_environment") as connection:
        (counted,) = connection.execute(
            "select n_stating_physicians, wishes, honoured, not_yet_honoured"
            " from marts.mart_choice_environment where scope_type = 'company' and period_type = 'month'"
            " and period_start = '2026-09-01'"
        ).fetchall()
    assert counted == (5, 5, 3, 2)

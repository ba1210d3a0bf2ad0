"""What is shown, what is not, and why: small groups and samples, missing records, the four verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt.marts.run import number, rebuilt

Connection = duckdb.DuckDBPyConnection
USEFUL = "cx.usefulness_top_rate"


@pytest.mark.parametrize(
    ("office", "state", "value", "trust_count"),
    [
        ("OF09", "counts_only", None, "lacking"),
        ("OF10", "reference", 1.0, "caution"),
        ("OF29", "reference", 1.0, "caution"),
        ("OF30", "shown", 1.0, "enough"),
    ],
)
def test_the_sample_decides_what_is_shown(
    warehouse: Connection, office: str, state: str, value: float | None, trust_count: str
) -> None:
    row = number(warehouse, USEFUL, office)
    size = int(office[2:])
    assert (row["display_state"], row["value"], row["trust_count"]) == (state, value, trust_count)
    assert (row["numerator"], row["denominator"]) == (size, size)
    if value is None:
        assert (row["ci_low"], row["ci_high"]) == (None, None)
    else:
        # Everybody said yes: the upper end is 1 exactly, the lower end n / (n + z²).
        assert (row["ci_low"], row["ci_high"]) == (pytest.approx(size / (size + 1.959964**2), abs=1e-6), 1.0)
    assert (row["reason"] is None) == (state == "shown")


def test_nothing_to_count_says_so(warehouse: Connection) -> None:
    row = number(warehouse, "fit.choice_honoured_rate", "OF04")
    assert (row["numerator"], row["denominator"], row["value"]) == (0, 0, None)
    assert (row["display_state"], row["reason"]) == ("counts_only", "この期間に対象がありませんでした")


def test_small_groups_and_their_complement_are_suppressed(warehouse: Connection) -> None:
    # BR1 = OF01 (30 answers) + OF02 (3) + OF03 (6). OF02 is too small; OF03 must go with it, or BR1 -
    # OF01 - OF03
    # would give OF02 away. OF01 and the sum stay.
    for office in ("OF02", "OF03"):
        row = number(warehouse, USEFUL, office)
        assert row["display_state"] == "suppressed"
        assert [
            row[c] for c in ("numerator", "denominator", "value", "ci_low", "ci_high", "n_physicians")
        ] == [None] * 6
        assert "個人が分かる" in row["reason"]
    assert number(warehouse, USEFUL, "OF01")["denominator"] == 30
    assert number(warehouse, USEFUL, "BR1")["denominator"] == 39


def test_no_small_group_is_left_in_any_mart(warehouse: Connection) -> None:
    checked = 0
    tables = warehouse.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'marts'"
        " and column_name like '%_suppressed'"
    ).fetchall()
    for table, flag in tables:
        base = flag.removesuffix("_suppressed")
        small, hidden = warehouse.execute(
            f"select count(*) filter ({base} between 1 and 4),"
            f" count(*) filter ({flag} and {base} is not null) from marts.{table}"
        ).fetchone() or (1, 1)
        assert (small, hidden) == (0, 0), f"{table}.{base}"
        checked += 1
    assert checked > 20
    shown = warehouse.execute(
        "select count(*) from marts.fct_kpi_value where n_physicians between 1 and 4"
    ).fetchone()
    assert shown == (0,)


def test_a_hidden_office_is_not_given_away_by_its_representative(warehouse: Connection) -> None:
    # OF03 hides OF02; its only representative looks after the same six physicians.
    for scope in ("OF02", "OF03", "MR-OF02", "MR-OF03"):
        row = warehouse.execute(
            "select n_usefulness, n_usefulness_top, n_usefulness_suppressed from marts.mart_cx"
            " where scope_id = ? and period_type = 'month' and period_start = '2026-10-01'"
            " and coalesce(channel_id, product_id) is null",
            [scope],
        ).fetchall()
        assert row == [(None, None, True)], scope


def test_no_hidden_scope_can_be_subtracted(warehouse: Connection) -> None:
    # Every published whole minus its published parts: nothing is left, or two hidden parts of five or more.
    warehouse.execute(
        "create or replace temp view family as select distinct 'branch' as part, branch_id as scope_id,"
        " 'company' as whole_id from core.fct_physician_month"
        " union select distinct 'office', office_id, branch_id from core.fct_physician_month"
        " union select distinct 'mr', employee_key, office_id from core.fct_physician_month"
    )
    checked = 0
    tables = warehouse.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'marts'"
        " and column_name like '%_suppressed' and table_name <> 'mart_data_trust' and table_name in"
        " (select table_name from information_schema.columns where column_name = 'scope_type')"
    ).fetchall()
    for table, flag in tables:
        columns = warehouse.execute(
            "select column_name from information_schema.columns where table_name = ? and column_name in"
            " ('period_type', 'period_start', 'channel_id', 'product_id', 'phase_id', 'breakdown')",
            [table],
        ).fetchall()
        base = flag.removesuffix("_suppressed")
        cell = [column for (column,) in columns]
        same = " and ".join(f"part.{column} is not distinct from whole.{column}" for column in cell)
        families = warehouse.execute(
            f"select whole.{base} - coalesce(sum(part.{base}), 0), count(*) filter (part.{flag})"
            f" from marts.{table} as whole join marts.{table} as part on {same}"
            " join family on part.scope_type = family.part and part.scope_id = family.scope_id"
            f" and whole.scope_id = family.whole_id where whole.{base} > 0"
            f" group by whole.{base}, whole.scope_id, {', '.join(f'whole.{c}' for c in cell)}"
        ).fetchall()
        for left, hidden in families:
            assert (left == 0 and hidden == 0) or left >= 5, f"{table}.{base}"
            assert left < 5 or hidden != 1, f"{table}.{base}"
            checked += left > 0
    assert checked > 5


def test_who_has_no_office_and_who_is_not_known_count_as_people(built: Path, tmp_path: Path) -> None:
    # October: BR1 = OF01 (12 physicians), BR2 = OF04 (33). One more inquiry comes from an account that is
    # not matched, at OF02, and one from a physician without an office. Company 47 - BR1 13 - BR2 33 would
    # leave him: BR1, the smaller, is hidden, and both its offices: OF02 holds one person, if unknown.
    def ask(core: Connection) -> None:
        core.execute(
            "insert into core.fct_medical_inquiry (inquiry_key, physician_key, office_id, is_from_mr,"
            " received_on, is_open, waited_business_days)"
            " values ('I-1', null, 'OF02', false, '2026-10-20', true, 8),"
            " ('I-2', 'X01', null, false, '2026-10-20', true, 8)"
        )

    with rebuilt(built, tmp_path, ask, "mart_medical_handoff") as connection:
        shown = connection.execute(
            "select scope_id, n_physicians, inquiries from marts.mart_medical_handoff"
            " where period_type = 'month' and period_start = '2026-10-01' order by scope_id"
        ).fetchall()
    assert shown == [
        ("BR1", None, None), ("BR2", 33, 33), ("OF01", None, None), ("OF02", None, None), ("OF04", 33, 33),
        ("company", 47, 47),
    ]  # fmt: skip


def test_a_lone_suppressed_phase_takes_the_next_smallest_with_it(warehouse: Connection) -> None:
    # OF01, PRD-A: P0 10, P1 15, P2 12, P4 3. The four add up to 40, so P4 alone could be subtracted: P0
    # goes too.
    states = {
        phase: number(warehouse, "journey.physicians_in_phase", product_id="PRD-A", phase_id=phase)[
            "display_state"
        ]
        for phase in ("P0", "P1", "P2", "P4")
    }
    assert states == {"P0": "suppressed", "P1": "shown", "P2": "shown", "P4": "suppressed"}


def test_each_verdict_can_be_reached(warehouse: Connection) -> None:
    honoured = "fit.choice_honoured_rate"
    # OF01: 6 of 30 in September, 21 of 30 in October.
    better = number(warehouse, USEFUL, "OF01")
    assert better["verdict"] == "improved"
    assert (better["previous_numerator"], better["previous_denominator"]) == (6, 30)
    assert better["difference"] == pytest.approx(0.5)
    assert 0 < better["difference_low"] < 0.5 < better["difference_high"]
    # OF29: 900 of 1,000 contacts each honoured the choice in September, 700 in October.
    worse = number(warehouse, honoured, "OF29")
    assert (worse["verdict"], worse["value"], worse["previous_value"]) == ("worsened", 0.7, 0.9)
    # OF30: 14,500 of 29,000 in both months: a difference of 3 in 100 is excluded.
    same = number(warehouse, honoured, "OF30")
    assert same["verdict"] == "unchanged"
    assert same["minimum_detectable_difference"] < 0.03
    # OF04: 40 of 80, then 42 of 80: chance alone does that, and a real change could hide behind it.
    open_ended = number(warehouse, USEFUL, "OF04")
    assert (open_ended["verdict"], open_ended["verdict_reason"]) == (
        "cannot_tell",
        "この差は偶然でも起こります",
    )
    assert open_ended["minimum_detectable_difference"] > 0.03


def test_no_verdict_without_thirty_on_both_sides_or_a_period_before(warehouse: Connection) -> None:
    first = number(warehouse, "cx.response_rate")
    assert (first["verdict"], first["verdict_reason"]) == ("cannot_tell", "比べる前の期間の記録がありません")
    small = number(warehouse, USEFUL, "OF29")
    assert (small["verdict"], small["difference"]) == ("cannot_tell", None)
    neutral = number(warehouse, "channel.frequency_median")
    assert neutral["verdict"] is None


def test_a_representative_sees_only_what_is_meant_for_him(warehouse: Connection) -> None:
    seen = {
        row[0]
        for row in warehouse.execute(
            "select distinct kpi_id from marts.fct_kpi_value where scope_type = 'mr'"
        ).fetchall()
    }
    meant = {
        row[0]
        for row in warehouse.execute("select kpi_id from marts.dim_kpi where audience like '%mr%'").fetchall()
        if row[0]
    }
    audience = warehouse.execute(
        "select kpi_id from marts.dim_kpi where ',' || audience || ',' like '%,mr,%' order by display_order"
    ).fetchall()
    assert seen <= {row[0] for row in audience} <= meant
    assert len(audience) == 7
    # What the physician experiences comes first, the company's own activity last.
    assert audience[0][0] == USEFUL
    assert audience[-1][0] == "moment.coverage_rate"


def test_missing_records_withhold_the_number_and_only_that(built: Path, tmp_path: Path) -> None:
    # The survey never arrived and no call can be linked any more.
    def take_away(core: Connection) -> None:
        core.execute("delete from core.fct_source_delivery where source = 'survey_qualtrics'")
        core.execute("update core.fct_touchpoint set physician_key = null where physician_key > 'P05'")

    with rebuilt(built, tmp_path, take_away, "mart_data_trust", "fct_kpi_value") as connection:
        useful: dict[str, Any] = number(connection, USEFUL)
        assert (useful["display_state"], useful["trust_arrival"]) == ("withheld", "lacking")
        assert [useful[c] for c in ("numerator", "denominator", "value", "ci_low", "ci_high")] == [None] * 5
        assert useful["reason"] == "もとになる記録が届いていないため、出していません"
        unlinked = number(connection, "channel.reach_rate")
        assert (unlinked["display_state"], unlinked["trust_linkage"]) == ("withheld", "lacking")
        medical = number(connection, "medical.handoff_days_median")
        assert medical["display_state"] == "shown"

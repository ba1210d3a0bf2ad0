"""The panel against a core of a few rows, and the estimator end to end on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pytest
from shirube.estimation import necessity
from shirube.estimation.journey_panel import read_panel
from shirube.home import project_root
from shirube.rules import RuleError

SEEDS = project_root() / "dbt_project" / "seeds"
JANUARY, FEBRUARY, MARCH = "2026-01-31", "2026-02-28", "2026-03-31"


CORE: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "dim_channel": (
        "channel_id text, is_push boolean, sort_order integer",
        [("portal", True, 2), ("mr_visit", True, 1), ("owned_web", False, 3), ("msl_visit", False, 4)],
    ),
    "fct_physician_month": (
        "physician_key text, month_end date, is_target boolean, specialty_group text, practice_type text,"
        " area_type text, has_several_facilities boolean, employee_key text",
        [
            ("p1", JANUARY, True, "内科", "HP", "metropolitan", True, "e1"),
            ("p1", FEBRUARY, True, "内科", "GP", "regional", False, "e2"),
            ("p1", MARCH, True, "内科", "HP", "regional", True, "e9"),
            ("p2", JANUARY, True, None, "unknown", "unknown", False, None),
            ("p2", FEBRUARY, False, "外科", "GP", "metropolitan", True, None),
            ("p3", FEBRUARY, True, "外科", "GP", None, None, None),
            ("never", JANUARY, False, "外科", "GP", "regional", False, "e2"),
        ],
    ),
    "dim_topic": (
        "topic_id text, info_class text",
        [("dose", "proper_use"), ("trial", "promotional"), ("safe", "safety"), ("guide", "promotional")],
    ),
    "fct_need_signal": (
        "physician_key text, product_id text, topic_id text, signalled_on date, open_until date",
        [
            # Begun in January and answered on the first of February: open when February began.
            ("p1", "A", "dose", "2026-01-20", "2026-02-01"),
            # The newer of two, begun on the last day of January.
            ("p1", "A", "safe", "2026-01-31", "2026-03-20"),
            # Begun in February: not known when it began.
            ("p1", "B", "trial", "2026-02-01", "2026-04-01"),
            # Answered before January began; and still open on its first day.
            ("p2", "A", "dose", "2025-12-01", "2025-12-31"),
            ("p2", "B", "guide", "2025-12-01", "2026-01-01"),
            # About no product: about any.
            ("p3", None, "trial", "2026-01-10", "2026-04-10"),
            # What Medical was asked, and a physician whom nobody compares.
            ("p2", None, None, "2025-12-20", "2026-03-01"),
            ("never", "A", "dose", "2025-12-20", "2026-03-01"),
        ],
    ),
    "fct_journey_transition": (
        "physician_key text, product_id text, month_end date, horizon_days integer, from_phase_id text,"
        " is_forward boolean, is_start_observable boolean, is_observed_until_end boolean,"
        " is_target_throughout boolean",
        [
            ("p1", "A", JANUARY, 90, "P2", True, True, True, True),
            ("p1", "B", JANUARY, 90, "PX", False, True, True, True),
            ("p1", "A", FEBRUARY, 90, "P3", False, True, True, True),
            ("p2", "A", JANUARY, 90, "P0", True, False, True, True),
            ("p2", "B", JANUARY, 180, "P0", True, True, True, True),
            ("never", "A", JANUARY, 90, "P0", True, True, True, True),
        ],
    ),
    "fct_physician_channel_product_month": (
        "physician_key text, channel_id text, product_id text, month_end date, delivered_contacts integer,"
        " effective_contacts integer",
        [
            ("p1", "portal", "A", JANUARY, 2, 1),
            ("p1", "mr_visit", None, JANUARY, 1, 0),
            ("p1", "owned_web", "B", JANUARY, 0, 0),
            ("p1", "msl_visit", "A", JANUARY, 1, 1),
            ("p2", "portal", "B", FEBRUARY, 4, 0),
            ("p1", "portal", "A", MARCH, 9, 1),
        ],
    ),
    "fct_physician_contact_month": (
        "physician_key text, month_end date, contacts integer, max_push_contacts_30d integer",
        [("p1", JANUARY, 12, 9), ("p2", JANUARY, 3, 8), ("never", JANUARY, 5, 20)],
    ),
}


@pytest.fixture
def core() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema core; create schema seeds")
        for name in ("necessity_rule", "necessity_segment", "journey_setting"):
            connection.execute(
                f"create table seeds.{name} as select * from read_csv('{SEEDS / name}.csv', header = true)"
            )
        for name, (columns, rows) in CORE.items():
            connection.execute(f"create table core.{name} ({columns})")
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into core.{name} values ({places})", rows)
        yield connection


def test_the_core_as_arrays(core: duckdb.DuckDBPyConnection) -> None:
    panel = read_panel(core, date(2026, 2, 28), necessity.MEDICAL_CHANNELS, over_contact_above=8)
    assert [str(month) for month in panel.months] == [JANUARY, FEBRUARY]
    assert (panel.products, panel.channels, panel.is_push) == (
        ("A", "B"), ("mr_visit", "portal", "owned_web"), (True, True, False),
    )  # fmt: skip
    # p1, p2, p3; who never was a target is nobody to compare.
    assert panel.forward.shape == (3, 2, 2)
    # p1 moved from January, not from February; p2's start cannot be observed, B's horizon is another.
    assert panel.forward[0].tolist() == [[1, 0], [0, -1]]
    assert panel.forward[1].tolist() == [[-1, -1], [-1, -1]]
    assert panel.phase[0].tolist() == [[2, 3], [-1, -1]]  # who is dormant cannot start
    # Portal is bit 1; the visit (bit 0) named no product: both. What was not delivered reached nobody.
    assert panel.reached[0].tolist() == [[3, 0], [1, 0]]
    assert panel.reached[1].tolist() == [[0, 0], [0, 2]]
    assert panel.engaged[0].tolist() == [[True, False], [False, False]]
    assert panel.contacts.tolist() == [[12, 0], [3, 0], [0, 0]]
    assert panel.over_contact.tolist() == [[True, False], [False, False], [False, False]]  # 8 are not above 8
    assert panel.specialties == ("内科", "外科", "unknown")
    assert panel.specialty.tolist() == [[0, 0], [2, 1], [2, 1]]
    assert panel.practice.tolist() == [[0, 1], [2, 1], [2, 1]]
    assert panel.area.tolist() == [[0, 1], [2, 0], [2, 2]]
    assert panel.several_facilities.tolist() == [[True, False], [False, True], [False, False]]
    assert panel.needs == ("none", "promotional", "proper_use", "safety")
    assert panel.need.tolist() == [[[0, 3], [0, 0]], [[0, 0], [1, 0]], [[0, 1], [0, 1]]]
    # p1 belongs to e2 at the end; p2 and p3 have nobody and are not each other's cluster.
    assert len(set(panel.cluster.tolist())) == 3
    assert panel.horizon_months == 3
    # Portal: 2 (p1, HP in January) and 4 (p2, GP in February), 3 on average.
    assert panel.delivered[1].tolist() == pytest.approx([2, 4, float("nan"), 3], nan_ok=True)


def test_the_estimator_says_what_is_missing(core: duckdb.DuckDBPyConnection) -> None:
    table = necessity.estimate(core, date(2026, 2, 28))
    assert table.schema.equals(necessity.SCHEMA)
    rows = table.to_pylist()
    assert [(row["channel_id"], row["segment_id"]) for row in rows] == [
        (channel, segment)
        for channel in ("mr_visit", "portal", "owned_web")
        for segment in ("all", "hospital", "own_practice", "need_open", "need_none")
    ]
    assert {row["reason_ja"] for row in rows} == {"比べるには出発点が8か月分必要です（今は2か月分）"}


def test_who_belongs_to_a_segment(core: duckdb.DuckDBPyConnection) -> None:
    panel = read_panel(core, date(2026, 2, 28), necessity.MEDICAL_CHANNELS, over_contact_above=8)

    def units(**chosen: str) -> int:
        belongs = necessity.Segment("some", "any", **chosen).includes(panel)
        return int(np.broadcast_to(belongs, panel.need.shape).sum())

    # Of 3 physicians, 2 products and 2 months: 4 with something open, one of them about safety.
    assert (units(), units(need="open"), units(need="none"), units(need="safety")) == (12, 4, 8, 1)
    # Hospital: p1 in January, without a need; own practice: all three in February.
    assert (units(practice_type="HP"), units(practice_type="HP", need="open")) == (2, 0)
    assert (units(practice_type="GP"), units(practice_type="GP", need="open")) == (6, 3)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"practice_type": "HP"}, {"practice_type": "GP"}, False),
        ({"practice_type": "HP"}, {"need": "open"}, True),
        ({"practice_type": "HP"}, {"specialty_group": "内科"}, True),
        ({"practice_type": "HP"}, {"practice_type": "HP", "need": "open"}, True),
        ({"need": "open"}, {"need": "none"}, False),
        ({"need": "open"}, {"need": "safety"}, True),
        ({"need": "safety"}, {"need": "proper_use"}, False),
        ({"need": "safety", "practice_type": "HP"}, {"need": "safety", "practice_type": "GP"}, False),
        ({}, {"need": "none"}, True),
    ],
)
def test_segments_of_one_type_share_nobody(
    core: duckdb.DuckDBPyConnection, one: dict[str, str], other: dict[str, str], shared: bool
) -> None:
    core.execute("delete from seeds.necessity_segment where segment_type <> 'company'")
    for place, chosen in enumerate((one, other)):
        row = {"segment_id": f"s{place}", "segment_type": "t", "rule_version": "necessity-1"} | chosen
        names = ", ".join(row)
        core.execute(
            f"insert into seeds.necessity_segment ({names}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    if not shared:
        assert [segment.segment_id for segment in necessity.read_rule(core)[1]] == ["all", "s0", "s1"]
        return
    with pytest.raises(RuleError, match=r"'s0' and 's1' are both of the type"):
        necessity.read_rule(core)


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        ({"practice_type": "HP", "specialty_group": "内科"}, {"practice_type": "HP"}, True),
        ({"need": "safety"}, {"need": "open"}, True),
        ({"need": "none"}, {"need": "open"}, False),
        ({"practice_type": "HP", "need": "none"}, {"need": "none"}, True),
        ({"practice_type": "HP"}, {"need": "none"}, False),
    ],
)
def test_no_segment_lies_within_one_of_another_type(
    core: duckdb.DuckDBPyConnection, inner: dict[str, str], outer: dict[str, str], within: bool
) -> None:
    core.execute("delete from seeds.necessity_segment where segment_type <> 'company'")
    for name, chosen in (("outer", outer), ("inner", inner)):
        row = {"segment_id": name, "segment_type": name, "rule_version": "necessity-1"} | chosen
        core.execute(
            f"insert into seeds.necessity_segment ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    if not within:
        assert len(necessity.read_rule(core)[1]) == 3
        return
    with pytest.raises(RuleError, match="'inner' lies within 'outer'"):
        necessity.read_rule(core)


def test_a_need_that_no_topic_has_is_told(core: duckdb.DuckDBPyConnection) -> None:
    core.execute("update seeds.necessity_segment set need = 'Open' where segment_id = 'need_open'")
    with pytest.raises(RuleError, match="'need_open' asks for the need 'Open'; there are none, open, promo"):
        necessity.estimate(core, date(2026, 2, 28))


def test_medicals_channels_are_those_of_the_marts() -> None:
    macro = (project_root() / "dbt_project" / "macros" / "kpi_scope.sql").read_text(encoding="utf-8")
    listed = ", ".join(f"'{channel}'" for channel in necessity.MEDICAL_CHANNELS)
    assert f"({listed})" in macro[macro.index("kpi_medical_channels()") :]

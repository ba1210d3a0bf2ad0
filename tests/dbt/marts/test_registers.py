"""What rests on the registers, by hand: stories, readiness, planning, figures that others published."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shirube.home import project_root

from tests.dbt.marts.core_tables import write_core
from tests.dbt.marts.run import run_dbt

Row = dict[str, Any]
Connection = duckdb.DuckDBPyConnection
MARTS = (
    "mart_period", "mart_physician_period", "mart_journey", "mart_success_case", "mart_story_set",
    "mart_field_voice", "mart_pilot_readiness", "mart_initiative_planning", "dim_kpi", "mart_benchmark",
)  # fmt: skip
MONTHS = ("2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31")
# Office: branch, physicians whose 90 days with PRD-A ended on 30 September, how many of them moved forward.
# OF05 is too small, and OF06 must hide with it, or the branch would give it away.
OFFICES = {
    "OF01": ("BR1", 12, 3), "OF02": ("BR1", 9, 2), "OF03": ("BR2", 20, 5), "OF04": ("BR2", 10, 1),
    "OF05": ("BR3", 3, 1), "OF06": ("BR3", 6, 1),
}  # fmt: skip


def organizations() -> list[Row]:
    units = [("company", "company", None)]
    units += [(branch, "branch", "company") for branch in ("BR1", "BR2", "BR3")]
    units += [(office, "office", branch) for office, (branch, _, _) in OFFICES.items()]
    return [
        {"organization_key": unit, "organization_id": unit, "level": level, "parent_organization_key": above}
        for unit, level, above in units
    ]


def physicians(office: str) -> list[str]:
    return [f"{office}-{number}" for number in range(OFFICES[office][1])]


def story(story_id: str, office: str | None, kind: str, shown: bool, **more: Any) -> Row:
    words = {"action": "やったこと", "result": "結果"} if shown else {}
    return {
        "story_id": story_id, "written_on": "2026-10-05", "office_id": office, "product_id": "PRD-A",
        "theme": "訪問", "outcome_kind": kind, "is_publishable": shown, "n_reused_offices": 0,
    } | words | more  # fmt: skip


def stories() -> list[Row]:
    rows = [
        story(
            "A",
            "OF01",
            "positive",
            True,
            n_reused_offices=2,
            n_similar_attempts=4,
            n_similar_without_success=3,
        ),
        story("B", "OF02", "positive", True),
        story("C", "OF03", "positive", True, product_id=None),
        story("E", "OF04", "positive", True),
        story("F", "OF05", "positive", True),
        story("G", "OF06", "neutral", False, theme="共有"),
        story("N1", "OF01", "neutral", False),
        story("N2", "OF01", "negative", True),
        story("D", "OF01", "positive", True, theme="メール", written_on="2026-09-30"),
        story("too old", "OF01", "negative", True, theme="昔", written_on="2025-10-31"),
        story("old enough", "OF01", "negative", False, theme="昔", written_on="2025-11-01"),
    ]
    # Ten stories each, half of them successes. Shown: 3 of 5 (60 against 50 of 100, ten points) and 2 of 3.
    for office, shown_successes, shown_failures in (("OF10", 3, 2), ("OF11", 2, 1)):
        for kind, shown in (("positive", shown_successes), ("negative", shown_failures)):
            rows += [
                story(f"{office}-{kind}-{k}", office, kind, k < shown, theme="昔", product_id=None)
                | {"written_on": "2026-02-10"}
                for k in range(5)
            ]
    return rows


def consents() -> list[Row]:
    def event(name: str, state: str, day: str, expires: str | None = None, channel: str = "mr_email") -> Row:
        return {
            "source": "crm_consent", "physician_key": name, "channel_id": channel, "consent_state": state,
            "captured_at": f"{day}T12:00:00+09:00", "captured_on": day, "expires_on": expires,
        }  # fmt: skip

    given = [event(f"C{number}", "opted_in", "2026-07-01") for number in range(1, 301)]
    return [
        *given,
        event("C1", "opted_in", "2026-07-01", channel="hq_email"),  # one physician, however many channels
        event("C300", "opted_out", "2026-08-15"),
        event("C301", "opted_in", "2026-07-01", expires="2026-07-30"),  # over by the 31st
        event("C302", "opted_in", "2026-07-02"),
        event("C302", "opted_out", "2026-07-02"),  # of two at one instant the opt-out
        event("C2", "opted_out", "2026-07-01") | {"captured_at": "2026-07-01T09:00:00+09:00"},  # till noon
        event("C303", "opted_in", "2026-07-01"),  # no target
        event("C304", "opted_in", "2026-07-01", channel="mr_visit"),  # no channel asks for that
        event("C304", "opted_in", "2026-08-01"),  # after I1 was looked at, and out again by October
        event("C304", "opted_out", "2026-09-01"),
        # Twenty of OF03 and three of OF01 on the day before October's initiatives start, and not much longer.
        *(event(f"OF03-{number}", "opted_in", "2026-08-20", expires="2026-10-15") for number in range(20)),
        *(event(f"OF01-{number}", "opted_in", "2026-08-20", expires="2026-10-15") for number in range(3)),
    ]


def assignments() -> list[Row]:
    def line(initiative: str, kind: str, unit: str, arm: str, day: str = "2026-09-17") -> Row:
        return {
            "assignment_key": f"{initiative}-{unit}-{day}-{arm}", "initiative_id": initiative,
            "unit_type": kind, "unit_id": unit, "arm": arm, "assigned_on": day,
        }  # fmt: skip

    return [
        *(line("I6", "physician", f"OF03-{number}", "treatment") for number in range(20)),
        *(line("I6", "physician", f"OF04-{number}", "control") for number in range(10)),
        *(line("I6", "physician", f"OF01-{number}", "control") for number in range(4)),
        line(
            "I6", "physician", "OF01-0", "treatment", "2026-09-18"
        ),  # a second code of one: the first counts
        line("I6", "physician", "OF01-9", "control", "2026-10-01"),  # not known on the day before
        line("I7", "office", "OF01", "treatment"),
        line("I7", "office", "OF02", "treatment"),
        line("I7", "office", "OF03", "control"),
        line("I7", "office", "OF04", "control"),
        line("I7", "physician", "OF04-0", "treatment"),
    ]


def tables() -> dict[str, list[Row]]:
    placed = [
        {
            "physician_key": name, "month_end": month, "is_target": True, "is_active": True,
            "practice_type": "GP", "employee_key": f"MR-{office}", "office_id": office, "branch_id": branch,
        }
        for office, (branch, _, _) in OFFICES.items() for name in physicians(office) for month in MONTHS
    ]  # fmt: skip
    asked = [
        {"physician_key": f"C{number}", "month_end": month, "is_target": number != 303, "is_active": True}
        for number in range(1, 305) for month in MONTHS
    ]  # fmt: skip
    moves = [
        {
            "physician_key": name, "product_id": "PRD-A", "month_end": "2026-06-30",
            "end_on": "2026-09-30", "horizon_days": 90, "from_phase_id": "P1",
            "is_forward": place < moved, "is_start_observable": True, "is_observed_until_end": True,
            "is_target_throughout": True, "is_countable": True,
        }
        for office, (_, _, moved) in OFFICES.items() for place, name in enumerate(physicians(office))
    ]  # fmt: skip
    phases = [
        {"physician_key": name, "product_id": "PRD-A", "snapshot_on": month, "phase_id": "P1"}
        for office in OFFICES for name in physicians(office) for month in MONTHS
    ]  # fmt: skip
    contents = [
        ("X1", "PRD-A", "2026-07-31", "2026-07-31"),
        ("X2", "PRD-A", "2026-08-01", "2026-09-01"),  # first seen a day too late
        ("X3", "PRD-A", "2026-01-01", "2026-02-01"),  # last seen 180 days before 31 July: out
        ("X4", "PRD-A", "2026-01-01", "2026-02-02"),  # 179 days: in
        ("X5", "PRD-B", "2026-07-01", "2026-09-01"),
    ]
    contacts = [
        ("mr_visit", "2026-06-30", 6), ("mr_visit", "2026-07-31", 4), ("webinar", "2026-07-31", 9),
        ("portal", "2026-07-31", 20), ("medical_inquiry", "2026-07-31", 50), ("hq_email", "2026-08-31", 10),
    ]  # fmt: skip
    initiative = {"name_ja": "施策"}
    october = initiative | {"product_id": "PRD-A", "starts_on": "2026-10-01", "design": "randomised"}
    return {
        "dim_organization": organizations(),
        "dim_channel": [{"channel_id": "mr_visit"}],
        "fct_physician_month": placed + asked,
        "fct_physician_contact_month": [
            {"physician_key": "C1", "month_end": "2026-06-30", "contacts": 1, "push_contacts": 0}
        ],
        "fct_journey_phase": phases,
        "fct_journey_transition": moves,
        "fct_story": stories(),
        "fct_consent_event": consents(),
        "dim_content": [
            dict(zip(("content_id", "product_id", "first_seen_on", "last_seen_on"), one, strict=True))
            for one in contents
        ],
        "fct_physician_channel_product_month": [
            {
                "physician_key": "C1", "channel_id": channel, "product_id": "PRD-A", "month_end": month,
                "delivered_contacts": number,
            }
            for channel, month, number in contacts
        ],
        "fct_assignment": assignments(),
        "dim_initiative": [
            initiative | {
                "initiative_id": "I1", "product_id": "PRD-A", "starts_on": "2026-08-01",
                "approved_on": "2026-06-15", "n_field_mrs_before_approval": 2, "design": "randomised",
                "named_outcome": "成果", "has_event_in_window": False,
            },
            initiative | {"initiative_id": "I2"},
            initiative | {
                "initiative_id": "I3", "product_id": "PRD-B", "starts_on": "2026-06-01",
                "approved_on": "2026-06-30", "is_easy_product": True, "willing_offices": "OF01",
                "n_willing_offices": 1, "has_event_in_window": True,
            },
            initiative | {
                "initiative_id": "I4", "product_id": "PRD-B", "starts_on": "2026-12-01",
                "approved_on": "2026-07-01", "n_field_mrs_before_approval": 1, "design": "none",
            },
            october | {"initiative_id": "I5", "willing_offices": "OF01;OF03", "n_willing_offices": 2},
            october | {"initiative_id": "I6", "willing_offices": "OF01", "n_willing_offices": 1},
            october | {"initiative_id": "I7", "design": "staggered"},
            october | {"initiative_id": "I8", "willing_offices": "OF05", "n_willing_offices": 1},
            october | {"initiative_id": "I9"},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def registers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder = tmp_path_factory.mktemp("registers")
    write_core(folder / "warehouse.duckdb", tables())
    done = run_dbt(folder, "build", "--select", "path:seeds", *MARTS)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def one(registers: Connection, query: str) -> tuple[Any, ...]:
    rows = registers.execute(query).fetchall()
    assert len(rows) == 1, rows
    return tuple(rows[0])


@pytest.mark.parametrize(
    ("story_id", "state", "level", "own", "company"),
    [
        # The last whole month before 5 October is September: OF01 12, 3 moved; the company 60, 13 moved.
        ("A", "attached", "E1", (12, 3), (60, 13)),
        ("E", "attached", "E1", (10, 1), (60, 13)),  # exactly ten
        ("B", "too_few", "E0", (None, None), (None, None)),  # nine
        ("C", "no_product", "E0", (None, None), (None, None)),
        ("D", "no_records", "E0", (None, None), (None, None)),  # written on 30 September: August is looked at
        ("F", "suppressed", "E0", (None, None), (None, None)),  # three physicians
    ],
)
def test_a_story_has_numbers_beside_it_or_says_why_not(
    registers: Connection,
    story_id: str,
    state: str,
    level: str,
    own: tuple[Any, ...],
    company: tuple[Any, ...],
) -> None:
    row = one(
        registers,
        "select evidence_state, evidence_level, n_at_start, n_moved_forward, company_n_at_start, "
        f"company_n_moved_forward from marts.mart_success_case where story_id = '{story_id}'",
    )
    assert row == (state, level, *own, *company)


def test_each_success_says_how_many_similar_attempts_did_not_succeed(registers: Connection) -> None:
    # Visits with PRD-A: A, B, E, F and, without success, N1 (which may not be shown) and N2: beside A five,
    # two of them without success. Of the five other offices two tried it.
    columns = "n_similar_stories, n_similar_stories_without_success, n_reported_attempts, "
    columns += "n_reported_attempts_without_success, n_reused_offices, n_other_offices"
    query = f"select {columns} from marts.mart_success_case where story_id = "
    assert one(registers, query + "'A'") == (5, 2, 4, 3, 2, 5)
    assert one(registers, query + "'D'") == (0, 0, None, None, 0, 5)
    shown = {row[0] for row in registers.execute("select story_id from marts.mart_success_case").fetchall()}
    assert shown & {"G", "N1", "N2"} == set()


@pytest.mark.parametrize(
    ("scope_id", "counts", "state", "cases"),
    [
        # October: A, B, C, E, F; G, N1; N2. Shown: the five successes and N2: 5/6 against 5/8, 21 points.
        ("company", (8, 5, 2, 1, 6, 5, 0, 1), "selected", (5, 2, 1)),
        ("BR1", (4, 2, 1, 1, 3, 2, 0, 1), "selected", (2, 1, 1)),
        ("OF04", (1, 1, 0, 0, 1, 1, 0, 0), "balanced", (1, 1, 0)),
        ("OF06", (1, 0, 1, 0, 0, 0, 0, 0), "nothing_published", (0, 0, 0)),
    ],
)
def test_a_set_of_stories_is_counted_and_weighed(
    registers: Connection, scope_id: str, counts: tuple[int, ...], state: str, cases: tuple[int, ...]
) -> None:
    row = one(
        registers,
        "select n_stories, n_positive, n_neutral, n_negative, n_published, n_published_positive, "
        "n_published_neutral, n_published_negative, balance_state, n_cases, n_cases_with_evidence, "
        "n_cases_reused "
        f"from marts.mart_story_set where scope_id = '{scope_id}' and period_type = 'month' "
        "and period_start = date '2026-10-01'",
    )
    assert row == (*counts, state, *cases)


def test_exactly_ten_points_are_balanced_and_more_are_not(registers: Connection) -> None:
    query = "select distinct balance_state, n_stories, n_published, set_note_ja from marts.mart_field_voice "
    state, pool, shown, note = one(registers, query + "where scope_id = 'OF10'")
    assert (state, pool, shown) == ("balanced", 10, 5)
    assert "同じ割合" in note
    state, pool, shown, note = one(registers, query + "where scope_id = 'OF11'")
    assert (state, pool, shown) == ("selected", 10, 3)
    assert "選んで" in note


def test_voices_are_those_of_twelve_months_and_none_without_approval(registers: Connection) -> None:
    # OF01 in the window: A, D, N1, N2 and "old enough" of 1 November 2025; "too old" is of the day before.
    rows = registers.execute(
        "select story_id, n_stories, n_published, action from marts.mart_field_voice "
        "where scope_type = 'office' and scope_id = 'OF01' order by 1"
    ).fetchall()
    assert rows == [(name, 5, 3, "やったこと") for name in ("A", "D", "N2")]
    # The company: those five, B, C, E, F, G and twice ten.
    assert one(
        registers, "select distinct n_stories from marts.mart_field_voice where scope_type = 'company'"
    ) == (30,)


@pytest.mark.parametrize(
    ("initiative_id", "evaluated_on", "found"),
    [
        # X1 and X4; C1 to C300; visits (6 + 4) and the portal, webinars are one contact short; nobody asked
        # the offices; half of 60 in P1, but nothing has been followed for 90 days.
        (
            "I1",
            "2026-07-31",
            [(2, "yes"), (300, "yes"), (2, "no"), *[(None, "unknown")] * 2, (30, "unknown"), (0, "yes")],
        ),
        # A plan without a product or answers: looked at today; C300 has withdrawn.
        ("I2", "2026-10-31", [(None, "unknown"), (299, "no"), *[(None, "unknown")] * 5]),
        # Before the first month on record nothing is known of physicians and channels; an event is planned.
        (
            "I3",
            "2026-05-31",
            [(0, "no"), *[(None, "unknown")] * 2, (1, "no"), (1, "no"), (None, "unknown"), (1, "no")],
        ),
        # Starts in December: looked at today. X5; no contact with PRD-B, though with PRD-A in August.
        (
            "I4",
            "2026-10-31",
            [(1, "yes"), (299, "no"), (0, "no"), *[(None, "unknown")] * 2, (0, "unknown"), (None, "unknown")],
        ),
    ],
)
def test_readiness_is_a_list_without_a_score(
    registers: Connection, initiative_id: str, evaluated_on: str, found: list[tuple[int | None, str]]
) -> None:
    rows = registers.execute(
        "select cast(evaluated_on as text), measured_value, is_met from marts.mart_pilot_readiness "
        f"where initiative_id = '{initiative_id}' order by sort_order"
    ).fetchall()
    assert [row[0] for row in rows] == [evaluated_on] * 7
    assert [(row[1], row[2]) for row in rows] == found


def ready(registers: Connection, initiative_id: str, check_id: str) -> Row:
    cursor = registers.execute(
        "select * from marts.mart_pilot_readiness where initiative_id = ? and check_id = ?",
        [initiative_id, check_id],
    )
    (found,) = cursor.fetchall()
    return dict(zip([column[0] for column in cursor.description or ()], found, strict=True))


@pytest.mark.parametrize(
    ("initiative_id", "consented", "per_arm", "words"),
    [
        # OF03's 20 and 3 of OF01's, told in tens; half of 32 likewise.
        ("I5", (20, "no"), (10, "no"), "希望した営業所の先生だけ"),
        # Who was assigned, whatever the offices say: 23 of 34; 14 on the smaller side.
        ("I6", (20, "no"), (10, "no"), "割り付けた先生だけ"),
        # OF04-0 is named himself: 12 + 9 + 1 treated, 29 not.
        ("I7", (20, "no"), (20, "no"), "割り付けた先生だけ"),
        # Nobody of three in OF05; one on each side is not told.
        ("I8", (0, "no"), (None, "no"), "希望した営業所の先生だけ"),
        # C1 to C299 and those 23; half of 60. Nothing is known of the offices, and it says so.
        ("I9", (322, "yes"), (30, "no"), "全社の先生"),
    ],
)
def test_physicians_are_those_whom_an_initiative_is_for(
    registers: Connection,
    initiative_id: str,
    consented: tuple[int, str],
    per_arm: tuple[int | None, str],
    words: str,
) -> None:
    asked = ready(registers, initiative_id, "consented_physicians")
    assert (asked["measured_value"], asked["is_met"]) == consented
    assert words in asked["check_note"]
    arms = ready(registers, initiative_id, "physicians_per_arm")
    assert (arms["measured_value"], arms["is_met"]) == per_arm


def test_each_arm_needs_as_many_as_its_own_base_rate_says(registers: Connection) -> None:
    # From June 13 of 60 moved on, so 3 of 100 more are 24.67. Pooled 0.23167: 1.96 * sqrt(2 * 0.23167 *
    # 0.76833) = 1.169439; 0.84 * sqrt(0.21667 * 0.78333 + 0.24667 * 0.75333) = 0.500871; their sum squared
    # is 2.789938, over 0.03²: 3,099.9.
    for initiative_id in ("I5", "I6", "I7", "I8", "I9"):
        found = ready(registers, initiative_id, "physicians_per_arm")
        assert found["threshold"] == 3100
        assert found["moved_before_per_100"] == pytest.approx(100 * 13 / 60)
        assert found["meaningful_per_100"] == pytest.approx(3)
    assert "営業所ごとに分けたため" in ready(registers, "I7", "physicians_per_arm")["check_note"]
    unknown = ready(registers, "I1", "physicians_per_arm")
    assert (unknown["threshold"], unknown["moved_before_per_100"]) == (None, None)
    assert "計算できません" in unknown["check_note"]


def test_two_offices_are_enough_to_begin_and_not_for_a_verdict(registers: Connection) -> None:
    begin, verdict = (ready(registers, "I5", check) for check in ("offices_willing", "offices_for_verdict"))
    assert (begin["measured_value"], begin["threshold"], begin["is_met"]) == (2, 2, "yes")
    # Ten, as the ladder asks (necessity_rule).
    assert (verdict["measured_value"], verdict["threshold"], verdict["is_met"]) == (2, 10, "no")
    assert "判断できません" in verdict["check_note"]
    # Four are assigned; whoever is assigned one by one needs no offices.
    assigned, one_by_one = (ready(registers, name, "offices_for_verdict") for name in ("I7", "I6"))
    assert (assigned["measured_value"], assigned["is_met"]) == (4, "no")
    assert (one_by_one["measured_value"], one_by_one["is_met"]) == (None, "not_asked")


def test_planning_counts_what_was_recorded(registers: Connection) -> None:
    # June: I1 with two representatives, I3 without a record. I2 is not approved.
    columns = (
        "n_initiatives, n_with_record, n_co_planned, n_with_named_outcome, n_with_design, n_on_easy_products"
    )
    where = "where period_type = 'month' and period_start = date "
    query = f"select {columns} from marts.mart_initiative_planning {where}"
    assert one(registers, query + "'2026-06-01'") == (2, 1, 1, 1, 1, 1)
    assert one(registers, query + "'2026-07-01'") == (1, 1, 0, 0, 0, 0)


def test_only_a_figure_that_measures_the_same_may_be_drawn(registers: Connection) -> None:
    with (project_root() / "dbt_project" / "seeds" / "published_benchmark.csv").open(
        encoding="utf-8"
    ) as file:
        declared = list(csv.DictReader(file))
    assert len(declared) >= 8
    assert all(row["source_url"].startswith("https://") and row["retrieved_on"] for row in declared)
    comparable = {row["benchmark_id"] for row in declared if row["comparable_metric_id"]}
    drawn = registers.execute("select benchmark_id from marts.mart_benchmark where may_be_drawn").fetchall()
    assert {row[0] for row in drawn} == comparable
    # "Opened five times more" and "1.15 times" have no source that can be read: they are nowhere.
    assert not [row for row in declared if row["value"] in {"5", "1.15"}]


def test_every_figure_says_where_and_when_and_what_it_is_not() -> None:
    with (project_root() / "dbt_project" / "seeds" / "published_benchmark.csv").open(
        encoding="utf-8"
    ) as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert all(row["region"] and row["period"] and row["caveat_ja"].endswith("。") for row in rows.values())
    # What was seen together with contents is no effect of them; what representatives say is no log.
    assert rows["new_patient_starts_with_content"]["value"] == "2.5"
    assert "原因とは言えません" in rows["new_patient_starts_with_content"]["caveat_ja"]
    said = [row for metric, row in rows.items() if metric.startswith("mr_")]
    assert [row["value"] for row in said] == ["47.1", "90", "20"]
    assert all("自己申告" in row["caveat_ja"] and row["region"] == "Japan" for row in said)


def test_a_comparable_figure_would_be_drawn_and_one_of_an_unknown_kpi_not(
    registers: Connection, tmp_path: Path
) -> None:
    """The rule itself, on figures that the project does not have: the compiled SQL on another seed."""
    model = (project_root() / "dbt_project" / "models" / "marts" / "mart_benchmark.sql").read_text(
        encoding="utf-8"
    )
    sql = model.replace("{{ ref('published_benchmark') }}", "figure").replace(
        "{{ ref('dim_kpi') }}", "kpi_of_ours"
    )
    columns = [
        line.split(".")[1].strip(" ,") for line in model.splitlines() if line.startswith("    benchmark.")
    ]
    with duckdb.connect(str(tmp_path / "figures.duckdb")) as connection:
        connection.execute("create table kpi_of_ours as select 'cx.nps' as kpi_id union all select 'cx.nps'")
        fields = ", ".join(
            f"null as {name}" for name in columns if name not in {"benchmark_id", "comparable_metric_id"}
        )
        connection.execute(
            f"create table figure as select {fields}, * from "
            "(values ('same', 'cx.nps'), ('else', null), ('unknown', 'x')) "
            "as given (benchmark_id, comparable_metric_id)"
        )
        drawn = connection.execute(
            f"select benchmark_id, may_be_drawn from ({sql.rstrip()}) order by 1"
        ).fetchall()
    assert drawn == [("else", False), ("same", True), ("unknown", False)]

"""One Japanese name for one thing: the columns of every published table, as their readers see them."""

from __future__ import annotations

from typing import Any

import pytest

Names = dict[tuple[str, str], str]
"""(table, column) → what readers call it."""

# Columns that are called as others are and hold something else: why, then table → columns.
OTHER_THINGS: list[tuple[str, dict[str, set[str]]]] = [
    (
        "the registry names columns of marts, says who reads a number and which way is good",
        {
            "dim_kpi": {
                *("numerator", "denominator", "value", "ci_low", "ci_high"),
                *("audience", "direction"),
            }
        },
    ),
    ("sums over several months", {"mart_evaluation_fitness": {"numerator", "denominator"}}),
    (
        "whom the table counts: who asked, who had a need, who reacted, whom a channel reached first",
        {
            "mart_content_need": {"n_physicians", "n_physicians_suppressed"},
            "mart_medical_access": {"n_physicians", "n_physicians_suppressed"},
            "mart_medical_handoff": {"n_physicians", "n_physicians_suppressed"},
            "mart_necessity": {"n_physicians"},
            "mart_orchestration": {"n_physicians", "n_physicians_suppressed"},
        },
    ),
    (
        "stand beside the same with weights",
        {
            "mart_cx_weighted": {
                *("csat_top2_rate", "csat_top2_rate_low", "csat_top2_rate_high"),
                *("usefulness_top_rate", "usefulness_top_rate_low", "usefulness_top_rate_high"),
                *("nps", "nps_low", "nps_high"),
            }
        },
    ),
    (
        "the read-out of an initiative compares those it treated, necessity those with a contact",
        {
            "mart_pilot_readout": {
                *("n_treated", "n_control", "n_clusters", "moved_treated", "rate_treated", "rate_without"),
                *("contacts_per_treated", "over_contact_share"),
            }
        },
    ),
    ("the two sides of one window", {"mart_effect_period": {"n_treated", "n_control"}}),
    (
        "what the row is about has a name of its own",
        {
            "mart_benchmark": {"name_ja"},
            "mart_moment_rule": {"name_ja"},
            "mart_pilot_readout": {"name_ja"},
            "mart_content_evaluation": {"label_ja"},
            "dim_strategy": {"title"},
        },
    ),
    ("a figure from elsewhere: its publication and its time", {"mart_benchmark": {"source", "period"}}),
    ("why a verdict, and why no contact", {"fct_reject": {"reason"}}),
    (
        "the reason of the verdict beside it",
        {
            "mart_evaluation_fitness": {"reason"},
            "mart_necessity": {"reason"},
            "mart_pilot_readout": {"reason"},
        },
    ),
    (
        "a content: whom and when it may serve, and the one channel it had",
        {"dim_content": {"audience", "channel_id", "valid_from", "valid_to"}},
    ),
    ("kinds of evidence for a phase, A to C and S", {"fct_journey_phase": {"evidence_level"}}),
    ("a threshold is reached from above or below", {"mart_pilot_readiness": {"comparison"}}),
    ("in force today, not the newest", {"dim_strategy": {"is_current"}}),
    ("the last day of a moment, not of a consent", {"fct_moment": {"expires_on"}}),
    ("an order of its own", {"dim_evidence_level": {"rank"}}),
    ("the month in which the 90 days begin", {"fct_journey_transition": {"month_end"}}),
    ("each register's own word", {"dim_employee": {"is_active"}, "fct_physician_month": {"is_active"}}),
    (
        "physicians who can choose, not whose choice is known",
        {"mart_choice_environment": {"n_choosing_physicians"}},
    ),
    ("a contact, not a content", {"mart_journey_exposure": {"n_exposed"}}),
    ("any content: all in post may use one", {"mart_content_portfolio": {"n_mrs_entitled"}}),
    (
        "what went badly, not who objected",
        {"mart_field_voice": {"n_negative"}, "mart_story_set": {"n_negative"}},
    ),
]


@pytest.fixture(scope="module")
def names(dbt_models: dict[str, dict[str, Any]]) -> Names:
    found = {}
    for table, node in dbt_models.items():
        for column in node["columns"].values():
            name = (column["config"].get("meta") or column.get("meta") or {}).get("name_ja")
            if name:
                found[table, str(column["name"])] = str(name)
    return found


def excepted() -> set[tuple[str, str]]:
    return {
        (table, column)
        for _, tables in OTHER_THINGS
        for table, columns in tables.items()
        for column in columns
    }


def test_a_column_is_called_the_same_everywhere(names: Names) -> None:
    assert len(names) > 1300
    called: dict[str, dict[str, list[str]]] = {}
    for (table, column), name in names.items():
        if (table, column) not in excepted():
            called.setdefault(column, {}).setdefault(name, []).append(table)
    assert {column: by_name for column, by_name in called.items() if len(by_name) > 1} == {}


def test_what_is_excepted_is_there_and_called_otherwise(names: Names) -> None:
    assert excepted() <= names.keys()
    common = {column: name for (table, column), name in names.items() if (table, column) not in excepted()}
    same = [
        (table, column) for table, column in sorted(excepted()) if common.get(column) == names[table, column]
    ]
    assert same == []


def test_two_columns_of_a_table_are_told_apart(names: Names) -> None:
    twice = [
        (table, column, other)
        for (table, column), name in names.items()
        for (where, other), called in names.items()
        if where == table and column < other and called == name
    ]
    assert twice == []

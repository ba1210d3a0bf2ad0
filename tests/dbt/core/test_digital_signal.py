"""The expectation under coincidence: the model's exact number against 200 redraws done another way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.dbt.marts.run import run_dbt
from tests.dbt.tiny_lake import preparation_of

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
TOKYO = timedelta(hours=9)
QUARTERS = [
    (datetime(2026, month, 1, tzinfo=UTC) - TOKYO, datetime(2026, month + 3, 1, tzinfo=UTC) - TOKYO)
    for month in (1, 4)
]
CHOICES = [("PRD-A", "T1"), ("PRD-A", "T2"), ("PRD-A", None), ("PRD-B", "T1"), (None, "T2")]
PHYSICIANS, REDRAWS = 150, 200

Row = dict[str, Any]


def at(second: float) -> datetime:
    return datetime.fromtimestamp(round(second), UTC)


def touchpoint(
    key: str, physician: str, channel: str, second: float, choice: tuple[str | None, str | None]
) -> Row:
    return {
        "touchpoint_key": key, "physician_key": physician, "channel_id": channel, "source": "",
        "source_record_id": key, "occurred_at": at(second), "visible_at": at(second),
        "product_id": choice[0], "topic_id": choice[1], "depth": 2,
        "initiator": "mr" if channel == "mr_visit" else "physician", "info_class": "promotional",
        "routed_to_medical": False, "follows_touchpoint_key": None,
    }  # fmt: skip


def history(seed: int, deliberate: float) -> list[Row]:
    """Two quarters of signals and visits that know nothing of each other, but for the deliberate share.

    Some physicians are visited often and some never; so are some looking much at the site and some little.
    """
    random = np.random.default_rng([seed, 610])
    start, end = QUARTERS[0][0].timestamp(), QUARTERS[1][1].timestamp()
    rows = [touchpoint(f"{end_of}-{kind}", "anchor", channel, second, CHOICES[0])
            for end_of, second in (("first", start - 30 * 24 * HOUR), ("last", end + 30 * 24 * HOUR))
            for kind, channel in (("signal", "owned_web"), ("visit", "mr_visit"))]  # fmt: skip
    for number in range(PHYSICIANS):
        name = f"P{number:03d}"
        for visit in range(int(random.poisson(random.choice([0, 4, 12])))):
            choice = CHOICES[int(random.integers(len(CHOICES)))]
            rows.append(touchpoint(f"{name}-V{visit}", name, "mr_visit", random.uniform(start, end), choice))
        for signal in range(int(random.poisson(random.choice([1, 5])))):
            choice = CHOICES[int(random.integers(len(CHOICES)))]
            second = random.uniform(start, end)
            rows.append(touchpoint(f"{name}-S{signal}", name, "owned_web", second, choice))
            if random.random() < deliberate:
                later = second + random.uniform(HOUR, WEEK - HOUR)
                rows.append(touchpoint(f"{name}-F{signal}", name, "mr_visit", later, choice))
    return rows


def matches(signal: Row, visit: Row) -> bool:
    """Nothing that both name differs, and one of the two is the same."""
    pairs = [(signal[name], visit[name]) for name in ("product_id", "topic_id")]
    known = [one == other for one, other in pairs if one is not None and other is not None]
    return bool(known) and all(known)


def redraw(rows: list[Row], seed: int) -> np.ndarray:
    """Followed signals in each redraw, every signal's moment drawn anew within physician and quarter."""
    random = np.random.default_rng([seed, 200])
    signals = [row for row in rows if row["channel_id"] == "owned_web" and row["physician_key"] != "anchor"]
    visits: dict[str, list[Row]] = {}
    for row in rows:
        if row["channel_id"] == "mr_visit":
            visits.setdefault(row["physician_key"], []).append(row)
    counts = np.zeros(REDRAWS)
    for signal in signals:
        quarter = next((a, b) for a, b in QUARTERS if a <= signal["visible_at"] < b)
        drawn = random.uniform(quarter[0].timestamp(), quarter[1].timestamp(), REDRAWS)
        seconds = np.array(
            [
                v["occurred_at"].timestamp()
                for v in visits.get(signal["physician_key"], [])
                if matches(signal, v)
            ]
        )
        delay = seconds[None, :] - drawn[:, None]
        counts += ((delay > 0) & (delay <= WEEK)).any(axis=1)
    return counts


@dataclass(frozen=True)
class Outcome:
    """What the model says of a history: signals, followed ones, expected ones, and the variance of chance."""

    signals: int
    followed: int
    expected: float
    variance: float

    @property
    def surprise(self) -> float:
        return (self.followed - self.expected) / self.variance**0.5


EMPTY = {
    "core.fct_medical_inquiry": "physician_key text, is_from_mr boolean, received_at timestamptz",
    "core.fct_suggestion": (
        "signal_touchpoint_key text, action_taken text, is_handled boolean, feedback_at timestamptz"
    ),
    "preparation.intermediate.int_email_outcome": "sent_email_id text, first_human_click_at timestamptz",
    "preparation.intermediate.int_consent_interval": (
        "physician_key text, consent_channel text, consent_state text, valid_from timestamptz,"
        " valid_to timestamptz"
    ),
}


def modelled(folder: Path, histories: dict[str, list[Row]]) -> dict[str, Outcome]:
    """Each history under its own physicians, all in one build of fct_digital_signal by dbt."""
    keys = ("touchpoint_key", "physician_key", "source_record_id")
    rows = [
        row | {name: f"{label}-{row[name]}" for name in keys}
        for label, one in histories.items() for row in one
    ]  # fmt: skip
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{preparation_of(folder / 'warehouse.duckdb')}' as preparation")
        connection.execute("create schema core; create schema preparation.intermediate")
        for table, columns in EMPTY.items():
            connection.execute(f"create table {table} ({columns})")
        kinds = {"depth": "integer", "routed_to_medical": "boolean"}
        kinds |= dict.fromkeys(("occurred_at", "visible_at"), "timestamptz")
        columns = ", ".join(f"{name} {kinds.get(name, 'text')}" for name in rows[0])
        connection.execute(f"create table core.fct_touchpoint ({columns})")
        connection.executemany(
            f"insert into core.fct_touchpoint values ({', '.join('?' * len(rows[0]))})",
            [list(row.values()) for row in rows],
        )
    without = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    done = run_dbt(folder, "build", "--select", "fct_digital_signal", "path:seeds", *without)
    assert done.returncode == 0, done.stdout[-4000:]
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select split_part(physician_key, '-', 1), count(*), count(*) filter (where is_followed),"
            " sum(chance_of_follow_up), sum(chance_of_follow_up * (1 - chance_of_follow_up))"
            " from core.fct_digital_signal where is_counted and not physician_key like '%anchor' group by 1"
        ).fetchall()
    return {label: Outcome(*numbers) for label, *numbers in found}


@pytest.fixture(scope="module")
def histories() -> dict[str, list[Row]]:
    return {"coincidence": history(7, 0.0), "deliberate": history(8, 0.2)}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, histories: dict[str, list[Row]]) -> dict[str, Outcome]:
    return modelled(tmp_path_factory.mktemp("signals"), histories)


@pytest.mark.parametrize("label", ["coincidence", "deliberate"])
def test_the_expectation_is_the_limit_of_the_redraws(
    label: str, histories: dict[str, list[Row]], outcomes: dict[str, Outcome]
) -> None:
    drawn, outcome = redraw(histories[label], 1), outcomes[label]
    assert outcome.signals > 350
    error = outcome.variance**0.5 / REDRAWS**0.5
    assert abs(drawn.mean() - outcome.expected) < 3 * error
    # The variance of 200 draws is off by a tenth of itself, one time in three.
    assert drawn.var(ddof=1) == pytest.approx(outcome.variance, rel=0.3)


def test_coincidence_shows_no_lift_and_deliberate_follow_up_does(outcomes: dict[str, Outcome]) -> None:
    assert abs(outcomes["coincidence"].surprise) < 2
    assert outcomes["deliberate"].surprise > 5

"""The statistical macros one by one, rendered without dbt and run on DuckDB, against scipy."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from scipy.stats import beta, binomtest, norm, t
from shirube.home import project_root


@pytest.fixture(scope="module")
def macros() -> Any:
    folder = project_root() / "dbt_project" / "macros"
    names = ("kpi_statistics.sql", "kpi_verdict.sql", "kpi_display.sql")
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    return environment.from_string(
        text, globals={"dbt": SimpleNamespace(type_string=lambda: "varchar")}
    ).module


def evaluate(expression: str, **columns: Any) -> Any:
    """The value of a SQL expression over one row with the given columns."""
    kinds = {int: "bigint", float: "double", str: "varchar", bool: "boolean", type(None): "double"}
    row = ", ".join(f"cast(? as {kinds[type(value)]}) as {name}" for name, value in columns.items())
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {expression} from (select {row})", list(columns.values())
        ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("trials", [1, 9, 10, 29, 30, 400, 1_000_000])
def test_wilson_agrees_with_scipy(macros: Any, trials: int) -> None:
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        low = evaluate(macros.kpi_wilson_low("x", "n"), x=successes, n=trials)
        high = evaluate(macros.kpi_wilson_high("x", "n"), x=successes, n=trials)
        reference = binomtest(successes, trials).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert evaluate(macros.kpi_wilson_low("x", "n"), x=0, n=trials) == 0
    assert evaluate(macros.kpi_wilson_high("x", "n"), x=trials, n=trials) == 1


@pytest.mark.parametrize(("x", "n"), [(0, 0), (None, 10), (0, None)])
def test_wilson_of_nothing_is_nothing(macros: Any, x: int | None, n: int | None) -> None:
    assert evaluate(macros.kpi_wilson_low("x", "n"), x=x, n=n) is None
    assert evaluate(macros.kpi_wilson_high("x", "n"), x=x, n=n) is None


def test_difference_is_newcombes(macros: Any) -> None:
    # Newcombe (1998), example (a): 56/70 against 48/80, method 10: 0.2000 (0.0524 to 0.3339).
    later, earlier = (
        binomtest(56, 70).proportion_ci(method="wilson"),
        binomtest(48, 80).proportion_ci(method="wilson"),
    )
    columns = {
        "p1": 56 / 70, "l1": float(later.low), "u1": float(later.high),
        "p2": 48 / 80, "l2": float(earlier.low), "u2": float(earlier.high),
    }  # fmt: skip
    assert evaluate(macros.kpi_difference_low("p1", "l1", "p2", "u2"), **columns) == pytest.approx(
        0.0524, abs=5e-5
    )
    assert evaluate(macros.kpi_difference_high("p1", "u1", "p2", "l2"), **columns) == pytest.approx(
        0.3339, abs=5e-5
    )


@pytest.mark.parametrize(
    ("share", "other", "units"),
    [(0.10, 0.12, 3837), (0.10, 0.13, 1772), (0.20, 0.25, 1093), (0.05, 0.06, 8149)],
)
def test_units_per_arm_are_those_of_the_requirement(
    macros: Any, share: float, other: float, units: int
) -> None:
    columns = {"p": share, "d": other - share}
    assert evaluate(macros.kpi_units_per_arm("p", "d"), **columns) == units


def test_units_per_arm_by_hand_and_where_there_are_none(macros: Any) -> None:
    # Nobody against everybody: (1.96 * sqrt(1/2))² = 1.92; half against 1.5 of 1 is no share.
    assert evaluate(macros.kpi_units_per_arm("p", "d"), p=0.0, d=1.0) == 2
    assert evaluate(macros.kpi_units_per_arm("p", "d"), p=0.5, d=1.0) is None
    assert evaluate(macros.kpi_units_per_arm("p", "d"), p=None, d=0.03) is None


def test_students_quantile_is_close(macros: Any) -> None:
    for freedom in (4, 5, 9, 30, 119, 1_000_000):
        assert evaluate(macros.kpi_t("v"), v=freedom) == pytest.approx(t.ppf(0.975, freedom), abs=0.01)
    assert evaluate(macros.kpi_t("v"), v=119) == pytest.approx(t.ppf(0.975, 119), abs=1e-7)


def test_normal_probability_is_close(macros: Any) -> None:
    worst = max(
        abs(evaluate(macros.kpi_normal_probability("z"), z=float(z)) - norm.cdf(z))
        for z in np.linspace(-4, 4, 41)
    )
    assert worst < 1.5e-4
    assert evaluate(macros.kpi_normal_probability("z"), z=-1e9) == pytest.approx(0, abs=1e-9)


def test_which_channel_is_first_is_close_to_the_exact_probability(macros: Any) -> None:
    grid = np.linspace(0, 1, 20_001)
    compared = 0
    for (a, b), (c, d) in itertools.product([(3, 9), (8, 4), (20, 60), (15, 15), (40, 10)], repeat=2):
        exact = np.trapezoid(beta.pdf(grid, a, b) * beta.cdf(grid, c, d), grid)
        found = evaluate(
            macros.kpi_beta_exceeds("m", "t", "om", "ot"),
            m=a / (a + b), t=float(a + b), om=c / (c + d), ot=float(c + d),
        )  # fmt: skip
        assert found == pytest.approx(exact, abs=0.04)
        compared += 1
    assert compared == 25


def test_shrinkage_pulls_small_samples_to_their_segment(macros: Any) -> None:
    # (3 + 10 * 0.2) / (5 + 10) = 1/3, although the raw rate is 0.6.
    assert evaluate(macros.kpi_shrunk("x", "n", "p0", "m"), x=3, n=5, p0=0.2, m=10.0) == pytest.approx(1 / 3)


def test_prior_strength_is_learned_from_the_spread(macros: Any) -> None:
    def strength(successes: Any, trials: Any) -> float:
        x, n = np.asarray(successes, float), np.asarray(trials, float)
        return float(
            evaluate(
                macros.kpi_prior_strength("k", "n", "x", "n2", "x2"),
                k=len(x), n=float(n.sum()), x=float(x.sum()), n2=float((n**2).sum()),
                x2=float((x**2 / n).sum()),
            )
        )  # fmt: skip

    random = np.random.default_rng(7)
    trials = random.integers(5, 30, 4000)
    for true_strength in (5.0, 20.0):
        rates = random.beta(0.3 * true_strength, 0.7 * true_strength, 4000)
        assert strength(random.binomial(trials, rates), trials) == pytest.approx(true_strength, rel=0.15)
    assert strength(random.binomial(trials, 0.3), trials) > 60  # no spread beyond chance: a strong prior
    assert strength([3, 2, 4], [10, 10, 10]) == 10  # three physicians teach nothing: the default
    assert strength([0] * 9, [10] * 9) == 10


@pytest.mark.parametrize(
    ("estimate", "low", "high", "sample", "other", "expected"),
    [
        (0.10, 0.02, 0.18, 30, 30, "improved"),
        (-0.10, -0.18, -0.02, 30, 30, "worsened"),
        (0.00, -0.02, 0.02, 5000, 5000, "unchanged"),
        (0.01, 0.001, 0.02, 90_000, 90_000, "unchanged"),  # surely above 0, surely too small to matter
        # Inside the threshold, but a difference of 0.03 would often be missed: 2.80 / 1.96 * 0.028 = 0.040.
        (0.00, -0.028, 0.028, 2000, 2000, "cannot_tell"),
        (0.10, -0.02, 0.22, 400, 400, "cannot_tell"),
        (0.02, 0.001, 0.039, 9000, 9000, "cannot_tell"),  # above 0, but whether it matters is open
        (0.00, -0.05, 0.05, 400, 400, "cannot_tell"),  # contains 0: not enough to say "unchanged"
        (0.50, 0.30, 0.70, 29, 30, "cannot_tell"),
        (0.50, 0.30, 0.70, 30, 29, "cannot_tell"),
        (0.50, None, None, 30, 30, "cannot_tell"),
    ],
)
def test_the_verdict_rule(
    macros: Any,
    estimate: float,
    low: float | None,
    high: float | None,
    sample: int,
    other: int,
    expected: str,
) -> None:
    rule = macros.kpi_judge("e", "l", "h", "cast(0.03 as double)", "n", "o", "30")
    assert evaluate(rule, e=estimate, l=low, h=high, n=sample, o=other) == expected


@pytest.mark.parametrize(
    ("share", "false", "checked", "mark"),
    [
        # Never checked, or too few of them: what could be linked decides alone.
        (0.95, None, None, "enough"),
        (0.95, 0, 0, "enough"),
        (0.95, 99, 99, "enough"),
        # Upper ends of Wilson's interval: 0 of 100 3.7 %, 1 of 100 5.4 %, 3 of 200 4.3 %, 4 of 200 5.03 %.
        (0.95, 0, 100, "enough"),
        (0.95, 1, 100, "caution"),
        (0.9, 3, 200, "enough"),
        (0.9, 4, 200, "caution"),
        # Right links do not make up for missing ones, nor does a number without links have false ones.
        (0.89, 0, 200, "caution"),
        (0.59, 0, 200, "lacking"),
        (0.59, 200, 200, "lacking"),
        (None, 200, 200, "enough"),
    ],
)
def test_the_mark_of_linkage(
    macros: Any, share: float | None, false: int | None, checked: int | None, mark: str
) -> None:
    row = {"share": share, "n_false": false, "n_checked": checked, "min_checked": 100, "max_false_rate": 0.05}
    # The macro names the columns of one row of a table.
    expression = macros.kpi_trust_linkage("share", "links").replace("links.", "")
    assert evaluate(expression, **row) == mark


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "shown"),
        ({"is_suppressed": True}, "suppressed"),
        ({"is_suppressed": True, "trust_arrival": "lacking"}, "suppressed"),
        ({"trust_arrival": "lacking"}, "withheld"),
        ({"trust_linkage": "lacking"}, "withheld"),
        ({"trust_arrival": "caution", "trust_linkage": "caution"}, "shown"),
        ({"sample": 0, "value": None}, "counts_only"),
        ({"sample": 9}, "counts_only"),
        ({"sample": 9, "minimum_sample": 1}, "counts_only"),
        ({"sample": 10}, "reference"),
        ({"sample": 29}, "reference"),
        ({"sample": 99, "minimum_sample": 100}, "counts_only"),
        ({"sample": 100, "minimum_sample": 100}, "shown"),
        ({"sample": 10, "minimum_sample": 10}, "shown"),
        ({"sample": 12, "minimum_sample": 10, "value": None}, "withheld"),
    ],
)
def test_the_display_rule(macros: Any, facts: dict[str, Any], state: str) -> None:
    row = {
        "is_suppressed": False, "sample": 30, "minimum_sample": 30, "kind": "rate", "value": 0.5,
        "trust_arrival": "enough", "trust_linkage": "enough",
    } | facts  # fmt: skip
    assert evaluate(macros.kpi_display_state(), **row) == state
    reason = evaluate(macros.kpi_display_reason(), **row)
    assert (reason is None) == (state == "shown")

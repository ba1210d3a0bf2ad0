"""The macros of kpi_means.sql one by one, run on DuckDB without dbt, against scipy and statsmodels."""

from __future__ import annotations

from math import sqrt
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from scipy.stats import multinomial, pearsonr, t
from shirube.home import project_root
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.weightstats import DescrStatsW

from tests.dbt.marts.test_statistics import evaluate


@pytest.fixture(scope="module")
def macros() -> Any:
    folder = project_root() / "dbt_project" / "macros"
    text = "\n".join(
        (folder / name).read_text(encoding="utf-8") for name in ("kpi_statistics.sql", "kpi_means.sql")
    )
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    return environment.from_string(
        text, globals={"dbt": SimpleNamespace(type_string=lambda: "varchar")}
    ).module


@pytest.mark.parametrize("size", [10, 29, 30, 400])
def test_interval_of_a_mean_agrees_with_scipy(macros: Any, size: int) -> None:
    answers = np.random.default_rng(size).integers(0, 11, size)
    numbers = {"n": size, "m": float(answers.mean()), "q": float((answers**2).mean())}
    low = evaluate(macros.kpi_mean_low("n", "m", "q", 0), **numbers)
    high = evaluate(macros.kpi_mean_high("n", "m", "q", 10), **numbers)
    expected = t.interval(0.95, size - 1, answers.mean(), answers.std(ddof=1) / sqrt(size))
    assert (low, high) == pytest.approx(expected, abs=1e-3)


def test_equal_answers_are_no_certainty_and_the_scale_has_ends(macros: Any) -> None:
    assert evaluate(macros.kpi_mean_error("n", "m", "q"), n=30, m=7.0, q=49.0) == pytest.approx(1 / 30)
    # One of thirty a step apart: the smallest spread that whole numbers can have is where the floor lies.
    answers = np.array([7] * 29 + [8])
    error = evaluate(
        macros.kpi_mean_error("n", "m", "q"), n=30, m=float(answers.mean()), q=float((answers**2).mean())
    )
    assert error == pytest.approx(answers.std(ddof=1) / sqrt(30)) == pytest.approx(1 / 30)
    assert evaluate(macros.kpi_mean_high("n", "m", "q", 10), n=30, m=10.0, q=100.0) == 10
    assert evaluate(macros.kpi_mean_low("n", "m", "q", 1), n=30, m=1.0, q=1.0) == 1
    assert evaluate(macros.kpi_mean_error("n", "m", "q"), n=1, m=7.0, q=49.0) is None


@pytest.mark.parametrize(("b", "c", "n"), [(9, 5, 50), (30, 5, 60), (0, 40, 100), (25, 25, 50), (12, 2, 50)])
def test_paired_interval_agrees_with_statsmodels(macros: Any, b: int, c: int, n: int) -> None:
    pairs = DescrStatsW([1.0, 0.0, -1.0], weights=np.array([b + 0.5, n - b - c + 1, c + 0.5]), ddof=0)
    half = 1.959963984540054 * sqrt(pairs.var / (n + 2))
    low = evaluate(macros.kpi_paired_low("b", "c", "n"), b=b, c=c, n=n)
    high = evaluate(macros.kpi_paired_high("b", "c", "n"), b=b, c=c, n=n)
    assert (low, high) == pytest.approx((pairs.mean - half, pairs.mean + half))
    # It says what McNemar's test says: 0 is inside where b and c differ by no more than chance.
    table = [[(n - b - c) // 2, b], [c, n - b - c - (n - b - c) // 2]]
    assert (low <= 0 <= high) == (mcnemar(table, exact=True).pvalue > 0.05)


@pytest.mark.parametrize("size", [30, 200])
def test_interval_of_a_correlation_agrees_with_scipy(macros: Any, size: int) -> None:
    rng = np.random.default_rng(size)
    x = rng.normal(size=size)
    reference = pearsonr(x, x + rng.normal(size=size))
    interval = reference.confidence_interval()
    bounds = [
        evaluate(macros.kpi_correlation_bound("r", "n", sign), r=float(reference.statistic), n=size)
        for sign in "-+"
    ]
    assert bounds == pytest.approx([interval.low, interval.high])
    assert evaluate(macros.kpi_correlation_bound("r", "n", "+"), r=1.0, n=size) is None


def score_interval(macros: Any, promoters: float, detractors: float, n: float) -> tuple[float, float]:
    numbers = {"p": promoters, "d": detractors, "n": n}
    return (
        evaluate(macros.kpi_score_low("p", "d", "n"), **numbers),
        evaluate(macros.kpi_score_high("p", "d", "n"), **numbers),
    )


def test_score_interval_at_the_sizes_that_the_rule_names(macros: Any) -> None:
    # 20 % against 30 %: ±14 points at 100, ±7 at 400, ±4.3 at 1,008.
    for size, half in ((100, 14), (400, 7), (1008, 4.3)):
        low, high = score_interval(macros, 0.2 * size, 0.3 * size, size)
        assert (high - low) / 2 == pytest.approx(half, abs=0.5)


@pytest.mark.parametrize(("p", "d", "n"), [(40, 30, 100), (99, 0, 100), (5, 90, 120), (12.5, 4.25, 31.5)])
def test_score_interval_agrees_with_statsmodels(macros: Any, p: float, d: float, n: float) -> None:
    answers = DescrStatsW([1.0, 0.0, -1.0], weights=np.array([p + 0.75, n - p - d + 1.5, d + 0.75]), ddof=0)
    half = 1.959963984540054 * sqrt(answers.var / (n + 3))
    expected = [max(-100, 100 * (answers.mean - half)), min(100, 100 * (answers.mean + half))]
    assert score_interval(macros, p, d, n) == pytest.approx(expected)


@pytest.mark.parametrize(("p", "d"), [(100, 0), (0, 100), (0, 0)])
def test_answers_that_are_all_alike_are_no_certain_score(macros: Any, p: int, d: int) -> None:
    low, high = score_interval(macros, p, d, 100)
    assert -100 <= low <= p - d <= high <= 100
    # Wilson's interval of a share of 100 in 100 is 3.7 points wide; as 100·(p - d) it would be twice that.
    assert 3.3 < high - low < 7.4
    assert score_interval(macros, 0, 0, 0) == (None, None)


@pytest.mark.parametrize("shares", [(0.2, 0.3), (0.6, 0.1), (0.95, 0.01), (0.01, 0.0), (0.985, 0.0)])
def test_score_interval_covers_the_truth_as_often_as_it_says(
    macros: Any, shares: tuple[float, float]
) -> None:
    # Every possible outcome of 100 answers with its exact probability.
    promoters, detractors = shares
    counts = np.array([(p, d) for p in range(101) for d in range(101 - p)])
    outcomes = np.column_stack([counts, 100 - counts.sum(axis=1)])
    chance = multinomial.pmf(outcomes, 100, [promoters, detractors, 1 - promoters - detractors])
    low, high = (macro("p", "d", "100") for macro in (macros.kpi_score_low, macros.kpi_score_high))
    bounds = duckdb.execute(
        f"select {low}, {high} from (select unnest(?) as p, unnest(?) as d)", counts.T.tolist()
    ).fetchall()
    is_covered = [low <= 100 * (promoters - detractors) <= high for low, high in bounds]
    # Without the added answers it would be 91, 63 and 78 % for the last three.
    assert chance[is_covered].sum() >= 0.93


@pytest.mark.parametrize(("first", "second", "d"), [(40, 40, 1.2), (30, 400, -0.3), (12, 9, 0.0)])
def test_interval_of_a_standardised_difference_agrees_with_statsmodels(
    macros: Any, first: int, second: int, d: float
) -> None:
    # Its value and error are corrected for small samples, which makes a difference of a few percent here.
    one, none = np.ones(1), np.zeros(1)
    found = effectsize_smd(d * one, one, first * one, none, one, second * one)
    bounds = [
        evaluate(macros.kpi_standardised_bound("d", "a", "b", sign), d=d, a=first, b=second) for sign in "-+"
    ]
    error = (bounds[1] - bounds[0]) / 2 / 1.959963984540054
    assert sum(bounds) / 2 == pytest.approx(d)
    assert error**2 == pytest.approx(float(found[1][0]), rel=0.05)

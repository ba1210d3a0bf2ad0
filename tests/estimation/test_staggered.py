"""Group-time effects: by hand, against ordinary least squares, and where two-way regression goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from shirube.estimation.staggered import NEVER, group_time_effects


def test_by_hand() -> None:
    # Two start in period 1 (0 -> 2, 0 -> 4), two never (1 -> 2, 1 -> 2): ATT = 3 - 1 = 2.
    effects = group_time_effects([[0, 2], [0, 4], [1, 2], [1, 2]], [1, 1, NEVER, NEVER], range(4))
    assert effects.estimate == pytest.approx([2])
    assert effects.overall().estimate == 2
    # Influence: (2-3)/2, (4-3)/2, 0, 0: variance (0.25 + 0.25) * 4/3.
    assert effects.overall().standard_error == pytest.approx(np.sqrt(0.5 * 4 / 3))


def rolled_out(
    seed: int, clusters: int = 40, growth: float = 0.5, trend: float = 0.0
) -> tuple[Any, Any, Any]:
    """Offices of 20 start in period 5, 7 or never; the effect is 1 at first and grows by `growth` a
    period."""
    random = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), 20)
    start = np.array([5, 7, NEVER, NEVER])[np.arange(clusters) % 4][cluster]
    period = np.arange(10)
    since = np.where(start[:, None] == NEVER, -1, period - np.minimum(start, 99)[:, None])
    outcome = random.normal(0, 1, (len(cluster), 10)) + random.normal(0, 0.5, (clusters, 10))[cluster]
    outcome += 0.3 * period + random.normal(0, 1, len(cluster))[:, None]
    outcome += np.where(since >= 0, 1 + growth * since, 0) + trend * period * (start != NEVER)[:, None]
    return outcome, start, cluster


def test_one_group_and_period_is_the_regression_of_changes() -> None:
    # Independent implementation: least squares of the change on "started", clustered, without correction.
    outcome, start, cluster = rolled_out(1)
    effects = group_time_effects(outcome, start, cluster)
    cell = int(np.flatnonzero((effects.start == 5) & (effects.period == 6))[0])
    rows = (start == 5) | (start > 6)
    change = (outcome[:, 6] - outcome[:, 4])[rows]
    reference = sm.OLS(change, sm.add_constant((start == 5)[rows].astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": cluster[rows], "use_correction": False}
    )
    assert effects.estimate[cell] == pytest.approx(float(reference.params[1]))
    own = np.sqrt((effects.scores[:, cell] ** 2).sum())
    assert own == pytest.approx(float(reference.bse[1]))


def test_growing_effects_are_averaged_where_two_way_regression_is_wrong() -> None:
    # Group 5 has effects 1..3 over five periods (mean 2), group 7 1..2 over three (mean 1.5); both are as
    # large: (5 * 2 + 3 * 1.5) / 8 = 1.8125.
    outcome, start, cluster = rolled_out(2, clusters=400)
    effects = group_time_effects(outcome, start, cluster)
    overall = effects.overall()
    assert overall.low <= 1.8125 <= overall.high
    assert overall.estimate == pytest.approx(1.8125, abs=0.1)
    assert [effects.event(e).estimate for e in (0, 1, 2)] == pytest.approx([1, 1.5, 2], abs=0.12)
    assert effects.event(-2).estimate == pytest.approx(0, abs=0.12)
    # Against those already treated (whose effect still grows) the late group seems to gain too little.
    treated = (np.arange(10) >= start[:, None]).astype(float)
    outcome, treated = (
        x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) + x.mean() for x in (outcome, treated)
    )
    two_way = (outcome * treated).sum() / (treated**2).sum()
    assert two_way < overall.low


def test_controls_that_never_start_alone() -> None:
    outcome, start, cluster = rolled_out(3)
    everybody, never = (group_time_effects(outcome, start, cluster, flag) for flag in (False, True))
    first = (never.start == 5) & (never.period == 5)
    rows = start == NEVER
    change = outcome[:, 5] - outcome[:, 4]
    assert never.estimate[first][0] == pytest.approx(change[start == 5].mean() - change[rows].mean())
    assert everybody.estimate[first][0] != never.estimate[first][0]
    # From period 7 on nobody is "not yet": both are the same.
    late = never.period >= 7
    assert everybody.estimate[late & (never.start == 5)] == pytest.approx(
        never.estimate[late & (never.start == 5)]
    )


def test_intervals_and_the_pre_trend_test_keep_their_promise() -> None:
    covered, alarmed = [], []
    for seed in range(200):
        effects = group_time_effects(*rolled_out(seed, clusters=24))
        overall = effects.overall()
        covered.append(overall.low <= 1.8125 <= overall.high)
        alarmed.append(effects.pre_trend(3) < 0.05)
    assert 0.91 <= np.mean(covered) <= 0.985
    assert np.mean(alarmed) <= 0.09


def test_a_trend_before_the_start_is_seen() -> None:
    assert group_time_effects(*rolled_out(4, trend=0.5)).pre_trend(3) < 0.01


def test_no_before_and_no_control() -> None:
    # Whoever starts in period 0 has no before; with nobody left untreated there is no effect to tell.
    effects = group_time_effects([[0, 1], [0, 1]], [0, 1], [0, 1])
    assert len(effects.estimate) == 0
    assert np.isnan(effects.overall().estimate)
    assert np.isnan(effects.pre_trend(4))

"""Who is compared with whom in the trials that nobody planned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shirube.estimation.channel_trial import TrialRule, run_trials, trial_months

from benchmarks import truth

WORKS = truth.CHANNELS[0]
RULE = TrialRule(washout_months=2, pre_periods=4)


def test_the_alike_are_compared() -> None:
    panel = truth.simulate(3, channels=(WORKS,), physicians=1500, products=1).panel
    sums = run_trials(trial_months(panel, RULE), 0)
    assert sums is not None
    assert sums.effect.treated_offered > 900
    assert sums.effect.overlap_share > 0.5


@pytest.mark.parametrize("kind", ["specialty", "practice", "area", "several_facilities"])
def test_nobody_is_compared_with_somebody_of_another_kind(kind: str) -> None:
    panel = truth.simulate(3, channels=(WORKS,), physicians=600, products=1).panel
    # Whoever is reached in a month is of one kind that month, everybody else of another.
    apart = replace(panel, **{kind: np.where(panel.reached[:, 0] & 1, 0, 1).astype(np.int8)})
    sums = run_trials(trial_months(apart, RULE), 0)
    assert sums is not None
    assert sums.effect.treated_offered > 300
    assert (sums.effect.treated, sums.effect.controls) == (0, 0)


def test_nobody_with_a_need_is_compared_with_somebody_without() -> None:
    panel = truth.simulate(3, channels=(WORKS,), physicians=600, products=1).panel
    apart = replace(panel, need=(panel.reached & 1).astype(np.int8))
    sums = run_trials(trial_months(apart, RULE), 0)
    assert sums is not None
    assert sums.effect.treated_offered > 300
    assert (sums.effect.treated, sums.effect.controls) == (0, 0)


def test_contact_by_chance_shows_nothing_in_any_window() -> None:
    """Matching several months together would show 0.4 of 100 less in the window before the contact."""
    by_chance = tuple(truth.Channel(f"chance{number}", 0.1) for number in range(6))
    found = []
    for seed in range(2000, 2020):
        months = trial_months(truth.simulate(seed, by_chance).panel, RULE)
        for channel in range(len(by_chance)):
            sums = run_trials(months, channel)
            assert sums is not None
            found.append(sums.effect.estimates())
    # 120 estimates, each off by some 0.007 by chance: their mean by 0.0007.
    assert np.abs(np.mean(found, axis=0)).max() < 0.0025

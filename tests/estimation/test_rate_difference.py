"""The difference of two rates against Newcombe's own example and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from shirube.estimation.rate_difference import RateDifference, difference_of_rates
from statsmodels.stats.proportion import confint_proportions_2indep


def of_counts(events: int, cases: int, other_events: int, other_cases: int) -> RateDifference:
    happened = np.repeat(
        [True, False, True, False], [events, cases - events, other_events, other_cases - other_events]
    )
    is_first = np.repeat([True, False], [cases, other_cases])
    return difference_of_rates(happened, is_first, np.arange(cases + other_cases))


def test_newcombes_example() -> None:
    # Newcombe (1998), example (a): 56/70 against 48/80, method 10: 0.2000 (0.0524 to 0.3339).
    found = of_counts(56, 70, 48, 80)
    assert (found.difference, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    "counts", [(9, 10, 3, 10), (0, 29, 5, 30), (30, 30, 30, 30), (0, 10, 0, 20), (400, 900, 3, 5)]
)
def test_it_agrees_with_statsmodels(counts: tuple[int, int, int, int]) -> None:
    found = of_counts(*counts)
    events, cases, other_events, other_cases = counts
    low, high = confint_proportions_2indep(
        events, cases, other_events, other_cases, method="newcomb", compare="diff"
    )
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert (found.events, found.cases, found.other_events, found.other_cases) == counts


def test_counting_everybody_twice_does_not_narrow_the_interval() -> None:
    once = of_counts(30, 100, 20, 100)
    happened = np.repeat([True, False, True, False], [30, 70, 20, 80])
    first = np.repeat([True, False], [100, 100])
    twice = difference_of_rates(np.tile(happened, 2), np.tile(first, 2), np.tile(np.arange(200), 2))
    assert twice.cases == 200
    assert (twice.difference, twice.low, twice.high) == pytest.approx((once.difference, once.low, once.high))
    # The same where nobody did it, and there is no spread to learn the repetition from.
    nobody = difference_of_rates(np.zeros(400, bool), np.tile(first, 2), np.tile(np.arange(200), 2))
    alone = of_counts(0, 100, 0, 100)
    assert (nobody.low, nobody.high) == pytest.approx((alone.low, alone.high))


def test_the_interval_of_repeated_people_covers_the_truth() -> None:
    random = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        person = np.repeat(np.arange(150), 3)
        habit = random.beta(1, 2, 150)
        first = np.repeat(random.random(150) < 0.5, 3)
        found = difference_of_rates(random.random(450) < habit[person], first, person)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / 400 <= 0.985


@pytest.mark.parametrize("with_clusters", [False, True])
def test_what_the_physicians_of_a_representative_share_is_in_the_interval(with_clusters: bool) -> None:
    # 40 representatives with ten physicians each; both what is compared and what happens go by
    # representative, the one independent of the other: the truth is no difference.
    random = np.random.default_rng(8)
    covered = 0
    for _ in range(400):
        mr = np.repeat(np.arange(40), 10)
        habit, share = random.beta(1, 2, 40), random.beta(0.5, 0.5, 40)
        first = random.random(400) < share[mr]
        happened = random.random(400) < habit[mr]
        found = difference_of_rates(happened, first, np.arange(400), mr if with_clusters else None)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0 <= found.high
    assert (covered / 400 >= 0.92) == with_clusters


def test_of_one_representative_nothing_is_known() -> None:
    first, happened = np.repeat([True, False], 20), np.tile([True, False], 20)
    found = difference_of_rates(happened, first, np.arange(40), np.zeros(40))
    assert (found.cases, found.events, found.difference, found.low) == (20, 10, None, None)
    alone = difference_of_rates(happened, first, np.arange(40), np.arange(40))
    assert alone == difference_of_rates(happened, first, np.arange(40))


def test_no_cases_on_a_side_is_no_difference() -> None:
    found = difference_of_rates(np.array([True, False]), np.array([True, True]), np.arange(2))
    assert (found.cases, found.other_cases, found.difference, found.low) == (2, 0, None, None)

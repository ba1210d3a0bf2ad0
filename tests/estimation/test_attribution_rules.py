"""The three rules against published examples, and against slow ones that share nothing with them."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from shirube.estimation.attribution_rules import Attribution, Occurrences, PathTable, attribute

Path = tuple[int, ...]
Counts = dict[Path, tuple[int, int]]


def table_of(paths: Sequence[Path], channels: int) -> PathTable:
    return PathTable(
        n_paths=len(paths),
        n_channels=channels,
        path=np.repeat(np.arange(len(paths)), [len(path) for path in paths]),
        channel=np.array([channel for path in paths for channel in path]),
    )


def attributed(counts: Counts, channels: int, draws: int = 2, order2: bool = False) -> Attribution:
    """Every occurrence is a physician of its own."""
    paths = list(counts)
    single = [
        (place, converted)
        for place, path in enumerate(paths)
        for converted, times in zip((1, 0), counts[path], strict=True)
        for _ in range(times)
    ]
    path, converted = (np.array(column) for column in zip(*single, strict=True))
    seen = Occurrences(np.arange(len(single)), path, converted, 1 - converted)
    return attribute(
        table_of(paths, channels),
        seen,
        first_share=0.4,
        last_share=0.4,
        with_second_order=order2,
        draws=draws,
    )


def removal_effects(counts: Counts, channels: int, order: int) -> list[float]:
    """By letting a crowd walk the chain step by step until nobody is left on the way."""
    steps: dict[Path, Counter[Path]] = defaultdict(Counter)
    for path, (converted, failed) in counts.items():
        states = [path[max(0, place - order) : place] for place in range(len(path) + 1)]
        for origin, target in itertools.pairwise(states):
            steps[origin][target] += converted + failed
        steps[states[-1]][(-1,)] += converted
        steps[states[-1]][(-2,)] += failed

    def conversions(removed: int | None) -> float:
        crowd: dict[Path, float] = {(): 1.0}
        arrived = 0.0
        for _ in range(3000):
            following: dict[Path, float] = defaultdict(float)
            for state, share in crowd.items():
                total = sum(steps[state].values())
                for target, times in steps[state].items():
                    if target == (-1,):
                        arrived += share * times / total
                    elif target != (-2,) and target[-1] != removed:
                        following[target] += share * times / total
            crowd = following
        return arrived

    whole = conversions(None)
    # What the chain converts is what the paths converted: nothing is lost on the way.
    assert whole == pytest.approx(
        sum(c for c, _ in counts.values()) / sum(c + f for c, f in counts.values()), abs=1e-9
    )
    effects = [1 - conversions(channel) / whole for channel in range(channels)]
    return [effect / sum(effects) for effect in effects]


def shapley_by_orders(counts: Counts, channels: int) -> list[float]:
    """The mean gain over every order in which the channels can join."""
    gains = [0.0] * channels
    orders = list(itertools.permutations(range(channels)))
    for order in orders:
        before = 0
        for place, channel in enumerate(order):
            team = set(order[: place + 1])
            worth = sum(converted for path, (converted, _) in counts.items() if set(path) <= team)
            gains[channel] += worth - before
            before = worth
    return [gain / sum(gains) for gain in gains]


def random_counts(seed: int, channels: int) -> Counts:
    random = np.random.default_rng(seed)
    counts: Counts = {}
    for _ in range(40):
        tokens = random.integers(0, channels, random.integers(1, 7))
        path = tuple(int(key) for key, _ in itertools.groupby(tokens))
        counts[path] = (int(random.integers(0, 4)), int(random.integers(1, 9)))
    return counts


def test_the_worked_example_of_the_removal_effect() -> None:
    # C1 C2 C3 converts, C1 alone and C2 C3 do not: the chain of three paths by which Anderl et al. (2016) are
    # usually explained. Start -> C1 2/3, C2 1/3; C1 -> C2 1/2, lost 1/2; C2 -> C3 1; C3 -> conversion 1/2.
    # P = 1/3. Without C1: 1/3 * 1 * 1/2 = 1/6, an effect of 1/2; without C2 or C3: 0, an effect of 1.
    counts = {(0, 1, 2): (1, 0), (0,): (0, 1), (1, 2): (0, 1)}
    assert attributed(counts, 3).shares["markov"].weight == pytest.approx([0.2, 0.4, 0.4])


def test_a_published_example_of_the_removal_effect() -> None:
    # serhiipuzyrov.com/2019/07/markov-chain-attribution-simple-explanation-of-removal-effect: effects 0.75,
    # 0.5.
    counts = {(0,): (2, 1), (1,): (1, 0), (0, 1): (1, 0)}
    found = attributed(counts, 2)
    assert found.shares["markov"].weight == pytest.approx([0.6, 0.4])
    # By hand: position 2 + 0.5 and 1 + 0.5 of 4 conversions. Shapley: the pair's one conversion is halved.
    assert found.shares["position"].weight == pytest.approx([2.5 / 4, 1.5 / 4])
    assert found.shares["shapley"].weight == pytest.approx([2.5 / 4, 1.5 / 4])


def test_the_position_rule_by_hand() -> None:
    # 0 1 2 1: first 0.4 to 0, last 0.4 to 1, the middle 0.1 each to 2 and 1. Twice: 0.8, 1.0, 0.2.
    # 3 alone: 1. 0 3: half each. 1 converts never. Four conversions in all.
    counts = {(0, 1, 2, 1): (2, 0), (3,): (1, 5), (0, 3): (1, 0), (1,): (0, 9)}
    found = attributed(counts, 4).shares["position"].weight
    assert found == pytest.approx([1.3 / 4, 1.0 / 4, 0.2 / 4, 1.5 / 4])


@pytest.mark.parametrize("seed", range(5))
def test_the_rules_agree_with_slow_ones(seed: int) -> None:
    counts = random_counts(seed, 5)
    found = attributed(counts, 5, order2=True)
    assert found.shares["markov"].weight == pytest.approx(removal_effects(counts, 5, 1), abs=1e-9)
    assert found.shares["markov2"].weight == pytest.approx(removal_effects(counts, 5, 2), abs=1e-9)
    assert found.shares["shapley"].weight == pytest.approx(shapley_by_orders(counts, 5), abs=1e-12)
    for shares in found.shares.values():
        assert shares.weight.sum() == pytest.approx(1)
        assert (shares.weight >= 0).all()


def test_the_interval_resamples_physicians_not_paths() -> None:
    # Forty physicians with one converting path each, half through each channel, against four physicians with
    # ten each: the same paths, but in the second case four people decide, and the interval is three times as
    # wide.
    paths: list[Path] = [(0,), (1,)]

    def interval(physicians: int) -> float:
        owner = np.arange(40) % physicians
        keep = {"converted": np.ones(40, dtype=np.int64), "not_converted": np.zeros(40, dtype=np.int64)}
        found = attribute(
            table_of(paths, 2),
            Occurrences(physician=owner, path=owner % 2, **keep),
            first_share=0.4, last_share=0.4, with_second_order=False, draws=400,
        ).shares["position"]  # fmt: skip
        assert found.weight[0] == 0.5
        return float(found.high[0] - found.low[0])

    # Binomial: 2 * 1.96 * sqrt(0.25 / 40) = 0.31.
    assert interval(40) == pytest.approx(0.31, abs=0.05)
    assert interval(4) > 0.9


def test_a_crowd_is_resampled_in_random_groups_with_the_same_interval() -> None:
    # 8,000 physicians, 3 of 10 through the first channel: 2 * 1.96 * sqrt(0.3 * 0.7 / 8000) = 0.0201 wide,
    # and no wider or narrower in 500 groups than one by one. The weights themselves know no groups.
    through = np.arange(8_000) % 10 >= 3
    seen = Occurrences(np.arange(8_000), through.astype(int), np.ones(8_000, int), np.zeros(8_000, int))
    widths = []
    for most_groups in (500, 8_000):
        found = attribute(
            table_of([(0,), (1,)], 2), seen, first_share=0.4, last_share=0.4, with_second_order=False,
            draws=1_000, most_groups=most_groups,
        ).shares["position"]  # fmt: skip
        assert found.weight[0] == 0.3
        assert found.low[0] < 0.3 < found.high[0]
        widths.append(found.high[0] - found.low[0])
    assert widths == pytest.approx([0.0201, 0.0201], rel=0.08)


def test_the_same_seed_gives_the_same_interval() -> None:
    counts = random_counts(3, 4)
    one, two = attributed(counts, 4, draws=30), attributed(counts, 4, draws=30)
    for name in ("position", "markov", "shapley"):
        assert (one.shares[name].low == two.shares[name].low).all()
        assert (one.shares[name].high == two.shares[name].high).all()
        assert (one.shares[name].high > one.shares[name].low).any()


def test_a_different_order_is_noticed() -> None:
    same = {(0,): (6, 2), (1,): (3, 5), (2,): (1, 7)}
    assert attributed(same, 3).is_same_order
    # By position 0 gets 3 * 0.4 + 1 = 2.2 and 1, always in the middle, 6 * 0.2 = 1.2. Without 1 six of the
    # seven conversions are lost, without 0 only four.
    other = {(0, 1, 2): (3, 1), (3, 1, 4): (3, 1), (0,): (1, 1)}
    assert not attributed(other, 5).is_same_order


def test_nothing_converted_is_refused() -> None:
    with pytest.raises(ValueError, match="no path converted"):
        attributed({(0,): (0, 5)}, 1)

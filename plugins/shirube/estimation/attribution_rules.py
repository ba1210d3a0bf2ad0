"""Three ways to share conversions among the channels of the paths before them: description, not effect.

All three are linear in how often each path occurs, so a resample of physicians needs no second look at the
paths: each physician's contribution is part of one row of a sparse matrix, and a resample is a weighting of
its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RULES = ("position", "markov", "shapley")
SEED = 20_260_401
MOST_GROUPS = 5_000
_DRAWS_AT_ONCE = 20


@dataclass(frozen=True)
class PathTable:
    """Distinct paths as their tokens, sorted by path and place: path and channel of each token, from 0 on.

    A path has at least one token and no two equal ones in a row.
    """

    n_paths: int
    n_channels: int
    path: Ints
    channel: Ints


@dataclass(frozen=True)
class Occurrences:
    """How often a physician's paths ended with and without a conversion; one entry per physician and path."""

    physician: Ints
    path: Ints
    converted: Ints
    not_converted: Ints


@dataclass(frozen=True)
class Shares:
    """Weights of one rule by channel, summing to 1, with their 95 % intervals; each of shape (channels,)."""

    weight: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Attribution:
    """Shares by rule (`markov2` only where asked for), and whether all of RULES put the channels in one
    order.
    """

    shares: dict[str, Shares]
    is_same_order: bool


@dataclass(frozen=True)
class _Chain:
    """States of a Markov chain over the paths; a state is the last one or two tokens.

    steps: (paths, pairs) how often each path makes each step; a pair is (from, to), from = number of states
    being the start. ends: (paths, states) the state in which each path ends.
    """

    steps: csr_matrix
    ends: csr_matrix
    pair_from: Ints
    pair_to: Ints
    channel_of_state: Ints


def attribute(
    table: PathTable,
    seen: Occurrences,
    *,
    first_share: float,
    last_share: float,
    with_second_order: bool,
    draws: int,
    seed: int = SEED,
    most_groups: int = MOST_GROUPS,
) -> Attribution:
    """Weights of the channels by each rule, with percentile intervals from resampling whole physicians.

    Position: `first_share` and `last_share` of a conversion go to the first and the last token, the rest
    evenly to those between; two tokens share in proportion of the two, one takes all. Markov: removal
    effects, 1 - P(conversion without the channel) / P(conversion) (Anderl et al. 2016, International Journal
    of Research in Marketing 33(3):457-474), made to sum to 1. Shapley: the worth of a coalition is the number
    of conversions on paths that use no channel outside it, so that each path is a game in which its channels
    win only together, and they share its conversions equally (Zhao, Mahboobi and Bagheri 2018,
    arXiv:1804.05327).

    More physicians than `most_groups` are dealt at random into that many groups, and groups are resampled
    whole: the variance of a total keeps its expectation (random groups, Wolter 2007, Introduction to Variance
    Estimation, chapter 2), and its own error of 1 / sqrt(2 groups) is far below that of the draws.

    Raises: ValueError without any conversion.
    """
    if not seen.converted.sum():
        raise ValueError("no path converted: there is nothing to share out")
    chains = {"markov": _chain(table, 1)} | ({"markov2": _chain(table, 2)} if with_second_order else {})
    of_converted = [_position_credit(table, first_share, last_share), _equal_credit(table)]
    of_converted += [chain.ends for chain in chains.values()]
    of_all = [chain.steps for chain in chains.values()]
    sizes = [block.shape[1] for block in of_converted + of_all]
    rows = _by_group(seen, of_converted, of_all, most_groups, seed)

    def weights(resampled: Floats) -> dict[str, Floats]:
        blocks = iter(np.split(resampled, np.cumsum(sizes)[:-1], axis=1))
        found = {"position": _to_one(next(blocks)), "shapley": _to_one(next(blocks))}
        ends = {name: next(blocks) for name in chains}
        for name, chain in chains.items():
            found[name] = _to_one(_removal_effects(chain, next(blocks), ends[name], table.n_channels))
        return found

    once = weights(np.asarray(rows.sum(axis=0), dtype=np.float64).reshape(1, -1))
    random = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in once}
    groups = rows.shape[0]
    for first in range(0, draws, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, draws - first)
        times = random.multinomial(groups, np.full(groups, 1 / groups), size=count)
        for name, block in weights(np.asarray((rows.T @ times.T.astype(np.float64)).T)).items():
            drawn[name].append(block)
    shares = {}
    for name, point in once.items():
        low, high = np.nanquantile(np.concatenate(drawn[name]), [0.025, 0.975], axis=0)
        shares[name] = Shares(point[0], low, high)
    orders = {tuple(np.argsort(-np.round(shares[name].weight, 9), kind="stable")) for name in RULES}
    return Attribution(shares, len(orders) == 1)


def _by_group(
    seen: Occurrences,
    of_converted: Sequence[csr_matrix],
    of_all: Sequence[csr_matrix],
    most_groups: int,
    seed: int,
) -> csr_matrix:
    """(groups, features): the paths of each physician, or group of them, as often as they occurred, in terms
    of what the rules count.
    """
    _, row = np.unique(seen.physician, return_inverse=True)
    groups = int(row.max()) + 1
    if groups > most_groups:
        row = (np.random.default_rng([seed, groups]).permutation(groups) % most_groups)[row]
        groups = most_groups

    def times(counts: Ints, features: Sequence[csr_matrix]) -> list[csr_matrix]:
        shape = (groups, features[0].shape[0])
        paths = csr_matrix((counts.astype(np.float64), (row, seen.path)), shape=shape)
        return [paths @ block for block in features]

    both = seen.converted + seen.not_converted
    return hstack([*times(seen.converted, of_converted), *times(both, of_all)], format="csr")


def _position_credit(table: PathTable, first_share: float, last_share: float) -> csr_matrix:
    length = np.bincount(table.path, minlength=table.n_paths)[table.path]
    is_first = np.r_[True, table.path[1:] != table.path[:-1]]
    is_last = np.r_[table.path[1:] != table.path[:-1], True]
    ends = first_share + last_share
    credit = np.where(length > 2, (1 - ends) / np.maximum(length - 2, 1), 0.0)
    credit = np.where(is_first, np.where(length > 2, first_share, first_share / ends), credit)
    credit = np.where(is_last & ~is_first, np.where(length > 2, last_share, last_share / ends), credit)
    credit = np.where(length == 1, 1.0, credit)
    return csr_matrix((credit, (table.path, table.channel)), shape=(table.n_paths, table.n_channels))


def _equal_credit(table: PathTable) -> csr_matrix:
    """(paths, channels): one part for each channel that a path uses at all."""
    used = csr_matrix(
        (np.ones(len(table.path)), (table.path, table.channel)), shape=(table.n_paths, table.n_channels)
    )
    used.data = 1 / np.repeat(np.diff(used.indptr), np.diff(used.indptr))
    return used


def _chain(table: PathTable, order: int) -> _Chain:
    is_first = np.r_[True, table.path[1:] != table.path[:-1]]
    is_last = np.r_[table.path[1:] != table.path[:-1], True]
    before = np.where(is_first, table.n_channels, np.r_[0, table.channel[:-1]]) if order == 2 else 0
    codes, state = _numbered(before * np.int64(table.n_channels) + table.channel)
    states = len(codes)
    origin = np.where(is_first, states, np.r_[0, state[:-1]])
    pairs, pair = _numbered(origin * np.int64(states) + state)
    ones = np.ones(len(table.path))
    return _Chain(
        steps=csr_matrix((ones, (table.path, pair)), shape=(table.n_paths, len(pairs))),
        ends=csr_matrix(
            (ones[is_last], (table.path[is_last], state[is_last])), shape=(table.n_paths, states)
        ),
        pair_from=pairs // states,
        pair_to=pairs % states,
        channel_of_state=codes % table.n_channels,
    )


def _numbered(codes: Ints) -> tuple[Ints, Ints]:
    """The distinct codes in order, and the place of each code among them: for codes too few to be sorted."""
    is_used = np.bincount(codes) > 0
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[codes]


def _removal_effects(chain: _Chain, steps: Floats, converted_ends: Floats, channels: int) -> Floats:
    """(games, channels): the share of conversions that the chain loses when whoever comes to a channel is
    lost.

    With N the fundamental matrix of the chain (Kemeny and Snell 1960, chapter 3), v = start N counts visits
    and f = N (conversion) is the chance from each state. Visits to the channel's states S are first visits h
    and returns, v_S = h N_SS, and what is lost is h f_S: one inverse serves all channels.
    """
    games, states = steps.shape[0], len(chain.channel_of_state)
    counted = np.zeros((games, states + 1, states))
    counted[:, chain.pair_from, chain.pair_to] = steps
    visits = counted.sum(axis=1)
    starts = counted[:, states]
    moves = _divide(counted[:, :states], visits[:, :, None])
    converts = _divide(converted_ends, visits)
    entering = _divide(starts, starts.sum(axis=1, keepdims=True))
    fundamental = np.linalg.inv(np.eye(states) - moves)
    chance = (fundamental @ converts[:, :, None])[:, :, 0]
    visited = (entering[:, None, :] @ fundamental)[:, 0]
    everything = (entering * chance).sum(axis=1)
    lost = np.zeros((games, channels))
    for channel in range(channels):
        own = np.flatnonzero(chain.channel_of_state == channel)
        returns = fundamental[:, own[:, None], own[None, :]]
        first = np.linalg.solve(returns.transpose(0, 2, 1), visited[:, own, None])[:, :, 0]
        lost[:, channel] = _divide((first * chance[:, own]).sum(axis=1), everything)
    return np.clip(lost, 0, 1)


def _to_one(parts: Floats) -> Floats:
    whole = parts.sum(axis=1, keepdims=True)
    return np.where(whole > 0, _divide(parts, whole), np.nan)


def _divide(above: Any, below: Any) -> Floats:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)

"""Three ways to share conversions among the channels of the paths before them: description, not effect.

All three are linear in how often each path occurs, so a resample of physicians needs no second look at the
paths: each physician's contribution is one row of a sparse matrix, and a resample is a weighting of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RULES = ("position", "markov", "shapley")
SEED = 20_260_401
_DRAWS_AT_ONCE = 20
_SAMPLED_ORDERS = 10_000


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
    exact_up_to: int,
    draws: int,
    seed: int = SEED,
) -> Attribution:
    """Weights of the channels by each rule, with percentile intervals from resampling whole physicians.

    Position: `first_share` and `last_share` of a conversion go to the first and the last token, the rest
    evenly to those between; two tokens share in proportion of the two, one takes all. Markov: removal
    effects, 1 - P(conversion without the channel) / P(conversion) (Anderl et al. 2016, International Journal
    of Research in Marketing 33(3):457-474), made to sum to 1. Shapley: the worth of a coalition is the number
    of conversions on paths that use no channel outside it (Zhao, Mahboobi and Bagheri 2018,
    arXiv:1804.05327); all coalitions up to `exact_up_to` channels, else sampled orders.

    Raises: ValueError without any conversion.
    """
    if not seen.converted.sum():
        raise ValueError("no path converted: there is nothing to share out")
    chains = {"markov": _chain(table, 1)} | ({"markov2": _chain(table, 2)} if with_second_order else {})
    is_exact = table.n_channels <= exact_up_to
    coalition = _coalitions(table) if is_exact else _sampled_credit(table, seed)
    of_converted = [_position_credit(table, first_share, last_share), coalition]
    of_converted += [chain.ends for chain in chains.values()]
    of_all = [chain.steps for chain in chains.values()]
    sizes = [block.shape[1] for block in of_converted + of_all]
    rows = _by_physician(seen, hstack(of_converted, format="csr"), hstack(of_all, format="csr"))

    def weights(resampled: Floats) -> dict[str, Floats]:
        blocks = iter(np.split(resampled, np.cumsum(sizes)[:-1], axis=1))
        found = {"position": _to_one(next(blocks))}
        by_coalition = next(blocks)
        found["shapley"] = _to_one(shapley(_worth(by_coalition)) if is_exact else by_coalition)
        ends = {name: next(blocks) for name in chains}
        for name, chain in chains.items():
            found[name] = _to_one(_removal_effects(chain, next(blocks), ends[name], table.n_channels))
        return found

    once = weights(np.asarray(rows.sum(axis=0), dtype=np.float64).reshape(1, -1))
    random = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in once}
    physicians = rows.shape[0]
    for first in range(0, draws, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, draws - first)
        times = random.multinomial(physicians, np.full(physicians, 1 / physicians), size=count)
        for name, block in weights(np.asarray((rows.T @ times.T.astype(np.float64)).T)).items():
            drawn[name].append(block)
    shares = {}
    for name, point in once.items():
        low, high = np.nanquantile(np.concatenate(drawn[name]), [0.025, 0.975], axis=0)
        shares[name] = Shares(point[0], low, high)
    orders = {tuple(np.argsort(-np.round(shares[name].weight, 9), kind="stable")) for name in RULES}
    return Attribution(shares, len(orders) == 1)


def shapley(worth: Floats) -> Floats:
    """Shapley values of games over n players: `worth` of shape (games, 2**n), bit k of the index being player
    k.

    Returns shape (games, n).
    """
    players = int(worth.shape[1]).bit_length() - 1
    coalition = np.arange(worth.shape[1])
    size = _bits(coalition)
    weight = np.array([factorial(s) * factorial(players - s - 1) for s in range(players)]) / factorial(
        players
    )
    values = np.empty((worth.shape[0], players))
    for player in range(players):
        without = coalition[(coalition >> player) & 1 == 0]
        gain = worth[:, without | (1 << player)] - worth[:, without]
        values[:, player] = gain @ weight[size[without]]
    return values


def _by_physician(seen: Occurrences, of_converted: csr_matrix, of_all: csr_matrix) -> csr_matrix:
    """(physicians, features): each physician's paths, as often as they occurred, in terms of what the rules
    count.
    """
    _, row = np.unique(seen.physician, return_inverse=True)
    shape = (int(row.max()) + 1, of_all.shape[0])
    converted = csr_matrix((seen.converted.astype(np.float64), (row, seen.path)), shape=shape)
    both = csr_matrix(
        ((seen.converted + seen.not_converted).astype(np.float64), (row, seen.path)), shape=shape
    )
    return hstack([converted @ of_converted, both @ of_all], format="csr")


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


def _channel_sets(table: PathTable) -> Ints:
    """The channels of each path as bits."""
    sets = np.zeros(table.n_paths, dtype=np.int64)
    np.bitwise_or.at(sets, table.path, np.int64(1) << table.channel)
    return sets


def _coalitions(table: PathTable) -> csr_matrix:
    """(paths, 2**channels): each path's own channel set."""
    place = (np.arange(table.n_paths), _channel_sets(table))
    return csr_matrix((np.ones(table.n_paths), place), shape=(table.n_paths, 1 << table.n_channels))


def _worth(by_set: Floats) -> Floats:
    """Sum over all subsets of each coalition."""
    worth = by_set.copy()
    everybody = np.arange(worth.shape[1])
    for player in range(int(worth.shape[1]).bit_length() - 1):
        having = everybody[(everybody >> player) & 1 == 1]
        worth[:, having] += worth[:, having ^ (1 << player)]
    return worth


def _sampled_credit(table: PathTable, seed: int) -> csr_matrix:
    """Shares of a conversion when channels join in random orders: whoever completes the path's set gets it
    all.
    """
    sets, kind = np.unique(_channel_sets(table), return_inverse=True)
    members = (sets[:, None] >> np.arange(table.n_channels)) & 1 == 1
    random = np.random.default_rng([seed, table.n_channels])
    credit = np.zeros(members.shape)
    for _ in range(_SAMPLED_ORDERS):
        place = random.permutation(table.n_channels)
        credit[np.arange(len(sets)), np.where(members, place, -1).argmax(axis=1)] += 1 / _SAMPLED_ORDERS
    return csr_matrix(credit[kind])


def _chain(table: PathTable, order: int) -> _Chain:
    is_first = np.r_[True, table.path[1:] != table.path[:-1]]
    is_last = np.r_[table.path[1:] != table.path[:-1], True]
    before = np.where(is_first, table.n_channels, np.r_[0, table.channel[:-1]]) if order == 2 else 0
    codes, state = np.unique(before * np.int64(table.n_channels) + table.channel, return_inverse=True)
    states = len(codes)
    origin = np.where(is_first, states, np.r_[0, state[:-1]])
    pairs, pair = np.unique(origin * np.int64(states) + state, return_inverse=True)
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


def _removal_effects(chain: _Chain, steps: Floats, converted_ends: Floats, channels: int) -> Floats:
    """(games, channels): the share of conversions that the chain loses when whoever comes to a channel is
    lost.
    """
    games, states = steps.shape[0], len(chain.channel_of_state)
    counted = np.zeros((games, states + 1, states))
    counted[:, chain.pair_from, chain.pair_to] = steps
    visits = counted.sum(axis=1)
    starts = counted[:, states]
    moves = _divide(counted[:, :states], visits[:, :, None])
    converts = _divide(converted_ends, visits)
    entering = _divide(starts, starts.sum(axis=1, keepdims=True))

    def reached(kept: NDArray[np.bool_]) -> Floats:
        inner = np.eye(states) - moves * kept[None, None, :]
        chance = np.linalg.solve(inner, converts[:, :, None])[:, :, 0]
        return np.asarray((entering * kept * chance).sum(axis=1))

    everything = reached(np.ones(states, dtype=bool))
    lost = [
        1 - _divide(reached(chain.channel_of_state != channel), everything) for channel in range(channels)
    ]
    return np.clip(np.stack(lost, axis=1), 0, 1)


def _to_one(parts: Floats) -> Floats:
    whole = parts.sum(axis=1, keepdims=True)
    return np.where(whole > 0, _divide(parts, whole), np.nan)


def _divide(above: Any, below: Any) -> Floats:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below != 0)


def _bits(numbers: Ints) -> Ints:
    return np.array([int(number).bit_count() for number in numbers])

"""The games behind Shapley credit, and their values over all coalitions or over sampled orders of joining."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.randomness import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.path_counts import PathCounts

__all__ = ["EXACT_CHANNELS", "ChannelSets", "channel_sets", "exact_values", "rate_worth", "sampled_values"]

EXACT_CHANNELS = 20
_WORD = 63  # bits used of an int64
_PURPOSE = "shapley permutations"
_DENSE = 2**22  # sets times distinct words that are still counted in one array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChannelSets:
    """The distinct sets of channels that paths have, flat: set i is ``channel[offsets[i]:offsets[i + 1]]``.

    Attributes:
        players: Codes of the channels that occur, ascending.
        offsets: Begin of each set, and the end of the last.
        channel: Players of each set, as indexes into `players`, ascending inside a set.
        place: For every path its set.
    """

    players: NDArray[np.int64]
    offsets: NDArray[np.int64]
    channel: NDArray[np.int64]
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def codes(self) -> NDArray[np.int64]:
        """Each set as a number: bit i stands for player i. For at most `EXACT_CHANNELS` players."""
        if not len(self):
            return np.zeros(0, np.int64)
        return np.bitwise_or.reduceat(np.int64(1) << self.channel, self.offsets[:-1])

    def sums(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amounts of the paths, added up by set."""
        return np.asarray(np.bincount(self.place, weights=amounts, minlength=len(self)), np.float64)


def channel_sets(paths: PathCounts) -> ChannelSets:
    """The sets of channels of the paths, in an order that depends on nothing but the sets."""
    players = np.flatnonzero(np.bincount(paths.channel, minlength=len(paths.channel_names)) > 0)
    index = np.zeros(len(paths.channel_names), np.int64)
    index[players] = np.arange(len(players))
    player = index[paths.channel]
    place, first = _same_sets(player, paths.offsets, len(players))
    begins, lengths = paths.offsets[:-1][first], paths.lengths[first]
    flat = np.repeat(begins - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
    pairs = np.unique(np.repeat(np.arange(len(first)), lengths) * max(len(players), 1) + player[flat])
    sizes = np.bincount(pairs // max(len(players), 1), minlength=len(first))
    return ChannelSets(
        players=players.astype(np.int64),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        channel=(pairs % max(len(players), 1)).astype(np.int64),
        place=place,
    )


def _same_sets(
    player: NDArray[np.int64], offsets: NDArray[np.int64], players: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every path the number of its set, and for every set one path that has it."""
    size = len(offsets) - 1
    place, sets = np.zeros(size, np.int64), 1
    if not size:
        return place, np.zeros(0, np.int64)
    for word in range(-(-players // _WORD)):
        here = (player // _WORD) == word
        bits = np.where(here, np.int64(1) << (player % _WORD), 0)
        mask = np.bitwise_or.reduceat(bits, offsets[:-1])
        known, mask = _numbered(mask)
        place, sets = _joined(place * known + mask, sets * known)
    first = np.full(sets, size, np.int64)
    np.minimum.at(first, place, np.arange(size))
    return place, first


def _numbered(values: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """The values as ranks among the distinct ones, and how many of those there are."""
    rank, count = _joined(values, int(values.max()) + 1)
    return count, rank


def _joined(values: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], int]:
    """Ranks among the distinct values, all below the limit; small ranges are counted, which is faster than sorting."""
    if limit > _DENSE:
        known, rank = np.unique(values, return_inverse=True)
        return rank.astype(np.int64), len(known)
    seen = np.zeros(limit, bool)
    seen[values] = True
    return (np.cumsum(seen) - 1)[values], int(seen.sum())


def rate_worth(conversions: NDArray[Any], nulls: NDArray[Any], codes: NDArray[np.int64], players: int) -> NDArray[Any]:
    """The worth of every coalition: the conversion rate of the journeys whose channels all lie in it, else 0.

    Sums over subsets take one pass per player (fast zeta transform).
    """
    converted = _scattered(conversions, codes, players)
    journeys = _scattered(conversions + nulls, codes, players)
    for player in range(players):
        for counts in (converted, journeys):
            halves = counts.reshape(-1, 2, 1 << player)
            halves[:, 1] += halves[:, 0]
    # Without a journey there is no conversion either: 0 / 1.
    worth: NDArray[Any] = converted / (journeys + (journeys == 0))
    return worth


def _scattered(amounts: NDArray[Any], codes: NDArray[np.int64], players: int) -> NDArray[Any]:
    spread = np.zeros(1 << players, amounts.dtype)
    spread[codes] = amounts
    return spread


def exact_values(worth: NDArray[Any], players: int, weights: NDArray[Any] | None = None) -> NDArray[Any]:
    """Shapley values of a game over all its coalitions.

    Args:
        worth: Worth of every coalition; bit i of the index stands for player i.
        players: Number of players.
        weights: Weight of a marginal contribution by the number of those who are there already; 1/(n C(n-1, s)).
    """
    if weights is None:
        weights = np.array([1.0 / (players * comb(players - 1, size)) for size in range(players)])
    each = weights[_sizes(players - 1)]
    values = np.zeros(players, worth.dtype)
    for player in range(players):
        halves = worth.reshape(-1, 2, 1 << player)
        # Taking bit `player` out of the coalitions keeps their order, so the weights line up with the differences.
        gains = (halves[:, 1] - halves[:, 0]).ravel()
        values[player] = (gains * each).sum()
    return values


def _sizes(players: int) -> NDArray[np.int64]:
    """Number of players in every coalition."""
    sizes = np.zeros(1, np.int64)
    for _ in range(players):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes


def sampled_values(
    sets: ChannelSets, conversions: NDArray[np.float64], nulls: NDArray[np.float64], *, samples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapley values of the rate game over random orders of the players, and their standard errors.

    Every order is used forwards and backwards (antithetic pairs); the standard error is that of the mean over pairs.
    A set of channels is inside a coalition from the moment on when its last channel has joined, so one order costs a
    pass over the sets, whatever the number of coalitions.
    """
    players, pairs = len(sets.players), samples // 2
    stream = generator(seed, _PURPOSE)
    total, squares = np.zeros(players), np.zeros(players)
    begins = sets.offsets[:-1]
    for pair in range(pairs):
        joined = stream.permutation(players)
        forwards = _gains(sets.channel, begins, joined, conversions, nulls)
        backwards = _gains(sets.channel, begins, players - 1 - joined, conversions, nulls)
        mean = (forwards + backwards) / 2
        # Welford: variances do not suffer where the values are small against the rate.
        step = mean - total
        total += step / (pair + 1)
        squares += step * (mean - total)
    return total, np.sqrt(squares / (pairs - 1) / pairs)


def _gains(
    channel: NDArray[np.int64],
    begins: NDArray[np.int64],
    joined: NDArray[np.int64],
    conversions: NDArray[np.float64],
    nulls: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What each player adds on joining at its place."""
    complete = np.maximum.reduceat(joined[channel], begins)
    converted = np.cumsum(np.bincount(complete, weights=conversions, minlength=len(joined)))
    journeys = np.cumsum(np.bincount(complete, weights=conversions + nulls, minlength=len(joined)))
    worth = converted / (journeys + (journeys == 0))
    gains: NDArray[np.float64] = np.diff(worth, prepend=0.0)[joined]
    return gains

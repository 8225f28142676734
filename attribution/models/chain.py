"""The states and transitions of journeys: what every Markov model is counted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from attribution.journeys.path_counts import PathCounts

__all__ = ["Chain", "lay_out", "number_codes", "weighted_counts"]

_SMALL_TABLE = 1 << 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chain:
    """The absorbing chain of some paths, without its counts.

    A state is the last `order` channels of a journey, fewer near its start: the state of a first touch is not that of
    a later touch of the same channel, except in order 1. A transition leads from a state, or from the start, to the
    next channel, to the conversion or to null. States and transitions are numbered by the codes of their channels, so
    the order of the paths changes no number.

    Attributes:
        order: Number of channels that a state remembers.
        channels: Number of channels; code `channels` is the conversion, `channels` + 1 is null.
        members: Channel codes of each state, newest last, padded with -1 on the left.
        source: State that each transition leaves; `states` is the start.
        next: Channel that each transition leads to, or the code of the conversion or of null.
        target: State that each transition leads to; -1 for the conversion and null.
        offsets: Begin of each path among the steps, and the end of the last.
        step: Transition of each step of each path.
        converting: Transition from the end of each path to the conversion.
        lost: Transition from the end of each path to null.
    """

    order: int
    channels: int
    members: NDArray[np.int64]
    source: NDArray[np.int64]
    next: NDArray[np.int64]
    target: NDArray[np.int64]
    offsets: NDArray[np.int64]
    step: NDArray[np.int64]
    converting: NDArray[np.int64]
    lost: NDArray[np.int64]

    @property
    def states(self) -> int:
        """Number of states; the start, the conversion and null are not among them."""
        return len(self.members)

    @property
    def last(self) -> NDArray[np.int64]:
        """The newest channel of each state."""
        return self.members[:, -1]

    @property
    def transitions(self) -> int:
        """Number of transitions."""
        return len(self.source)

    def totals(self, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
        """How often each transition is made when the paths are taken this often."""
        each = np.repeat(conversions + nulls, np.diff(self.offsets))
        size = self.transitions
        made = weighted_counts(self.step, each, size)
        made += weighted_counts(self.converting, conversions, size)
        made += weighted_counts(self.lost, nulls, size)
        return made

    def matrices(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Paths x transitions: what one conversion, and what one null journey, on a path adds to the totals."""
        return self._matrix(self.converting), self._matrix(self.lost)

    def _matrix(self, end: NDArray[np.int64]) -> sparse.csr_array:
        from scipy import sparse

        paths = len(end)
        offsets = self.offsets + np.arange(paths + 1)
        columns = np.insert(self.step, self.offsets[1:], end)
        shape = (paths, self.transitions)
        made = sparse.csr_array((np.ones(len(columns)), columns, offsets), shape=shape)
        made.sum_duplicates()
        return made


def lay_out(paths: PathCounts, order: int) -> Chain:
    """The states and transitions that occur in some paths, for a memory of `order` channels."""
    channels = len(paths.channel_names)
    state, states = _states(paths, order)
    source = _before(state, paths.offsets[:-1], states)
    width = channels + 2
    ends = state[paths.offsets[1:] - 1] * width + channels
    keys = np.concatenate([source * width + paths.channel, ends, ends + 1])
    number, found = number_codes(keys, (states + 1) * width)
    steps, size = len(state), len(paths)
    target = np.full(len(found), -1)
    target[number[:steps]] = state
    return Chain(
        order=order,
        channels=channels,
        members=_members(paths, state, states, order),
        source=found // width,
        next=found % width,
        target=target,
        offsets=paths.offsets,
        step=number[:steps],
        converting=number[steps : steps + size],
        lost=number[steps + size :],
    )


def _states(paths: PathCounts, order: int) -> tuple[NDArray[np.int64], int]:
    """The state after each step, numbered by its channels, and the number of states."""
    channels = len(paths.channel_names)
    state, found = number_codes(paths.channel, channels)
    # Memory grows by one channel a round: what was remembered one step before, and the channel of this step.
    for _ in range(1, min(order, int(paths.lengths.max(initial=1)))):
        known = len(found)
        key = _before(state, paths.offsets[:-1], known) * channels + paths.channel
        state, found = number_codes(key, (known + 1) * channels)
    return state, len(found)


def _before(state: NDArray[np.int64], begins: NDArray[np.int64], start: int) -> NDArray[np.int64]:
    """The state before each step: that of the step before it, or the start."""
    before = np.empty_like(state)
    before[1:] = state[:-1]
    before[begins] = start
    return before


def _members(paths: PathCounts, state: NDArray[np.int64], states: int, order: int) -> NDArray[np.int64]:
    """The channels of each state, read at any place where it occurs."""
    place = np.empty(states, np.int64)
    place[state] = np.arange(len(state))
    begin = paths.offsets[np.searchsorted(paths.offsets, place, side="right") - 1]
    width = min(order, int(paths.lengths.max(initial=1)))
    at = place[:, None] + np.arange(1 - width, 1)
    return np.where(at >= begin[:, None], paths.channel[np.maximum(at, 0)], -1)


def number_codes(codes: NDArray[np.int64], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the distinct codes in rising order: the number of each entry, and the codes by number.

    Args:
        codes: Non-negative integers.
        bound: Every code lies below it.
    """
    if bound > max(_SMALL_TABLE, 4 * len(codes)):
        found, number = np.unique(codes, return_inverse=True)
        return number.astype(np.int64), found
    # A table of all possible codes costs less than sorting them.
    seen = np.zeros(bound, bool)
    seen[codes] = True
    found = np.flatnonzero(seen)
    table = np.empty(bound, np.int64)
    table[found] = np.arange(len(found))
    return table[codes], found


def weighted_counts(codes: NDArray[np.int64], weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum of the weights of each code, for at least `size` codes."""
    summed: NDArray[Any] = np.bincount(codes, weights=weights, minlength=size)
    return summed

"""The exact solution of an absorbing chain: linear equations, no simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.models.chain import Chain, weighted_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Redirected", "conversion_probability"]

_DENSE = 400  # up to so many states a dense inverse is faster than sparse factors


def conversion_probability(chain: Chain, totals: NDArray[np.float64]) -> float:
    """Probability that a journey ends in the conversion, when each transition is made this often.

    The transitions of a state are taken in proportion to their totals; a state without any leads to null. States from
    which no conversion can be reached are left out first: among them the chain could turn for ever.
    """
    made = totals > 0
    source, target = chain.source[made], chain.target[made]
    leaving = weighted_counts(chain.source, totals, chain.states + 1)
    chance = totals[made] / leaving[source]
    ends = chain.next[made] == chain.channels
    useful = _reaches(source, target, source[ends], chain.states + 1)
    if not useful[chain.states]:
        return 0.0
    number = np.cumsum(useful) - 1
    inner = (target >= 0) & useful[source] & useful[np.maximum(target, 0)]
    size = int(useful.sum())
    reward = weighted_counts(number[source[ends]], chance[ends], size)
    # The start has the highest number.
    solved = _solve(number[source[inner]], number[target[inner]], chance[inner], reward)
    return float(solved[-1])


def _reaches(
    source: NDArray[np.int64], target: NDArray[np.int64], ends: NDArray[np.int64], size: int
) -> NDArray[np.bool_]:
    """States from which one of some states can be reached."""
    reached = np.zeros(size + 1, bool)  # place -1 is for transitions that leave the chain
    reached[ends] = True
    before = -1
    while (count := int(reached.sum())) != before:
        before = count
        reached[source[reached[target]]] = True
    return reached[:size]


def _solve(
    row: NDArray[np.int64], column: NDArray[np.int64], chance: NDArray[np.float64], reward: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve (I - Q) x = reward, dense when small and sparse when large."""
    size = len(reward)
    if size <= _DENSE:
        matrix = np.eye(size)
        matrix[row, column] -= chance
        found: NDArray[Any] = np.linalg.solve(matrix, reward)
        return found
    from scipy import sparse
    from scipy.sparse.linalg import splu

    every = np.arange(size)
    entries = np.concatenate([np.ones(size), -chance])
    places = (np.concatenate([every, row]), np.concatenate([every, column]))
    factors = splu(sparse.csc_array((entries, places), shape=(size, size)))
    solved: NDArray[np.float64] = factors.solve(reward)
    return solved


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Redirected:
    """Removal effects when every entry into a channel leads to null, prepared for many counts on one chain.

    With N the inverse of I - Q, v the expected visits of the states from the start, h their probability of converting
    and B the states of a channel, a journey that converts through B first meets it with the probabilities
    f = v_B (N_BB)^-1. The loss is f h_B, for all channels from one inverse and without a difference of near numbers.

    Attributes:
        chain: The chain.
        inner: Transitions between states.
        first: Transitions from the start.
        ends: Transitions to the conversion.
        block: States of each channel, padded with 0; None when the chain is large.
        absent: Where `block` is padding.
    """

    chain: Chain
    inner: NDArray[np.int64]
    first: NDArray[np.int64]
    ends: NDArray[np.int64]
    block: NDArray[np.int64] | None
    absent: NDArray[np.bool_] | None

    @classmethod
    def of(cls, chain: Chain) -> Redirected:
        """Prepare a chain."""
        starts = chain.source == chain.states
        block, absent = _blocks(chain) if chain.states <= _DENSE else (None, None)
        return cls(
            chain=chain,
            inner=np.flatnonzero((chain.target >= 0) & ~starts),
            first=np.flatnonzero(starts),
            ends=np.flatnonzero(chain.next == chain.channels),
            block=block,
            absent=absent,
        )

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Relative loss of conversion probability per channel; a channel that is in no path loses nothing."""
        chain = self.chain
        leaving = weighted_counts(chain.source, totals, chain.states + 1)
        leaving[leaving == 0] = 1.0  # a state that this resample never visits
        chance = totals / leaving[chain.source]
        if self.block is None or self.absent is None:
            return self._by_channel(chance)
        matrix = np.eye(chain.states)
        matrix[chain.source[self.inner], chain.target[self.inner]] -= chance[self.inner]
        inverse = np.linalg.inv(matrix)
        start, reward = np.zeros(chain.states), np.zeros(chain.states)
        start[chain.target[self.first]] = chance[self.first]
        reward[chain.source[self.ends]] = chance[self.ends]
        visits, converts = start @ inverse, inverse @ reward
        if chain.order == 1:
            passed = visits / np.diagonal(inverse) * converts
        else:
            inside = inverse[self.block[:, :, None], self.block[:, None, :]]
            inside = np.where(self.absent[:, :, None] | self.absent[:, None, :], np.eye(inside.shape[-1]), inside)
            met = np.where(self.absent, 0.0, converts[self.block])
            solved = np.linalg.solve(inside, met[:, :, None])[:, :, 0]
            passed = (np.where(self.absent, 0.0, visits[self.block]) * solved).sum(axis=1)
        loss = np.zeros(chain.channels)
        loss[np.unique(chain.last)] = passed / float(start @ converts)
        return loss

    def _by_channel(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """One sparse solution per channel, over the states that end in another."""
        chain = self.chain
        source, target = chain.source[self.inner], chain.target[self.inner]
        reward, start = np.zeros(chain.states), np.zeros(chain.states)
        reward[chain.source[self.ends]] = chance[self.ends]
        start[chain.target[self.first]] = chance[self.first]
        whole = float(start @ _solve(source, target, chance[self.inner], reward))
        loss = np.zeros(chain.channels)
        for channel in np.unique(chain.last).tolist():
            kept = chain.last != channel
            number = np.cumsum(kept) - 1
            inner = kept[source] & kept[target]
            left = _solve(number[source[inner]], number[target[inner]], chance[self.inner[inner]], reward[kept])
            loss[channel] = 1.0 - float(start[kept] @ left) / whole
        return loss


def _blocks(chain: Chain) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The states of each occurring channel, one row each, padded to the same length."""
    groups = [np.flatnonzero(chain.last == channel) for channel in np.unique(chain.last).tolist()]
    width = max((len(group) for group in groups), default=0)
    block = np.zeros((len(groups), width), np.int64)
    absent = np.ones((len(groups), width), bool)
    for row, group in enumerate(groups):
        block[row, : len(group)] = group
        absent[row, : len(group)] = False
    return block, absent

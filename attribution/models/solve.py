"""The exact solution of an absorbing chain: linear equations, no simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.models.chain import Chain, weighted_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse.linalg import SuperLU

__all__ = ["Redirected", "conversion_probability"]

_DENSE = 64  # up to so many states a dense solution is faster than sparse factors
_SHARED = 400  # up to so many states all channels share one factorisation


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
    solved: NDArray[np.float64] = _factors(row, column, chance, size).solve(reward)
    return solved


def _factors(row: NDArray[np.int64], column: NDArray[np.int64], chance: NDArray[np.float64], size: int) -> SuperLU:
    """The sparse factors of I - Q."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    every = np.arange(size)
    entries = np.concatenate([np.ones(size), -chance])
    # SuperLU takes C integers as indexes; newer SciPy converts by itself.
    places = (np.concatenate([every, row]).astype(np.intc), np.concatenate([every, column]).astype(np.intc))
    return splu(sparse.csc_array((entries, places), shape=(size, size)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Redirected:
    """Removal effects when every entry into a channel leads to null, prepared for many counts on one chain.

    With Q the transitions between states, r those to the conversion and a those from the start, N = (I - Q)^-1 holds
    the expected visits, v = a N those from the start and h = N r the probabilities of converting. A journey that
    converts through the states B of a channel first meets it with the probabilities f = v_B (N_BB)^-1, so the loss is
    f h_B: one factorisation answers for all channels. Where B is large, each channel is solved for without its states.

    Attributes:
        chain: The chain.
        inner: Transitions between states.
        first: Transitions from the start.
        ends: Transitions to the conversion.
        channels: The channels that occur.
        states_of: The states of each of them.
    """

    chain: Chain
    inner: NDArray[np.int64]
    first: NDArray[np.int64]
    ends: NDArray[np.int64]
    channels: NDArray[np.int64]
    states_of: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, chain: Chain) -> Redirected:
        """Prepare a chain."""
        starts = chain.source == chain.states
        channels = np.unique(chain.last)
        return cls(
            chain=chain,
            inner=np.flatnonzero((chain.target >= 0) & ~starts),
            first=np.flatnonzero(starts),
            ends=np.flatnonzero(chain.next == chain.channels),
            channels=channels,
            states_of=tuple(np.flatnonzero(chain.last == channel) for channel in channels.tolist()),
        )

    def effects(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Relative loss of conversion probability per channel; a channel that is in no path loses nothing."""
        chain = self.chain
        leaving = weighted_counts(chain.source, totals, chain.states + 1)
        leaving[leaving == 0] = 1.0  # a state that these counts never visit
        chance = totals / leaving[chain.source]
        start, reward = np.zeros(chain.states), np.zeros(chain.states)
        start[chain.target[self.first]] = chance[self.first]
        reward[chain.source[self.ends]] = chance[self.ends]
        loss = np.zeros(chain.channels)
        if chain.states > _SHARED:
            # A channel without effect must not lose a rounding error below 0.
            loss[self.channels] = np.maximum(self._one_by_one(chance, start, reward), 0.0)
            return loss
        source, target, chance = chain.source[self.inner], chain.target[self.inner], chance[self.inner]
        if chain.states <= _DENSE and chain.states == len(self.channels):
            matrix = np.eye(chain.states)
            matrix[source, target] -= chance
            inverse = np.linalg.inv(matrix)
            visits, converts = start @ inverse, inverse @ reward
            # One state per channel, but beyond order 1 not in the order of the channels.
            passed = (visits * converts / np.diagonal(inverse))[np.argsort(chain.last)]
        else:
            # No dense inverse here: on a busy machine the threads of the linear algebra cost more than they save.
            factors: Any = _factors(source, target, chance, chain.states)
            visits, converts = factors.solve(start, "T"), factors.solve(reward)
            passed = np.array([_passed(factors, states, visits, converts) for states in self.states_of])
        loss[self.channels] = np.maximum(passed / float(start @ converts), 0.0)
        return loss

    def _one_by_one(
        self, chance: NDArray[np.float64], start: NDArray[np.float64], reward: NDArray[np.float64]
    ) -> list[float]:
        """One sparse solution per channel, over the states of the others."""
        chain = self.chain
        source, target, chance = chain.source[self.inner], chain.target[self.inner], chance[self.inner]
        whole = float(start @ _solve(source, target, chance, reward))
        loss = []
        for channel in self.channels.tolist():
            kept = chain.last != channel
            number = np.cumsum(kept) - 1
            inner = kept[source] & kept[target]
            solved = _solve(number[source[inner]], number[target[inner]], chance[inner], reward[kept])
            loss.append(1.0 - float(start[kept] @ solved) / whole)
        return loss


def _passed(
    factors: SuperLU, states: NDArray[np.int64], visits: NDArray[np.float64], converts: NDArray[np.float64]
) -> float:
    """Probability of passing some states and converting."""
    units = np.zeros((len(visits), len(states)))
    units[states, np.arange(len(states))] = 1.0
    inside = factors.solve(units)[states]
    return float(visits[states] @ np.linalg.solve(inside, converts[states]))

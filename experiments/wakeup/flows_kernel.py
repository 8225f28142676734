"""Movements between states from one moment to another, with what a long period hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import ConservationError
from experiments.wakeup.states_kernel import ACTIVE, CHURNED, DORMANT, NOT_YET, STATES, local_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts
    from experiments.wakeup.states_customers import Customers
    from experiments.wakeup.states_moments import Moment

__all__ = ["HIDDEN", "Flows", "Returns", "flows_of", "hidden_moves", "returns_of"]

HIDDEN = ("left_and_returned", "woken_and_lost", "new_and_lost")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Flows:
    """The customers who moved between two moments.

    Attributes:
        matrix: Customers by state at the start (rows) and at the end (columns), in the order of the states.
        active_start: Active at the start.
        new: Without an act at the start, active at the end.
        woken_from_dormant: Dormant at the start, active at the end.
        woken_from_churned: Churned at the start, active at the end.
        to_dormant: Active at the start, dormant at the end.
        to_churned: Active at the start, churned at the end.
        active_end: Active at the end.
        dormant_end: Dormant at the end.
        churned_end: Churned at the end.
        hidden: Customers of each movement that the two moments alone do not show.
    """

    matrix: NDArray[np.int64]
    active_start: int
    new: int
    woken_from_dormant: int
    woken_from_churned: int
    to_dormant: int
    to_churned: int
    active_end: int
    dormant_end: int
    churned_end: int
    hidden: tuple[int, ...]

    @property
    def woken(self) -> int:
        """Dormant or churned at the start, active at the end."""
        return self.woken_from_dormant + self.woken_from_churned

    @property
    def lost(self) -> int:
        """Active at the start, dormant or churned at the end."""
        return self.to_dormant + self.to_churned

    @property
    def acquisition_ratio(self) -> float | None:
        """(new + woken) / (to_dormant + to_churned); None when nobody fell asleep."""
        return (self.new + self.woken) / self.lost if self.lost else None

    @property
    def stock_ratio(self) -> float | None:
        """(new + woken) / (dormant + churned at the end); None when nobody is."""
        asleep = self.dormant_end + self.churned_end
        return (self.new + self.woken) / asleep if asleep else None


def flows_of(start: NDArray[np.int8], end: NDArray[np.int8], hidden: NDArray[np.int8]) -> Flows:
    """The flows of some customers out of their states at both moments.

    Args:
        start: State of each at the start.
        end: State of each at the end.
        hidden: 1, 2, 3: the movement in `HIDDEN` that each made unseen; 0: none.

    Raises:
        ConservationError: When the balance does not hold.
    """
    wide = len(STATES)
    matrix = np.bincount(start.astype(np.int64) * wide + end, minlength=wide * wide).reshape(wide, wide)
    counts = np.bincount(hidden, minlength=len(HIDDEN) + 1)[1:]
    found = Flows(
        matrix=matrix,
        active_start=int(np.count_nonzero(start == ACTIVE)),
        new=int(matrix[NOT_YET, ACTIVE]),
        woken_from_dormant=int(matrix[DORMANT, ACTIVE]),
        woken_from_churned=int(matrix[CHURNED, ACTIVE]),
        to_dormant=int(matrix[ACTIVE, DORMANT]),
        to_churned=int(matrix[ACTIVE, CHURNED]),
        active_end=int(np.count_nonzero(end == ACTIVE)),
        dormant_end=int(np.count_nonzero(end == DORMANT)),
        churned_end=int(np.count_nonzero(end == CHURNED)),
        hidden=tuple(int(count) for count in counts),
    )
    balance = found.active_start + found.new + found.woken - found.lost
    if balance != found.active_end or matrix[ACTIVE, NOT_YET]:
        raise ConservationError(
            f"the flows do not balance: {found.active_start} active at the start, {found.new} new, {found.woken} woken "
            f"and {found.lost} lost make {balance}, but {found.active_end} are active at the end. This is an error of "
            "ours, please report it."
        )
    return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Returns:
    """Acts that follow a silence longer than an active customer's, wherever in the log.

    Attributes:
        person: Acting person of each.
        time: When, microseconds.
    """

    person: NDArray[np.int64]
    time: NDArray[np.int64]


def returns_of(acts: Acts, dormant_after: int) -> Returns:
    """Every act that follows a longer silence; with day precision silence is counted in days."""
    time = local_day(acts.time, acts.zone) if acts.table.roles.precision == "day" else acts.time
    longer = np.flatnonzero((np.diff(time) > dormant_after) & (acts.person[1:] == acts.person[:-1])) + 1
    return Returns(person=acts.person[longer], time=acts.time[longer])


def hidden_moves(
    people: Customers,
    returns: Returns,
    ends: tuple[Moment, Moment],
    states: tuple[NDArray[np.int8], NDArray[np.int8]],
    known: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.int8]:
    """Of each customer the movement that the states at both ends do not show, as numbers of `HIDDEN`, or 0.

    Args:
        people: Everybody who has a state.
        returns: Acts after a longer silence.
        ends: Start and end.
        states: States at start and end.
        known: Acts of each acting person before the start and before the end.
    """
    start, end = ends
    place, acted = np.maximum(people.acting, 0), people.acting >= 0
    slept = np.zeros(len(known[0]), bool)
    slept[returns.person[(returns.time >= start.cut) & (returns.time < end.cut)]] = True
    slept = slept[place] & acted
    inside = (known[1] > known[0])[place] & acted
    began, ended = states
    moves = np.zeros(len(began), np.int8)
    moves[(began == ACTIVE) & (ended == ACTIVE) & slept] = 1
    asleep_at_end = (ended == DORMANT) | (ended == CHURNED)
    moves[((began == DORMANT) | (began == CHURNED)) & asleep_at_end & inside] = 2
    moves[(began == NOT_YET) & asleep_at_end & inside] = 3
    return moves

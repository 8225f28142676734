"""What each customer bought over one and the same time from the first purchase on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.wakeup.acts import Acts

__all__ = ["Followed", "QualityRules", "follow"]

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QualityRules:
    """How quality is read.

    Attributes:
        silence: Microseconds of silence after which a customer has stopped.
        lost_by: Purchase by which the loss is counted.
        margin: Difference of shares that matters.
        level: Confidence level.
    """

    silence: int
    lost_by: int
    margin: float
    level: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Followed:
    """One entry per customer.

    Attributes:
        bought: Whether there was any purchase.
        observed: Whether the first purchase lies so far back that the loss can be seen.
        lost: Whether the customer stopped by the purchase asked for; only meaningful where observed.
        purchases: Purchases within the time of observation from the first one on.
        value: Their value; None without a value.
        strangers: Persons of the log who are no customers of the table.
    """

    bought: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    purchases: NDArray[np.int64]
    value: NDArray[np.float64] | None
    strangers: int


def follow(
    acts: Acts, row: NDArray[np.int64], customers: int, rules: QualityRules, worth: NDArray[np.float64] | None
) -> Followed:
    """Follow every customer from the first purchase on.

    Args:
        acts: The purchases.
        row: For each person of the acts the number of the customer; -1 for strangers.
        customers: Number of customers.
        rules: How long to follow.
        worth: Value of each act; None without.
    """
    known = row >= 0
    # Subtracting before comparing cannot overflow: times are far inside int64.
    length = min(rules.silence * rules.lost_by, 2**61)
    # Acts at as_of itself are not known, so the last moment of the follow-up lies before it.
    seen = known & (acts.first < acts.as_of - length)
    stopped = _stopped(acts, rules)
    within = (acts.time - np.repeat(acts.first, acts.counts)) <= length
    counts = np.add.reduceat(within.astype(np.int64), acts.start[:-1])
    value = None
    if worth is not None:
        value = _spread(acts.totals(np.where(within, worth, 0.0)), row, known, customers)
    return Followed(
        bought=_spread(np.ones(len(row), bool), row, known, customers),
        observed=_spread(seen, row, known, customers),
        lost=_spread(stopped, row, known, customers),
        purchases=_spread(counts, row, known, customers),
        value=value,
        strangers=int(np.count_nonzero(~known)),
    )


def _spread(values: NDArray[_Kind], row: NDArray[np.int64], known: NDArray[np.bool_], size: int) -> NDArray[_Kind]:
    """Values of the persons of the log, placed at their customers; customers without acts get 0."""
    placed = np.zeros(size, values.dtype)
    placed[row[known]] = values[known]
    return placed


def _stopped(acts: Acts, rules: QualityRules) -> NDArray[np.bool_]:
    """Whether a person fell silent for longer than allowed after one of the first purchases."""
    lost = np.zeros(len(acts.counts), bool)
    for n in range(rules.lost_by):
        has, more = acts.counts > n, acts.counts > n + 1
        place = acts.start[:-1] + n
        here = acts.time[np.where(has, place, 0)]
        after = acts.time[np.where(more, place + 1, 0)]
        gone = ~more | (after - here > rules.silence)
        lost |= has & gone  # who stopped earlier stays lost: a late return does not undo it
    return lost

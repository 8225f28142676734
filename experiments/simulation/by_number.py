"""Outcomes by customer number, for a campaign that assigned numbers: a person's deeds lie on one of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.simulation.constants import DAYS
from experiments.simulation.outcomes import Realised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.tables import Booked

__all__ = ["addressed", "realised_by_number"]

_WINDOW = DAYS * 86_400


def addressed(owner: NDArray[np.int64], arm: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each person that stands on the list of the highest arm; the smallest where several do.

    Args:
        owner: The person of each number.
        arm: The arm of each number.
    """
    order = np.lexsort((np.arange(len(owner)), -arm, owner))
    first = np.ones(len(owner), dtype=bool)
    first[1:] = owner[order][1:] != owner[order][:-1]
    chosen: NDArray[np.int64] = order[first]
    return chosen


def realised_by_number(
    booked: Booked, touched: NDArray[np.int64], touch_cost: NDArray[np.float64], *, fixed: NDArray[np.float64]
) -> Realised:
    """What a bank that looks at numbers would see.

    Args:
        booked: The conversions and their numbers.
        touched: Number of each touch.
        touch_cost: Cost of each touch.
        fixed: Share of the lump sums of each number.
    """
    numbers = len(fixed)
    inside = booked.seconds < _WINDOW
    number = booked.number[inside]
    orders = np.bincount(number, minlength=numbers).astype(np.int64)
    value, incentive, spent = (
        np.bincount(place, amount, minlength=numbers).astype(np.float64)
        for place, amount in (
            (number, booked.value[inside]),
            (number, booked.incentive[inside]),
            (touched, touch_cost),
        )
    )
    return Realised(
        woken=(orders > 0).astype(np.int64),
        value=value,
        orders=orders,
        touch_cost=spent,
        incentive_cost=incentive,
        fixed_cost=fixed,
        closed=np.zeros(numbers, dtype=np.int64),
    )

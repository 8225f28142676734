"""Touches that no conversion may credit, whatever its time, each with the first reason against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import microseconds
from attribution.customers import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.customers import Customers
    from attribution.journeys.levels import Levels
    from attribution.rules import Rules
    from attribution.touches import Touches

__all__ = ["Withheld", "last_activity", "withheld_touches"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Withheld(IntEnum):
    """Why a touch takes no credit from any conversion; the first reason that holds is kept. 0 is no reason.

    Attributes:
        LEVEL_COLLAPSED: Another row stands for its message.
        BELOW_LEVEL: Its message never reached the declared level.
        INBOUND_EXCLUDED: The customer began it.
        BEFORE_START: It is older than `not_before`.
        BEFORE_DORMANCY: It came before its person was dormant.
    """

    LEVEL_COLLAPSED = 1
    BELOW_LEVEL = 2
    INBOUND_EXCLUDED = 3
    BEFORE_START = 4
    BEFORE_DORMANCY = 5


def withheld_touches(
    touches: Touches, rules: Rules, *, levels: Levels | None, activity: NDArray[np.int64] | None
) -> NDArray[np.int8]:
    """The reason of every row of the touches, 0 for those that may take credit.

    Args:
        touches: The touches.
        rules: The rules.
        levels: What the delivery levels say; None without them.
        activity: The last activity of the person of each touch; None without the rule of dormancy.
    """
    found = np.zeros(len(touches.times), np.int8)
    reasons = {
        Withheld.LEVEL_COLLAPSED: None if levels is None else levels.collapsed,
        Withheld.BELOW_LEVEL: None if levels is None else levels.below,
        Withheld.INBOUND_EXCLUDED: _inbound(touches, rules),
        Withheld.BEFORE_START: _before_start(touches, rules),
        Withheld.BEFORE_DORMANCY: _before_dormancy(touches, rules, activity),
    }
    for reason, holds in reasons.items():
        if holds is not None:
            found[holds & (found == 0)] = reason
    return found


def last_activity(touches: Touches, customers: Customers) -> NDArray[np.int64]:
    """The last activity of the person of each touch; `NEVER` where it is unknown."""
    import pyarrow.compute as pc

    if customers.last_active is None or not len(customers):
        return np.full(len(touches.times), NEVER, np.int64)
    place = pc.fill_null(pc.index_in(touches.person, value_set=customers.person), -1).to_numpy(zero_copy_only=False)
    return np.where(place >= 0, customers.last_active[place], NEVER)


def _inbound(touches: Touches, rules: Rules) -> NDArray[np.bool_] | None:
    if rules.origin != "outbound" or touches.origin is None or not len(touches.origin.names):
        return None
    inbound = np.array([name != "outbound" for name in touches.origin.names], bool)
    return np.asarray(inbound[touches.origin.codes])


def _before_start(touches: Touches, rules: Rules) -> NDArray[np.bool_] | None:
    if not isinstance(rules.not_before, datetime):
        return None
    return np.asarray(touches.time < (rules.not_before - _EPOCH) // timedelta(microseconds=1))


def _before_dormancy(touches: Touches, rules: Rules, activity: NDArray[np.int64] | None) -> NDArray[np.bool_] | None:
    if activity is None or not isinstance(rules.dormancy, timedelta):
        return None
    # The age since the last activity, not the sum: an activity plus a very long duration would leave int64.
    since = touches.time - np.where(activity == NEVER, 0, activity)
    return np.asarray((activity != NEVER) & (since < microseconds(rules.dormancy)))

"""One row of outcomes per person, computed from the simulator's own arrays and not from its tables.

That makes the outcomes a second opinion on whatever builds them from the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.simulation.constants import ARMS, DAYS
from experiments.simulation.exposure import outbound_costs, unsent_cost
from experiments.simulation.returns import incentive_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.hazards import Returns
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population
    from experiments.simulation.returns import Events

__all__ = ["Realised", "expected_costs", "realise"]

_WINDOW = DAYS * 86_400


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Realised:
    """Outcomes by person within the window.

    Attributes:
        woken: 1 with at least one conversion, else 0.
        value: Margin of all conversions, yuan.
        orders: Number of conversions.
        touch_cost: Campaign touches and search clicks, yuan.
        incentive_cost: Coupons paid, yuan.
        fixed_cost: The person's share of the lump sums, yuan.
        closed: 1 if the account was closed, else 0.
    """

    woken: NDArray[np.int64]
    value: NDArray[np.float64]
    orders: NDArray[np.int64]
    touch_cost: NDArray[np.float64]
    incentive_cost: NDArray[np.float64]
    fixed_cost: NDArray[np.float64]
    closed: NDArray[np.int64]


def realise(
    constants: Constants, events: Events, exposure: Exposure, *, placing: Placing, fixed: NDArray[np.float64]
) -> Realised:
    """Outcomes from what happened.

    Args:
        constants: The scenario.
        events: What happened.
        exposure: Potential touches by person.
        placing: Whose touches each person got.
        fixed: Share of the lump sums per person, by arm.
    """
    given, rows = placing.given, np.arange(len(placing.given))
    woken = (events.returned_at >= 0) & (events.returned_at < _WINDOW)
    again = (events.again_at >= 0) & (events.again_at < _WINDOW)
    touches = outbound_costs(constants, exposure)[given, rows] + constants.search_price * (events.search_at >= 0)
    if constants.design.resend:
        later = np.array(constants.sms_days[1:])[:, np.newaxis] * 86_400
        unsent = ((events.returned_at >= 0) & (events.returned_at < later)).sum(axis=0)
        touches -= unsent * unsent_cost(constants, exposure)[given, rows]
    return Realised(
        woken=woken.astype(np.int64),
        value=np.where(woken, events.value, 0.0) + np.where(again, events.again_value, 0.0),
        orders=woken.astype(np.int64) + again,
        touch_cost=touches,
        incentive_cost=events.redeemed,
        fixed_cost=fixed[given % len(ARMS)],
        closed=((events.closed_at >= 0) & (events.closed_at < _WINDOW)).astype(np.int64),
    )


def expected_costs(
    constants: Constants,
    population: Population,
    exposure: Exposure,
    returns: Returns,
    *,
    fixed: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Arms by persons: expected full cost, exact given the person's potential touches.

    Touches and lump sums are certain; search clicks and coupons are linear in the probability to return. When control
    persons are reached, what those cost stands below the arms.
    """
    probability = returns.probability
    clicks = constants.search_if_silent + (constants.search_if_woken - constants.search_if_silent) * probability
    coupon, redeemed = incentive_terms(constants, population)
    incentive = coupon * redeemed * probability
    incentive[0] = incentive[len(ARMS) :] = 0.0
    outbound = outbound_costs(constants, exposure)
    if returns.before_resend is not None:
        outbound = outbound - unsent_cost(constants, exposure) * returns.before_resend
    share = fixed[np.arange(len(outbound)) % len(ARMS)]
    expected: NDArray[np.float64] = outbound + constants.search_price * clicks + incentive + share[:, np.newaxis]
    return expected

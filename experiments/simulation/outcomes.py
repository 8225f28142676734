"""One row of outcomes per person, computed from the simulator's own arrays and not from its tables.

That makes the outcomes a second opinion on whatever builds them from the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.simulation.constants import DAYS
from experiments.simulation.exposure import outbound_costs
from experiments.simulation.returns import incentive_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.population import Population
    from experiments.simulation.returns import Events, Returns

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
    constants: Constants,
    events: Events,
    *,
    arm: NDArray[np.int64],
    outbound: NDArray[np.float64],
    fixed: NDArray[np.float64],
) -> Realised:
    """Outcomes from what happened.

    Args:
        constants: The scenario.
        events: What happened.
        arm: Arm assigned, by person.
        outbound: Arms by persons, cost of the campaign's touches.
        fixed: Share of the lump sums per person, by arm.
    """
    woken = (events.returned_at >= 0).astype(np.int64)
    touches = outbound[arm, np.arange(len(arm))] + constants.search_price * (events.search_at >= 0)
    return Realised(
        woken=woken,
        value=events.value + events.again_value,
        orders=woken + (events.again_at >= 0),
        touch_cost=touches,
        incentive_cost=events.redeemed,
        fixed_cost=fixed[arm],
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

    Touches and lump sums are certain; search clicks and coupons are linear in the probability to return.
    """
    probability = returns.probability
    clicks = constants.search_if_silent + (constants.search_if_woken - constants.search_if_silent) * probability
    coupon, redeemed = incentive_terms(constants, population)
    incentive = coupon * redeemed * probability
    incentive[0] = 0.0
    expected: NDArray[np.float64] = (
        outbound_costs(constants, exposure) + constants.search_price * clicks + incentive + fixed[:, np.newaxis]
    )
    return expected

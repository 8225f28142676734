"""What goes with a return: time of day, margin, coupon, second order, search click; and who closes the account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS, ASSIGNED_AT, DAYS, TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population

__all__ = [
    "Events",
    "closing_probabilities",
    "draw_events",
    "incentive_terms",
    "value_means",
]

_HOUR = 3_600
_DAY = 86_400
_WINDOW = DAYS * _DAY
_OPENING, _CLOSING = 12 * _HOUR, 23 * _HOUR  # returns are booked after the morning in which touches go out
_SOONEST_SEARCH = 60  # seconds between the last click on a search advertisement and the return


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Events:
    """What happened, by person; times in seconds after assignment, -1 where nothing happened.

    Attributes:
        returned_at: The first conversion.
        value: Its margin, yuan.
        redeemed: Coupon paid with it, yuan.
        again_at: The second conversion.
        again_value: Its margin, yuan.
        search_at: The click on a brand-search advertisement.
        closed_at: The account is closed.
    """

    returned_at: NDArray[np.int64]
    value: NDArray[np.float64]
    redeemed: NDArray[np.float64]
    again_at: NDArray[np.int64]
    again_value: NDArray[np.float64]
    search_at: NDArray[np.int64]
    closed_at: NDArray[np.int64]


def incentive_terms(constants: Constants, population: Population) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coupon by person and the probability that a treated returner redeems it."""
    coupon = np.where(population.hunter, constants.coupon_hunter, constants.coupon)
    redeemed = np.where(population.hunter, constants.redeemed_hunter, constants.redeemed)
    return coupon, redeemed


def value_means(constants: Constants, population: Population) -> NDArray[np.float64]:
    """Expected margin of one conversion by person, yuan."""
    normal = constants.value_mean * np.exp(constants.value_per_investment * population.investments)
    return np.where(population.hunter, constants.value_hunter, normal)


def closing_probabilities(constants: Constants, population: Population, exposure: Exposure) -> NDArray[np.float64]:
    """Arms by persons: probability that the account is closed within the window."""
    persons = len(population.kind)
    after_call = _closing_after_call(constants, population, exposure)
    base = np.full(persons, constants.closing)
    return np.stack([base, base, base, 1 - (1 - base) * (1 - after_call)])


def _closing_after_call(constants: Constants, population: Population, exposure: Exposure) -> NDArray[np.float64]:
    disturbed = population.kind == TYPES.index("do_not_disturb")
    extra = np.where(disturbed, constants.closing_after_call_disturbed, constants.closing_after_call)
    return np.where(exposure.answered, extra, 0.0)


def draw_events(
    constants: Constants,
    population: Population,
    exposure: Exposure,
    *,
    placing: Placing,
    returned_day: NDArray[np.int64],
    seed: int,
) -> Events:
    """Draw what goes with the returns: times, margins, coupons, second orders, search clicks, closures.

    Args:
        constants: The scenario.
        population: The persons.
        exposure: Their potential touches.
        placing: Whose touches each person gets, and from when.
        returned_day: Day of the realised return, -1 without one.
        seed: Seed of the streams.
    """
    persons, arm = len(returned_day), placing.given

    def uniform(purpose: str) -> NDArray[np.float64]:
        return generator(seed, f"simulate.{purpose}").random(persons)

    woken = returned_day >= 0
    clock = _OPENING + uniform("return_time") * (_CLOSING - _OPENING)
    returned_at = np.where(woken, returned_day * _DAY + clock.astype(np.int64), -1)
    coupon, redeeming = incentive_terms(constants, population)
    in_window = woken & (returned_day < DAYS)  # offers and advertisements end with the window
    redeems = in_window & (arm > 0) & (arm < len(ARMS)) & (uniform("redeem") < redeeming)

    delay = _HOUR + uniform("second_delay") * (constants.second_order_days * _DAY - _HOUR)
    again = returned_at + delay.astype(np.int64)
    followed = constants.design.followed * _DAY
    is_again = woken & (uniform("second_order") < constants.second_order) & (again < followed)

    clicks = uniform("search") < np.where(in_window, constants.search_if_woken, constants.search_if_silent)
    reach = np.minimum(constants.search_hours * _HOUR, returned_at)
    gap = _SOONEST_SEARCH + uniform("search_time") * (reach - _SOONEST_SEARCH)
    any_time = uniform("search_time_silent") * _WINDOW
    search_at = np.where(in_window, returned_at - np.floor(gap), np.floor(any_time)).astype(np.int64)
    return Events(
        returned_at=returned_at,
        value=np.where(woken, _draw_values(constants, population, seed, "value"), 0.0),
        redeemed=np.where(redeems, coupon, 0.0),
        again_at=np.where(is_again, again, -1),
        again_value=np.where(is_again, _draw_values(constants, population, seed, "second_value"), 0.0),
        search_at=np.where(clicks, search_at, -1),
        closed_at=_draw_closures(constants, population, exposure, placing=placing, seed=seed),
    )


def _draw_values(constants: Constants, population: Population, seed: int, purpose: str) -> NDArray[np.float64]:
    """Lognormal margins with the person's mean, whole cents, at least one."""
    mean = value_means(constants, population)
    noise = generator(seed, f"simulate.{purpose}").standard_normal(len(mean))
    drawn = mean * np.exp(constants.value_sigma * noise - constants.value_sigma**2 / 2)
    return np.maximum(np.round(drawn, 2), 0.01)


def _draw_closures(
    constants: Constants,
    population: Population,
    exposure: Exposure,
    *,
    placing: Placing,
    seed: int,
) -> NDArray[np.int64]:
    """The earlier of the closure that would come anyway (constant hazard) and the one that an answered call causes."""
    persons = len(placing.given)
    hazard = -np.log1p(-constants.closing) / _WINDOW
    anyway = generator(seed, "simulate.closing").exponential(1 / hazard, persons)
    called = placing.given == len(ARMS) - 1
    caused = called & (
        generator(seed, "simulate.closing_after_call").random(persons)
        < _closing_after_call(constants, population, exposure)
    )
    wait = generator(seed, "simulate.closing_wait").random(persons) * constants.closing_call_days * _DAY
    after_call = np.where(caused, exposure.answered_day * _DAY + _OPENING + wait, np.inf)
    first = np.minimum(anyway, after_call)
    horizon = (constants.design.as_of - ASSIGNED_AT.date()).days * _DAY - placing.start
    return np.where(first < horizon, np.minimum(first, horizon), -1).astype(np.int64)

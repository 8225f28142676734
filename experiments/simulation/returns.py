"""Who returns, when and for how much; and the truth about it, before any coin is tossed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS, DAYS, SEEN_DAYS, TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.population import Population

__all__ = [
    "Events",
    "Returns",
    "closing_probabilities",
    "draw_events",
    "draw_returns",
    "incentive_terms",
    "value_means",
]

_HOUR = 3_600
_DAY = 86_400
_WINDOW = DAYS * _DAY
_OPENING, _CLOSING = 12 * _HOUR, 23 * _HOUR  # returns are booked after the morning in which touches go out
_SOONEST_SEARCH = 60  # seconds between the last click on a search advertisement and the return


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Returns:
    """The truth for every arm, and the day on which each person returned in the arm assigned.

    Attributes:
        probability: Arms by persons: probability to return within the window.
        day: Day of the realised return by person, -1 without one.
    """

    probability: NDArray[np.float64]
    day: NDArray[np.int64]


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


def draw_returns(
    constants: Constants, population: Population, exposure: Exposure, arm: NDArray[np.int64], seed: int
) -> Returns:
    """Step through the days: hazard in all four arms, survival product, realised day in the arm assigned."""
    persons = len(arm)
    uniform = generator(seed, "simulate.return").random(persons)
    weekday = np.asarray(constants.weekday_factors) / np.mean(constants.weekday_factors)
    daily = -np.log1p(-np.minimum(population.baseline, 0.95)) / DAYS
    strength = _strength(constants, population)
    answered_day = exposure.answered_day
    fades = {
        "push": np.exp(-1 / constants.push_fade),
        "banner": np.exp(-1 / constants.banner_fade),
        "sms": np.exp(-1 / constants.sms_fade),
        "phone": np.exp(-1 / constants.phone_fade),
    }
    level = {channel: np.zeros(persons) for channel in fades}
    survival = np.ones((len(ARMS), persons))
    day = np.full(persons, -1, dtype=np.int64)
    rows = np.arange(persons)
    for today in range(DAYS):
        for channel, fade in fades.items():
            level[channel] *= fade
        level["banner"] += exposure.opened[today]
        if today in constants.push_days:
            level["push"] += exposure.push
        if today in constants.sms_days:
            level["sms"] += exposure.sms_delivered
        level["phone"] += answered_day == today
        factor = weekday[today % 7]
        digital = constants.push_effect * level["push"] + constants.banner_effect * level["banner"]
        sms = digital + constants.sms_effect * level["sms"]
        full = sms + constants.phone_effect * level["phone"]
        survival[0] *= 1 - np.clip(daily * factor, 0, 1)
        for index, added in enumerate((digital, sms, full), start=1):
            survival[index] *= 1 - np.clip((daily + added * strength) * factor, 0, 1)
        day[(day < 0) & (1 - survival[arm, rows] > uniform)] = today
    return Returns(probability=1 - survival, day=day)


def _strength(constants: Constants, population: Population) -> NDArray[np.float64]:
    """How strongly a person answers to a touch; negative for those whom it drives away."""
    strength: NDArray[np.float64] = (
        np.asarray(constants.effect_by_type)[population.kind]
        * np.where(population.hunter, constants.effect_hunter, 1.0)
        * np.asarray(constants.effect_by_recency)[population.recency_class]
    )
    return strength


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
    arm: NDArray[np.int64],
    returned_day: NDArray[np.int64],
    seed: int,
) -> Events:
    """Draw what goes with the returns: times, margins, coupons, second orders, search clicks, closures.

    Args:
        constants: The scenario.
        population: The persons.
        exposure: Their potential touches.
        arm: Arm assigned, by person.
        returned_day: Day of the realised return, -1 without one.
        seed: Seed of the streams.
    """
    persons = len(arm)

    def uniform(purpose: str) -> NDArray[np.float64]:
        return generator(seed, f"simulate.{purpose}").random(persons)

    woken = returned_day >= 0
    clock = _OPENING + uniform("return_time") * (_CLOSING - _OPENING)
    returned_at = np.where(woken, returned_day * _DAY + clock.astype(np.int64), -1)
    coupon, redeeming = incentive_terms(constants, population)
    redeems = woken & (arm > 0) & (uniform("redeem") < redeeming)

    delay = _HOUR + uniform("second_delay") * (constants.second_order_days * _DAY - _HOUR)
    again = returned_at + delay.astype(np.int64)
    is_again = woken & (uniform("second_order") < constants.second_order) & (again < _WINDOW)

    clicks = uniform("search") < np.where(woken, constants.search_if_woken, constants.search_if_silent)
    reach = np.minimum(constants.search_hours * _HOUR, returned_at)
    gap = _SOONEST_SEARCH + uniform("search_time") * (reach - _SOONEST_SEARCH)
    any_time = uniform("search_time_silent") * _WINDOW
    search_at = np.where(woken, returned_at - np.floor(gap), np.floor(any_time)).astype(np.int64)
    return Events(
        returned_at=returned_at,
        value=np.where(woken, _draw_values(constants, population, seed, "value"), 0.0),
        redeemed=np.where(redeems, coupon, 0.0),
        again_at=np.where(is_again, again, -1),
        again_value=np.where(is_again, _draw_values(constants, population, seed, "second_value"), 0.0),
        search_at=np.where(clicks, search_at, -1),
        closed_at=_draw_closures(constants, population, exposure, arm=arm, seed=seed),
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
    arm: NDArray[np.int64],
    seed: int,
) -> NDArray[np.int64]:
    """The earlier of the closure that would come anyway (constant hazard) and the one that an answered call causes."""
    persons = len(arm)
    hazard = -np.log1p(-constants.closing) / _WINDOW
    anyway = generator(seed, "simulate.closing").exponential(1 / hazard, persons)
    called = arm == len(ARMS) - 1
    caused = called & (
        generator(seed, "simulate.closing_after_call").random(persons)
        < _closing_after_call(constants, population, exposure)
    )
    wait = generator(seed, "simulate.closing_wait").random(persons) * constants.closing_call_days * _DAY
    after_call = np.where(caused, exposure.answered_day * _DAY + _OPENING + wait, np.inf)
    first = np.minimum(anyway, after_call)
    horizon = SEEN_DAYS * _DAY
    return np.where(first < horizon, np.minimum(first, horizon), -1).astype(np.int64)

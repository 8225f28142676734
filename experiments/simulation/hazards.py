"""Who returns and when; and the truth about it in every arm, before any coin is tossed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS, DAYS
from experiments.simulation.placing import LEAKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population

__all__ = ["LATER_DAYS", "Returns", "draw_returns"]

LATER_DAYS = (60, 90)  # days after the assignment at which the truth of a long follow-up is told


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Returns:
    """The truth for every arm, and the day on which each person returned with the touches that came.

    Attributes:
        probability: Arms by persons: probability to return within the window; below the arms, when control persons are
            reached, the probability of a control person who gets the messages.
        day: Day of the realised return by person, -1 without one.
        before_resend: Where messages after the first go to the silent only: how many are expected not to go out.
        later: Days after the assignment, of a long follow-up: the probability to have returned by then.
    """

    probability: NDArray[np.float64]
    day: NDArray[np.int64]
    before_resend: NDArray[np.float64] | None = None
    later: dict[int, NDArray[np.float64]] = field(default_factory=dict)


def draw_returns(
    constants: Constants, population: Population, exposure: Exposure, placing: Placing, seed: int
) -> Returns:
    """Step through the days: hazard under every treatment, survival product, realised day under the one given."""
    uniform = generator(seed, "simulate.return").random(len(placing.given))
    daily = -np.log1p(-np.minimum(population.baseline, 0.95)) / DAYS
    strength = _strength(constants, population) * placing.boost
    if constants.design.pulled > 0:
        return _pulled_forward(constants, exposure, placing, (daily, strength, uniform))
    return _added(constants, exposure, placing, (daily, strength, uniform))


def _added(
    constants: Constants, exposure: Exposure, placing: Placing, drawn: tuple[NDArray[np.float64], ...]
) -> Returns:
    """Touches add to the hazard."""
    daily, strength, uniform = drawn
    persons, rows = len(daily), np.arange(len(daily))
    touches = _Levels(constants, exposure, leaked=constants.design.contamination > 0)
    survival = np.ones((1 + touches.treatments, persons))
    day = np.full(persons, -1, dtype=np.int64)
    before_resend = np.zeros_like(survival) if constants.design.resend else None
    for today in range(DAYS):
        if before_resend is not None and today in constants.sms_days[1:]:
            before_resend += 1 - survival
        factor = _factor(constants, today)
        anyway = daily * constants.design.rally if today >= constants.design.rally_day else daily
        survival[0] *= 1 - np.clip(anyway * factor, 0, 1)
        for index, added in enumerate(touches.step(today), start=1):
            survival[index] *= 1 - np.clip((anyway + added * strength) * factor, 0, 1)
        day[(day < 0) & (1 - survival[placing.given, rows] > uniform)] = today
    return Returns(probability=1 - survival, day=day, before_resend=before_resend)


def _pulled_forward(
    constants: Constants, exposure: Exposure, placing: Placing, drawn: tuple[NDArray[np.float64], ...]
) -> Returns:
    """Touches bring returns forward that would come anyway; on the last day all arms have seen the same ones.

    With F the probability to return by a day without touches, and A what touches have added to the hazard by then,
    the probability with touches is F(end) x (1 - (1 - F / F(end)) x exp(-A)).
    """
    daily, strength, uniform = drawn
    persons, rows, last = len(daily), np.arange(len(daily)), constants.design.followed
    pushed = constants.design.pulled * np.maximum(strength, 0.0)
    silent = np.ones(persons)
    for today in range(last):
        silent *= 1 - np.clip(daily * _factor(constants, today), 0, 1)
    total = 1 - silent
    touches = _Levels(constants, exposure, leaked=False)
    silent = np.ones(persons)
    hurried = np.zeros((len(ARMS), persons))
    day = np.full(persons, -1, dtype=np.int64)
    known: dict[int, NDArray[np.float64]] = {}
    for today in range(last):
        factor = _factor(constants, today)
        silent *= 1 - np.clip(daily * factor, 0, 1)
        for index, added in enumerate(touches.step(today), start=1):
            hurried[index] += added * pushed * factor
        waiting = np.clip(1 - (1 - silent) / total, 0, 1) * np.exp(-hurried)
        returned = total * (1 - waiting)
        day[(day < 0) & (returned[placing.given, rows] > uniform)] = today
        if today + 1 in (DAYS, *LATER_DAYS):
            known[today + 1] = returned
    return Returns(probability=known.pop(DAYS), day=day, later=known)


class _Levels:
    """How strongly the touches of each channel still work, day by day."""

    def __init__(self, constants: Constants, exposure: Exposure, *, leaked: bool) -> None:
        self._constants = constants
        self._exposure = exposure
        self._leaked = leaked
        self._answered_day = exposure.answered_day
        self._fades = {
            "push": np.exp(-1 / constants.push_fade),
            "banner": np.exp(-1 / constants.banner_fade),
            "sms": np.exp(-1 / constants.sms_fade),
            "phone": np.exp(-1 / constants.phone_fade),
        }
        self._level = {channel: np.zeros(len(exposure.push)) for channel in self._fades}

    @property
    def treatments(self) -> int:
        return LEAKED if self._leaked else len(ARMS) - 1

    def step(self, today: int) -> list[NDArray[np.float64]]:
        """What is added to the hazard today by each treated arm, and by messages alone when the control gets some."""
        c, level = self._constants, self._level
        for channel, fade in self._fades.items():
            level[channel] *= fade
        if today < DAYS:
            level["banner"] += self._exposure.opened[today]
        if today in c.push_days:
            level["push"] += self._exposure.push
        if today in c.sms_days:
            level["sms"] += self._exposure.sms_delivered
        level["phone"] += self._answered_day == today
        digital = c.push_effect * level["push"] + c.banner_effect * level["banner"]
        sms = digital + c.sms_effect * level["sms"]
        full = sms + c.phone_effect * level["phone"]
        added = [digital, sms, full]
        return [*added, c.sms_effect * level["sms"]] if self._leaked else added


def _factor(constants: Constants, today: int) -> float:
    weekday = np.asarray(constants.weekday_factors) / np.mean(constants.weekday_factors)
    return float(weekday[today % 7])


def _strength(constants: Constants, population: Population) -> NDArray[np.float64]:
    """How strongly a person answers to a touch; negative for those whom it drives away."""
    strength: NDArray[np.float64] = (
        np.asarray(constants.effect_by_type)[population.kind]
        * np.where(population.hunter, constants.effect_hunter, 1.0)
        * np.asarray(constants.effect_by_recency)[population.recency_class]
    )
    return strength

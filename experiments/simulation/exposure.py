"""Who can be reached by what and when: drawn once per person, the same in every arm.

An arm only decides which channels are used. What a person's touches would cost is therefore known for all four arms.
A return does not stop the touches that are planned: lists and schedule are frozen at assignment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS, COUNT_CLASSES, DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.population import Population

__all__ = ["Exposure", "draw_exposure", "fixed_costs", "outbound_costs", "unsent_cost"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Exposure:
    """Potential touches by person.

    Attributes:
        push: A push reaches the person.
        opened: Days by persons: the app is opened and the banner shown.
        sms_sent: Messages are sent (no opt-out).
        sms_delivered: They arrive.
        segments: Billed segments of each message to the person, 1 or 2.
        attempts: Calls made, 0 to 2.
        answered: One of them, the last, is answered.
        call_day: Day of the first call.
    """

    push: NDArray[np.bool_]
    opened: NDArray[np.bool_]
    sms_sent: NDArray[np.bool_]
    sms_delivered: NDArray[np.bool_]
    segments: NDArray[np.int64]
    attempts: NDArray[np.int64]
    answered: NDArray[np.bool_]
    call_day: NDArray[np.int64]

    @property
    def answered_day(self) -> NDArray[np.int64]:
        """Day of the answered call, -1 without one."""
        return np.where(self.answered, self.call_day + self.attempts - 1, -1)


def draw_exposure(constants: Constants, population: Population, seed: int) -> Exposure:
    """Draw reach and timing; answering and opening the app go along with coming back anyway."""
    persons = len(population.kind)

    def uniform(purpose: str) -> NDArray[np.float64]:
        return generator(seed, f"simulate.{purpose}").random(persons)

    often = population.count_class == len(COUNT_CLASSES) - 1
    answer = np.asarray(constants.answered_by_type)[population.kind] * np.where(often, constants.answered_many, 1.0)
    callable_ = ~population.no_phone
    answered = callable_ & (uniform("answered") < answer)
    at_once = answered & (uniform("answered_first") < constants.answered_first)
    first, last = constants.call_days
    return Exposure(
        push=population.installed & ~population.no_push & (uniform("push_permitted") < constants.push_permitted),
        opened=_draw_opened(constants, population, seed),
        sms_sent=~population.no_sms,
        sms_delivered=~population.no_sms & (uniform("sms_valid") < constants.sms_valid),
        segments=1 + (uniform("sms_segments") < constants.sms_two_segments).astype(np.int64),
        attempts=np.where(callable_, np.where(at_once, 1, 2), 0),
        answered=answered,
        call_day=first + (uniform("call_day") * (last - first + 1)).astype(np.int64),
    )


def _draw_opened(constants: Constants, population: Population, seed: int) -> NDArray[np.bool_]:
    """Days by persons; the banner is shown at most ``banner_cap`` times."""
    persons = len(population.kind)
    rate = np.where(
        population.installed, constants.open_rate + constants.open_per_baseline * population.baseline, 0.0
    ).astype(np.float32)
    random = generator(seed, "simulate.opened").random((DAYS, persons), dtype=np.float32)
    opened: NDArray[np.bool_] = random < rate
    shown = np.cumsum(opened, axis=0, dtype=np.int8)
    return opened & (shown <= constants.banner_cap)


def outbound_costs(constants: Constants, exposure: Exposure) -> NDArray[np.float64]:
    """Arms by persons: what the person's campaign touches cost, in yuan, if assigned to that arm.

    When control persons are reached, the cost of their messages stands below the arms.
    """
    push = constants.push_price * len(constants.push_days) * exposure.push
    banner = constants.banner_price * exposure.opened.sum(axis=0)
    sms = constants.sms_price * len(constants.sms_days) * exposure.segments * exposure.sms_sent
    phone = constants.attempt_price * exposure.attempts + constants.answered_price * exposure.answered
    digital = push + banner
    arms = [np.zeros_like(digital), digital, digital + sms, digital + sms + phone]
    return np.stack([*arms, sms] if constants.design.contamination > 0 else arms)


def unsent_cost(constants: Constants, exposure: Exposure) -> NDArray[np.float64]:
    """Arms by persons: what is saved by each message that is not sent to one who has returned."""
    message = constants.sms_price * exposure.segments * exposure.sms_sent
    return np.stack([np.zeros_like(message), np.zeros_like(message), message, message])


def fixed_costs(
    constants: Constants, arm: NDArray[np.int64], *, persons: int
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Lump sums by channel, and their share per assigned unit in each arm.

    The lump sums are quoted by the size of the campaign, so that a small simulated campaign costs as much per person
    as a large one.

    Args:
        constants: The scenario.
        arm: Arms of the units in the table of the assignment.
        persons: Persons of the campaign.
    """
    sums = {
        "banner": round(constants.banner_fixed_per_person * persons, 2),
        "phone": round(constants.phone_fixed_per_person * persons, 2),
    }
    counts = np.bincount(arm, minlength=len(ARMS))
    treated = max(1, int(counts[1:].sum()))
    called = max(1, int(counts[3]))
    banner = sums["banner"] / treated
    return sums, np.array([0.0, banner, banner, banner + sums["phone"] / called])

"""Who is assigned to what and when, and whose touches a person really gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.population import Population

__all__ = ["LEAKED", "Placing", "draw_placing", "one_assignment"]

LEAKED = len(ARMS)  # the treatment of control persons whom the messages reach
_DAY = 86_400
_LEAST = 0.25  # those taken off the lists are among this share of the treated, the least likely to return


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Placing:
    """The assignment; arrays by unit (person, or customer number) or by person.

    Attributes:
        arm: By unit: arm in the table of the assignment.
        given: By person: the arm whose touches the person gets, or `LEAKED`.
        probability: By unit: probability of the assigned arm.
        wave: By person: index of the wave.
        start: By person: seconds between the first wave's assignment and the person's.
        boost: By person: what effects are multiplied with.
        kept: By person: still in the table of the assignment.
    """

    arm: NDArray[np.int64]
    given: NDArray[np.int64]
    probability: NDArray[np.float64]
    wave: NDArray[np.int64]
    start: NDArray[np.int64]
    boost: NDArray[np.float64]
    kept: NDArray[np.bool_]


def one_assignment(arm: NDArray[np.int64]) -> Placing:
    """Everybody at one instant, with equal shares, and given what was assigned."""
    zeros = np.zeros(len(arm), dtype=np.int64)
    return Placing(
        arm=arm,
        given=arm,
        probability=np.full(len(arm), 1 / len(ARMS)),
        wave=zeros,
        start=zeros,
        boost=np.ones(len(arm)),
        kept=np.ones(len(arm), dtype=bool),
    )


def draw_placing(constants: Constants, population: Population, exposure: Exposure, seed: int) -> Placing:
    """Draw waves and arms; then what goes wrong with them."""
    design, persons = constants.design, len(population.kind)
    uniform = generator(seed, "simulate.arm").random(persons)
    if design.by_number:
        return _by_number(population, seed)
    placed = _in_waves(constants, population, uniform, seed) if design.waves else None
    placed = placed or one_assignment((uniform * len(ARMS)).astype(np.int64))
    given, kept = placed.arm.copy(), placed.kept
    if design.contamination > 0:
        reached = (given == 0) & exposure.sms_sent
        given[reached & (generator(seed, "simulate.leak").random(persons) < design.contamination)] = LEAKED
    if design.dropped > 0:
        kept = ~_dropped(design.dropped, placed.arm, population.baseline, seed)
        given[~kept] = 0
    return Placing(
        arm=placed.arm,
        given=given,
        probability=placed.probability,
        wave=placed.wave,
        start=placed.start,
        boost=placed.boost,
        kept=kept,
    )


def _in_waves(constants: Constants, population: Population, uniform: NDArray[np.float64], seed: int) -> Placing:
    """Waves by recency, then arms with the shares of the wave."""
    waves, persons = constants.design.waves, len(uniform)
    chances = np.cumsum(np.array([wave.by_recency for wave in waves]), axis=0)[:-1]
    drawn = generator(seed, "simulate.wave").random(persons)
    wave = (drawn >= chances[:, population.recency_class]).sum(axis=0).astype(np.int64)
    shares = np.array([each.shares for each in waves])
    arm = (uniform >= np.cumsum(shares, axis=1)[wave, :-1].T).sum(axis=0).astype(np.int64)
    return Placing(
        arm=arm,
        given=arm,
        probability=shares[wave, arm],
        wave=wave,
        start=np.array([each.start * _DAY for each in waves], dtype=np.int64)[wave],
        boost=np.array([each.effect for each in waves])[wave],
        kept=np.ones(persons, dtype=bool),
    )


def _dropped(share: float, arm: NDArray[np.int64], baseline: NDArray[np.float64], seed: int) -> NDArray[np.bool_]:
    """This share of the treated, drawn from those of them who are least likely to return."""
    dropped = np.zeros(len(arm), dtype=bool)
    treated = np.flatnonzero(arm > 0)
    tie = generator(seed, "simulate.dropped").permutation(len(treated))
    least = treated[np.lexsort((tie, baseline[treated]))][: int(_LEAST * len(treated))]
    chosen = generator(seed, "simulate.dropped_from_list").permutation(len(least))[: round(share * len(treated))]
    dropped[least[chosen]] = True
    return dropped


def _by_number(population: Population, seed: int) -> Placing:
    """Every customer number by itself; a person gets the touches of the highest arm among the numbers."""
    numbers, persons = len(population.owner), len(population.kind)
    uniform = generator(seed, "simulate.arm_of_number").random(numbers)
    arm = (uniform * len(ARMS)).astype(np.int64)
    given = np.zeros(persons, dtype=np.int64)
    np.maximum.at(given, population.owner, arm)
    plain = one_assignment(given)
    return Placing(
        arm=arm,
        given=given,
        probability=np.full(numbers, 1 / len(ARMS)),
        wave=plain.wave,
        start=plain.start,
        boost=plain.boost,
        kept=plain.kept,
    )

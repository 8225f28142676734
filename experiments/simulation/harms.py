"""Who opts out of messages and who complains: drawn apart from everything else, so that nothing else moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.constants import ARMS, DAYS, TYPES
from experiments.simulation.placing import LEAKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population

__all__ = ["HARMS", "Harms", "draw_harms"]

HARMS = ("opted_out", "complained")
_DAY = 86_400
_FIRST_DAY = 2  # not before the first message


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Harms:
    """What touches do beside waking people.

    Attributes:
        probability: By kind of harm: arms by persons, probability within the window; when control persons are reached,
            theirs with the messages stands below the arms.
        seconds: By kind of harm: seconds after the assignment, -1 without one; by person.
    """

    probability: dict[str, NDArray[np.float64]]
    seconds: dict[str, NDArray[np.int64]]


def draw_harms(constants: Constants, population: Population, exposure: Exposure, placing: Placing, seed: int) -> Harms:
    """Opt-outs and complaints: a small chance for everybody, and more for those who were reached."""
    c = constants
    disturbed = np.where(population.kind == TYPES.index("do_not_disturb"), c.harm_disturbed, 1.0)
    push, sms, call = exposure.push, exposure.sms_delivered, exposure.answered
    opted_out = _by_arm(
        c.opting_out, disturbed, (c.opting_out_push * push, c.opting_out_sms * sms, c.opting_out_call * call)
    )
    complained = _by_arm(
        c.complaining, disturbed, (c.complaining_push * push, c.complaining_sms * sms, c.complaining_call * call)
    )
    probability = dict(zip(HARMS, (opted_out, complained), strict=True))
    rows = np.arange(len(placing.given))
    seconds = {}
    for name, chance in probability.items():
        happens = generator(seed, f"simulate.{name}").random(len(rows)) < chance[placing.given, rows]
        when = _FIRST_DAY + generator(seed, f"simulate.{name}_time").random(len(rows)) * (DAYS - _FIRST_DAY)
        seconds[name] = np.where(happens, (when * _DAY).astype(np.int64), -1)
    kept = LEAKED + 1 if c.design.contamination > 0 else len(ARMS)
    return Harms(probability={name: chance[:kept] for name, chance in probability.items()}, seconds=seconds)


def _by_arm(
    base: float, disturbed: NDArray[np.float64], added: tuple[NDArray[np.floating[Any]], ...]
) -> NDArray[np.float64]:
    """Arms by persons; the causes act independently of each other."""
    push, sms, call = (1 - disturbed * each for each in added)
    nothing = np.full(len(disturbed), 1 - base)
    digital = nothing * push
    return 1 - np.stack([nothing, digital, digital * sms, digital * sms * call, nothing * sms])

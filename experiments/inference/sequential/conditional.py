"""How likely is it still to show an effect, given what has been seen?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.whole import check_whole
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.sequential.walk import Paths, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.inference.sequential.bounds import Bounds

__all__ = ["ConditionalPower", "check_look", "conditional_power", "drift_scale"]

_REACH = 9.0
_POINTS = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ConditionalPower:
    """Probability that a later look rejects, given the look at hand.

    Attributes:
        under_effect: If the effect is the one asked about; None when none was given.
        under_trend: If the effect is the one seen so far.
        predictive: Averaged over what the data so far leave possible (normal, flat prior).
        look: The look at hand.
        fraction: Its share of the planned information.
    """

    under_effect: float | None
    under_trend: float
    predictive: float
    look: int
    fraction: float

    def __repr__(self) -> str:
        from attribution.core import messages

        told = messages.text("VALUE_OF.conditional", asdict(self))
        if self.under_effect is None:
            return told
        return messages.text("VALUE_OF.conditional_effect", {"told": told, "under_effect": self.under_effect})


def conditional_power(
    bounds: Bounds,
    *,
    look: int,
    estimate: float,
    standard_error: float,
    effect: float | None = None,
    null: float = 0.0,
) -> ConditionalPower:
    """Probability of rejecting at one of the later looks, in the direction of the test.

    For two-sided bounds the direction is that of the effect asked about (of the estimate, for the trend and the
    prediction). A binding futility bound counts as a stop without rejection, a non-binding one does not. A low value
    under the planned effect says that going on cannot show what the experiment was made for; a low value under the
    trend says less, because the trend is noisy early on.

    Args:
        bounds: The bounds of all planned looks.
        look: The look at hand, counted from 1; not the last.
        estimate: Estimate at that look, in its own unit.
        standard_error: Its standard error.
        effect: The effect asked about, in the same unit: the planned one, or one that pays.
        null: The effect under the null; for "is it worth its price?" the break-even effect.

    Raises:
        InputError: For a look that is not among the planned ones or is the last, or for numbers that are not finite.

    References:
        Lan, Simon and Halperin (1982), Sequential Analysis 1:207. Spiegelhalter, Freedman and Blackburn (1986),
        Controlled Clinical Trials 7:8. Jennison and Turnbull (2000), chapter 10.

    Verified against the closed forms with one look left and rpact's getConditionalPower; see docs/methods/futility.md.

    Example:
        >>> import experiments as ex
        >>> bounds = ex.spending_bounds(2, side="greater", level=0.975)
        >>> seen = conditional_power(bounds, look=1, estimate=0.004, standard_error=0.004, effect=0.008)
        >>> round(seen.under_effect, 3), round(seen.under_trend, 3), round(seen.predictive, 3)
        (0.586, 0.217, 0.29)
    """
    k = check_look(bounds, look)
    if k == len(bounds.z):
        raise InputError(f"look {k} is the last one, so nothing can follow it. Ask at an earlier look.")
    problems: list[str] = []
    value, null_value = checked_number("estimate", estimate, problems), checked_number("null", null, problems)
    se = checked_number("standard_error", standard_error, problems, positive=True)
    asked = None if effect is None else checked_number("effect", effect, problems)
    if se == 0.0:
        problems.append("standard_error must be above 0, got 0.")
    raise_problems(problems)
    scale = drift_scale(bounds, k, se)
    sign = -1.0 if bounds.side == "less" else 1.0
    time = bounds.fractions[k - 1]
    trend = sign * (value - null_value) / scale
    wanted = None if asked is None else sign * (asked - null_value) / scale
    ahead = Paths.follow(*_rest(bounds, k), start=Walk.begin(time, trend * time))

    def power(drift: float, direction: float) -> float:
        found = ahead.crossing(drift)
        return math.fsum(found.lower if bounds.side == "two" and direction < 0.0 else found.upper)

    return ConditionalPower(
        under_effect=None if wanted is None else power(wanted, wanted),
        under_trend=power(trend, trend),
        predictive=_average(lambda drift: power(drift, trend), trend, 1.0 / math.sqrt(time)),
        look=k,
        fraction=time,
    )


def _rest(bounds: Bounds, look: int) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    return bounds.fractions[look:], bounds.lower[look:], bounds.z[look:]


def _average(power: Callable[[float], float], middle: float, spread: float) -> float:
    """Mean of a power over a normal distribution of the drift, by Gauss-Legendre on panels of one drift unit."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    count = max(8, math.ceil(2.0 * _REACH * spread))
    half = _REACH * spread / count
    total = []
    for panel in range(count):
        centre = middle - _REACH * spread + half * (2 * panel + 1)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            drift = centre + half * node
            x = (drift - middle) / spread
            total.append(half * weight * math.exp(-0.5 * x * x) / (spread * math.sqrt(2.0 * math.pi)) * power(drift))
    return math.fsum(total)


def drift_scale(bounds: Bounds, look: int, standard_error: float) -> float:
    """What one unit of drift is in the unit of the estimate: the standard error expected at the planned information."""
    return standard_error * math.sqrt(bounds.fractions[look - 1])


def check_look(bounds: Bounds, look: object) -> int:
    """Return the number of a look, counted from 1.

    Raises:
        InputError: When the bounds have no such look.
    """
    return check_whole("look", look, least=1, most=len(bounds.z))

"""Estimates at a look and after stopping: repeated intervals, stage-wise p-value, median-unbiased estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.sequential.boundaries import spending_z
from experiments.inference.sequential.conditional import check_look, drift_scale
from experiments.inference.sequential.walk import Paths, Walk, cross
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from experiments.inference.sequential.bounds import Bounds

__all__ = ["StoppedEstimate", "estimate_after_stopping", "repeated_p"]

messages.register("experiments")

_SMALLEST = 1e-290
_FARTHEST = 37.0
_LEAST_PLACE = -6.0  # of the normal deviate of alpha, where one side may spend nearly everything
_FIELDS = (
    Field("reading", "text"), Field("value"), Field("low"), Field("high"), Field("p_value", "p"),
    Field("method", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class StoppedEstimate(TabularResult):
    """An effect at the look where an experiment stopped, read in three ways.

    Attributes:
        adjusted: Median-unbiased estimate with the interval and p-value of the stage-wise ordering: valid when the
            experiment stopped by its bounds. This is the one to report.
        repeated: The ordinary estimate with the repeated interval: valid at every look, stopped or not.
        naive: The ordinary estimate with the ordinary interval, as if nobody had looked before; for comparison.
        bias: Expected naive estimate less the effect, at the adjusted estimate: how far stopping exaggerates.
        look: The look at which it stopped.
        fraction: Its share of the planned information.
        findings: Remarks; none so far.
        recipe: How the estimates were made.
    """

    adjusted: Estimate
    repeated: Estimate
    naive: Estimate
    bias: float
    look: int
    fraction: float
    findings: tuple[Finding, ...] = ()
    recipe: Recipe

    def _records(self) -> Records:
        rows = [
            {
                "reading": name, "value": one.value, "low": one.low, "high": one.high, "p_value": one.p_value,
                "method": one.method,
            }
            for name, one in (("adjusted", self.adjusted), ("repeated", self.repeated), ("naive", self.naive))
        ]  # fmt: skip
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        values = {"look": self.look, "fraction": self.fraction, "bias": self.bias}
        notes = (messages.text("STOPPED.bias", values), *self.recipe.sentences())
        return Display(messages.text("STOPPED.title", values), (records_table(self._records()), *notes))


def estimate_after_stopping(
    bounds: Bounds, *, look: int, estimate: float, standard_error: float, null: float = 0.0
) -> StoppedEstimate:
    """The effect at the look where an experiment stopped, without the exaggeration that stopping brings.

    An experiment that stops because its estimate is large shows too large an estimate on average. Outcomes are ordered
    by stage: crossing upwards at an earlier look is more extreme than at a later one, and at one look the larger z is.
    The adjusted estimate is the effect under which the outcome seen lies in the middle of this order; its interval and
    p-value belong together. They depend on the looks up to this one alone, not on what was planned after it.

    Assumes that the experiment stopped here by its bounds (or for a reason that does not depend on the effect seen).

    Args:
        bounds: The bounds of the design, by `spending_bounds`, `group_bounds` or `futility_bounds`, at the information
            that the looks really had.
        look: The look at which it stopped, counted from 1.
        estimate: Ordinary estimate at that look, in its own unit.
        standard_error: Its standard error.
        null: The effect under the null, in the same unit.

    Returns:
        The adjusted, the repeated and the naive estimate, and the bias of the naive one.

    Raises:
        InputError: For a look that is not among those of the bounds, or numbers that are not finite.

    References:
        Jennison and Turnbull (2000), chapters 8 and 9. Tsiatis, Rosner and Mehta (1984), Biometrics 40:797. Whitehead
        (1986), Biometrika 73:573 (bias).

    Verified against rpact 3.3.4 (getFinalPValue, getFinalConfidenceInterval, getRepeatedConfidenceIntervals,
    getRepeatedPValues); see docs/methods/estimate-after-stopping.md.

    Example:
        >>> import experiments as ex
        >>> bounds = ex.spending_bounds(3)
        >>> stopped = estimate_after_stopping(bounds, look=2, estimate=0.012, standard_error=0.004)
        >>> round(stopped.adjusted.value, 5), round(stopped.adjusted.low, 5), round(stopped.adjusted.p_value, 5)
        (0.01198, 0.00413, 0.00283)
        >>> round(stopped.repeated.low, 5), round(stopped.naive.low, 5), f"{stopped.bias:.2g}"
        (0.00195, 0.00416, '0.00079')
    """
    k = check_look(bounds, look)
    problems: list[str] = []
    value, null_value = checked_number("estimate", estimate, problems), checked_number("null", null, problems)
    se = checked_number("standard_error", standard_error, problems, positive=True)
    if se == 0.0:
        problems.append("standard_error must be above 0, got 0.")
    raise_problems(problems)
    z = (value - null_value) / se
    if abs(z) > _FARTHEST:
        raise InputError(
            f"the estimate lies {abs(z):.3g} standard errors from the null; the paths are not followed beyond "
            f"{_FARTHEST:g}. At such a distance the naive interval serves."
        )
    scale, side = drift_scale(bounds, k, se), bounds.side
    sign = -1.0 if side == "less" else 1.0
    staged = _Staged(bounds, k, sign * z)
    blank = Estimate(value=value, level=bounds.level, side=side, standard_error=se)
    middle = staged.drift_at(0.5)
    low, high = staged.interval()
    ends = sorted((null_value + sign * scale * low, null_value + sign * scale * high))
    adjusted = replace(
        blank, value=null_value + sign * scale * middle, low=ends[0], high=ends[1], p_value=staged.p(),
        standard_error=None, method="median unbiased, stage-wise",
    )  # fmt: skip
    bound, usual = bounds.z[k - 1], critical_value(bounds.level, side)
    repeated = replace(
        _around(blank, value, bound * se), p_value=repeated_p(bounds, look=k, z=z), method="repeated interval"
    )
    naive = replace(_around(blank, value, usual * se), p_value=p_value(z, side), method="naive")
    expected = Paths.follow(bounds.fractions, bounds.lower, bounds.z).crossing(middle).mean
    return StoppedEstimate(
        adjusted=adjusted,
        repeated=repeated,
        naive=naive,
        bias=sign * scale * (expected - middle),
        look=k,
        fraction=bounds.fractions[k - 1],
        recipe=Recipe(
            method="estimate_after_stopping",
            definitions=("STOPPED",),
            settings={**bounds.recipe.settings, "null": null_value, "look": k},
        ),
    )


class _Staged:
    """The stage-wise ordering at one outcome, for any drift; large is always the direction of the test."""

    def __init__(self, bounds: Bounds, look: int, z: float) -> None:
        times, side = bounds.fractions[:look], bounds.side
        self._time, self._score = times[-1], z * math.sqrt(times[-1])
        self._paths = Paths.follow(times, bounds.lower[:look], bounds.z[:look])
        self._two = side == "two"
        self._alpha = (1.0 - bounds.level) / (2.0 if self._two else 1.0)

    def tails(self, drift: float) -> tuple[float, float]:
        """Probability of an outcome at least, and at most, as large as the one seen."""
        paths = self._paths
        ups = [walk.above(time, bound, drift) for walk, time, bound in self._steps(paths.upper)]
        downs = [walk.below(time, bound, drift) for walk, time, bound in self._steps(paths.lower)]
        return math.fsum(ups), math.fsum(downs)

    def _steps(self, bounds: tuple[float, ...]) -> Iterator[tuple[Walk, float, float]]:
        """The open paths before each look with the bound there; at the last look the outcome is the bound."""
        return zip(self._paths.walks, self._paths.times, (*bounds[:-1], self._score), strict=True)

    def p(self) -> float:
        above, below = self.tails(0.0)
        return min(1.0, 2.0 * min(above, below)) if self._two else min(1.0, above)

    def interval(self) -> tuple[float, float]:
        """Ends on the scale of the drift, in the direction of the test."""
        low = self.drift_at(self._alpha)
        return low, (self.drift_at(1.0 - self._alpha) if self._two else math.inf)

    def drift_at(self, share: float) -> float:
        """The drift under which the probability of an outcome at least as large is ``share``."""
        from scipy.optimize import brentq

        centre = self._score / self._time
        width = 4.0 / math.sqrt(self._paths.times[0]) + 1.0

        def excess(drift: float) -> float:
            above, below = self.tails(drift)
            return above - share if share <= 0.5 else (1.0 - share) - below

        low, high = centre - width, centre + width
        while excess(low) > 0.0:
            low -= width
        while excess(high) < 0.0:
            high += width
        return float(brentq(excess, low, high, xtol=1e-12, rtol=1e-14))


def _around(blank: Estimate, value: float, half: float) -> Estimate:
    low = -math.inf if blank.side == "less" else value - half
    return replace(blank, low=low, high=math.inf if blank.side == "greater" else value + half)


def repeated_p(bounds: Bounds, *, look: int, z: float) -> float:
    """The repeated p-value: the smallest alpha for which the design, at that error, would reject at this look.

    Args:
        bounds: The bounds of the design.
        look: The look, counted from 1.
        z: The statistic there.

    Example:
        >>> import experiments as ex
        >>> bounds = ex.spending_bounds(4)
        >>> round(repeated_p(bounds, look=2, z=bounds[1]), 6)
        0.05
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    seen = abs(z) if bounds.side == "two" else -z if bounds.side == "less" else z
    sides = 2.0 if bounds.side == "two" else 1.0
    if bounds.family == "group":
        return _group_p(bounds, look, seen)
    times = bounds.fractions[:look]
    final = bounds.final and look == len(bounds.fractions)
    lower = None if bounds.side == "two" else bounds.lower[:look]
    spending = bounds.shape
    if isinstance(spending, float):  # pragma: no cover - for its type: only bounds of a group have a number
        raise InputError("these bounds have no spending function.")

    def excess(place: float) -> float:
        alpha = float(ndtr(-place))
        z = spending_z(times, alpha, spending, lower=lower, final=final, strict=False)[0][-1]
        return min(z, 2.0 * _FARTHEST) - seen

    # Against the normal deviate of alpha the bound of a look is nearly a straight line, of slope 1 at least.
    least, most = (0.0 if bounds.side == "two" else _LEAST_PLACE), _FARTHEST
    here = min(max(seen * math.sqrt(min(1.0, times[-1])), least), most)
    at_here = excess(here)
    upwards = at_here < 0.0
    move = 1.2 * abs(at_here) + 1e-6
    while True:
        there = min(here + move, most) if upwards else max(here - move, least)
        at_there = excess(there)
        if at_there >= 0.0 if upwards else at_there <= 0.0:
            break
        if there in (least, most):
            return sides * _SMALLEST if upwards else 1.0
        here, move = there, 2.0 * move
    place = float(brentq(excess, min(here, there), max(here, there), xtol=1e-12, rtol=1e-14))
    return min(1.0, sides * float(ndtr(-place)))


def _group_p(bounds: Bounds, look: int, seen: float) -> float:
    """The error of the design whose constant puts its bound of this look at the statistic."""
    if seen <= 0.0:
        return 1.0
    z = [bound * seen / bounds.z[look - 1] for bound in bounds.z]
    return min(1.0, 2.0 * math.fsum(cross(bounds.fractions, [-bound for bound in z], z).upper))

"""Giving up early: futility bounds by spending the type II error, conditional and predictive power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from attribution.core.recipe import Recipe
from experiments.inference.sequential.boundaries import (
    check_fractions,
    check_looks,
    one_side,
    running,
    solve_bound,
    spending_z,
)
from experiments.inference.sequential.bounds import Bounds
from experiments.inference.sequential.power import check_power
from experiments.inference.sequential.spending import check_spending, spending_text, spent
from experiments.inference.sequential.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Side
    from experiments.inference.sequential.spending import Spending

__all__ = ["futility_bounds"]

_FARTHEST = 30.0
_LARGEST_Z = 38.0
_TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Walked:
    """One pass over the looks at a drift: bounds, and by how much the type II error misses what may be spent."""

    upper: tuple[float, ...]
    lower: tuple[float, ...]
    excess: float


def futility_bounds(  # noqa: PLR0913 - keyword-only options
    looks: int,
    *,
    level: float = 0.95,
    power: float = 0.8,
    spending: Spending = "obrien_fleming",
    futility: Spending = "obrien_fleming",
    side: Side = "greater",
    fractions: Sequence[float] | None = None,
    binding: bool = False,
) -> Bounds:
    """One-sided bounds of z with a bound of futility at each look, found by spending the type II error as well.

    At a look with ``z <= futility`` the effect that the experiment was planned for is unlikely to be shown any more.
    Without `binding` (the default) the experiment may go on all the same: the bounds of success are those of
    `spending_bounds` and the error stays at most ``1 - level`` whatever is done. With ``binding=True`` the bounds of
    success are lower, because paths stopped for futility cannot reject later; then crossing must stop the experiment.

    The question "is the effect worth its price?" has the break-even effect as its null: compute z as (estimate -
    break-even) / standard error.

    Args:
        looks: Planned number of looks, 1 to 100.
        level: Confidence level; one side may spend ``1 - level``.
        power: Power to be kept in spite of the futility bounds; its complement is what they may spend.
        spending: Spending function of the bounds of success, as in `spending_bounds`.
        futility: Spending function of the type II error, the same choices.
        side: ``"greater"`` or ``"less"``; for ``"less"`` z is read with the opposite sign.
        fractions: As in `spending_bounds`, one for each of the looks.
        binding: Whether crossing the futility bound must stop the experiment.

    Returns:
        The bounds; `Bounds.drift` is the mean of z at the planned information for which the power holds: plan for
        ``(drift / (z_alpha + z_beta)) ** 2`` times the information of a test with one look.

    Raises:
        InputError: For options outside their range, and for two sides.

    References:
        Pampallona, Tsiatis and Kim (2001), Drug Information Journal 35:1113. Jennison and Turnbull (2000), 7.3 and 4.

    Verified against rpact 3.3.4 (bsOF, bsP, bsKD, bsHSD, binding and not) to 1e-6; see docs/methods/futility.md.

    Example:
        >>> bounds = futility_bounds(3, level=0.975)
        >>> [round(z, 3) for z in bounds], [round(z, 3) for z in bounds.futility]
        ([3.71, 2.511, 1.993], [-0.236, 1.17, 1.993])
    """
    count, confidence, wished = check_looks(looks), check_level(level), check_power(power)
    checked = check_side(side)
    if checked == "two":
        raise InputError(
            'futility needs a direction: side must be "greater" or "less", got "two". For half of a two-sided test at '
            "level L use side=... with level=(1 + L) / 2."
        )
    chosen, given_up = check_spending(spending), check_spending(futility, option="futility")
    times = check_fractions(fractions, count)
    if len(times) < count:
        raise InputError(f"futility bounds need the fractions of all {count} looks, got {len(times)}.")
    alpha, beta = one_side(confidence, checked), 1.0 - wished
    if not beta < 1.0 - alpha:
        raise InputError(f"power must lie above the error of the test, {alpha:g}, got {power!r}.")
    losses = _increments(times, beta, given_up)
    gains = _increments(times, alpha, chosen)
    open_bounds = spending_z(times, alpha, chosen, lower=(-math.inf,) * count, final=True)[0]
    walked, drift = _solve(partial(_walk, times, gains, losses, None if binding else open_bounds))
    settings = {
        "level": confidence, "side": checked, "spending": spending_text(chosen), "planned_looks": count,
        "futility": spending_text(given_up), "power": wished, "binding": binding,
    }  # fmt: skip
    return Bounds(
        z=walked.upper,
        family="spending",
        shape=chosen,
        fractions=times,
        spent=tuple(np.cumsum(gains).tolist()),
        futility=walked.lower,
        beta_spent=tuple(np.cumsum(losses).tolist()),
        binding=binding,
        drift=drift,
        level=confidence,
        side=checked,
        findings=running(times[-1]),
        recipe=Recipe(
            method="futility_bounds",
            definitions=("BOUNDS_SPENDING", "BOUNDS_FUTILITY_BINDING" if binding else "BOUNDS_FUTILITY"),
            settings=settings,
        ),
    )


def _increments(times: Sequence[float], error: float, spending: Spending) -> tuple[float, ...]:
    """What each look spends; the last one all that is left."""
    total = [spent(time, error, spending) for time in times[:-1]] + [error]
    found = [here - before for here, before in zip(total, [0.0, *total[:-1]], strict=True)]
    if min(found) <= 0.0 and len(found) > 1 and total[-2] >= error:
        raise InputError("everything is spent before the last look. Take the look at fraction 1 as the final one.")
    return tuple(found)


def _solve(walk_at: partial[_Walked]) -> tuple[_Walked, float]:
    """The drift at which the type II error is exactly what may be spent."""
    from scipy.optimize import brentq

    drift = float(brentq(lambda value: walk_at(value).excess, 0.0, _FARTHEST, xtol=1e-12, rtol=1e-14))
    return walk_at(drift), drift


def _walk(
    times: Sequence[float],
    gains: Sequence[float],
    losses: Sequence[float],
    fixed: Sequence[float] | None,
    drift: float,
) -> _Walked:
    """Bounds at a drift; with `fixed` the bounds of success are given, else they take the futility bounds into account.

    One pass without drift serves both hypotheses: the drift is put in when probabilities are taken.
    """
    walk, upper, lower = Walk.begin(), [], []
    k = 0
    while True:  # the last look returns
        time = times[k]
        root = math.sqrt(time)
        z = solve_bound(walk, time, gains[k], strict=False) if fixed is None else fixed[k]
        upper.append(z)
        room = walk.below(time, z * root, drift) - losses[k]
        if k == len(times) - 1 or room <= 0.0:
            # Less than may be spent lies below the bound of success: the drift is larger than this power asks for.
            lower.append(z)
            return _Walked(upper=tuple(upper), lower=tuple(lower), excess=room)
        low = _solve_low(walk, time, losses[k], drift, most=z)
        lower.append(low)
        walk = walk.step(time, low * root, z * root, ahead=times[k + 1])
        k += 1


def _solve_low(walk: Walk, time: float, target: float, drift: float, *, most: float) -> float:
    """The z at the next look below which the open paths have a given probability under the drift."""
    from scipy.optimize import brentq

    if target < _TINY:
        return -math.inf
    root = math.sqrt(time)

    def excess(z: float) -> float:
        return math.log(max(walk.below(time, z * root, drift), 1e-320)) - math.log(target)

    return float(brentq(excess, -_LARGEST_Z, min(most, _LARGEST_Z), xtol=1e-13, rtol=1e-14))

"""Intervals that hold at every look at once, however often one looks: the normal mixture with a fixed scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate, check_level, check_side
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display

__all__ = ["AlwaysValidSequence", "always_valid", "always_valid_sequence", "mixture_z"]

messages.register("experiments")

Floats = NDArray[np.float64]
_SMALLEST_P = 2.2250738585072014e-308


def always_valid(
    difference: float,
    standard_error: float,
    n: float,
    *,
    planned_n: float = 10_000,
    level: float = 0.95,
    side: Side = "two",
) -> Estimate:
    """An estimate whose interval may be read at every moment: all of them together hold with probability `level`.

    The half-width is ``se * sqrt((n r2 + 1) / (n r2) * log((n r2 + 1) / alpha**2))`` with the scale of the mixture
    ``r2 = (-2 log(alpha) + log(1 - 2 log(alpha))) / planned_n``, which makes the interval narrowest near `planned_n`
    persons. The scale has to be fixed before the first look: one that is computed from the persons or the variance seen
    so far (as some tools do) has no such guarantee. The price of looking whenever one likes is an interval about 1.5
    times as wide as the ordinary one at `planned_n`.

    Assumes persons who come one after the other, a standard error that is near its true value from the first look on
    (the guarantee is asymptotic; see `Looks` for how many events a look needs), and for rates the variance under the
    null (score).

    Args:
        difference: Estimate so far, treated minus control.
        standard_error: Its standard error.
        n: Persons so far, all arms together.
        planned_n: Persons near which the interval is to be narrowest, all arms together; fixed before the first look.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"``. For one side the half-width is ``se * sqrt(2 (n r2 + 1) / (n r2) *
            log(1 + sqrt(n r2 + 1) / (2 alpha)))`` with the same scale.

    Returns:
        The estimate with its interval and the p-value that goes with it: the smallest alpha whose interval, by the
        same mixture, excludes 0. The scale stays the one of `level`, so a p-value belongs to its level and planned_n.

    Raises:
        InputError: For numbers that are not finite, a standard error or n not above 0.

    References:
        Robbins (1970), Annals of Mathematical Statistics 41:1397. Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
        (2024), Annals of Statistics 52:2613 (arXiv 2103.06476). Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of
        Statistics 49:1055.

    Verified against the formulas evaluated in mpmath, R's integrate of the mixture, and published multipliers; by
    simulation over 50 looks; see docs/methods/always-valid.md.

    Example:
        >>> seen = always_valid(0.012, 0.004, 6000)
        >>> round(seen.low, 5), round(seen.high, 5), round(seen.p_value, 4)
        (-0.00024, 0.02424, 0.0582)
    """
    problems: list[str] = []
    value = checked_number("difference", difference, problems)
    se = checked_number("standard_error", standard_error, problems, positive=True)
    persons = checked_number("n", n, problems, positive=True)
    confidence, checked = check_level(level), check_side(side)
    scale = _scale(planned_n, confidence, problems)
    problems += [
        f"{name} must be above 0, got {given!r}."
        for name, given, number in (("standard_error", standard_error, se), ("n", n, persons))
        if number == 0.0
    ]
    raise_problems(problems)
    grown = np.array([persons * scale])
    half = se * float(_multiplier(grown, 1.0 - confidence, checked)[0])
    p = float(_p_values(np.array([value / se]), grown, checked)[0])
    return Estimate(
        value=value,
        low=-math.inf if checked == "less" else value - half,
        high=math.inf if checked == "greater" else value + half,
        p_value=p,
        level=confidence,
        side=checked,
        method="always valid",
        n=int(persons),
        standard_error=se,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class AlwaysValidSequence(TabularResult):
    """Always-valid intervals along the persons that have come in; one row per look.

    Attributes:
        n: Persons so far, all arms.
        difference: Estimate so far.
        low: Lower end at each look; the running intersection is `numpy.maximum.accumulate` of it.
        high: Upper end at each look.
        p_value: P-value at each look alone.
        p_so_far: The smallest p-value up to each look, which is valid too: a conclusion once reached stays.
        level: Confidence level of all intervals together.
        findings: Remarks; none so far.
        recipe: How the intervals were made.
    """

    n: Floats
    difference: Floats
    low: Floats
    high: Floats
    p_value: Floats
    p_so_far: Floats
    level: float
    findings: tuple[Finding, ...] = ()
    recipe: Recipe

    def _records(self) -> Records:
        fields = (
            Field("persons", "count"), Field("difference"), Field("low"), Field("high"), Field("p_value", "p"),
            Field("p_so_far", "p"),
        )  # fmt: skip
        columns = (self.n, self.difference, self.low, self.high, self.p_value, self.p_so_far)
        return Records(fields, tuple(column.tolist() for column in columns))

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("ALWAYS_VALID.title", {"level": self.level, "looks": len(self.n)})
        return Display(title, (records_table(self._records()), *self.recipe.sentences()))


def always_valid_sequence(
    difference: ArrayLike,
    standard_error: ArrayLike,
    n: ArrayLike,
    *,
    planned_n: float = 10_000,
    level: float = 0.95,
    side: Side = "two",
) -> AlwaysValidSequence:
    """`always_valid` at many looks at once, for the plot of the cumulative effect.

    Args:
        difference: Estimates so far, one per look.
        standard_error: Their standard errors.
        n: Persons so far, all arms, growing.
        planned_n: As in `always_valid`.
        level: Confidence level.
        side: As in `always_valid`.

    Raises:
        InputError: As `always_valid`, and for arrays of unequal length or persons that do not grow.

    Example:
        >>> seen = always_valid_sequence([0.02, 0.015], [0.006, 0.004], [3000, 6000])
        >>> [round(low, 4) for low in seen.low.tolist()], [round(p, 3) for p in seen.p_so_far.tolist()]
        ([0.0008, 0.0028], [0.037, 0.007])
    """
    confidence, checked = check_level(level), check_side(side)
    problems: list[str] = []
    scale = _scale(planned_n, confidence, problems)
    raise_problems(problems)
    value, se, persons = (_row(name, given) for name, given in
                          (("difference", difference), ("standard_error", standard_error), ("n", n)))  # fmt: skip
    if not value.size == se.size == persons.size:
        raise InputError(
            f"difference, standard_error and n must have one number per look, got {value.size}, {se.size} and "
            f"{persons.size}."
        )
    if np.any(se <= 0.0) or np.any(persons <= 0.0) or np.any(np.diff(persons) <= 0.0):
        raise InputError("standard_error and n must be above 0, and n must grow from look to look.")
    grown = persons * scale
    half = se * _multiplier(grown, 1.0 - confidence, checked)
    p = _p_values(value / se, grown, checked)
    settings = {"level": confidence, "side": checked, "planned_n": float(planned_n), "scale": scale}
    return AlwaysValidSequence(
        n=persons,
        difference=value,
        low=np.full_like(value, -math.inf) if checked == "less" else value - half,
        high=np.full_like(value, math.inf) if checked == "greater" else value + half,
        p_value=p,
        p_so_far=np.minimum.accumulate(p),
        level=confidence,
        recipe=Recipe(method="always_valid", definitions=("ALWAYS_VALID",), settings=settings),
    )


def mixture_z(n: float, *, planned_n: float, level: float, side: Side = "two") -> float:
    """The z that an always-valid interval at ``n`` persons has as its half-width in standard errors.

    Example:
        >>> round(mixture_z(5000, planned_n=5000, level=0.95) / 1.959964, 3)
        1.549
    """
    problems: list[str] = []
    scale = _scale(planned_n, level, problems)
    raise_problems(problems)
    return float(_multiplier(np.array([n * scale]), 1.0 - level, side)[0])


def _scale(planned_n: object, level: float, problems: list[str]) -> float:
    number = isinstance(planned_n, Real) and not isinstance(planned_n, bool)
    if not number or not math.isfinite(planned_n) or planned_n < 1:  # type: ignore[arg-type, operator]
        problems.append(
            f"planned_n must be a number of persons of at least 1, fixed before the first look, got {planned_n!r}."
        )
        return math.nan
    log = -2.0 * math.log1p(-level)
    return (log + math.log1p(log)) / float(planned_n)  # type: ignore[arg-type]


def _multiplier(grown: Floats, alpha: float, side: Side) -> Floats:
    """Half-width in standard errors where ``n * r2`` is ``grown``."""
    width = (grown + 1.0) / grown
    if side == "two":
        half: Floats = np.sqrt(width * (np.log1p(grown) - 2.0 * math.log(alpha)))
    else:
        half = np.sqrt(2.0 * width * np.log1p(np.sqrt(grown + 1.0) / (2.0 * alpha)))
    return half


def _p_values(z: Floats, grown: Floats, side: Side) -> Floats:
    """The smallest alpha at which the multiplier is below the statistic, the scale held fixed."""
    if side == "two":
        found: Floats = np.exp(0.5 * np.log1p(grown) - 0.5 * z * z * grown / (grown + 1.0))
        return np.clip(found, _SMALLEST_P, 1.0)
    toward = np.maximum(z if side == "greater" else -z, 0.0)
    exponent = 0.5 * toward * toward * grown / (grown + 1.0)
    # alpha = sqrt(g + 1) / (2 (exp(q) - 1)), written so that a large q does not overflow
    with np.errstate(divide="ignore", under="ignore"):
        found = 0.5 * np.sqrt(grown + 1.0) * np.exp(-exponent) / -np.expm1(-exponent)
    return np.clip(found, _SMALLEST_P, 1.0)


def _row(name: str, given: ArrayLike) -> Floats:
    try:
        row = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        row = np.full(1, np.nan)
    if row.ndim != 1 or row.size == 0 or not np.all(np.isfinite(row)):
        raise InputError(f"{name} must be a list of finite numbers, one per look and at least one, got {given!r}.")
    return row

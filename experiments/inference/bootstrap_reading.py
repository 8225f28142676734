"""What the replicates of a bootstrap say: the difference and the lift with their intervals and p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Comparison, Estimate
from experiments.inference.bootstrap_intervals import Arms, Kind, Warp, interval_of, pivots, relative_of

if TYPE_CHECKING:
    from attribution.core.estimates import Side

__all__ = ["Drawn", "compared", "in_unit"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Drawn:
    """Both arms drawn again.

    Attributes:
        arms: Statistics and replicates.
        influences: Sums of squared and cubed influences of (treated, control); None where not needed.
        share: Share of the variance that lies inside groups.
        note: Reason code(s) why there is no interval; empty when there is one.
        unit: What the statistics and replicates are multiples of.
    """

    arms: Arms
    influences: tuple[tuple[float, float], tuple[float, float]] | None = None
    share: float = 0.0
    note: str = ""
    unit: float = 1.0


def in_unit(comparison: Comparison, unit: float) -> Comparison:
    """A comparison in the unit of the values; the lift has none."""
    if unit == 1.0:
        return comparison

    def scaled(x: float | None) -> float | None:
        return None if x is None else x * unit

    given = comparison.difference
    difference = replace(
        given, value=scaled(given.value), low=scaled(given.low), high=scaled(given.high),
        standard_error=scaled(given.standard_error),
    )  # fmt: skip
    return replace(
        comparison, treatment=scaled(comparison.treatment), control=scaled(comparison.control), difference=difference
    )


def _openness(low: float, high: float, side: Side) -> str:
    """Why an end that the side asks for is infinite: no replicate lies far enough out to be it."""
    return "UNBOUNDED" if (side != "less" and math.isinf(low)) or (side != "greater" and math.isinf(high)) else ""


def _warp(drawn: Drawn, kind: Kind, ratio: float = 1.0) -> Warp:
    """Efron's z0 and a for the treated statistic minus `ratio` times the control's."""
    if kind != "bca" or drawn.influences is None:
        return Warp()
    from scipy.special import ndtri

    arms = drawn.arms
    shift = (1.0 - ratio) * arms.offset
    value = arms.top - ratio * arms.base + shift
    made = pivots(arms, kind, ratio=ratio)
    below = (np.count_nonzero(made < value) + 0.5 * np.count_nonzero(made == value)) / len(made)
    share = min(max(below, 0.5 / len(made)), 1.0 - 0.5 / len(made))
    (second1, third1), (second0, third0) = drawn.influences
    spread = second1 + ratio**2 * second0
    lean = (third1 - ratio**3 * third0) / (6.0 * spread**1.5) if spread > 0.0 else 0.0
    return Warp(bias=float(ndtri(share)), acceleration=lean)


def compared(drawn: Drawn, kind: Kind, *, level: float, side: Side, n: int) -> tuple[Comparison, float | None]:
    """The comparison, in multiples of the unit, and the Monte-Carlo standard error of its p-value."""
    arms = drawn.arms
    top, base = arms.top + arms.offset, arms.base + arms.offset
    shown = [None if math.isnan(x) else x for x in (top, base)]
    blank = Estimate(value=None, level=level, side=side, method=f"bootstrap {kind}", n=n, note=drawn.note)
    gap = arms.top - arms.base
    if not math.isfinite(gap):
        return Comparison(treatment=shown[0], control=shown[1], difference=blank, relative=blank), None
    spread = float(np.ptp(arms.tops - arms.bases)) if not drawn.note else 0.0
    if drawn.note or not spread > 0.0:
        reason = drawn.note or "ZERO_VARIANCE"
        lift = gap / base if base > 0.0 else None
        relative = replace(blank, value=lift, note=reason if base > 0.0 else f"BASE_NOT_POSITIVE; {reason}")
        difference = replace(blank, value=gap, note=reason)
        return Comparison(treatment=shown[0], control=shown[1], difference=difference, relative=relative), None
    found = interval_of(pivots(arms, kind), null=0.0, level=level, side=side, warp=_warp(drawn, kind))
    difference = replace(
        blank, value=gap, low=found.low, high=found.high, p_value=found.p_value,
        standard_error=float(np.std(arms.tops - arms.bases, ddof=1)), note=_openness(found.low, found.high, side),
    )  # fmt: skip
    relative = replace(blank, note="BASE_NOT_POSITIVE")
    smallest = float(np.min(arms.bases)) + arms.offset
    mirrored = 2.0 * base - float(np.max(arms.bases)) - arms.offset if kind == "basic" else math.inf
    if min(base, smallest, mirrored) > 0.0:
        low, high = relative_of(arms, kind, level=level, side=side, warp_at=lambda r: _warp(drawn, kind, r))
        relative = replace(
            blank, value=gap / base, low=low, high=high, p_value=found.p_value, note=_openness(low, high, side)
        )
    return Comparison(treatment=top, control=base, difference=difference, relative=relative), found.error

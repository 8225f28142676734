"""One figure per arm with its sampling variance, and the one way in which two such figures are compared.

Means, ratios of sums, adjusted means and clustered means differ in how an arm's figure and its variance are made, and
in nothing else. The difference is Student's t with Satterthwaite's degrees of freedom; the lift is Fieller's set with
the same statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core.estimates import Comparison, Estimate
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from attribution.core.estimates import Side

__all__ = ["ArmFigures", "compare_figures", "population_figures", "satterthwaite", "stratified_figures"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArmFigures:
    """One figure per arm.

    Attributes:
        value: The figure of each arm; nan where it is undefined.
        covariance: Covariances of the figures, arms by arms; diagonal where the arms are independent. A variance is
            nan where an arm has too few persons to have one.
        freedom: Degrees of freedom of each arm's variance; inf for a normal statistic.
        n: Persons behind each figure.
        method: Name of the method, as the readout prints it.
        pooled: Whether all arms share one variance; the degrees of freedom of every arm are then those of the pool.
        note: Reason code(s) that go with every contrast.
        arm_notes: Reason code(s) of each arm, which go with its contrasts; empty when no arm has any.
    """

    value: Floats
    covariance: Floats
    freedom: Floats
    n: NDArray[np.int64]
    method: str
    pooled: bool = False
    note: str = ""
    arm_notes: tuple[str, ...] = ()

    def variance(self, i: int) -> float:
        """Squared standard error of an arm's figure."""
        return float(self.covariance[i, i])

    def contrast(self, i: int, j: int) -> tuple[float, float]:
        """Squared standard error and degrees of freedom of arm ``i`` minus arm ``j``."""
        v1, v0, joint = self.variance(i), self.variance(j), float(self.covariance[i, j])
        if self.pooled:
            return v1 + v0 - 2.0 * joint, float(self.freedom[i])
        return v1 + v0 - 2.0 * joint, satterthwaite(np.array([v1, v0]), self.freedom[[i, j]])


def satterthwaite(terms: Floats, freedom: Floats) -> float:
    """Degrees of freedom of a sum of scaled variances; the scale is taken out so that squares cannot underflow."""
    total = float(terms.sum())
    if not total > 0.0:
        return math.nan
    if not (freedom[terms > 0.0] > 0.0).all():  # a group of one person has a variance from elsewhere, and no freedom
        return 0.0
    share = float(np.sum((terms[terms > 0.0] / total) ** 2 / freedom[terms > 0.0]))
    return 1.0 / share if share > 0.0 else math.inf


def stratified_figures(
    value: Floats, variance: Floats, freedom: Floats, n: NDArray[np.int64], *, weights: Floats, method: str
) -> ArmFigures:
    """Independent figures of strata by arms, weighted over the strata.

    Args:
        value: Figures, strata by arms.
        variance: Their squared standard errors, strata by arms.
        freedom: Degrees of freedom of each variance, strata by arms.
        n: Persons, strata by arms.
        weights: Weight of each stratum; they sum to 1.
        method: Name of the method.
    """
    terms = weights[:, None] ** 2 * variance
    total = terms.sum(axis=0)
    parts = [satterthwaite(terms[:, i], freedom[:, i]) for i in range(value.shape[1])]
    return ArmFigures(
        value=np.sum(weights[:, None] * value, axis=0),
        covariance=np.diag(total),
        freedom=np.where(np.isnan(parts), freedom.min(axis=0), parts),
        n=n.sum(axis=0),
        method=method if len(weights) == 1 else f"stratified {method}",
    )


def population_figures(figures: ArmFigures, spread: Floats, *, weights: Floats, persons: int) -> ArmFigures:
    """Add what is unknown about the strata's shares in the population that the persons were drawn from.

    Args:
        figures: The figures for the persons of the experiment.
        spread: How far each stratum's contribution lies from the arm's figure, strata by arms.
        weights: Share of each stratum; they sum to 1.
        persons: Persons of the experiment.

    References:
        Imbens and Rubin (2015), Causal Inference for Statistics, Social, and Biomedical Sciences, section 6.9.
    """
    extra = np.einsum("s,sa,sb->ab", weights, spread, spread) / persons
    return replace(figures, covariance=figures.covariance + extra)


def compare_figures(figures: ArmFigures, i: int, j: int, *, level: float, side: Side = "two") -> Comparison:
    """Compare the figures of two arms.

    Args:
        figures: One figure per arm.
        i: Position of the treated arm.
        j: Position of the arm it is compared with.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).

    Returns:
        The comparison. Notes: BASE_NOT_POSITIVE (the control's figure is not wholly above 0 at this level: no relative
        lift), ZERO_VARIANCE (neither arm varies: no interval and no p-value), TOO_FEW_PERSONS (an arm has no variance),
        UNDEFINED (an arm has no figure), and those of the figures.
    """
    top, base = float(figures.value[i]), float(figures.value[j])
    told = _joined(figures.note, *(figures.arm_notes[k] for k in (i, j) if figures.arm_notes))
    blank = Estimate(
        value=None, level=level, side=side, method=figures.method, n=int(figures.n[i] + figures.n[j]), note=told
    )
    if math.isnan(top) or math.isnan(base):
        nothing = replace(blank, note=_joined("UNDEFINED", told))
        shown = (None if math.isnan(one) else one for one in (top, base))
        return Comparison(treatment=next(shown), control=next(shown), difference=nothing, relative=nothing)
    v1, v0, joint = figures.variance(i), figures.variance(j), float(figures.covariance[i, j])
    spread, df = figures.contrast(i, j)
    alone = math.isnan(v1 + v0) or float(figures.freedom[[i, j]].min()) < 1.0
    if alone or not spread > 0.0:
        reason = "TOO_FEW_PERSONS" if alone else "ZERO_VARIANCE"
        lift = top / base - 1.0 if base > 0.0 else None
        difference = replace(blank, value=top - base, note=_joined(reason, told))
        why = reason if lift is not None else f"BASE_NOT_POSITIVE; {reason}"
        relative = replace(blank, value=lift, note=_joined(why, told))
        return Comparison(treatment=top, control=base, difference=difference, relative=relative)
    t, se = critical_value(level, side, df), math.sqrt(spread)
    p = p_value((top - base) / se, side, df)
    low, high = _ends(top - base - t * se, top - base + t * se, side)
    difference = replace(blank, value=top - base, low=low, high=high, p_value=p, standard_error=se)
    relative = replace(blank, note=_joined("BASE_NOT_POSITIVE", told))
    if base - abs(t) * math.sqrt(v0) > 0.0:
        found = fieller(top, base, v1, v0, t=abs(t), level=level, joint=joint)
        first, last = (found.low, found.high) if t >= 0.0 else (found.high, found.low)
        low, high = _ends(first - 1.0, last - 1.0, side)
        relative = replace(blank, value=top / base - 1.0, low=low, high=high, p_value=p)
    return Comparison(treatment=top, control=base, difference=difference, relative=relative)


def _joined(*notes: str) -> str:
    return "; ".join(dict.fromkeys(code for note in notes for code in note.split("; ") if code))


def _ends(low: float, high: float, side: Side) -> tuple[float, float]:
    return (-math.inf if side == "less" else low), (math.inf if side == "greater" else high)

"""Who complies: shares of compliers, always-takers and never-takers, and the compliers' own means and lift."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate
from attribution.core.findings import Finding
from experiments.inference.counts import checked_tables
from experiments.inference.exact import fisher_p
from experiments.inference.proportions import share_interval
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value, one_sided_tail

if TYPE_CHECKING:
    from typing import Protocol

    from numpy.typing import NDArray

    from attribution.core.estimates import Side
    from experiments.inference.compliance_columns import CompliancePersons
    from experiments.inference.compliance_moments import ArmContrast, Direction, Floats

    class Read(Protocol):
        """The parts of a reading that the types need."""

        @property
        def assignment(self) -> Estimate:
            """Effect of the assignment."""
            ...

        @property
        def first_stage(self) -> Estimate:
            """Effect of the assignment on being treated."""
            ...


__all__ = ["Compliance", "compliance_types", "refuted_assumptions"]

_ALARM = 0.001
_OUTCOME, _UNTREATED, _TAKEN = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
_TREATED = _OUTCOME - _UNTREATED


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Compliance:
    """Who complies, under monotonicity.

    Attributes:
        kind: ``"one_sided"`` when no control person was treated, else ``"two_sided"`` (or ``"full"``).
        compliers: Share of persons who are treated exactly when assigned to it; the first stage.
        always_takers: Share treated whatever the assignment, from the control arm.
        never_takers: Share never treated, from the assigned arm.
        treated_mean: Mean outcome of compliers when treated.
        untreated_mean: Mean outcome of compliers when not treated.
        relative: Lift among compliers, treated_mean / untreated_mean - 1, by Fieller; it excludes 0 exactly when the
            effect of the assignment does.
    """

    kind: str
    compliers: Estimate
    always_takers: Estimate
    never_takers: Estimate
    treated_mean: Estimate
    untreated_mean: Estimate
    relative: Estimate


def compliance_types(contrast: ArmContrast, pivot: float, *, level: float, reading: Read) -> Compliance:
    """Shares and means of the compliance types.

    Args:
        contrast: Contrast of outcome - pivot, (outcome - pivot) x not treated, treated.
        pivot: What was taken off the outcomes.
        level: Confidence level.
        reading: What the contrast says of assignment and first stage.
    """
    always, taken = contrast.mean(0, _TAKEN), contrast.mean(1, _TAKEN)
    never = replace(taken, value=1.0 - taken.value)
    kind = "two_sided" if always.value > 0.0 else "one_sided" if never.value > 0.0 else "full"
    blank = Estimate(value=None, level=level, method="fieller", n=sum(contrast.n))
    return Compliance(
        kind=kind,
        compliers=reading.first_stage,
        always_takers=_share(always, contrast, 0, level),
        never_takers=_share(never, contrast, 1, level),
        treated_mean=_ratio(contrast, _TREATED, _TAKEN, blank, shift=pivot),
        untreated_mean=_ratio(contrast, -_UNTREATED, _TAKEN, blank, shift=pivot),
        relative=_lift(contrast, pivot, blank, reading),
    )


def _share(found: Direction, contrast: ArmContrast, arm: int, level: float) -> Estimate:
    low, high = share_interval(found.value, found.variance, contrast.units[arm], level=level)
    return Estimate(value=found.value, low=low, high=high, level=level, method="wilson", n=contrast.n[arm])


def _ratio(contrast: ArmContrast, over: Floats, under: Floats, blank: Estimate, *, shift: float) -> Estimate:
    top, bottom = contrast.direction(over), contrast.direction(under)
    if bottom.value == 0.0:
        return replace(blank, note="NO_FIRST_STAGE")
    value = top.value / bottom.value + shift
    rest = contrast.direction(over - (top.value / bottom.value) * under)
    if not contrast.estimable or not rest.variance > 0.0:
        note = "ZERO_VARIANCE" if contrast.estimable else "TOO_FEW_PERSONS"
        return replace(blank, value=value, note=note)
    found = fieller(
        top.value, bottom.value, top.variance, bottom.variance,
        t=critical_value(blank.level, "two", rest.freedom), level=blank.level, joint=contrast.covariance(over, under),
    )  # fmt: skip
    return replace(
        blank,
        value=value,
        low=found.low + shift,
        high=found.high + shift,
        kind=found.kind,
        standard_error=math.sqrt(rest.variance) / abs(bottom.value),
    )


def _lift(contrast: ArmContrast, pivot: float, blank: Estimate, reading: Read) -> Estimate:
    """Fieller's set of the assignment's effect over the compliers' untreated mean; at 0 its statistic is the former's.

    The share of compliers cancels: both are sums over compliers.
    """
    sign = -1.0 if (reading.first_stage.value or 0.0) < 0.0 else 1.0
    over = sign * _OUTCOME
    under = sign * (-_UNTREATED + pivot * _TAKEN)
    top, bottom = contrast.direction(over), contrast.direction(under)
    if reading.assignment.low is None:
        return replace(blank, note=reading.assignment.note)
    t = critical_value(blank.level, "two", top.freedom)
    if not bottom.value - t * math.sqrt(bottom.variance) > 0.0:
        return replace(blank, note="BASE_NOT_POSITIVE")
    found = fieller(
        top.value, bottom.value, top.variance, bottom.variance, t=t, level=blank.level,
        joint=contrast.covariance(over, under),
    )  # fmt: skip
    return replace(
        blank,
        value=found.value,
        low=found.low,
        high=found.high,
        kind=found.kind,
        p_value=reading.assignment.p_value,
    )


def refuted_assumptions(persons: CompliancePersons, contrast: ArmContrast, pivot: float) -> list[Finding]:
    """Whether the data refute exclusion and monotonicity together (Balke and Pearl's inequalities).

    Under both, being assigned can only add treated persons with an outcome and only take away untreated ones with it,
    for the event and for its absence. Four one-sided tests at 0.001 / 4 each. A test must reject by the contrast (which
    knows of strata and clusters) and by Fisher's exact test: where an arm has no such person the contrast knows no
    variance of that arm and would reject nearly always.

    Args:
        persons: Persons with 0/1 outcomes and treatments.
        contrast: Their contrast of outcome - pivot, (outcome - pivot) x not treated, treated.
        pivot: What was taken off the outcomes.
    """
    if not contrast.estimable:
        return []
    event_treated = _TREATED + pivot * _TAKEN
    event_untreated = -(_UNTREATED - pivot * _TAKEN)  # up to a constant, which no contrast sees
    event, taken = persons.outcome > 0.5, persons.treated > 0.5
    sides: tuple[tuple[Floats, NDArray[np.bool_], Side], ...] = (
        (event_treated, event & taken, "less"),
        (_TAKEN - event_treated, ~event & taken, "less"),
        (event_untreated, event & ~taken, "greater"),
        (_TAKEN - event_untreated, ~event & ~taken, "greater"),
    )
    worst = 1.0
    for along, there, side in sides:
        found = contrast.direction(along)
        if found.variance > 0.0:
            p = len(sides) * one_sided_tail(-found.value / math.sqrt(found.variance), found.freedom)
            if p < _ALARM:
                worst = min(worst, max(p, len(sides) * _exact_p(persons.assigned, there, side)))
    if worst >= _ALARM:
        return []
    return [Finding(code="EXCLUSION_REFUTED", status="warn", values={"p_value": worst})]


def _exact_p(assigned: NDArray[np.bool_], there: NDArray[np.bool_], side: Side) -> float:
    n, hits = int(assigned.sum()), int((there & assigned).sum())
    return fisher_p(checked_tables(hits, n, int(there.sum()) - hits, len(there) - n), side=side)

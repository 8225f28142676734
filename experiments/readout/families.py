"""Families of tests: the primary metric over its arms, the secondary metrics behind it, and what each family asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.dunnett import joint_tests, shared_control_loadings
from experiments.inference.gatekeeping import check_gate, gatekeeping
from experiments.inference.multiplicity import adjust_pvalues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Comparison
    from experiments.inference.figures import Floats
    from experiments.inference.gatekeeping import Gate
    from experiments.inference.multiplicity import Correction, Family
    from experiments.readout.fit import Fit

__all__ = ["Compared", "FamilyPlace", "adjust_families"]

NO_FAMILY = "no family"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Compared:
    """One comparison before its family is looked at."""

    fit: Fit
    arm: object
    control: object
    comparison: Comparison


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FamilyPlace:
    """What the family of a comparison adds to it.

    Attributes:
        p_adjusted: The decision's p-value; None where there is no test, no family, or a gate without a test.
        interval_p: The adjusted p-value that agrees with the simultaneous interval (Dunnett's or Bonferroni's).
        level: The level at which the comparison alone gives the simultaneous interval; None outside every family, and
            where it is the only test of its family.
        name: What the simultaneous interval is called in the column of methods.
    """

    p_adjusted: float | None = None
    interval_p: float | None = None
    level: float | None = None
    name: str = NO_FAMILY


def adjust_families(
    compared: Sequence[Compared], *, correction: Family | None, gate: Gate | None, level: float
) -> list[FamilyPlace]:
    """Adjust the primary metric's comparisons as one family and all secondary ones as another; guardrails are in none.

    Under "dunnett" the arms of each metric are a family of their own. Comparisons without one shared control (steps)
    have no Dunnett test and use Holm. With a gate the secondary tests are one family behind the primary one.

    Args:
        compared: The comparisons.
        correction: How p-values are adjusted; None leaves them alone.
        gate: The gate before the secondary tests.
        level: Level at which the intervals of a family hold together.
    """
    primary = [i for i, one in enumerate(compared) if one.fit.role == "primary"]
    secondary = [i for i, one in enumerate(compared) if one.fit.role == "secondary"]
    shared = len({str(one.control) for one in compared}) <= 1
    joint = correction == "dunnett" and shared
    kept: Correction | None = "holm" if correction == "dunnett" else correction
    places = [FamilyPlace() for _ in compared]
    if joint:
        behind = (
            [] if gate is not None else [[i for i in secondary if compared[i].fit is fit] for fit in _fits(compared)]
        )
        for family in (primary, *behind):
            _by_dunnett(compared, family, places, level=level)
    for family in ([] if joint else [primary]) + ([] if joint and gate is None else [secondary]):
        _by_p(compared, family, places, correction=kept, level=level)
    if gate is not None:
        _gate(compared, (primary, secondary), places, gate=gate, correction=kept, joint=joint)
    return places


def _fits(compared: Sequence[Compared]) -> list[Fit]:
    return list({id(one.fit): one.fit for one in compared}.values())


def _p(compared: Sequence[Compared], family: Sequence[int]) -> list[float | None]:
    return [compared[i].comparison.difference.p_value for i in family]


def _by_p(
    compared: Sequence[Compared],
    family: Sequence[int],
    places: list[FamilyPlace],
    *,
    correction: Correction | None,
    level: float,
) -> None:
    p = _p(compared, family)
    adjusted = p if correction is None else adjust_pvalues(p, method=correction)
    strict = adjust_pvalues(p, method="bonferroni")
    count = sum(value is not None for value in p)
    single = None if count < 2 else 1.0 - (1.0 - level) / count
    for i, value, bonferroni in zip(family, adjusted, strict, strict=True):
        places[i] = FamilyPlace(p_adjusted=value, interval_p=bonferroni, level=single, name=f"bonferroni of {count}")


def _by_dunnett(
    compared: Sequence[Compared], family: Sequence[int], places: list[FamilyPlace], *, level: float
) -> None:
    if not family:
        return
    p = _p(compared, family)
    fit, control = compared[family[0]].fit, compared[family[0]].control
    base = fit.position(control)
    arms = [fit.position(compared[i].arm) for i in family]
    tested = [arm for arm, value in zip(arms, p, strict=True) if value is not None]
    freedom = [np.inf if fit.figures is None else fit.figures.contrast(arm, base)[1] for arm in arms]
    loadings = shared_control_loadings(_covariance(fit), tested, base) if tested else None
    name = f"dunnett of {len(tested)}"
    for i, test in zip(family, joint_tests(p, freedom, loadings, level=level), strict=True):
        own = test.level if len(tested) > 1 else None
        places[i] = FamilyPlace(p_adjusted=test.p_adjusted, interval_p=test.single_step, level=own, name=name)


def _covariance(fit: Fit) -> Floats:
    """Covariances of the arms' figures; for a rate those under the null, one rate per stratum for all arms."""
    if fit.figures is not None:
        return fit.figures.covariance
    persons = fit.n.sum(axis=1)
    rate = fit.hits.sum(axis=1) / persons
    spread = rate * (1.0 - rate)
    if not np.any(spread > 0.0):
        spread = np.ones_like(spread)
    return np.diag(np.sum((fit.weights**2 * spread)[:, None] / fit.n, axis=0))


def _gate(
    compared: Sequence[Compared],
    families: tuple[Sequence[int], Sequence[int]],
    places: list[FamilyPlace],
    *,
    gate: Gate,
    correction: Correction | None,
    joint: bool,
) -> None:
    """Put the gate's adjusted p-values into the places; intervals stay those of the families."""
    primary, secondary = families
    check_gate(gate, "dunnett" if joint else correction)
    if joint:  # serial: the first family may use any test of its own
        first = [places[i].p_adjusted for i in primary]
        behind = None if any(p is None for p in first) else max(p for p in first if p is not None)
        for i in secondary:
            own = places[i].p_adjusted
            places[i] = replace(places[i], p_adjusted=None if own is None or behind is None else max(own, behind))
        return
    width = len(primary)
    p = _p(compared, secondary)
    rows = [p[start : start + width] for start in range(0, len(p), width)]
    one, two = gatekeeping(_p(compared, primary), rows, gate=gate, correction=correction or "holm")
    for i, value in zip(primary, one, strict=True):
        places[i] = replace(places[i], p_adjusted=value)
    for i, value in zip(secondary, (value for row in two for value in row), strict=True):
        places[i] = replace(places[i], p_adjusted=value)

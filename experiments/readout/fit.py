"""One metric fitted over all arms: the same persons, strata and weights for every contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from experiments.inference.means import compare_stratified_means
from experiments.inference.rates import compare_stratified_rates
from experiments.metrics import Rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.estimates import Comparison
    from experiments.metrics import Metric, Role
    from experiments.moments import Moments

__all__ = ["Fit", "fit_metric"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """The sufficient statistics of one metric in the strata that hold every arm.

    Attributes:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        arms: The arms, sorted.
        strata: The strata kept.
        weights: Share of each kept stratum in all persons of the kept strata.
        assigned: Persons, with or without a value, strata by arms.
        n: Persons with a value, strata by arms.
        mean: Means, strata by arms.
        variance: Sample variances, strata by arms.
        level: Confidence level.
    """

    name: str
    metric: Metric
    role: Role
    arms: tuple[object, ...]
    strata: tuple[tuple[object, ...], ...]
    weights: NDArray[np.float64]
    assigned: NDArray[np.int64]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    level: float

    def position(self, arm: object) -> int:
        """Column of an arm."""
        if arm not in self.arms:
            raise InputError(f"there is no arm {arm!r}. {closest(str(arm), map(str, self.arms))}")
        return self.arms.index(arm)

    def persons(self, arm: object) -> int:
        """Persons of an arm with a value."""
        return int(self.n[:, self.position(arm)].sum())

    def bounds(self, arm: object, against: object) -> tuple[float, float]:
        """The difference of a rate if all missing outcomes went against the arm, and if all went for it."""
        hits = np.rint(self.mean * self.n)
        lowest, highest = hits / self.assigned, (hits + self.assigned - self.n) / self.assigned
        i, j = self.position(arm), self.position(against)
        low = float(np.sum(self.weights * (lowest[:, i] - highest[:, j])))
        return low, float(np.sum(self.weights * (highest[:, i] - lowest[:, j])))

    def compare(self, arm: object, against: object) -> Comparison:
        """One arm against another, inside the strata."""
        i, j = self.position(arm), self.position(against)
        if i == j:
            raise InputError(f"an arm cannot be compared with itself, got {arm!r} twice.")
        if isinstance(self.metric, Rate):
            hits = np.rint(self.mean * self.n)
            return compare_stratified_rates(
                hits[:, i], self.n[:, i], hits[:, j], self.n[:, j], weights=self.weights, level=self.level
            )
        return compare_stratified_means(
            self.mean[:, i], self.variance[:, i], self.n[:, i], self.mean[:, j], self.variance[:, j], self.n[:, j],
            weights=self.weights, level=self.level,
        )  # fmt: skip


def fit_metric(name: str, metric: Metric, role: Role, moments: Moments, *, level: float) -> tuple[Fit, list[Finding]]:
    """Arrange moments as strata by arms; a stratum without enough persons in an arm leaves all contrasts.

    Args:
        name: Name of the metric.
        metric: The metric.
        role: Its role.
        moments: Moments by the strata's columns and then the arm.
        level: Confidence level.

    Raises:
        DesignError: NO_COMMON_STRATUM when no stratum holds all arms.
    """
    arms = tuple(sorted({cell[-1] for cell in moments.cells}, key=str))
    strata = tuple(dict.fromkeys(cell[:-1] for cell in moments.cells))
    shape = (len(strata), len(arms))
    tables = {
        "persons": np.zeros(shape, np.int64), "n": np.zeros(shape, np.int64), "mean": np.full(shape, np.nan),
        "variance": np.full(shape, np.nan),
    }  # fmt: skip
    row_of, column_of = ({value: i for i, value in enumerate(values)} for values in (strata, arms))
    rows = np.array([row_of[cell[:-1]] for cell in moments.cells], dtype=np.int64)
    columns = np.array([column_of[cell[-1]] for cell in moments.cells], dtype=np.int64)
    for key, target in tables.items():
        target[rows, columns] = getattr(moments, key)
    # A mean needs a variance in every cell, so two persons; without strata the inference itself says what is missing.
    least = 1 if isinstance(metric, Rate) or len(strata) == 1 else 2
    kept = np.all(tables["n"] >= least, axis=1)
    if not kept.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds at least {least} person(s) of every arm for the metric {name!r}. Use coarser strata=, "
            "or analyse the arms that share strata.",
        )
    persons = tables["persons"].sum(axis=1)
    findings = []
    if not kept.all():
        lost = [", ".join(str(part) for part in strata[row]) for row in np.flatnonzero(~kept)]
        values = {
            "metric": name, "strata": len(lost), "persons": int(persons[~kept].sum()), "assigned": int(persons.sum()),
            "share": float(persons[~kept].sum() / persons.sum()), "names": "; ".join(lost[:5]),
        }  # fmt: skip
        findings.append(Finding(code="STRATUM_DROPPED", status="warn", values=values))
    return (
        Fit(
            name=name, metric=metric, role=role, arms=arms, level=level,
            strata=tuple(strata[row] for row in np.flatnonzero(kept)),
            weights=persons[kept] / persons[kept].sum(),
            assigned=tables["persons"][kept], n=tables["n"][kept], mean=tables["mean"][kept],
            variance=tables["variance"][kept],
        ),
        findings,
    )  # fmt: skip

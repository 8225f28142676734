"""What one thousand assigned persons of each arm cost, part by part, and how much went to customers who come anyway."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.records import Field, Records
from experiments.inference.proportions import share_interval
from experiments.inference.tails import critical_value
from experiments.metrics import MetricInputs
from experiments.moments import metric_moments
from experiments.moments.grid import arrange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from experiments.moments import Moments
    from experiments.moments.grid import Grid
    from experiments.readout.experiment import Experiment

__all__ = ["cost_parts"]

_FIELDS = (
    Field("arm", "text"),
    Field("part", "text"),
    Field("per_1000", "money"),
    Field("start", "money"),
    Field("end", "money"),
    Field("per_1000_low", "money"),
    Field("per_1000_high", "money"),
)
_COLUMNS = {"touch": "touch_cost", "fixed": "fixed_cost", "incentive": "incentive_cost"}


def cost_parts(  # noqa: PLR0913 -- internal, all by keyword
    table: Table,
    experiment: Experiment,
    *,
    woken: str,
    cost: str,
    arms: Sequence[str],
    level: float,
    zero: bool = False,
) -> Records:
    """Touches, fixed cost, incentives to incremental and to natural returners, total; per 1,000 persons as assigned.

    Incentives to natural returners are, in every stratum, the arm's incentives times control rate / arm rate (at most
    1): what would have been paid to those who come back without the campaign, if they are paid like the others. They
    are measured against the control also where arms are compared step by step: what a step adds to the leakage is the
    difference of two arms. Strata count with their share of all persons, as in the contrasts, and those without
    persons of every arm are left out. Only the total is given where the outcomes do not split the cost of every
    person. With ``zero`` an empty event counts as none.

    The interval of the leakage is on the scale of its logarithm, by linearisation in the arm's incentive per woken
    person and the control's rate, clustered as the experiment is; it never exceeds the incentives paid.
    """
    found = _measured(table, experiment, woken=woken, cost=cost, zero=zero)
    total = found["total"]  # the contrasts refuse empty costs
    split = all(part in found for part in (*_COLUMNS, "paid"))
    kept = np.all(total.n > 0, axis=1) if len(total.strata) > 1 else np.ones(len(total.strata), dtype=bool)
    persons = total.persons.sum(axis=1)[kept].astype(np.float64)
    weights = persons / persons.sum()
    names = [str(arm) for arm in total.arms]

    def mean(part: str, place: int) -> float:
        return float(np.sum(weights * found[part].means[kept, place, 0]))

    rows: list[dict[str, object]] = []
    for arm in (one for one in arms if one in names):
        place = names.index(arm)

        parts: dict[str, float] = {}
        ends: tuple[float | None, float | None] = (None, None)
        if split and str(experiment.control) in names:
            paid = mean("incentive", place)
            case = _Leak(
                grid=found["paid"].keep(kept), weights=weights, arm=place, control=names.index(str(experiment.control)),
                clusters=_clusters(table, experiment, woken=woken, zero=zero),
            )  # fmt: skip
            natural = case.value()
            ends = case.interval(natural, paid, level=level)
            parts = {"touch": mean("touch", place), "fixed": mean("fixed", place)}
            parts |= {"incentive_incremental": paid - natural, "incentive_natural": natural}
        rows += _bars(arm, parts, mean("total", place), ends)
    return Records.from_rows(_FIELDS, rows)


def _bars(
    arm: str, parts: Mapping[str, float], total: float, ends: tuple[float | None, float | None]
) -> list[dict[str, object]]:
    """The parts of one arm stacked, and their total."""
    rows: list[dict[str, object]] = []
    start = 0.0
    for part, amount in parts.items():
        per = 1000.0 * amount
        row = {"arm": arm, "part": part, "per_1000": per, "start": start, "end": start + per}
        if part == "incentive_natural":
            low, high = (None if end is None else 1000.0 * end for end in ends)
            row |= {"per_1000_low": low, "per_1000_high": high}
        rows.append(row)
        start += per
    whole = 1000.0 * total
    return [*rows, {"arm": arm, "part": "total", "per_1000": whole, "start": 0.0, "end": whole}]


def _measured(table: Table, experiment: Experiment, *, woken: str, cost: str, zero: bool) -> dict[str, Grid]:
    """Moments of every part by stratum and arm; without the parts that are unusable or have empty cells."""
    inputs = {"total": MetricInputs(columns=(cost,), limits=(None,))}
    there = {part: name for part, name in _COLUMNS.items() if name in table.names}
    inputs |= {part: MetricInputs(columns=(name,), limits=(None,)) for part, name in there.items()}
    if len(there) == len(_COLUMNS):
        inputs["paid"] = _paid(woken, zero=zero)
    found = metric_moments(table, inputs, keys=(*experiment.layers, experiment.arm))
    made = {part: moments for part, moments in found.items() if moments is not None}
    return {part: arrange(moments) for part, moments in made.items() if not (moments.n != moments.persons).any()}


def _paid(woken: str, *, zero: bool) -> MetricInputs:
    """Incentive and event of a person together; an empty incentive is noticed by its own moments."""
    columns = (_COLUMNS["incentive"], woken)
    return MetricInputs(columns=columns, limits=(None, None), fill=0.0 if zero else None)


def _clusters(table: Table, experiment: Experiment, *, woken: str, zero: bool) -> Moments | None:
    """Incentive and event by stratum, arm and cluster; None where persons were assigned one by one."""
    if experiment.cluster is None:
        return None
    keys = (*experiment.layers, experiment.arm, experiment.cluster)
    return metric_moments(table, {"paid": _paid(woken, zero=zero)}, keys=keys)["paid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leak:
    """Incentives per person to natural returners of one arm.

    Attributes:
        grid: Moments of incentive and event, strata by arms.
        weights: Share of each stratum.
        arm: Position of the arm.
        control: Position of the control.
        clusters: The same by cluster.
    """

    grid: Grid
    weights: NDArray[np.float64]
    arm: int
    control: int
    clusters: Moments | None

    @property
    def rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Woken per person of the arm and of the control, by stratum."""
        return self.grid.means[:, self.arm, 1], self.grid.means[:, self.control, 1]

    def value(self) -> float:
        """The point estimate; where nobody of the arm woke all its incentives are natural."""
        p1, p0 = self.rates
        share = np.divide(p0, p1, out=np.ones(len(p1)), where=p1 > 0.0)
        return float(np.sum(self.weights * self.grid.means[:, self.arm, 0] * np.minimum(share, 1.0)))

    def interval(self, value: float, paid: float, *, level: float) -> tuple[float | None, float | None]:
        """Both ends; None where an arm of a stratum has one unit only."""
        p1, p0 = self.rates
        each = np.divide(self.grid.means[:, self.arm, 0], p1, out=np.zeros(len(p1)), where=p1 > 0.0)
        if value <= 0.0 or paid <= 0.0:
            if paid <= 0.0:
                return 0.0, 0.0
            _, most = share_interval(0.0, 0.0, float(self.grid.n[:, self.control].sum()), level=level)
            return 0.0, min(paid, float(most * np.sum(self.weights * each)))
        factor = np.divide(p0, p1, out=np.zeros(len(p1)), where=p1 > 0.0)
        spread = 0.0
        for row, weight in enumerate(self.weights.tolist()):
            own = self._variance(row, self.arm, np.array([1.0, -each[row]])) * factor[row] ** 2
            spread += weight**2 * (own + self._variance(row, self.control, np.array([0.0, each[row]])))
        if math.isnan(spread):
            return None, None
        reach = critical_value(level, "two") * math.sqrt(spread) / value
        return value * math.exp(-reach), min(paid, value * math.exp(reach))

    def _variance(self, row: int, column: int, direction: NDArray[np.float64]) -> float:
        """Variance of the mean of a combination of incentive and event, from persons or from clusters."""
        n = float(self.grid.n[row, column])
        if self.clusters is None:
            return float(direction @ self.grid.covariance[row, column] @ direction) / n
        head = (*self.grid.strata[row], self.grid.arms[column])
        mine = np.array([cell[:-1] == head for cell in self.clusters.cells]) & (self.clusters.n > 0)
        units = int(mine.sum())
        if units < 2:
            return math.nan
        gaps = (self.clusters.means[mine] - self.grid.means[row, column]) @ direction
        return float(np.sum((self.clusters.n[mine] * gaps) ** 2)) * units / (units - 1) / n**2

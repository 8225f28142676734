"""Credit per person joined to the outcome per person: exact sums by stratum and arm, or figures of other designs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from attribution.core.columns import Columns
from attribution.core.tables import Problems, open_table
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value
from experiments.metrics import Mean
from experiments.readout.fit import fit_metric
from experiments.readout.measure import measure
from experiments.reconciliation.joint import Joint, Linear, plugged, scored_strata
from experiments.roi.arms import ArmCosts, Moments
from experiments.roi.net_benefit import net_benefit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.estimates import RatioSet
    from experiments.inference.figures import ArmFigures
    from experiments.readout import Readout
    from experiments.readout.fit import Fit
    from experiments.reconciliation.credited import Credited
    from experiments.reconciliation.ground import Ground

__all__ = ["BASIS_DIFFERS", "NO_ROWS", "Apart", "Contrasts", "Ends", "Variance"]

Variance = Literal["score", "plugin"]
Ends = tuple[float, float, float]
BASIS_DIFFERS = "BASIS_DIFFERS"
NO_ROWS = "NO_ROWS"
_CREDIT, _REST = "credit of the model", "woken less credit of the model"


class Apart(NamedTuple):
    """Credit per person of an arm less that of another.

    Attributes:
        ends: The difference with the ends of its interval.
        share: Its share of the arm's credit; None without any.
    """

    ends: Ends
    share: RatioSet | None


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Joint contrasts of credit and effect on the readout's own persons, strata, weights, clusters and covariates.

    Attributes:
        readout: The readout.
        fit: Its fit of the metric.
        ground: The persons.
        found: Their credit.
        order: The arms that the positions of the ground's arms mean.
        variance: "score" or "plugin"; read where the readout compares counts.
    """

    readout: Readout
    fit: Fit
    ground: Ground
    found: Credited
    order: tuple[str, ...]
    variance: Variance

    def why_not(self, *arms: int) -> str:
        """Why credit and effect of some arms cannot be joined; empty when they can."""
        if self.ground.woken is None:
            if self.fit.figures is not None or len(self.fit.strata) > 1:
                return NO_ROWS
        elif not self._agrees_by_row(arms):
            return BASIS_DIFFERS
        for place in arms:
            arm = self.position(place)
            persons, woken = int(self.fit.n[:, arm].sum()), int(self.fit.hits[:, arm].sum())
            if persons != int(self.found.persons[place]):
                return BASIS_DIFFERS
            if self.ground.woken is None and woken != int(self.found.counted[place]):
                return BASIS_DIFFERS
        return ""

    def _agrees_by_row(self, arms: Sequence[int]) -> bool:
        """Whether the outcomes' rows are what the metric was fitted to."""
        woken, arm = self.ground.woken, self.ground.arm
        if woken is None:  # pragma: no cover - asked only where rows are known
            return False
        return all(
            int((woken & (arm == place)).sum()) == int(self.fit.hits[:, self.position(place)].sum()) for place in arms
        )

    def joint(self, model: int, groups: Sequence[int], arm: int, against: int) -> Joint | str:
        """Credit of a model to some groups in an arm, with the arm's effect against another; or the reason why not."""
        reason = self.why_not(arm, against)
        if reason:
            return reason
        each = self.found.each(model, groups)
        level = self.readout.experiment.level
        if self.fit.figures is not None:
            return self._linear(each, arm, against)
        i, j = self.position(arm), self.position(against)
        cells = self._cells(each, arm)
        control = [(int(n), int(hits)) for n, hits in zip(self.fit.n[:, j], self.fit.hits[:, j], strict=True)]
        treated = [
            _moments(int(n), int(hits), sums)
            for n, hits, sums in zip(self.fit.n[:, i], self.fit.hits[:, i], cells, strict=True)
        ]
        scored = scored_strata(treated, control, self.fit.weights.tolist(), level=level)
        small = min(int(self.fit.n[:, i].min()), int(self.fit.n[:, j].min())) < 2
        return plugged(scored) if self.variance == "plugin" and not small else scored

    def credit_contrast(self, model: int, groups: Sequence[int], arm: int, against: int) -> Apart | str:
        """Credit per person of an arm less that of another arm, with its interval; or the reason why not."""
        each = self.found.each(model, groups)
        return self.between(each, each, arm, against)

    def between(self, each: NDArray[np.float64], apart: NDArray[np.float64], arm: int, against: int) -> Apart | str:
        """Credit per person of an arm out of one vector less that of another arm out of a second one."""
        reason = self.why_not(arm, against)
        if reason:
            return reason
        level = self.readout.experiment.level
        mixed = np.where(self.found.arm == arm, each, np.where(self.found.arm == against, apart, 0.0))
        if self.fit.figures is not None:
            figures = self._figures({_CREDIT: self._dense(mixed)})[_CREDIT]
            return _apart(figures, self.position(arm), self.position(against), level)
        sides = [self._costs(mixed, place) for place in (arm, against)]
        means, noise = zip(*(_mean_and_noise(side, self.fit.weights) for side in sides), strict=True)
        found = net_benefit(sides[0], sides[1], 0.0, weights=self.fit.weights.tolist(), level=level)
        if found.value is None or found.low is None or found.high is None:  # pragma: no cover - never without options
            return NO_ROWS
        ends = (-found.value, -found.high, -found.low)
        return Apart(ends, _share(means, noise, critical_value(level, "two"), level))

    def _costs(self, each: NDArray[np.float64], place: int) -> list[ArmCosts]:
        position = self.position(place)
        made = []
        for n, hits, sums in zip(
            self.fit.n[:, position], self.fit.hits[:, position], self._cells(each, place), strict=True
        ):
            (mean, variance), (rest, noise) = _spread(int(hits), *sums[:2]), _spread(int(n - hits), *sums[2:])
            made.append(
                ArmCosts(
                    n=int(n), woken=int(hits), cost_mean_woken=mean, cost_mean_other=rest,
                    cost_variance_woken=variance, cost_variance_other=noise,
                )
            )  # fmt: skip
        return made

    def position(self, place: int) -> int:
        """Position of an arm of the order among the fit's arms."""
        names = [str(arm) for arm in self.fit.arms]
        return names.index(self.order[place])

    def _cells(self, each: NDArray[np.float64], place: int) -> list[tuple[float, float, float, float]]:
        """By stratum: sum and sum of squares of the credit among woken persons of an arm, and among the others."""
        row = self.found.firsts.row
        stratum = np.zeros(len(row), np.int64) if self.ground.stratum is None else self.ground.stratum[row]
        woken = np.ones(len(row), bool) if self.ground.woken is None else self.ground.woken[row]
        mine, size = self.found.arm == place, len(self.fit.strata)
        sums = [
            np.bincount(stratum[mine & who], weights=power[mine & who], minlength=size)
            for who in (woken, ~woken)
            for power in (each, each * each)
        ]
        return [tuple(float(part[cell]) for part in sums) for cell in range(size)]  # type: ignore[misc]

    def _dense(self, each: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number per person of the ground: 0 for all who have no conversion."""
        whole = np.zeros(len(self.ground.arm))
        whole[self.found.firsts.row] = each
        return whole

    def _linear(self, each: NDArray[np.float64], arm: int, against: int) -> Joint | str:
        """From figures of the credit and of what it leaves of the outcome: any design that the readout knows."""
        figures, level = self.fit.figures, self.readout.experiment.level
        if figures is None or self.ground.woken is None:  # pragma: no cover - asked only where both are there
            return NO_ROWS
        credit = self._dense(np.where(self.found.arm == arm, each, 0.0))
        made = self._figures({_CREDIT: credit, _REST: self.ground.woken - credit})
        i, j = self.position(arm), self.position(against)
        effect, df = figures.contrast(i, j)
        gain, _ = made[_CREDIT].contrast(i, j)
        rest, df_gap = made[_REST].contrast(i, j)
        if any(math.isnan(part) for part in (effect, gain, rest)):
            return "TOO_FEW_CLUSTERS"
        return Linear(
            effect=float(figures.value[i] - figures.value[j]),
            credit=float(made[_CREDIT].value[i] - made[_CREDIT].value[j]),
            variances=(effect, gain, 0.5 * (effect + gain - rest)),
            freedom=(_df(df), _df(df_gap)),
            level=level,
        )

    def _figures(self, columns: dict[str, NDArray[np.float64]]) -> dict[str, ArmFigures]:
        """Figures of columns per person, made as the readout makes those of the metric."""
        import pyarrow as pa

        outcomes, spec, metric = self.readout.outcomes, self.readout.experiment, self.fit.metric
        if outcomes is None:  # pragma: no cover - asked only where rows are known
            return {}
        past = getattr(metric, "covariate", None)
        names = (past,) if isinstance(past, str) else tuple(past or ())
        units = () if spec.cluster is None else (spec.cluster,)
        kept = tuple(dict.fromkeys((spec.person, spec.arm, *spec.layers, *units, *names)))
        data = {name: pa.array(outcomes.records.column(name)) for name in kept}
        data |= {name: pa.array(column) for name, column in columns.items()}
        metrics = {name: Mean(name, covariate=past) for name in columns}
        shadow = replace(spec, metrics=metrics, guardrails=(), gatekeeping=None, post=(), segments=None)
        roles = Columns(person=spec.person, arm=spec.arm)
        table = open_table(pa.table(data), "outcomes", roles, problems=Problems())
        measured = measure(table, shadow, keys=(*spec.layers, spec.arm))
        table.problems.raise_if_any()
        found = {}
        for name, part in measured.items():
            fit, _ = fit_metric(
                name, metrics[name], "primary", part.moments, level=spec.level, rows=part.rows, clusters=part.clusters,
                target=spec.target,
            )  # fmt: skip
            if fit.figures is not None:
                found[name] = fit.figures
        return found


def _moments(n: int, woken: int, sums: tuple[float, float, float, float]) -> Moments:
    (mean, variance), (rest, noise) = _spread(woken, *sums[:2]), _spread(n - woken, *sums[2:])
    return Moments(n, woken, mean - rest, rest, variance, noise)


def _spread(n: int, total: float, squares: float) -> tuple[float, float]:
    """Mean and sample variance of n numbers between 0 and 1."""
    if n < 1:
        return 0.0, 0.0
    mean = total / n
    return mean, max(0.0, squares - total * mean) / (n - 1) if n > 1 else 0.0


def _df(found: float) -> float:
    return math.inf if math.isnan(found) else found


def _mean_and_noise(side: Sequence[ArmCosts], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Mean credit per person of an arm over the strata, and its squared standard error."""
    mean = noise = 0.0
    for arm, weight in zip(side, weights.tolist(), strict=True):
        p, between = arm.woken / arm.n, arm.cost_mean_woken - arm.cost_mean_other
        inside = max(arm.woken - 1, 0) * arm.cost_variance_woken + max(arm.other - 1, 0) * arm.cost_variance_other
        squares = inside + p * (1.0 - p) * arm.n * between * between
        mean += weight * arm.cost_mean
        noise += weight * weight * squares / max(arm.n - 1, 1) / arm.n
    return mean, noise


def _share(means: Sequence[float], noise: Sequence[float], t: float, level: float) -> RatioSet | None:
    """Fieller's set of (credit - placebo) / credit of two independent arms; None when either has no credit."""
    if means[0] <= 0.0 or (means[1] == 0.0 and noise[1] == 0.0):
        return None
    return fieller(means[0] - means[1], means[0], noise[0] + noise[1], noise[0], t=t, level=level, joint=noise[0])


def _apart(figures: ArmFigures, i: int, j: int, level: float) -> Apart | str:
    variance, df = figures.contrast(i, j)
    if math.isnan(variance):
        return "TOO_FEW_CLUSTERS"
    t = critical_value(level, "two", _df(df))
    means = [float(figures.value[place]) for place in (i, j)]
    value, half = means[0] - means[1], t * math.sqrt(max(0.0, variance))
    share = _share(means, [figures.variance(i), figures.variance(j)], t, level)
    return Apart((value, value - half, value + half), share)

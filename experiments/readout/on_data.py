"""Simulations of an experiment on the user's own rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.randomness import check_repeats, check_seed, generator
from attribution.core.recipe import Recipe
from experiments.design.planning.on_data import Injection, Redraw, tally_arms
from experiments.design.planning.on_data_result import DataSimulation, judged, simulated_row
from experiments.design.planning.pilot_plan import effects_by_metric, relative_effect
from experiments.inference.score import Tables, difference_statistic
from experiments.inference.tails import critical_value
from experiments.metrics import Quantile, Rate, Ratio, inputs_of
from experiments.moments import metric_moments, metric_rows
from experiments.readout.fit import fit_metric
from experiments.readout.measure import measure
from experiments.readout.planned import column_allocation, open_pilot, pilot_metrics, planned_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.tables import Table
    from experiments.design.planning.on_data import Fitted, Replication
    from experiments.design.planning.pilot_plan import Effects
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit

__all__ = ["simulate_on_data"]

Layer = tuple[object, ...]


def simulate_on_data(
    experiment: Experiment, pilot: object, *, effect: Effects | None, replications: int, seed: int
) -> DataSimulation:
    """Carry out `Experiment.simulate_on`."""
    seed = check_seed(seed)
    replications = check_repeats("replications", replications)
    table = open_pilot(experiment, pilot)
    measured = measure(table, experiment, keys=(*experiment.layers, experiment.arm))
    table.problems.raise_if_any()
    shares, findings = planned_shares(experiment, column_allocation(experiment, table), next(iter(measured.values())))
    chosen = {}
    if effect is not None:
        metrics = pilot_metrics(experiment, measured)
        chosen = effects_by_metric(effect, metrics, primary=experiment.primary)
    rows, tallies = [], []
    for name in measured:
        redraw = _redraw(experiment, table, name, shares)
        trials = [("A/A", Injection())]
        if name in chosen:
            trials.append(("A/B", _injection(experiment, name, redraw, chosen[name])))
        for trial, injection in trials:
            rng = generator(seed, f"simulate_on {trial} {name}")
            found = tally_arms(
                redraw, _Fitting(experiment, name), rng, control=experiment.control, replications=replications,
                injection=injection,
            )  # fmt: skip
            for arm, tally in found.items():
                rows.append(simulated_row(name, arm, tally, effect=injection.truth, trial=trial))
                tallies.append(tally)
    table.problems.raise_if_any()
    settings = {"replications": replications, "seed": seed, "level": experiment.level}
    persons = int(next(iter(measured.values())).moments.persons.sum())
    recipe = Recipe(method="simulate_on", definitions=("ON_DATA",), settings=settings, n={"persons": persons})
    found_now = (*findings, *judged(rows, tallies, level=experiment.level))
    return DataSimulation(rows=tuple(rows), level=experiment.level, persons=persons, findings=found_now, recipe=recipe)


class _Fitting:
    """Fits a replication as the readout fits the experiment's data."""

    def __init__(self, experiment: Experiment, name: str) -> None:
        self.experiment = experiment
        self.name = name

    def __call__(self, data: Replication) -> Fitted:
        spec, name = self.experiment, self.name
        fit, _ = fit_metric(
            name, spec.metrics[name], spec.roles[name], data.moments, level=spec.level, rows=data.rows,
            clusters=data.clusters, target=spec.target,
        )  # fmt: skip
        metric = fit.metric
        score = fit.figures is None and isinstance(metric, Rate) and metric.method == "score"
        return _ByScore(fit) if score else _ByInterval(fit)


class _ByInterval:
    """Reads the interval that the readout prints."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit

    def judge(self, arm: object, against: object, truth: float) -> tuple[bool, bool, bool] | str:
        """Whether it lies above 0, below 0, and contains the truth."""
        difference = self.fit.compare(arm, against).difference
        low, high = difference.low, difference.high
        if low is None or high is None or math.isnan(low) or math.isnan(high):
            return difference.note or "UNDEFINED"
        return low > 0.0, high < 0.0, low <= truth <= high


class _ByScore:
    """Asks the score statistic itself what its interval would say: the interval is made of what it does not reject."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.limit = critical_value(fit.level, "two")

    def judge(self, arm: object, against: object, truth: float) -> tuple[bool, bool, bool] | str:
        """As `_ByInterval.judge`."""
        fit = self.fit
        i, j = fit.position(arm), fit.position(against)
        hits, n = fit.hits, fit.n.astype(np.float64)
        tables = Tables(hits=hits[:, i], n=n[:, i], control_hits=hits[:, j], control_n=n[:, j], weights=fit.weights)
        nothing = difference_statistic(tables, 0.0)
        there = nothing if truth == 0.0 else difference_statistic(tables, truth)
        return nothing > self.limit, nothing < -self.limit, abs(there) <= self.limit


def _redraw(experiment: Experiment, table: Table, name: str, shares: Mapping[object, Mapping[Layer, float]]) -> Redraw:
    """The rows of a metric by stratum, or its clusters, whatever arm they were in."""
    inputs, layers = inputs_of(experiment.metrics[name]), experiment.layers
    rows = clusters = None
    if experiment.cluster is None:
        rows = metric_rows(table, inputs, keys=layers)
        cells = () if rows is None else rows.cells
        strata = tuple(cells)
    else:
        clusters = metric_moments(table, {name: inputs}, keys=(*layers, experiment.cluster))[name]
        strata = () if clusters is None else tuple(dict.fromkeys(cell[:-1] for cell in clusters.cells))
    arms = tuple(sorted(shares, key=str))
    planned = np.array([[shares[arm][layer] for arm in arms] for layer in strata], dtype=np.float64)
    planned = planned.reshape(len(strata), len(arms))
    by_rows = bool(inputs.covariates) or isinstance(experiment.metrics[name], Quantile)
    return Redraw(
        rows=rows, clusters=clusters, arm=experiment.arm, arms=arms, strata=strata, by_rows=by_rows,
        shares=planned / planned.sum(axis=1, keepdims=True),
    )  # fmt: skip


def _injection(experiment: Experiment, name: str, redraw: Redraw, effect: float | str) -> Injection:
    """An effect by flipping events of rates; by adding or multiplying for everything else."""
    metric = experiment.metrics[name]
    n, sums, below = _totals(redraw)
    share = relative_effect(name, effect)
    if isinstance(metric, Rate):
        rates = sums / n
        change = rates * share if share is not None else np.full(len(n), float(effect))
        room = np.where(change > 0.0, 1.0 - rates, rates)
        if not (np.abs(change) <= room).all():
            raise InputError(
                f"the effect {effect!r} of {name!r} would put a stratum's rate outside 0 to 1; name a smaller one."
            )
        flips = np.divide(np.abs(change), room, out=np.zeros(len(n)), where=room > 0.0)
        truth = float(np.sum(n * change) / n.sum())
        return Injection(flips=tuple(flips.tolist()), upwards=truth > 0.0, truth=truth)
    bottom = float(below.sum()) / float(n.sum()) if isinstance(metric, Ratio) else 1.0
    figure = float(sums.sum()) / float(n.sum()) / bottom
    if isinstance(metric, Quantile) and redraw.rows is not None:
        order = np.argsort(redraw.rows.values[:, 0], kind="stable")
        counts = np.cumsum(redraw.rows.count[order])
        figure = float(redraw.rows.values[order[np.searchsorted(counts, metric.q * counts[-1])], 0])
    if share is not None:
        return Injection(factor=1.0 + share, truth=share * figure)
    return Injection(shift=float(effect) * bottom, truth=float(effect))


def _totals(redraw: Redraw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Persons, sums of the first and of the second coordinate by stratum."""
    size = len(redraw.strata)
    if redraw.rows is not None:
        rows = redraw.rows
        cell, weight, values = rows.cell, rows.count.astype(np.float64), rows.values
    else:
        part = redraw.clusters
        if part is None:
            raise InputError("there are no rows to draw from.")
        place = {stratum: i for i, stratum in enumerate(redraw.strata)}
        cell = np.array([place[one[:-1]] for one in part.cells], dtype=np.int64)
        weight, values = part.n.astype(np.float64), np.nan_to_num(part.means)
    second = values[:, min(1, values.shape[1] - 1)]
    return (
        np.bincount(cell, weights=weight, minlength=size),
        np.bincount(cell, weights=weight * values[:, 0], minlength=size),
        np.bincount(cell, weights=weight * second, minlength=size),
    )

"""Planning by a pilot: from an experiment and a table of earlier outcomes to persons, power, smallest effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_level, check_side
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from experiments.design.allocation import read_allocation
from experiments.design.planning.arms import arm_tail
from experiments.design.planning.crossing import PlannedTest, check_power
from experiments.design.planning.looks import spending_limits
from experiments.design.planning.options import PlanOptions
from experiments.design.planning.pilot import pilot_metric
from experiments.design.planning.pilot_contrast import PilotContrast
from experiments.design.planning.pilot_plan import PilotPlan, effects_by_metric, make_rows
from experiments.inference.counts import checked_number
from experiments.moments.grid import arrange
from experiments.readout.aggregates import Aggregates
from experiments.readout.aggregates_analysis import aggregate_findings, measure_aggregates, open_aggregates
from experiments.readout.analysis import open_outcomes
from experiments.readout.measure import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.estimates import Side
    from attribution.core.tables import Table
    from experiments.design.allocation import Allocation
    from experiments.design.planning.pilot import PilotMetric
    from experiments.design.planning.pilot_plan import Effects, Kind
    from experiments.readout.experiment import Experiment
    from experiments.readout.measure import Measured

__all__ = ["column_allocation", "open_pilot", "pilot_metrics", "plan_by_pilot", "planned_shares"]


def plan_by_pilot(  # noqa: PLR0913 - what the methods of Experiment pass on
    kind: Kind,
    experiment: Experiment,
    pilot: object,
    *,
    effect: Effects | None = None,
    power: float | None = 0.8,
    persons: float | None = None,
    side: Side = "two",
    options: PlanOptions | None = None,
) -> PilotPlan:
    """Carry out `Experiment.sample_size`, `Experiment.power` and `Experiment.detectable`."""
    design = _checked_options(options)
    side, level = check_side(side), experiment.level
    measured, allocation = _read(experiment, pilot)
    metrics = pilot_metrics(experiment, measured)
    shares, findings = planned_shares(experiment, allocation, next(iter(measured.values())))
    contrasts = _contrasts(experiment, metrics, shares, side=side, options=design)
    if kind != "detectable":
        contrasts = [_guarded(experiment, contrast) for contrast in contrasts]
    if power is not None:
        check_power(power, max(contrast.test.tail for contrast in contrasts))
    if kind != "size":
        _check_persons(persons)
    chosen = {} if effect is None else effects_by_metric(effect, metrics, primary=experiment.primary)
    rows = make_rows(kind, contrasts, control=experiment.control, effects=chosen, power=power, persons=persons)
    seen = int(metrics[experiment.primary].n.sum())
    return PilotPlan(
        kind=kind, rows=rows, primary=experiment.primary, level=level, power=power, persons=seen,
        findings=findings, recipe=_recipe(experiment, measured, design, side),
    )  # fmt: skip


def _read(experiment: Experiment, pilot: object) -> tuple[dict[str, Measured], Allocation | None]:
    """The pilot's moments by stratum and arm, from rows or from aggregates, and shares that a column declares."""
    if isinstance(pilot, Aggregates):
        table = open_aggregates(experiment, pilot, touches=None)
        measured = measure_aggregates(table, experiment, pilot)
        table.problems.raise_if_any()
        allocation = aggregate_findings(table, experiment, pilot)[0] if isinstance(experiment.shares, str) else None
    else:
        table = open_pilot(experiment, pilot)
        measured = measure(table, experiment, keys=(*experiment.layers, experiment.arm))
        table.problems.raise_if_any()
        allocation = column_allocation(experiment, table)
    table.problems.raise_if_any()
    return measured, allocation


def column_allocation(experiment: Experiment, table: Table) -> Allocation | None:
    """The shares that a column of probabilities declares; None without such a column."""
    if not isinstance(experiment.shares, str) or experiment.shares not in table.names:
        return None
    return read_allocation(table, arm=experiment.arm, layers=experiment.layers, shares=experiment.shares)


def open_pilot(experiment: Experiment, pilot: object) -> Table:
    """Open a table of earlier outcomes; without a column of arms everybody in it counts as control."""
    if isinstance(pilot, Aggregates):
        return open_outcomes(experiment, pilot)  # which says that rows are needed
    given: Any = pilot.to_arrow() if hasattr(pilot, "_records") and hasattr(pilot, "to_arrow") else pilot
    frame = nw.from_native(given, pass_through=True)
    names = frame.collect_schema().names() if hasattr(frame, "collect_schema") else [experiment.arm]
    if experiment.arm not in names:
        given = frame.with_columns(nw.lit(experiment.control).alias(experiment.arm)).to_native()
    return open_outcomes(experiment, given)


def planned_shares(
    experiment: Experiment, allocation: Allocation | None, measured: Measured
) -> tuple[dict[object, dict[tuple[object, ...], float]], tuple[Finding, ...]]:
    """Planned share of every arm by stratum: as declared, else as in the pilot (and then a finding says so)."""
    persons: dict[tuple[object, ...], dict[object, float]] = {}
    for cell, count in zip(measured.moments.cells, measured.moments.persons.tolist(), strict=True):
        persons.setdefault(cell[:-1], {})[cell[-1]] = count
    declared = experiment.shares
    if isinstance(declared, Mapping):
        if experiment.control not in declared:
            raise DesignError("NO_HOLDOUT", f"the shares {dict(declared)!r} have no control {experiment.control!r}.")
        return {arm: dict.fromkeys(persons, share) for arm, share in declared.items()}, ()
    arms = sorted({arm for cell in persons.values() for arm in cell}, key=str)
    if len(arms) < 2:
        raise InputError(
            "the pilot has one arm only and no shares are declared, so it is not known how the persons will be split. "
            f'Declare Experiment(shares={{"{experiment.control}": 0.1, ...}}).'
        )
    given = None if allocation is None else allocation.shares
    if given is not None and set(given) == set(persons):
        return {arm: {layer: float(given[layer][arm]) for layer in persons} for arm in arms}, ()
    total = {layer: sum(cell.values()) for layer, cell in persons.items()}
    observed = {arm: {layer: cell.get(arm, 0.0) / total[layer] for layer, cell in persons.items()} for arm in arms}
    return observed, (Finding(code="PILOT_SHARES", status="note", values={"arms": len(arms)}),)


def _check_persons(persons: object) -> None:
    problems: list[str] = []
    if not checked_number("persons", persons, problems) >= 1.0:
        raise InputError(f"persons counts all arms together, a number of 1 or more, got {persons!r}.")


def _checked_options(options: PlanOptions | None) -> PlanOptions:
    design = PlanOptions() if options is None else options
    if not isinstance(design, PlanOptions):
        raise InputError(f"options must be ex.PlanOptions(...) or None, got {options!r}.")
    if design.arms != 1 or design.icc is not None or design.covariates:
        raise InputError(
            "arms, icc, cluster sizes and covariates come from the experiment and its pilot; options= takes looks, "
            "spending and reach here."
        )
    return design


def pilot_metrics(experiment: Experiment, measured: Mapping[str, Measured]) -> dict[str, PilotMetric]:
    """The baseline of every metric.

    Raises:
        DesignError: NO_HOLDOUT without control persons.
    """
    made = {}
    for name, part in measured.items():
        grid = arrange(part.moments)
        if experiment.control not in grid.arms:
            listed = ", ".join(repr(arm) for arm in grid.arms[:10])
            raise DesignError(
                "NO_HOLDOUT",
                f"no person of the pilot is in the control arm {experiment.control!r} (the arms are {listed}), so the "
                "baseline is not known. Pass untreated persons, or a table without a column of arms.",
            )
        made[name] = pilot_metric(
            name, experiment.metrics[name], experiment.roles[name], grid, control=experiment.control,
            level=experiment.level, rows=part.rows, clusters=part.clusters,
        )  # fmt: skip
    return made


def _contrasts(
    experiment: Experiment,
    metrics: Mapping[str, PilotMetric],
    shares: Mapping[object, Mapping[tuple[object, ...], float]],
    *,
    side: Side,
    options: PlanOptions,
) -> list[PilotContrast]:
    check_level(experiment.level)
    treated = [arm for arm in shares if arm != experiment.control]
    made = []
    for metric in metrics.values():
        control, *given = (
            np.array([shares[arm][layer] for layer in metric.strata]) for arm in (experiment.control, *treated)
        )
        for arm, own in zip(treated, given, strict=True):
            if not (own > 0.0).all() or not (control > 0.0).all():
                raise InputError(
                    f"arm {arm!r} or the control has a share of 0 in some stratum, so that stratum tells nothing about "
                    "it. Give every arm a share in every stratum, or use coarser strata."
                )
        ratios = [float(np.sum(metric.weights * own) / np.sum(metric.weights * control)) for own in given]
        test = _test(experiment, metric, ratios, side=side, options=options)
        for arm, own in zip(treated, given, strict=True):
            made.append(
                PilotContrast(
                    metric=metric,
                    arm=arm,
                    shares=own,
                    control_shares=control,
                    test=test,
                    side=side,
                    reach=options.reach,
                    words=options.words,
                )
            )
    return made


def _guarded(experiment: Experiment, contrast: PilotContrast) -> PilotContrast:
    """A guardrail is planned to be shown safe: the bound of its worsening at most the margin, read once.

    As in the readout's guardrails, what is worse follows from the metric's direction. A relative margin is planned as
    its share of the control's figure in the pilot.
    """
    from scipy.special import ndtri

    metric = contrast.metric
    named = [one for one in experiment.guardrails if getattr(one, "metric", None) == metric.name]
    if not named or metric.role != "guardrail":
        return contrast
    margin, tail = float(getattr(named[0], "margin", 0.0)), 1.0 - float(getattr(named[0], "level", 0.95))
    test = PlannedTest(tail=tail, limits=(-float(ndtri(tail)),), fractions=(1.0,), both=False)
    if getattr(named[0], "relative", False):
        margin *= metric.baseline
        if not margin > 0.0:
            undefined = replace(metric, note=metric.note or "BASE_NOT_POSITIVE")
            return replace(contrast, metric=undefined, test=test, margin=margin)
    if metric.metric.direction is None:
        unknown = replace(metric, note=metric.note or "NO_DIRECTION")
        return replace(contrast, metric=unknown, test=test, margin=margin)
    if metric.metric.direction == "up":  # a fall is the harm
        return replace(contrast, test=test, side="greater", margin=-margin, words=f", fall at most {margin:g}")
    return replace(contrast, test=test, side="less", margin=margin, words=f", rise at most {margin:g}")


def _test(
    experiment: Experiment, metric: PilotMetric, ratios: Sequence[float], *, side: Side, options: PlanOptions
) -> PlannedTest:
    """The level of one contrast inside its family: the primary's arms, or all secondary metrics and arms."""
    from scipy.special import ndtri

    correction, arms = experiment.correction, len(ratios)
    roles = experiment.roles
    family = {"primary": arms, "secondary": arms * sum(role == "secondary" for role in roles.values())}
    tests = 1 if correction is None else family.get(metric.role, 1)
    dunnett = correction == "dunnett" and metric.role in family
    tail = arm_tail(
        arms if dunnett else tests, "dunnett" if dunnett else "bonferroni", level=experiment.level, side=side,
        allocation=ratios if dunnett else 1.0,
    )  # fmt: skip
    fractions, both = options.fractions, side == "two"
    limits: tuple[float, ...] = (-float(ndtri(tail)),)
    if len(fractions) > 1:
        limits = spending_limits(tail, fractions, options.spending, both=both)
    return PlannedTest(tail=tail, limits=limits, fractions=fractions, both=both)


def _recipe(experiment: Experiment, measured: Mapping[str, Measured], options: PlanOptions, side: Side) -> Recipe:
    columns: dict[str, NDArray[Any]] = {}
    for name, part in measured.items():
        columns |= {f"{name}.n": part.moments.n, f"{name}.mean": part.moments.mean}
        columns |= {f"{name}.squares": part.moments.squares}
    settings = {
        "level": experiment.level, "side": side, "correction": experiment.correction or "none",
        "looks": len(options.fractions), "reach": options.reach,
    }  # fmt: skip
    first = next(iter(measured.values()))
    return Recipe(
        method="pilot", definitions=("PILOT",), settings=settings, n={"persons": int(first.moments.persons.sum())},
        fingerprint=fingerprint(columns),
    )  # fmt: skip

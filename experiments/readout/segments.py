"""Effects by segment: one test of whether they differ at all, then every segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import DesignError, InputError
from attribution.core.findings import Finding
from attribution.core.whole import check_whole
from experiments.design.alarms import share_alarm
from experiments.inference.heterogeneity import Interaction, interaction_of_estimates, interaction_of_rates
from experiments.inference.multiplicity import adjust_pvalues
from experiments.inference.score import Tables
from experiments.metrics import Rate, inputs_of
from experiments.readout.analysis import open_outcomes, trust_findings
from experiments.readout.fit import fit_metric
from experiments.readout.guard import refuse_disguised, refuse_post
from experiments.readout.measure import measure
from experiments.readout.recipe import readout_recipe
from experiments.readout.remarks import metric_findings
from experiments.readout.segments_parts import persons_by_segment, segment_part
from experiments.readout.segments_result import EXPLORATORY, SegmentEffect, SegmentInteraction, SegmentReadout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.core.tables import Table
    from experiments.inference.multiplicity import Correction
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit
    from experiments.readout.measure import Measured

__all__ = ["analyze_by_segment"]

_T = TypeVar("_T")
_MOST = 100  # distinct values of a segment column


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Column:
    """One segment column, measured.

    Attributes:
        name: The column.
        declared: Whether the experiment declares it.
        persons: Persons by segment and arm.
        fits: Metric to segment to its fit; a segment without a fit is absent.
        reasons: Metric to segment to why there is no fit, or what left it.
    """

    name: str
    declared: bool
    persons: Mapping[object, Mapping[object, int]]
    fits: Mapping[str, Mapping[object, Fit]]
    reasons: Mapping[str, Mapping[object, str]]


def analyze_by_segment(
    experiment: Experiment, outcomes: object, *, by: str | Sequence[str] | None, min_persons: int
) -> SegmentReadout:
    """Carry out `Experiment.by_segment`."""
    columns, min_persons = _chosen(experiment, by), check_whole("min_persons", min_persons, least=2)
    table = open_outcomes(experiment, outcomes)
    table.require_names(*columns)
    _check_columns(table, columns)
    overall = measure(table, experiment, keys=(*experiment.layers, experiment.arm))
    findings = trust_findings(experiment, table, outcomes)
    table.problems.raise_if_any()
    _refuse_outcomes(table, experiment, columns)
    fits: dict[str, Fit] = {}
    for name, part in overall.items():
        fits[name], found = _fit(experiment, name, part)
        findings += found + metric_findings(experiment, fits[name], part)
    made = [_column(table, experiment, name, min_persons) for name in columns]
    table.problems.raise_if_any()
    for column in made:
        findings += _column_findings(column, experiment, min_persons)
    interactions = _adjusted_interactions(
        [one for column in made for one in _interactions(column, experiment, fits)], experiment
    )
    effects = _effects(made, experiment, fits, interactions)
    recipe = readout_recipe(experiment, list(fits.values()), {name: part.moments for name, part in overall.items()})
    settings = {**recipe.settings, "by": ", ".join(columns), "min_persons": min_persons}
    return SegmentReadout(
        experiment=experiment,
        effects=tuple(effects),
        interactions=tuple(interactions),
        findings=tuple(share_alarm(findings)),
        recipe=replace(recipe, method="experiment by segment", settings=settings),
    )


def _measured_columns(experiment: Experiment) -> tuple[str, ...]:
    """The columns whose effects are read: none of them was fixed before the assignment."""
    bare = (str(getattr(guard, "metric", "")) for guard in experiment.guardrails)
    measured = (inputs_of(metric).columns[0] for metric in experiment.metrics.values())
    return (*measured, *(name for name in bare if name not in experiment.metrics))


def _refuse_outcomes(table: Table, experiment: Experiment, columns: Sequence[str]) -> None:
    """Refuse the primary outcome under another name."""
    primary = experiment.metrics[experiment.primary]
    if isinstance(primary, Rate):
        refuse_disguised(table, columns, outcome=primary.column, use="a segment")


def _chosen(experiment: Experiment, by: str | Sequence[str] | None) -> tuple[str, ...]:
    given = tuple(experiment.segments or ()) if by is None else (by,) if isinstance(by, str) else by
    names = tuple(given) if isinstance(given, Sequence) else (given,)
    if not names:
        raise InputError(
            "by must name the column(s) of the segments: the experiment declares none. Write by_segment(outcomes, "
            'by="region") for an exploratory reading, or Experiment(segments="region") before the data are seen.'
        )
    for name in names:
        if not isinstance(name, str) or not name:
            raise InputError(f"by must be the name of a column or a list of names, got {by!r}.")
        if name in (experiment.arm, experiment.person):
            raise InputError(f"the column {name!r} is the arm or the person and cannot be a segment.")
    refuse_post(names, (*experiment.post, *_measured_columns(experiment)), use="a segment")
    return tuple(dict.fromkeys(names))


def _check_columns(table: Table, columns: Sequence[str]) -> None:
    there = [name for name in columns if name in table.names]
    if not there:
        return
    wanted = {f"empty_{i}": nw.col(name).null_count() for i, name in enumerate(there)}
    wanted |= {f"different_{i}": nw.col(name).n_unique() for i, name in enumerate(there)}
    counted = table.lazy().select(**wanted).collect("pyarrow")
    for i, name in enumerate(there):
        empty, different = (int(counted.get_column(f"{kind}_{i}").item()) for kind in ("empty", "different"))
        if empty:
            table.problems.add(
                "NULL_KEY", table.name, name, empty,
                message="the segment of some persons is empty; name it (for example 'unknown')",
            )  # fmt: skip
        if different > _MOST:
            table.problems.add(
                "TOO_MANY_SEGMENTS", table.name, name, different,
                message=f"the column has more than {_MOST} different values; group them before the outcomes are seen",
            )  # fmt: skip


def _fit(experiment: Experiment, name: str, part: Measured) -> tuple[Fit, list[Finding]]:
    return fit_metric(
        name, experiment.metrics[name], experiment.roles[name], part.moments, level=experiment.level, rows=part.rows,
        clusters=part.clusters, target=experiment.target,
    )  # fmt: skip


def _column(table: Table, experiment: Experiment, name: str, min_persons: int) -> _Column:
    """Measure all metrics by one segment column, and fit them in every segment that holds enough persons."""
    layers = [layer for layer in experiment.layers if layer != name]
    measured = measure(table, experiment, keys=(name, *layers, experiment.arm))
    fits: dict[str, dict[object, Fit]] = {metric: {} for metric in measured}
    reasons: dict[str, dict[object, str]] = {metric: {} for metric in measured}
    persons: dict[object, dict[object, int]] = {}
    for metric, part in measured.items():
        counted = persons_by_segment(part.moments)
        persons = persons or counted
        for segment, by_arm in counted.items():
            arms = {arm for arm, count in by_arm.items() if count >= min_persons}
            if experiment.control not in arms or len(arms) < 2:
                reasons[metric][segment] = "FEW_PERSONS"
                continue
            try:
                fits[metric][segment], lost = _fit(experiment, metric, segment_part(part, segment, arms))
                if lost:
                    reasons[metric][segment] = "STRATUM_DROPPED"
            except DesignError as error:
                reasons[metric][segment] = error.code
    declared = name in (experiment.segments or ())
    return _Column(name=name, declared=declared, persons=persons, fits=fits, reasons=reasons)


def _column_findings(column: _Column, experiment: Experiment, min_persons: int) -> list[Finding]:
    found = []
    if not column.declared:
        found.append(Finding(code="EXPLORATORY", status="note", values={"by": column.name}))
    small = [
        str(segment)
        for segment, by_arm in column.persons.items()
        if min((by_arm.get(arm, 0) for arm in _arms(column, experiment)), default=0) < min_persons
    ]
    if small:
        values = {"by": column.name, "n": len(small), "least": min_persons, "names": ", ".join(small[:5])}
        found.append(Finding(code="SEGMENT_SMALL", status="note", values=values))
    return found


def _arms(column: _Column, experiment: Experiment) -> list[object]:
    arms = {arm for by_arm in column.persons.values() for arm in by_arm}
    return sorted(arms | {experiment.control}, key=str)


def _interactions(column: _Column, experiment: Experiment, overall: Mapping[str, Fit]) -> list[SegmentInteraction]:
    """One test per metric and arm."""
    found = []
    for metric, fit in overall.items():
        for arm in fit.arms:
            if arm == experiment.control:
                continue
            fits = [part for part in column.fits[metric].values() if arm in part.arms]
            test = _interaction(fits, arm, experiment.control, rates=fit.figures is None)
            left_out = len(column.persons) - test.segments
            note = "; ".join(filter(None, (test.note, "SEGMENT_LEFT_OUT" if left_out else "")))
            found.append(
                SegmentInteraction(
                    fit=fit,
                    arm=arm,
                    by=column.name,
                    declared=column.declared,
                    test=replace(test, note=note),
                    p_adjusted=None,
                )
            )
    return found


def _interaction(fits: Sequence[Fit], arm: object, control: object, *, rates: bool) -> Interaction:
    if rates and all(fit.figures is None for fit in fits):
        tables = []
        for fit in fits:
            i, j = fit.position(arm), fit.position(control)
            hits, n = fit.hits, fit.n.astype(np.float64)
            tables.append(
                Tables(hits=hits[:, i], n=n[:, i], control_hits=hits[:, j], control_n=n[:, j], weights=fit.weights)
            )
        return interaction_of_rates(tables)
    rows = []
    for fit in fits:
        figures = fit.figures
        if figures is None:
            continue
        i, j = fit.position(arm), fit.position(control)
        spread, df = figures.contrast(i, j)
        difference = float(figures.value[i] - figures.value[j])
        # A segment in which nothing varies has no weight of its own; its absence is noted.
        if spread > 0.0 and df >= 1.0 and np.isfinite(difference):
            rows.append((difference, spread, df))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return interaction_of_estimates(columns[0], columns[1], columns[2])


def _correction(experiment: Experiment) -> Correction | None:
    """Dunnett's test is for one control; over segments the arms and controls are different persons."""
    return "holm" if experiment.correction == "dunnett" else experiment.correction


def _adjust(p: Sequence[float | None], experiment: Experiment) -> Sequence[float | None]:
    correction = _correction(experiment)
    return p if correction is None else adjust_pvalues(p, method=correction)


def _adjusted_interactions(found: Sequence[SegmentInteraction], experiment: Experiment) -> list[SegmentInteraction]:
    """Adjust over arms and columns, separately for primary and secondary metrics, declared and exploratory."""
    made = list(found)
    for family in _families(found, key=lambda one: (one.fit.role, one.declared)):
        p = _adjust([found[i].test.p_value for i in family], experiment)
        for i, value in zip(family, p, strict=True):
            made[i] = replace(found[i], p_adjusted=value)
    return made


def _families(found: Sequence[_T], *, key: Callable[[_T], object]) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for i, one in enumerate(found):
        groups.setdefault(key(one), []).append(i)
    return list(groups.values())


def _effects(
    columns: Sequence[_Column],
    experiment: Experiment,
    overall: Mapping[str, Fit],
    interactions: Sequence[SegmentInteraction],
) -> list[SegmentEffect]:
    """The overall effect of each arm on each metric, then that in every segment of every column."""
    tests = {(one.fit.name, one.arm, one.by): one.p_adjusted for one in interactions}
    made = []
    for metric, fit in overall.items():
        for arm in fit.arms:
            if arm == experiment.control:
                continue
            made.append(_whole(fit, arm, experiment.control))
            for column in columns:
                p = tests[metric, arm, column.name]
                for segment in column.persons:
                    made.append(_part(column, fit, arm, experiment.control, segment, p))  # noqa: PERF401 - nested
    inside = [i for i, one in enumerate(made) if one.by and one.fit.role != "guardrail"]
    for family in _families([made[i] for i in inside], key=lambda one: (one.fit.role, one.declared)):
        places = [inside[i] for i in family]
        for i, value in zip(places, _adjust([made[i].p_value for i in places], experiment), strict=True):
            made[i] = replace(made[i], p_adjusted=value)
    return made


def _whole(fit: Fit, arm: object, control: object) -> SegmentEffect:
    return SegmentEffect(
        fit=fit, arm=arm, control=control, by="", segment=None, declared=True, n=fit.persons(arm),
        n_control=fit.persons(control), comparison=fit.compare(arm, control), p_interaction=None, note="",
    )  # fmt: skip


def _part(
    column: _Column, fit: Fit, arm: object, control: object, segment: object, p_interaction: float | None
) -> SegmentEffect:
    part = column.fits[fit.name].get(segment)
    has = part is not None and arm in part.arms
    reason = column.reasons[fit.name].get(segment, "" if has else "FEW_PERSONS")
    note = reason if has or part is None else "FEW_PERSONS"
    by_arm = column.persons[segment]
    return SegmentEffect(
        fit=fit, arm=arm, control=control, by=column.name, segment=segment, declared=column.declared,
        n=part.persons(arm) if part is not None and has else by_arm.get(arm, 0),
        n_control=part.persons(control) if part is not None and has else by_arm.get(control, 0),
        comparison=part.compare(arm, control) if part is not None and has else None,
        p_interaction=p_interaction, note="; ".join(filter(None, (note, "" if column.declared else EXPLORATORY))),
    )  # fmt: skip

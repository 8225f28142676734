"""From the outcomes table to the readout: check, count, fit, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from attribution.core.columns import Columns, columns_for
from attribution.core.durations import microseconds
from attribution.core.errors import DesignError
from attribution.core.tables import Problems, open_table
from attribution.core.values import duplicates, keys
from attribution.touches import read_touches
from experiments.design.alarms import share_alarm
from experiments.design.allocation import check_allocation, read_allocation
from experiments.design.leakage import ControlGroup, check_leakage, unchecked_leakage
from experiments.metrics import Rate
from experiments.moments.columns import in_memory
from experiments.outcomes.result import Outcomes
from experiments.readout.aggregates import Aggregates
from experiments.readout.aggregates_analysis import aggregate_findings, measure_aggregates, open_aggregates
from experiments.readout.fit import fit_metric
from experiments.readout.guard import refuse_disguised
from experiments.readout.guardrails import bare_guardrail_fits
from experiments.readout.measure import measure
from experiments.readout.monitoring import early_reading
from experiments.readout.recipe import readout_recipe
from experiments.readout.remarks import metric_findings, missing_finding
from experiments.readout.result import Readout
from experiments.readout.rows import make_contrasts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.findings import Finding
    from attribution.core.tables import Table
    from experiments.design.looks import Looks
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit
    from experiments.readout.measure import Measured

__all__ = ["analyze", "missing_findings", "need_arms", "open_outcomes", "trust_findings"]

_STRATUM = "stratum"  # the assignment's own name for it


def open_outcomes(experiment: Experiment, outcomes: object) -> Table:
    """Open the outcomes with the experiment's names, and note what makes them unusable as rows of persons."""
    if isinstance(outcomes, Aggregates):
        raise DesignError(
            "NEEDS_ROWS",
            "aggregates were given, and this needs the rows of persons, which they do not hold. Pass the outcomes; "
            "experiment.analyze is what takes aggregates.",
        )
    roles = Columns(person=experiment.person, arm=experiment.arm)
    table = open_table(outcomes, "outcomes", roles, problems=Problems())
    units = () if experiment.cluster is None else (experiment.cluster,)
    names = tuple(dict.fromkeys((experiment.person, experiment.arm, *experiment.layers, *units)))
    table.require_names(*names)
    _check_rows(table, experiment.person, [name for name in names if name in table.names])
    return table


def _check_rows(table: Table, person: str, names: Sequence[str]) -> None:
    """One row per person, no empty cell in a key; counted where the table is."""
    wanted = {"rows": nw.len()} | {f"empty_{i}": nw.col(name).null_count() for i, name in enumerate(names)}
    repeated = _repeated(table, person) if person in names else None
    if person in names and repeated is None:
        wanted["different"] = nw.col(person).n_unique()
    counted = table.lazy().select(**wanted).collect("pyarrow")
    found = {label: int(counted.get_column(label).item() or 0) for label in wanted}  # a sum of no rows is null
    for i, name in enumerate(names):
        if found[f"empty_{i}"]:
            table.problems.add(
                "NULL_KEY", table.name, name, found[f"empty_{i}"],
                message="the column has empty cells; name them (for example 'unknown'), or remove these persons from "
                "all arms alike",
            )  # fmt: skip
    if person not in names or found[f"empty_{names.index(person)}"]:
        return
    repeated = found["rows"] - found["different"] if repeated is None else repeated
    if repeated:
        table.problems.add(
            "REPEATED_PERSON", table.name, person, repeated,
            message="a person has more than one row; rows of one person are not independent. Make one row per person, "
            "for example with build_outcomes; persons who were assigned together are declared with cluster=",
        )  # fmt: skip


def _repeated(table: Table, person: str) -> int | None:
    """Rows of a table in memory that repeat a key, by NumPy; None where the table had better count its keys itself."""
    if not in_memory(table):
        return None
    kind = table.lazy().collect_schema()[person]
    return duplicates(table.arrow(person))[0] if kind == nw.String or kind.is_integer() else None


def trust_findings(  # noqa: PLR0913 - what Experiment.analyze passes on
    experiment: Experiment,
    table: Table,
    outcomes: object,
    *,
    touches: object = None,
    campaign: Sequence[str] | None = None,
    leak_limit: float = 0.05,
    columns: ColumnsLike = None,
) -> list[Finding]:
    """Whether the arms are what was declared.

    Findings of the outcomes themselves, the sample ratio jointly and by stratum, unused strata, leakage.

    Args:
        experiment: The declared experiment.
        table: The outcomes as `open_outcomes` gave them; problems are noted there.
        outcomes: What the caller passed.
        touches: The touches, for the leakage check; without them LEAKAGE is "unknown".
        campaign: Names of the campaign.
        leak_limit: Limit of the leakage.
        columns: The user's names of the columns of the touches.
    """
    carried = list(outcomes.findings) if isinstance(outcomes, Outcomes) else []
    roles = columns_for(columns, "touches")
    keys_noted = _unusable_keys(table, experiment)
    found = [] if keys_noted else _allocation_findings(experiment, table)
    if table.problems.issues:
        if touches is not None:
            read_touches(touches, roles, problems=table.problems)  # its problems belong in the same error
        return carried
    if touches is None:
        found.append(unchecked_leakage())
    else:
        group = _control_group(experiment, table, outcomes)
        if group is not None:
            found += check_leakage(group, touches, roles, campaign=campaign, limit=leak_limit)
    return share_alarm([*carried, *found])


def _unusable_keys(table: Table, experiment: Experiment) -> bool:
    """Whether arm or stratum is missing or has empty cells, as noted already."""
    wrong = {issue.column for issue in table.problems.issues if issue.code in ("NULL_KEY", "MISSING_COLUMN")}
    return bool(wrong & {experiment.arm, *experiment.layers, experiment.cluster})


def _allocation_findings(experiment: Experiment, table: Table) -> list[Finding]:
    layers = experiment.layers or _unused_layer(table, experiment)
    allocation = read_allocation(
        table, arm=experiment.arm, layers=layers, shares=experiment.shares, cluster=experiment.cluster
    )
    if allocation is None:
        return []
    need_arms(allocation.arms, experiment.control)
    return [] if table.problems.issues else check_allocation(allocation, used=bool(experiment.layers))


def _unused_layer(table: Table, experiment: Experiment) -> tuple[str, ...]:
    """The stratum of the assignment, when the analysis does not use it and it is filled for everybody."""
    if _STRATUM not in table.names or experiment.arm == _STRATUM:
        return ()
    empty = table.lazy().select(empty=nw.col(_STRATUM).null_count()).collect("pyarrow")
    return () if int(empty.get_column("empty").item() or 0) else (_STRATUM,)  # a sum of no rows is null


def need_arms(arms: tuple[object, ...], control: str) -> None:
    """Refuse to compare without a control and another arm."""
    if not arms:
        raise DesignError("NO_HOLDOUT", "the table of outcomes has no rows. Pass one row per assigned person.")
    if control not in arms:
        listed = ", ".join(repr(arm) for arm in arms[:10])
        raise DesignError(
            "NO_HOLDOUT",
            f"no person is in the control arm {control!r}; the arms are {listed}. Without a random control nobody can "
            "say what the campaign caused. Name the control with Experiment(control=...), or keep a holdout next time.",
        )
    if len(arms) < 2:
        raise DesignError(
            "ONE_ARM", f"the table holds the control arm {control!r} alone. Pass the outcomes of all arms."
        )


def _control_group(experiment: Experiment, table: Table, outcomes: object) -> ControlGroup | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    person = keys(table, "person")
    if person is None:
        return None
    mask = pc.equal(table.arrow(experiment.arm), pa.scalar(experiment.control))
    ids = person.filter(mask)
    if not isinstance(outcomes, Outcomes):
        return ControlGroup(table=table, person=ids, start=None, length=0)
    start = outcomes.assigned_at[mask.to_numpy(zero_copy_only=False)]
    return ControlGroup(table=table, person=ids, start=start, length=microseconds(outcomes.window))


def analyze(  # noqa: PLR0913 - what Experiment.analyze passes on
    experiment: Experiment,
    outcomes: object,
    *,
    touches: object,
    campaign: Sequence[str] | None,
    leak_limit: float,
    columns: ColumnsLike,
    looks: Looks | None = None,
) -> Readout:
    """Carry out `Experiment.analyze`."""
    if isinstance(outcomes, Aggregates):
        return _analyze_aggregates(experiment, outcomes, touches=touches)
    table = open_outcomes(experiment, outcomes)
    measured = _measured(table, experiment)
    findings = trust_findings(
        experiment, table, outcomes, touches=touches, campaign=campaign, leak_limit=leak_limit, columns=columns
    )
    table.problems.raise_if_any()
    primary = experiment.metrics[experiment.primary]
    if isinstance(primary, Rate):
        refuse_disguised(table, experiment.layers, outcome=primary.column, use="a stratum")
    guards = bare_guardrail_fits(open_outcomes(experiment, outcomes), experiment) if experiment.guardrails else ()
    early = early_reading(outcomes, looks=looks)
    findings += [] if early is None else [early]
    own = outcomes if isinstance(outcomes, Outcomes) else None
    return _readout(experiment, measured, findings, guards=guards, outcomes=own)


def _analyze_aggregates(experiment: Experiment, aggregates: Aggregates, *, touches: object) -> Readout:
    table = open_aggregates(experiment, aggregates, touches=touches)
    measured = measure_aggregates(table, experiment, aggregates)
    allocation, findings = aggregate_findings(table, experiment, aggregates)
    need_arms(allocation.arms, experiment.control)
    table.problems.raise_if_any()
    return _readout(experiment, measured, findings, guards=(), outcomes=None)


def _readout(
    experiment: Experiment,
    measured: Mapping[str, Measured],
    findings: list[Finding],
    *,
    guards: tuple[Fit, ...],
    outcomes: Outcomes | None,
) -> Readout:
    """Fit and compare what was measured."""
    fits: list[Fit] = []
    for name, part in measured.items():
        metric = experiment.metrics[name]
        fit, found = fit_metric(
            name, metric, experiment.roles[name], part.moments, level=experiment.level, rows=part.rows,
            clusters=part.clusters, target=experiment.target,
        )  # fmt: skip
        fits.append(fit)
        findings += found + metric_findings(experiment, fit, part)
    arms = tuple(arm for arm in fits[0].arms if arm != experiment.control)
    pairs = [(arm, experiment.control) for arm in arms]
    contrasts = make_contrasts(fits, pairs, correction=experiment.correction, gate=experiment.gatekeeping)
    recipe = readout_recipe(experiment, fits, {name: part.moments for name, part in measured.items()})
    return Readout(
        experiment=experiment,
        fits=tuple(fits),
        contrasts=contrasts,
        findings=tuple(share_alarm(findings)),
        recipe=recipe,
        outcomes=outcomes,
        guard_fits=guards,
    )


def _measured(table: Table, experiment: Experiment) -> dict[str, Measured]:
    """Every metric by stratum and arm; what is wrong with a metric is noted on the table."""
    # Arms or strata that cannot be used do not hide what is wrong with a metric: all problems are told at once.
    return measure(
        table, experiment, keys=() if _unusable_keys(table, experiment) else (*experiment.layers, experiment.arm)
    )


def missing_findings(table: Table, experiment: Experiment) -> list[Finding]:
    """Whether missing outcomes differ between the arms, for every metric that declares what a missing outcome means."""
    found: list[Finding] = []
    for name, part in _measured(table, experiment).items():
        found += missing_finding(experiment, name, experiment.metrics[name], part.moments)
    return found

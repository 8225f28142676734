"""Looks at an experiment: from its outcomes to the next row of the log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.tables import Problems, open_table
from experiments.design.look_entry import ArmReading, as_day
from experiments.inference.sequential.bounds import nominal_p
from experiments.inference.tails import signed_z
from experiments.metrics import Rate, inputs_of
from experiments.outcomes.result import Outcomes
from experiments.readout.result import Readout

if TYPE_CHECKING:
    from datetime import date

    from attribution.core.estimates import Comparison
    from experiments.design.looks import Looks
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit

__all__ = ["early_reading", "monitor"]

_HIGHEST_LEVEL = 1.0 - 1e-15


def monitor(
    experiment: Experiment,
    outcomes: object,
    *,
    looks: Looks,
    day: date | str | None = None,
    final: bool = False,
    events: Mapping[str, int] | None = None,
) -> Looks:
    """Take a look at a running experiment and append it to its log.

    The outcomes hold the persons whose window is over by the day of the look, as `build_outcomes` gives them: their
    number is the information. The statistic is that of the readout's own test (score for rates, Welch for means, the
    adjusted or clustered one where declared), turned into a normal z through its p-value; the interval is the same
    test's at the nominal level of the bound, so it excludes 0 exactly when the bound is reached.

    Args:
        experiment: The declared experiment.
        outcomes: The outcomes at the day of the look, or a readout of them; or a dict of day to outcomes, which takes
            one look after the other.
        looks: The log so far; its plan names metric, arms and control.
        day: Day of the look; not used with a dict.
        final: Whether the (last) look is the last of all.
        events: Persons with a non-zero value per arm, where the outcomes are aggregated and the metric is no rate.

    Returns:
        A new log.

    Raises:
        InputError: For a metric or arms that the experiment does not have, or without a day.
        DesignError: As `Looks.append`.
        TableError: As `Experiment.analyze`.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=6_000, seed=7)
        >>> spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="stratum")
        >>> build = lambda day: ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=day)
        >>> log = ex.Looks(planned=5_000, arms=["digital", "full", "sms"], metric="woken")
        >>> log = monitor(spec, {str(c.as_of)[:10]: build(c.as_of)}, looks=log, final=True)
        >>> len(log.to_dicts()), log.looks[0].final
        (3, True)
    """
    by_day = _by_day(outcomes)
    if by_day:
        taken = looks
        for place, (one, table) in enumerate(by_day, start=1):
            last = final and place == len(by_day)
            taken = monitor(experiment, table, looks=taken, day=one, final=last, events=events)
        return taken
    if day is None:
        raise InputError('a look needs its day: monitor(..., day="2026-10-05"), or a dict of day to outcomes.')
    plan = looks.plan
    if plan.metric not in experiment.metrics:
        raise InputError(
            f"the log looks at the metric {plan.metric!r}, which the experiment does not have. "
            f"{closest(plan.metric, experiment.metrics)}"
        )
    readout = outcomes if isinstance(outcomes, Readout) else experiment.analyze(outcomes)
    fit = readout.fit(plan.metric)
    _check_arms(fit, experiment, looks)
    matured = {str(arm): fit.persons(arm) for arm in fit.arms}
    happened = _events(fit, experiment, outcomes, events)
    named = {str(arm): arm for arm in fit.arms}

    def read(arm: str, bound: float | None) -> ArmReading:
        return _reading(fit, named[arm], named[plan.control], bound, looks)

    return looks.extended(day, matured=matured, events=happened, read=read, final=final)


def _by_day(outcomes: object) -> list[tuple[str, object]]:
    """The days of a dict of day to outcomes, in order; empty for anything else."""
    if not isinstance(outcomes, Mapping):
        return []
    return sorted(((as_day(day).isoformat(), table) for day, table in outcomes.items()), key=lambda pair: pair[0])


def _check_arms(fit: Fit, experiment: Experiment, looks: Looks) -> None:
    plan = looks.plan
    if plan.control != str(experiment.control) or {str(arm) for arm in fit.arms} != {plan.control, *plan.arms}:
        raise InputError(
            f"the log compares {', '.join(map(repr, plan.arms))} with {plan.control!r}; the outcomes hold the arms "
            f"{', '.join(repr(str(arm)) for arm in fit.arms)} with the control {experiment.control!r}. Declare a log "
            "with these arms before the first look."
        )
    kind = "rate" if isinstance(fit.metric, Rate) else "mean"
    if plan.kind != kind:
        raise InputError(
            f"the metric {fit.name!r} is a {type(fit.metric).__name__}, so the log needs kind={kind!r}, got "
            f"{plan.kind!r}."
        )


def _events(fit: Fit, experiment: Experiment, outcomes: object, given: Mapping[str, int] | None) -> dict[str, int]:
    """Events of a rate, or persons with a non-zero value, per arm."""
    if isinstance(fit.metric, Rate):
        hits = fit.hits.sum(axis=0)
        return {str(arm): int(hits[i]) for i, arm in enumerate(fit.arms)}
    if given is not None:
        return {str(arm): given[arm] for arm in given}
    from experiments.readout.aggregates import Aggregates

    if isinstance(outcomes, (Readout, Aggregates)):
        raise InputError(
            f"a readout or aggregates do not hold how many persons have a non-zero {fit.name!r}. Pass the outcomes, or "
            "events={arm: persons}."
        )
    return _non_zero(fit, experiment, outcomes)


def _non_zero(fit: Fit, experiment: Experiment, outcomes: object) -> dict[str, int]:
    """Persons of the strata kept whose first measured column is not 0, counted where the table is."""
    from experiments.readout.analysis import open_outcomes

    column = inputs_of(fit.metric).columns[0]
    table = open_outcomes(experiment, outcomes)
    table.require_names(column)
    table.problems.raise_if_any()
    keys = [*experiment.layers, experiment.arm]
    marked = table.lazy().with_columns(_events=(nw.col(column).fill_null(0) != 0).cast(nw.Int64))
    counted = marked.group_by(keys).agg(_events=nw.col("_events").sum()).collect("pyarrow")
    cells = zip(*(counted.get_column(name).to_list() for name in (*keys, "_events")), strict=True)
    kept, found = set(fit.strata), dict.fromkeys(map(str, fit.arms), 0)
    for *stratum, arm, count in cells:
        if not experiment.layers or tuple(stratum) in kept:
            found[str(arm)] += int(count)
    return found


def _reading(fit: Fit, arm: object, control: object, bound: float | None, looks: Looks) -> ArmReading:
    """One arm against the control, with the statistic and the interval that belong to the bound."""
    plan = looks.plan
    plain = fit.compare(arm, control).difference
    z = signed_z(plain)
    if bound is None or z is None or plain.value is None:
        return ArmReading(difference=plain.value, standard_error=plain.standard_error, z=z, low=None, high=None)
    error = plain.value / z if z != 0.0 else plain.standard_error
    if plan.method == "always_valid" or nominal_p(bound, plan.side) < 1.0 - _HIGHEST_LEVEL:
        half = math.inf if error is None else bound * error
        low, high = plain.value - half, plain.value + half
    else:
        level = 1.0 - nominal_p(bound, plan.side)
        at_bound: Comparison = fit.compare(arm, control, level=level, side=plan.side)
        low, high = _end(at_bound.difference.low, -math.inf), _end(at_bound.difference.high, math.inf)
    return ArmReading(
        difference=plain.value,
        standard_error=error,
        z=z,
        low=-math.inf if plan.side == "less" else low,
        high=math.inf if plan.side == "greater" else high,
    )


def _end(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def early_reading(outcomes: object, *, looks: Looks | None = None, planned: int | None = None) -> Finding | None:
    """The finding that a reading as if there were one look only comes too early or after looks; None otherwise.

    Args:
        outcomes: What is analysed; the outcomes of `build_outcomes` know how many persons had to be left out because
            their window was not over.
        looks: The log of looks, when one is declared; the reading is early until its final look was taken.
        planned: Matured persons at which the experiment was to end, when that was declared otherwise.

    Returns:
        EARLY_READING with status "warn", or AFTER_LOOKS once several looks have ended the log: the p-value of one look
        is naive then. Values of EARLY_READING: ``matured`` (of a plain table its rows; without outcomes what the log
        saw last), ``planned``, ``fraction``, ``reached`` (whether all planned persons have matured).

    Example:
        >>> import experiments as ex
        >>> early_reading(None, looks=ex.Looks(planned=1_000, arms=["sms"])).values["fraction"]
        0.0
    """
    matured = _matured(outcomes, rows=looks is not None or planned is not None)
    wanted = planned
    if looks is not None:
        if looks.ended:
            return _after_looks(looks)
        counted = looks.looks[-1].matured if looks.looks else 0
        matured, wanted = counted if matured is None else matured, looks.plan.planned
    elif wanted is None:
        wanted = _assigned(outcomes)
    if wanted is None or matured is None or (looks is None and matured >= wanted):
        return None
    values = {"matured": matured, "planned": wanted, "fraction": matured / wanted, "reached": matured >= wanted}
    return EarlyReading(code="EARLY_READING", status="warn", values=values)


def _after_looks(looks: Looks) -> Finding | None:
    """The finding that a reading as if there had been one look only ignores the looks before."""
    taken = len({look.day for look in looks.looks if look.number is not None})
    return Finding(code="AFTER_LOOKS", status="warn", values={"looks": taken}) if taken > 1 else None


class EarlyReading(Finding):
    """The finding of `early_reading`; its sentence says when all have matured and the final look is what lacks."""

    __slots__ = ()

    def text(self, lang: str | None = None) -> str:
        """The sentence in ``lang`` ("en" or "zh"); the current language by default."""
        reached = ".reached" if self.values.get("reached") else ""
        return messages.text(f"{self.code}{reached}.{self.status}", self.values, lang=lang)


def _matured(outcomes: object, *, rows: bool) -> int | None:
    """Persons in the outcomes; of a table that `build_outcomes` did not make only if its rows are to be counted."""
    from experiments.readout.aggregates import Aggregates

    if isinstance(outcomes, Outcomes):
        return len(outcomes.records)
    if outcomes is None or not rows or isinstance(outcomes, (Aggregates, Readout)):
        return None
    table = open_table(outcomes, "outcomes", Columns(), problems=Problems())
    return int(table.lazy().select(rows=nw.len()).collect("pyarrow").get_column("rows").item())


def _assigned(outcomes: object) -> int | None:
    """Persons assigned, when some had to be left out because their window is not over."""
    if not isinstance(outcomes, Outcomes):
        return None
    left = [finding.values["assigned"] for finding in outcomes.findings if finding.code == "IMMATURE"]
    return int(np.asarray(left[0]).item()) if left else None

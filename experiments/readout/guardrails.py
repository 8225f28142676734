"""Guardrails of a readout: is the worsening of each shown to stay within its margin?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.equivalence import figures_margin_p, rates_margin_p
from experiments.inference.score import Tables
from experiments.metrics import Rate
from experiments.readout.fit import fit_metric
from experiments.readout.measure import measure
from experiments.readout.show import finding_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from attribution.core.tables import Table
    from experiments.metrics import Metric
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit

__all__ = [
    "GuardrailRow", "Guardrails", "Worsening", "bare_guardrail_fits", "check_margin", "read_guardrails",
    "read_worsening",
]  # fmt: skip

_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("scale", "text"), Field("margin"),
    Field("bound_level", "level"), Field("difference"), Field("worsening"), Field("low"), Field("high"),
    Field("p_value", "p"), Field("state", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GuardrailRow:
    """One guardrail on one arm.

    Attributes:
        metric: Name of the metric or column.
        arm: The arm.
        control: The control.
        margin: The largest acceptable worsening; None where none is declared.
        level: Level of the one-sided bounds.
        relative: Whether margin, worsening and bounds are relative to the control's figure.
        difference: Arm minus control; None when undefined.
        worsening: The difference, or the lift, with the sign in which more is worse; None when undefined.
        low: Lower one-sided bound of the worsening.
        high: Upper one-sided bound of the worsening.
        p_value: One-sided p-value of "the worsening is the margin or more"; None without margin or test.
        state: "safe" (upper bound at most the margin), "harm" (lower bound above 0) or "undecided".
        note: Reason codes: NO_MARGIN, NO_DIRECTION, and those of the comparison.
    """

    metric: str
    arm: object
    control: object
    margin: float | None
    level: float
    relative: bool = False
    difference: float | None = None
    worsening: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    state: str = "undecided"
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Guardrails(TabularResult):
    """The guardrails of a readout, each arm against the control.

    All guardrails must be safe for an arm to be rolled out, so each is tested at its own level without correction
    (intersection-union): requiring all of them cannot raise the chance of letting a harmful arm pass.

    Attributes:
        rows: One row per guardrail and arm.
        findings: The findings of the readout: where one fails, no state here can be trusted.
        recipe: The recipe of the readout.
    """

    rows: tuple[GuardrailRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return Records.from_rows(
            _FIELDS,
            [
                {
                    "metric": row.metric, "arm": str(row.arm), "control": str(row.control),
                    "scale": "relative" if row.relative else "difference", "margin": row.margin,
                    "bound_level": row.level, "difference": row.difference, "worsening": row.worsening,
                    "low": row.low, "high": row.high, "p_value": row.p_value, "state": row.state, "note": row.note,
                }
                for row in self.rows
            ],
        )  # fmt: skip

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        table = records_table(self._records(), decisive="state")
        notes = (messages.text("GUARDRAILS.note"), *finding_lines(self.findings))
        return Display(messages.text("GUARDRAILS.title"), (table, *notes))


def bare_guardrail_fits(table: Table, experiment: Experiment) -> tuple[Fit, ...]:
    """Fits of the guardrails that name a column of the outcomes instead of a metric: shares whose rise is harm.

    Args:
        table: Outcomes opened for this purpose: a column that cannot be read as a share has no fit, and stops nothing.
        experiment: The declared experiment.
    """
    names = [str(getattr(guard, "metric", "")) for guard in experiment.guardrails]
    bare = [name for name in dict.fromkeys(names) if name not in experiment.metrics and name in table.names]
    found = []
    for name in bare:
        metric = Rate(name, direction="down")
        alone = replace(experiment, metrics={name: metric}, guardrails=(), gatekeeping=None)
        before = len(table.problems.issues)
        part = measure(table, alone, keys=(*experiment.layers, experiment.arm)).get(name)
        if part is None or len(table.problems.issues) > before:
            continue
        fit, _ = fit_metric(
            name, metric, "guardrail", part.moments, level=experiment.level, rows=part.rows, clusters=part.clusters,
            target=experiment.target,
        )  # fmt: skip
        found.append(fit)
    return tuple(found)


def read_guardrails(
    experiment: Experiment, fits: Sequence[Fit], *, findings: tuple[Finding, ...], recipe: Recipe
) -> Guardrails:
    """Read every declared guardrail, and every metric whose role it is, on each arm.

    Args:
        experiment: The declared experiment.
        fits: Fits of the metrics, and of the columns that guardrails name.
        findings: What the readout found about itself.
        recipe: How the readout was made.
    """
    by_name = {fit.name: fit for fit in fits}
    declared = [guard for guard in experiment.guardrails if hasattr(guard, "read")]
    named = {str(getattr(guard, "metric", "")) for guard in declared}
    asked: list[tuple[str, Any]] = [(str(getattr(guard, "metric", "")), guard) for guard in declared]
    asked += [(fit.name, None) for fit in fits if fit.role == "guardrail" and fit.name not in named]
    rows = []
    for name, guard in asked:
        fit = by_name.get(name)
        arms = [arm for arm in (fit or fits[0]).arms if arm != experiment.control]
        rows += [_row(name, guard, fit, arm, experiment) for arm in arms]
    return Guardrails(rows=tuple(rows), findings=findings, recipe=recipe)


def _row(name: str, guard: Any, fit: Fit | None, arm: object, experiment: Experiment) -> GuardrailRow:
    margin = None if guard is None else float(guard.margin)
    level = experiment.level if guard is None else float(getattr(guard, "level", experiment.level))
    relative = bool(getattr(guard, "relative", False))
    blank = GuardrailRow(
        metric=name, arm=arm, control=experiment.control, margin=margin, level=level, relative=relative
    )
    if fit is None:
        return replace(blank, note="UNDEFINED")
    if fit.metric.direction is None:
        return replace(blank, note="NO_DIRECTION")
    if margin is not None:
        check_margin(name, margin, fit.metric, relative=relative)
    found = read_worsening(fit, arm, experiment.control, level=level, relative=relative)
    state = "harm" if found.low is not None and found.low > 0.0 else "undecided"
    if guard is not None:
        state = guard.read(found.value, low=found.low, high=found.high).state
    defined = margin is not None and found.high is not None
    notes = [found.note, "NO_MARGIN" if guard is None else ""]
    return replace(
        blank, difference=found.difference, worsening=found.value, low=found.low, high=found.high, state=state,
        p_value=_margin_p(fit, arm, experiment.control, margin or 0.0, relative=relative) if defined else None,
        note="; ".join(filter(None, notes)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Worsening:
    """How much worse a metric is in an arm than in the control.

    Attributes:
        difference: Arm minus control; None when undefined.
        value: The difference, or the lift, with the sign in which more is worse; None when undefined.
        low: Its lower one-sided bound; None when undefined.
        high: Its upper one-sided bound; None when undefined.
        note: Reason codes.
    """

    difference: float | None
    value: float | None
    low: float | None
    high: float | None
    note: str


def read_worsening(fit: Fit, arm: object, control: object, *, level: float, relative: bool = False) -> Worsening:
    """The worsening of a metric with a direction, with two one-sided bounds.

    Args:
        fit: The metric.
        arm: The arm.
        control: The control.
        level: Level of each bound.
        relative: Whether the worsening is relative to the control's figure.
    """
    below = fit.compare(arm, control, level=level, side="greater")
    above = fit.compare(arm, control, level=level, side="less")
    lower, upper = (below.relative, above.relative) if relative else (below.difference, above.difference)
    value, low, high = lower.value, lower.low, upper.high
    if fit.metric.direction == "up":  # a fall is the harm
        value, low, high = _turned(value), _turned(high), _turned(low)
    return Worsening(difference=below.difference.value, value=value, low=low, high=high, note=lower.note)


def check_margin(name: str, margin: float, metric: Metric, *, relative: bool) -> None:
    """Refuse a margin that no data could exceed: it would make the guardrail safe whatever happens.

    Raises:
        InputError: For 1 or more on a difference of rates, or on a relative fall.
    """
    if margin < 1.0 or (relative and metric.direction != "up") or not (relative or isinstance(metric, Rate)):
        return
    what = (
        "a relative fall (1 is a fall of 100 %)" if relative else "a difference of rates (1 is 100 percentage points)"
    )
    raise InputError(f"the margin of guardrail {name!r} is {what} and must lie below 1, got {margin!r}. 2 % is 0.02.")


def _turned(value: float | None) -> float | None:
    return None if value is None else -value


def _margin_p(fit: Fit, arm: object, control: object, margin: float, *, relative: bool) -> float | None:
    """One-sided p-value of a worsening of the margin or more; it agrees with the upper bound of the worsening."""
    i, j = fit.position(arm), fit.position(control)
    upper = fit.metric.direction == "down"
    bound = margin if upper else -margin
    if fit.figures is not None:
        return figures_margin_p(fit.figures, i, j, bound, upper=upper, relative=relative)
    hits, n = fit.hits, fit.n.astype(np.float64)
    tables = Tables(hits=hits[:, i], n=n[:, i], control_hits=hits[:, j], control_n=n[:, j], weights=fit.weights)
    skewed = isinstance(fit.metric, Rate) and fit.metric.method == "skewed_score"
    return rates_margin_p(tables, bound, upper=upper, relative=relative, skewed=skewed)

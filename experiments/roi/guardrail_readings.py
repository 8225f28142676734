"""The declared guardrails of an experiment, read on every contrast in every segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.metrics import Rate, inputs_of
from experiments.moments import metric_moments
from experiments.moments.grid import collapse
from experiments.readout.fit import fit_metric
from experiments.readout.guardrails import check_margin, read_worsening
from experiments.readout.show import finding_lines
from experiments.roi.guardrails import Guardrail, GuardrailReading
from experiments.roi.reading import CostSource, read_costs
from experiments.roi.segment_cells import By, by_columns, split_segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from attribution.core.tables import Table
    from experiments.metrics import Metric
    from experiments.moments import Moments
    from experiments.readout.experiment import Experiment

__all__ = ["GuardrailTable", "guardrail_table", "read_contrasts"]

messages.register("experiments")

Pair = tuple[str, str]
Readings = dict[tuple[str, str, str | None], tuple[GuardrailReading, ...]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class GuardrailTable(TabularResult):
    """Every guardrail on every contrast in every segment.

    Each row says whether the worsening is shown to stay within its margin ("safe"), is shown to be above 0 ("harm"), or
    neither ("undecided"). The bounds are one-sided, each at the guardrail's own level, without correction: all
    guardrails must be safe for a PASS, and more of them can only make a PASS rarer. Many segments make a false "harm"
    more likely (at level 0.95 one in twenty of those that change nothing), which errs on the side of not expanding.

    Attributes:
        readings: The readings by (arm, control, segment).
        segmented: Whether there are segments.
        findings: Trust checks of the experiment.
        recipe: How the bounds were made.
    """

    readings: Mapping[tuple[str, str, str | None], tuple[GuardrailReading, ...]]
    segmented: bool
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        segment = (Field("segment", "text"),) if self.segmented else ()
        fields = (
            Field("arm", "text"), Field("control", "text"), *segment, Field("metric", "text"), Field("scale", "text"),
            Field("margin"), Field("bound_level", "level"), Field("worsening"), Field("low"), Field("high"),
            Field("state", "text"), Field("note", "text"),
        )  # fmt: skip
        rows = [
            {
                "arm": arm, "control": control, "segment": name, "metric": reading.guardrail.metric,
                "scale": "relative" if reading.guardrail.relative else "difference",
                "margin": reading.guardrail.margin, "bound_level": reading.guardrail.level,
                "worsening": reading.value, "low": reading.low, "high": reading.high, "state": reading.state,
                "note": reading.note,
            }
            for (arm, control, name), readings in self.readings.items()
            for reading in readings
        ]  # fmt: skip
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        table = records_table(self._records(), decisive="state")
        return Display(
            messages.text("GUARDRAILS.title"),
            (table, messages.text("GUARDRAIL_TABLE.note"), *finding_lines(self.findings)),
        )


def guardrail_table(  # noqa: PLR0913 -- options by keyword
    outcomes: object,
    *,
    experiment: Experiment,
    by: By = None,
    order: Sequence[str] | None = None,
    woken: str = "woken",
    cost: str = "cost",
    touches: object = None,
) -> GuardrailTable:
    """Do closures, opt-outs or complaints get worse, and where? Every declared guardrail by contrast and segment.

    The rise of a guardrail is treated minus control, for metrics of which more is better the fall. Its upper one-sided
    bound at most the margin: "safe". Else its lower bound above 0: "harm". Else "undecided". These are the readings
    that turn a PASS of `cost_thresholds` in the same segment into FAIL or INCONCLUSIVE.

    Args:
        outcomes: One row per person with the columns of the guardrails; see `mark_events` for making them from tables
            of opt-outs and complaints, and ``history=`` of `build_outcomes` for closures.
        experiment: The experiment with its guardrails.
        by: Column(s) of segments, fixed before assignment.
        order: Arms from the control upwards; None: each arm with the control.
        woken: Column of the event.
        cost: Column of the full cost.
        touches: The touches, for the leakage check.

    Raises:
        InputError: When the experiment declares no guardrail, or one that cannot be read.
        TableError: With every problem of the table.
        DesignError: As `cost_thresholds`.

    Assumptions:
        As `cost_thresholds`. Each bound holds alone: of many segments that change nothing, some will look like harm.

    Verified against: `compare_rates` on the persons of the segment, plain pandas.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> spec = ex.Experiment({"woken": ex.Rate("woken")}, guardrails=(ex.Guardrail("closed", 0.01),))
        >>> table = guardrail_table(c.outcomes, experiment=spec, order=c.order)
        >>> [(row["arm"], row["state"]) for row in table.to_dicts()]
        [('digital', 'safe'), ('sms', 'safe'), ('full', 'safe')]
    """
    if not any(isinstance(guard, Guardrail) for guard in experiment.guardrails):
        raise InputError("the experiment declares no guardrail. Write guardrails=(Guardrail('closed', 0.0005),).")
    columns = by_columns(by)
    source = CostSource(outcomes=outcomes, experiment=experiment, woken=woken, cost=cost, by=columns, touches=touches)
    read = read_costs(source, order=order)
    readings = read_contrasts(read.table, experiment, read.pairs, by=columns, segments=tuple(read.segments))
    read.table.problems.raise_if_any()
    return GuardrailTable(
        readings=readings,
        segmented=bool(columns),
        findings=read.findings,
        recipe=Recipe(
            method="guardrail_table",
            settings={"by": list(columns), "control": str(experiment.control)},
            n={"persons": read.persons},
        ),
    )


def read_contrasts(
    table: Table,
    experiment: Experiment,
    pairs: Sequence[Pair],
    *,
    by: Sequence[str] = (),
    segments: Sequence[str | None] = (None,),
) -> Readings:
    """Read every declared guardrail on every contrast, in every segment alone.

    Args:
        table: The opened outcomes; a guardrail that cannot be read is noted there.
        experiment: The declared experiment.
        pairs: (arm, control) of every contrast.
        by: Columns of the segments.
        segments: Names of the segments.

    Returns:
        The readings by (arm, control, segment); segment None without segments.

    Raises:
        InputError: For a guardrail on a metric without a direction, or a margin that no data could exceed.
    """
    guards = [guard for guard in experiment.guardrails if isinstance(guard, Guardrail)]
    found = [(guard, _by_segment(table, experiment, guard, by)) for guard in guards]
    return {
        (arm, control, segment): tuple(
            _reading(parts.get(segment), experiment, guard, (arm, control)) for guard, parts in found
        )
        for segment in segments
        for arm, control in pairs
    }


def _by_segment(
    table: Table, experiment: Experiment, guardrail: Guardrail, by: Sequence[str]
) -> dict[str | None, Moments]:
    """The moments of a guardrail's metric by segment; none where a cell cannot be read, which is noted."""
    metric = _guarded(experiment, guardrail)
    keys = (
        *by, *experiment.layers, experiment.arm, *(() if experiment.cluster is None else (experiment.cluster,)),
    )  # fmt: skip
    found = metric_moments(table, {guardrail.metric: inputs_of(metric)}, keys=keys)[guardrail.metric]
    if found is None:
        return {}
    if (isinstance(metric, Rate) and found.strange) or (found.persons != found.n).any():
        table.problems.add(
            "NOT_BINARY", table.name, ", ".join(inputs_of(metric).columns), int(found.persons.sum()),
            message=f"the guardrail {guardrail.metric!r} needs a value for every person, 0 or 1 for a rate; a cell "
            'may be empty only where its metric declares missing="zero"',
        )  # fmt: skip
        return {}
    return split_segments(found, len(by))


def _guarded(experiment: Experiment, guardrail: Guardrail) -> Metric:
    """The metric of a guardrail; a bare column is one whose rise is harm."""
    metric = experiment.metrics.get(guardrail.metric, Rate(guardrail.metric, direction="down"))
    if metric.direction is None:
        raise InputError(
            f"the guardrail {guardrail.metric!r} names a metric without a direction: is a rise good or harm? Write "
            f'direction="down" when a rise is harm (closures), "up" when a fall is.'
        )
    check_margin(guardrail.metric, guardrail.margin, metric, relative=guardrail.relative)
    return metric


def _reading(found: Moments | None, experiment: Experiment, guardrail: Guardrail, pair: Pair) -> GuardrailReading:
    """One guardrail on one contrast: two one-sided bounds of the worsening."""
    if found is None:
        return guardrail.read(None, low=None, high=None)
    metric = _guarded(experiment, guardrail)
    clusters = None if experiment.cluster is None else found
    part = found if clusters is None else collapse(clusters, len(found.names) - 1)
    fit, _ = fit_metric(guardrail.metric, metric, "guardrail", part, level=guardrail.level, clusters=clusters)
    i, j = (next(k for k, arm in enumerate(fit.arms) if str(arm) == name) for name in pair)
    worse = read_worsening(fit, fit.arms[i], fit.arms[j], level=guardrail.level, relative=guardrail.relative)
    return guardrail.read(worse.value, low=worse.low, high=worse.high, note=worse.note)

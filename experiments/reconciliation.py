"""Touched, attributed and incremental side by side, on the same persons, step by step.

Credit says who was near when something happened; the experiment says what would not have happened otherwise. The table
holds both for the persons of each step's arm, with the credit that the same model gives the same channels in the
holdout (placebo credit), where the campaign cannot have caused anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.columns import ColumnsLike, columns_for
from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from attribution.core.tables import Problems, open_table
from attribution.core.values import encode_together, keys, labels, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.credit import Credit
    from experiments.readout import Readout

__all__ = ["Reconciliation", "reconcile"]

UNTESTED = "untested"
TOTAL = "total"
_FIELDS = (
    Field("step", "text"),
    Field("arm", "text"),
    Field("control", "text"),
    Field("channels", "text"),
    Field("model", "text"),
    Field("persons", "count"),
    Field("touched", "count"),
    Field("attributed", "number"),
    Field("persons_holdout", "count"),
    Field("placebo", "number"),
    Field("incremental", "number"),
    Field("incremental_low", "number"),
    Field("incremental_high", "number"),
    Field("ratio", "ratio"),
    Field("note", "text"),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Reconciliation(TabularResult):
    """What was touched, what was credited, what was caused: one row per step and model.

    Attributes:
        records: The rows. ``touched``: conversions with a touch of the step's channels; ``attributed``: their credit;
            ``placebo``: the same credit among the holdout's persons; ``incremental``: persons in the arm times the
            difference to the arm before; ``ratio``: attributed / incremental, undefined when the interval holds 0.
        findings: Channels that no step tests, differences of basis.
        recipe: Metric, steps and definitions.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = self.records.to_dicts()
        models = list(dict.fromkeys(str(row["model"]) for row in rows))
        heads = [("step", "text"), ("persons", "count"), ("touched", "count")]
        columns = [DisplayColumn(column_label(name), kind) for name, kind in heads]  # type: ignore[arg-type]
        columns += [DisplayColumn(column_label(model), "count") for model in models]
        columns += [
            DisplayColumn(column_label("placebo"), "text"),
            DisplayColumn(column_label("incremental"), "count", decisive=True),
        ]
        body = [_shown(group, models) for group in _grouped(rows)]
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        table = DisplayTable(tuple(columns), tuple(body), notes=notes)
        return Display(messages.text("RECONCILE.TITLE"), (table,))


def _grouped(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["step"], row["channels"]), []).append(row)
    return list(groups.values())


def _shown(group: Sequence[dict[str, Any]], models: Sequence[str]) -> tuple[object, ...]:
    from attribution.core.formats import format_interval, format_value

    first = group[0]
    attributed = {row["model"]: round(row["attributed"], 1) for row in group}
    placebo = [round(row["placebo"], 1) for row in group]
    spread = format_interval(min(placebo), max(placebo), "count")
    if min(placebo) == max(placebo):
        spread = format_value(placebo[0], "count")
    effect = Cell(None, note=messages.text("RECONCILE.UNTESTED_WORD"))
    if first["incremental"] is not None:
        low, high = _whole(first["incremental_low"]), _whole(first["incremental_high"])
        effect = Cell(_whole(first["incremental"]), low, high)
    label = _step_label(str(first["step"]), str(first["channels"]))
    return (label, first["persons"], first["touched"], *(attributed.get(model) for model in models), spread, effect)


def _step_label(step: str, channels: str) -> str:
    """The step with its channels; a step that bears its channel's name is named once."""
    if step == channels:
        return step
    known = {TOTAL: "RECONCILE.TOTAL_WORD", UNTESTED: "RECONCILE.UNTESTED_WORD"}
    return f"{messages.text(known[step]) if step in known else step}: {channels}"


def _whole(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value)


def reconcile(
    credit: Credit,
    readout: Readout,
    *,
    assignment: object,
    metric: str | None = None,
    steps: Mapping[str, Sequence[str]],
    columns: ColumnsLike = None,
) -> Reconciliation:
    """Put touched, attributed and incremental side by side for every step of the experiment.

    Args:
        credit: Credit by channel, of any models.
        readout: The experiment's readout.
        assignment: The assignment table: person and arm.
        metric: A rate of the readout; the primary one by default. Credit counts conversions, a rate counts persons: a
            finding says how far the two differ.
        steps: Arm -> the channels that it adds to the arm before, in the order of the steps after the control.
        columns: Names of the columns.

    Returns:
        One row per step and model; a "total" of the last arm against the control with the channels of all steps; one
        per channel that no step adds and model, with the word "untested".

    Raises:
        InputError: When a step is not an arm of the readout, or a channel belongs to two steps.
        TableError: When the assignment is unusable.

    Assumptions:
        The arms are randomised and each differs from the one before by the step's channels alone. A step's effect
        belongs to its bundle of channels; it is not split over them.

    Verified against: the truth of simulated campaigns; a plain-pandas computation in the tests.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=4_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> table = ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps).table()
        >>> table.loc[table["channels"] == "search", "step"].unique().tolist()
        ['untested']
    """
    chosen = readout.experiment.primary if metric is None else metric
    order = (readout.experiment.control, *steps)
    owners = _owners(steps)
    events = _events(credit, assignment, order, columns)
    effects = {row["arm"]: row for row in readout.steps(order).to_dicts() if row["metric"] == chosen}
    if set(effects) != set(steps):
        raise InputError(
            f"metric must be a metric of the readout, got {chosen!r}. {closest(chosen, readout.experiment.metrics)}"
        )
    rows = [row for arm in steps for row in _tested(events, arm, arm, tuple(steps[arm]), effects[arm])]
    last = next((row for row in readout.to_dicts() if row["metric"] == chosen and row["arm"] == order[-1]), None)
    if last is not None:
        rows += _tested(events, TOTAL, order[-1], tuple(owners), last)
    untested = [channel for channel in events.channels if channel not in owners]
    rows += [row for channel in untested for row in _untested(events, channel)]
    return Reconciliation(
        records=Records.from_rows(_FIELDS, rows),
        findings=tuple(_findings(events, untested)),
        recipe=Recipe(
            method="reconcile",
            definitions=("RECONCILE", "PLACEBO"),
            settings={"metric": chosen, "steps": {arm: list(names) for arm, names in steps.items()}},
            n={"persons": int(events.persons.sum())},
        ),
    )


def _owners(steps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for arm, channels in steps.items():
        if isinstance(channels, str):
            raise InputError(
                f"steps[{arm!r}] must be a list of channels, got the text {channels!r}. Write ({channels!r},)."
            )
        for channel in channels:
            if channel in owners:
                raise InputError(
                    f"the channel {channel!r} is a step of both {owners[channel]!r} and {arm!r}; name it once."
                )
            owners[channel] = arm
    return owners


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    """Event-level credit of assigned persons, with codes for arm, channel, model and conversion."""

    order: tuple[str, ...]
    persons: NDArray[np.int64]
    channels: tuple[str, ...]
    models: tuple[str, ...]
    arm: NDArray[np.int64]
    channel: NDArray[np.int64]
    model: NDArray[np.int64]
    conversion: NDArray[np.int64]
    credit: NDArray[np.float64]

    def credited(self, arms: Sequence[int], channels: Sequence[str], model: int) -> float:
        """Conversions credited to the channels among the persons of some arms."""
        chosen = self._chosen(arms, channels) & (self.model == model)
        return float(self.credit[chosen].sum())

    def touched(self, arms: Sequence[int], channels: Sequence[str]) -> int:
        """Conversions of the arms' persons with an eligible touch of one of the channels."""
        return len(np.unique(self.conversion[self._chosen(arms, channels)]))

    def _chosen(self, arms: Sequence[int], channels: Sequence[str]) -> NDArray[np.bool_]:
        codes = [self.channels.index(name) for name in channels if name in self.channels]
        return np.isin(self.arm, arms) & np.isin(self.channel, codes)


def _events(credit: Credit, assignment: object, order: Sequence[str], columns: ColumnsLike) -> _Events:
    problems = Problems()
    roles = columns_for(columns, "assignment")
    assigned = open_table(assignment, "assignment", roles, problems=problems, required=("person", "arm"))
    people, arms = keys(assigned, "person"), labels(assigned, roles.arm, missing=None)
    problems.raise_if_any()
    if people is None or arms is None:  # pragma: unreachable -- every None has raised above
        raise InputError("the assignment is unusable")
    names = [str(name) for name in arms.names]
    unknown = [arm for arm in order if arm not in names]
    if unknown:
        raise InputError(
            f"steps name the arm {unknown[0]!r}, which the assignment does not hold. {closest(unknown[0], names)}"
        )
    place = np.array([order.index(name) if name in order else -1 for name in names])
    arm_of_row = place[arms.codes]
    events = open_table(credit.touches(), "touches", columns_for(None, "touches"), problems=problems)
    credited = events.arrow("person_id")
    (known, here), _ = encode_together(people, credited.cast(people.type))
    arm_of_person = np.full(int(max(known.max(initial=-1), here.max(initial=-1))) + 1, -1)
    arm_of_person[known] = arm_of_row
    arm = arm_of_person[here] if len(here) else np.empty(0, np.int64)
    channel, model = labels(events, "channel"), labels(events, "model")
    (conversion,), _ = encode_together(events.arrow("conversion_id"))
    weight = numbers(events, "conversions")
    if channel is None or model is None or weight is None:  # pragma: unreachable -- our own table has them
        raise InputError("the credit has no event-level rows")
    order_of_models = tuple(dict.fromkeys(credit.table()["model"]))
    recode = np.array([order_of_models.index(str(name)) for name in model.names] or [0])
    return _Events(
        order=tuple(order),
        persons=np.bincount(arm_of_row[arm_of_row >= 0], minlength=len(order)),
        channels=tuple(str(name) for name in channel.names),
        models=order_of_models,
        arm=arm,
        channel=channel.codes,
        model=recode[model.codes] if len(model) else model.codes,
        conversion=conversion,
        credit=weight,
    )


def _tested(
    events: _Events, step: str, arm: str, channels: tuple[str, ...], effect: Mapping[str, Any]
) -> Iterator[dict[str, object]]:
    position = events.order.index(arm)
    persons = int(events.persons[position])
    scaled = {end: None if effect[end] is None else persons * effect[end] for end in ("difference", "low", "high")}
    bounded = None not in scaled.values() and (scaled["low"] > 0 or scaled["high"] < 0)  # type: ignore[operator]
    for number, model in enumerate(events.models):
        attributed = events.credited([position], channels, number)
        yield {
            "step": step,
            "arm": arm,
            "control": effect["control"],
            "channels": ", ".join(channels),
            "model": model,
            "persons": persons,
            "touched": events.touched([position], channels),
            "attributed": attributed,
            "persons_holdout": int(events.persons[0]),
            "placebo": events.credited([0], channels, number),
            "incremental": scaled["difference"],
            "incremental_low": scaled["low"],
            "incremental_high": scaled["high"],
            "ratio": attributed / scaled["difference"] if bounded and scaled["difference"] else None,
            "note": "" if bounded else "INTERVAL_CONTAINS_0",
        }


def _untested(events: _Events, channel: str) -> Iterator[dict[str, object]]:
    treated = list(range(1, len(events.order)))
    for number, model in enumerate(events.models):
        yield {
            "step": UNTESTED,
            "channels": channel,
            "model": model,
            "persons": int(events.persons[1:].sum()),
            "touched": events.touched(treated, [channel]),
            "attributed": events.credited(treated, [channel], number),
            "persons_holdout": int(events.persons[0]),
            "placebo": events.credited([0], [channel], number),
            "note": "UNTESTED",
        }


def _findings(events: _Events, untested: Sequence[str]) -> Iterator[Finding]:
    outside = int((events.arm < 0).sum())
    if outside:
        yield Finding(code="CREDIT_OUTSIDE_STEPS", status="note", values={"rows": outside})
    for channel in untested:
        treated = list(range(1, len(events.order)))
        placebo = [events.credited([0], [channel], number) for number in range(len(events.models))]
        rows = [events.credited(treated, [channel], number) for number in range(len(events.models))]
        values = {"channel": channel, "credit": (min(rows), max(rows)), "placebo": (min(placebo), max(placebo))}
        yield Finding(code="UNTESTED_CHANNEL", status="note", values=values)

"""Touched, attributed and incremental side by side, on the same persons, step by step.

Credit says who was near when something happened; the experiment says what would not have happened otherwise. The table
holds both for the persons of each step's arm and for their windows, with the credit that the same model gives the same
channels in the holdout (placebo credit), where the campaign cannot have caused anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Records
from attribution.models.fitted import FittedModel
from experiments.metrics import Rate
from experiments.reconciliation.credited import Credited, credit_on, ground_of
from experiments.reconciliation.result import FIELDS, TOTAL, UNTESTED, Reconciliation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from attribution.core.columns import ColumnsLike
    from attribution.credit import Credit
    from experiments.readout import Readout

__all__ = ["INTERVAL_CONTAINS_0", "UNTESTED_NOTE", "reconcile"]

INTERVAL_CONTAINS_0 = "INTERVAL_CONTAINS_0"
UNTESTED_NOTE = "UNTESTED"


def reconcile(  # noqa: PLR0913 -- the contract's options
    credit: Credit,
    readout: Readout,
    *,
    assignment: object = None,
    metric: str | None = None,
    steps: Mapping[str, Sequence[str]],
    window: str | timedelta | None = None,
    columns: ColumnsLike = None,
) -> Reconciliation:
    """Put touched, attributed and incremental side by side for every step of the experiment.

    All three count customers: of each analysed person the first conversion in the window. What the credit holds besides
    (persons outside the arms, conversions before the assignment or after the window, repeated conversions) is left out
    here and counted in the findings.

    Args:
        credit: Credit of any models; its journeys are used, whatever its key.
        readout: The experiment's readout. Made from the outcomes of `build_outcomes` it knows the analysed persons and
            their windows.
        assignment: The assignment table: person, arm, assigned_at; needed when the readout was made from another table.
        metric: A rate of the readout; the primary one by default.
        steps: Arm -> the channels that it adds to the arm before, in the order of the steps after the control.
        window: Length of the window, needed with ``assignment`` when the readout does not know it; without any window
            every conversion counts, and a finding warns.
        columns: Names of the columns.

    Returns:
        One row per step and model; a "total" of the last arm against the control with the channels of all steps; one
        per channel that no step adds and model, with the word "untested".

    Raises:
        InputError: When a step is not an arm of the readout, a channel belongs to two steps, the metric is no rate, or
            nothing says who was in which arm.
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
    chosen = _metric(readout, metric)
    order = (str(readout.experiment.control), *steps)
    owners = _owners(steps)
    if readout.outcomes is None and assignment is None:
        raise InputError("assignment is needed: the readout does not know who was in which arm.")
    persons = ground_of(readout, assignment, order, metric=chosen, window=window, columns=columns)
    names = [str(name) for name in credit.journeys.touches.channel.names]
    untested = [channel for channel in names if channel not in owners]
    groups = [tuple(steps[arm]) for arm in steps] + [tuple(owners)] + [(channel,) for channel in untested]
    found = credit_on(credit, persons, len(order), groups)
    effects = {row["arm"]: row for row in readout.steps(order).to_dicts() if row["metric"] == chosen}
    control = readout.fit(chosen).persons(readout.experiment.control)
    ground = _Ground(found, order, control)
    rows: list[dict[str, object]] = []
    for place, arm in enumerate(steps):
        rows += _tested(ground, arm, groups[place], effects[arm], place)
    last = next(row for row in readout.to_dicts() if row["metric"] == chosen and row["arm"] == order[-1])
    rows += _tested(ground, TOTAL, groups[len(steps)], last, len(steps))
    treated = sum(int(effects[arm]["n"]) for arm in steps)
    for place, channel in enumerate(untested, start=len(steps) + 1):
        rows += _untested(found, channel, place, treated, control)
    return Reconciliation(
        records=Records.from_rows(FIELDS, rows),
        findings=(
            *_basis(found, [effects[arm] for arm in steps]),
            *_findings(found, untested, owners, windowed=persons.start is not None),
        ),
        recipe=_recipe(credit, chosen, steps, treated + control),
    )


def _recipe(credit: Credit, metric: str, steps: Mapping[str, Sequence[str]], persons: int) -> Recipe:
    settings: dict[str, object] = {"metric": metric, "steps": {arm: list(names) for arm, names in steps.items()}}
    fitted = [model.name for model in credit.models if isinstance(model, FittedModel)]
    if fitted:
        settings["path_models"] = ", ".join(fitted)
    definitions = ("RECONCILE", "PLACEBO", *(("RECONCILE_INSIDE",) if fitted else ()))
    return Recipe(method="reconcile", definitions=definitions, settings=settings, n={"persons": persons})


def _metric(readout: Readout, metric: str | None) -> str:
    chosen = readout.experiment.primary if metric is None else metric
    declared = readout.experiment.metrics.get(chosen)
    if declared is None:
        hint = closest(chosen, readout.experiment.metrics)
        raise InputError(f"metric must be a metric of the readout, got {chosen!r}. {hint}")
    if not isinstance(declared, Rate):
        raise InputError(
            f"metric {chosen!r} is a mean, and credit counts customers: the two cannot stand side by side. Name a rate."
        )
    return chosen


def _owners(steps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    if not steps:
        raise InputError('steps must name at least one arm with its channels, such as {"sms": ("sms",)}.')
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


class _Ground(NamedTuple):
    """Credit on the experiment's ground, the arms in order, and the persons of the control."""

    found: Credited
    order: tuple[str, ...]
    control: int


def _tested(
    ground: _Ground, step: str, channels: tuple[str, ...], effect: Mapping[str, Any], group: int
) -> Iterator[dict[str, object]]:
    found, order, control = ground
    arm = str(effect["arm"])
    place = order.index(arm)
    persons = int(effect["n"])
    difference, low, high = (
        None if effect[end] is None else persons * effect[end] for end in ("difference", "low", "high")
    )
    clear = difference is not None and low is not None and high is not None and (low > 0 or high < 0)
    for number, model in enumerate(found.models):
        attributed = found.credited(number, [place], channels)
        placebo = found.credited(number, [0], channels)
        yield {
            "step": step,
            "arm": arm,
            "control": effect["control"],
            "channels": ", ".join(channels),
            "model": model,
            "persons": persons,
            "touched": int(found.touched[group, place]),
            "attributed": attributed,
            "persons_holdout": control,
            "placebo": placebo,
            "placebo_scaled": placebo * persons / control,
            "incremental": difference,
            "incremental_low": low,
            "incremental_high": high,
            "ratio": attributed / difference if clear and difference else None,
            "note": "" if clear else INTERVAL_CONTAINS_0,
        }


def _untested(found: Credited, channel: str, group: int, treated: int, control: int) -> Iterator[dict[str, object]]:
    arms = list(range(1, found.credit.shape[1]))
    for number, model in enumerate(found.models):
        placebo = found.credited(number, [0], [channel])
        yield {
            "step": UNTESTED,
            "channels": channel,
            "model": model,
            "persons": treated,
            "touched": int(found.touched[group, 1:].sum()),
            "attributed": found.credited(number, arms, [channel]),
            "persons_holdout": control,
            "placebo": placebo,
            "placebo_scaled": placebo * treated / control,
            "note": UNTESTED_NOTE,
        }


def _basis(found: Credited, effects: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Whether credit and effect speak of the same persons, and of the same customers among them."""
    for place, effect in enumerate(effects, start=1):
        analysed, woken = int(effect["n"]), round(effect["n"] * effect["value"])
        persons, counted = int(found.persons[place]), int(found.counted[place])
        if persons != analysed:
            values = {"arm": effect["arm"], "persons": persons, "analysed": analysed}
            yield Finding(code="PERSONS_DIFFER", status="warn", values=values)
        elif counted != woken:
            values = {"arm": effect["arm"], "counted": counted, "woken": woken}
            yield Finding(code="CUSTOMERS_DIFFER", status="warn", values=values)


def _findings(
    found: Credited, untested: Sequence[str], owners: Mapping[str, str], *, windowed: bool
) -> Iterator[Finding]:
    if not windowed:
        yield Finding(code="WINDOW_UNKNOWN", status="warn")
    for channel in owners:
        if channel not in found.channels:
            values = {"channel": channel, "hint": closest(channel, found.channels)}
            yield Finding(code="CHANNEL_UNSEEN", status="warn", values=values)
    if found.outside or found.later:
        yield Finding(code="CREDIT_OUTSIDE", status="note", values={"outside": found.outside, "later": found.later})
    arms = list(range(1, found.credit.shape[1]))
    for channel in untested:
        rows = [found.credited(number, arms, [channel]) for number in range(len(found.models))]
        placebo = [found.credited(number, [0], [channel]) for number in range(len(found.models))]
        yield Finding(
            code="UNTESTED_CHANNEL",
            status="note",
            values={"channel": channel, "credit": (min(rows), max(rows)), "placebo": (min(placebo), max(placebo))},
        )

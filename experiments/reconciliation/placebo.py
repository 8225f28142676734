"""Placebo credit: what a model credits where the campaign did nothing, beside its credit where it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from attribution.models.fitted import FittedModel
from experiments.reconciliation.credited import credit_of
from experiments.reconciliation.result import TOTAL, UNTESTED, step_label, undefined
from experiments.reconciliation.table import NO_CREDIT, set_up
from experiments.reconciliation.would_be import WouldBe, journeys_with, read_would_be

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.credit import Credit
    from experiments.readout import Readout
    from experiments.reconciliation.contrasts import Apart
    from experiments.reconciliation.credited import Credited
    from experiments.reconciliation.table import Setting

__all__ = ["PlaceboCredit", "placebo_credit"]

OBSERVED = "observed"
WOULD_BE = "would_be"
PLACEBO_ZERO = "PLACEBO_ZERO"
_FIELDS = (
    Field("step", "text"), Field("arm", "text"), Field("control", "text"), Field("channels", "text"),
    Field("model", "text"), Field("basis", "text"), Field("persons", "count"), Field("attributed", "number"),
    Field("persons_holdout", "count"), Field("placebo", "number"), Field("placebo_scaled", "number"),
    Field("difference", "number"), Field("difference_low", "number"), Field("difference_high", "number"),
    Field("share_caused", "ratio"), Field("share_caused_low", "ratio"), Field("share_caused_high", "ratio"),
    Field("share_caused_kind", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PlaceboCredit(TabularResult):
    """Credit in an arm beside placebo credit in the holdout, with the interval of their difference.

    Attributes:
        records: One row per step (or untested channel), model and basis. ``basis``: "observed", the holdout's own
            touches, or "would_be", with the touches added that it would have got; ``placebo_scaled``: the holdout's
            credit per person times the persons of the arm; ``difference``: credit less that, per person weighted as
            the effect; ``share_caused``: its share of the credit, with Fieller's set.
        findings: What was left out.
        recipe: Metric, steps and definitions.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = self.records.to_dicts()
        # An untested channel is read in every arm, a step in its own.
        columns = (
            *(DisplayColumn(column_label(name)) for name in ("step", "arm", "model", "basis")),
            *(DisplayColumn(column_label(name), "number") for name in ("attributed", "placebo_scaled")),
            DisplayColumn(column_label("difference"), "number", decisive=True),
            DisplayColumn(column_label("share_caused"), "rate"),
        )
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        table = DisplayTable(columns, tuple(_shown(row) for row in rows))
        return Display(messages.text("PLACEBO.TITLE"), (table, *notes))


def _shown(row: dict[str, Any]) -> tuple[object, ...]:
    difference: object = Cell(row["difference"], row["difference_low"], row["difference_high"])
    share: object = Cell(row["share_caused"], row["share_caused_low"], row["share_caused_high"])
    if row["share_caused"] is None:
        share = undefined(row["note"])
    elif row["share_caused_kind"] != "interval":
        ends = {"low": row["share_caused_low"], "high": row["share_caused_high"]}
        share = Cell(row["share_caused"], note=f"({messages.text('CALIBRATE.set_' + row['share_caused_kind'], ends)})")
    if row["difference"] is None:
        difference = undefined(row["note"])
    return (
        step_label(row["step"], row["channels"]), row["arm"], column_label(row["model"]),
        messages.text(f"PLACEBO.{row['basis']}"), row["attributed"], row["placebo_scaled"], difference, share,
    )  # fmt: skip


def placebo_credit(  # noqa: PLR0913 -- the options of reconcile
    credit: Credit,
    readout: Readout,
    *,
    assignment: object = None,
    metric: str | None = None,
    steps: Mapping[str, Sequence[str]],
    window: str | timedelta | None = None,
    would_be: object = None,
    columns: ColumnsLike = None,
) -> PlaceboCredit:
    """Credit in each arm against placebo credit in the holdout.

    Estimand: N_k x (mean credit to the step's channels per person of arm k - the same mean among holdout persons):
    what being assigned to the arm changed in the credit. It is the randomised contrast of the credit itself, and no
    effect on customers: a model may give much credit to touches that changed nobody.

    With a log of would-be touches (ghost ads, PSA logs: what the campaign's own dispatcher would have sent to holdout
    persons, and did not) the models also see these in the holdout. What they credit to them happened without them: the
    credit of natural returners who merely stood in the way. The difference is then the credit that exists because the
    touches were real. It equals the step's incremental customers if touches change nothing but their receivers'
    chance to return and every return that they cause is credited to them.

    Args:
        credit: Credit of any models; path models keep the fit that they have.
        readout: The experiment's readout, as for `reconcile`.
        assignment: As for `reconcile`.
        metric: As for `reconcile`; it says who is analysed and with which weights.
        steps: Arm -> the channels that it adds.
        window: As for `reconcile`.
        would_be: Touches that holdout persons would have got: person, time, channel, and with several arms the column
            of the arm in which they would have got them. It must follow the campaign's own rules, also its stopping
            rule: a dispatcher that stops after a return must have stopped here too.
        columns: Names of the columns; "touches" also names those of ``would_be``.

    Returns:
        One row per step and model, a "total" of the last arm, one per untested channel and treated arm; with
        ``would_be`` the rows of the steps and the total once more on that basis.

    Raises:
        InputError: As `reconcile`; also for rules that look at more than a log of would-be touches holds, and for one
            without the arm's column when several arms are tested.
        TableError: When the assignment or the log is unusable.

    Assumptions:
        Randomised arms. The would-be log is complete and knows no more than the dispatcher knew: logged before any
        outcome.

    References:
        Johnson, Lewis, Nubbemeyer (2017), Journal of Marketing Research 54:867 (ghost ads); Lewis, Rao (2015),
        Quarterly Journal of Economics 130:1941.

    Verified against: a plain-pandas computation, and simulated campaigns in which every touch is a placebo.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> rows = ex.placebo_credit(credit, readout, assignment=c.assignment, steps=c.steps).to_dicts()
        >>> search = next(row for row in rows if row["channels"] == "search" and row["arm"] == "digital")
        >>> search["difference_low"] < 0 < search["difference_high"]
        True
    """
    setting = set_up(
        credit, readout, assignment=assignment, metric=metric, steps=steps, window=window, columns=columns,
        variance="score",
    )  # fmt: skip
    findings: list[Finding] = [finding for finding in readout.findings if finding.status == "fail"]
    rows = [row for line in _lines(setting) for row in _observed(setting, *line)]
    ghosts = would_be is not None
    if ghosts:
        arms = list(setting.steps)
        log = read_would_be(would_be, credit.journeys, setting.contrasts.ground, columns, arms=arms)
        if log.outside:
            findings.append(Finding(code="WOULD_BE_OUTSIDE", status="note", values={"rows": log.outside}))
        rows += _ghosts(credit, setting, log, findings)
    return PlaceboCredit(
        records=Records.from_rows(_FIELDS, rows), findings=tuple(findings), recipe=_recipe(credit, setting, ghosts)
    )


Line = tuple[str, str, tuple[int, ...]]


def _lines(setting: Setting) -> list[Line]:
    """Step, arm and groups of channels: each step, all together, each untested channel in each arm."""
    arms = list(setting.steps)
    found: list[Line] = [(arm, arm, (place,)) for place, arm in enumerate(arms)]
    found.append((TOTAL, arms[-1], tuple(range(len(arms)))))
    return [*found, *((UNTESTED, arm, (group,)) for group in setting.untested.values() for arm in arms)]


def _observed(setting: Setting, step: str, arm: str, groups: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    contrasts = setting.contrasts
    for number in range(len(contrasts.found.models)):
        each = contrasts.found.each(number, groups)
        yield _row(setting, (step, arm, groups), number, (each, each, OBSERVED))


def _row(
    setting: Setting, line: Line, number: int, credits_: tuple[NDArray[np.float64], NDArray[np.float64], str]
) -> dict[str, Any]:
    step, arm, groups = line
    contrasts, (each, apart, basis) = setting.contrasts, credits_
    found, place = contrasts.found, contrasts.order.index(arm)
    persons = int(contrasts.fit.n[:, contrasts.position(place)].sum())
    placebo = float(apart[found.arm == 0].sum())
    row = {
        "step": step,
        "arm": arm,
        "control": contrasts.order[0],
        "channels": ", ".join(channel for group in groups for channel in found.groups[group]),
        "model": found.models[number],
        "basis": basis,
        "persons": persons,
        "attributed": float(each[found.arm == place].sum()),
        "persons_holdout": setting.control,
        "placebo": placebo,
        "placebo_scaled": placebo * persons / setting.control,
    }
    return row | _compared(contrasts.between(each, apart, place, 0), persons)


def _compared(found: Apart | str, persons: int) -> dict[str, Any]:
    if isinstance(found, str):
        return {"note": found}
    names = ("difference", "difference_low", "difference_high")
    row: dict[str, Any] = {name: persons * end for name, end in zip(names, found.ends, strict=True)}
    share = found.share
    if share is None:
        return row | {"note": PLACEBO_ZERO if row["difference"] > 0.0 else NO_CREDIT}
    return row | {
        "share_caused": share.value, "share_caused_low": share.low, "share_caused_high": share.high,
        "share_caused_kind": share.kind, "note": "",
    }  # fmt: skip


def _ghosts(credit: Credit, setting: Setting, log: WouldBe, findings: list[Finding]) -> list[dict[str, Any]]:
    """The rows of the steps and the total with would-be touches in the holdout."""
    contrasts, steps = setting.contrasts, list(setting.steps.values())
    rows: list[dict[str, Any]] = []
    lines = [line for line in _lines(setting) if line[0] != UNTESTED]
    for arm in setting.steps:
        known: list[Line] = []
        for step, of, groups in lines:
            channels = [channel for group in groups for channel in steps[group]]
            if of != arm:
                continue
            if _sent(log, arm).isdisjoint(channels):
                values = {"step": step, "channels": ", ".join(channels)}
                findings.append(Finding(code="WOULD_BE_UNSEEN", status="warn", values=values))
            else:
                known.append((step, of, groups))
        if not known:
            continue
        journeys = journeys_with(credit.journeys, contrasts.ground, log, arm)
        seen = credit_of(journeys, credit.models, contrasts.ground, len(contrasts.order), steps)
        for line in known:
            for number in range(len(contrasts.found.models)):
                each = contrasts.found.each(number, line[2])
                apart = _aligned(contrasts.found, seen, number, line[2], len(contrasts.ground.arm))
                rows.append(_row(setting, line, number, (each, apart, WOULD_BE)))
    order = {line[0]: place for place, line in enumerate(lines)}
    return sorted(rows, key=lambda row: order[row["step"]])


def _sent(log: WouldBe, arm: str) -> set[str]:
    channel = log.columns["channel"]
    return set(channel.tolist() if log.arm is None else channel[log.arm == arm].tolist())


def _aligned(
    found: Credited, seen: Credited, number: int, groups: tuple[int, ...], persons: int
) -> NDArray[np.float64]:
    """Credit of other journeys of the same persons, one number per first conversion here."""
    whole = np.zeros(persons)
    whole[seen.firsts.row] = seen.each(number, groups)
    return whole[found.firsts.row]


def _recipe(credit: Credit, setting: Setting, ghosts: bool) -> Recipe:  # noqa: FBT001 -- one of two definitions
    settings: dict[str, object] = {
        "metric": setting.metric,
        "steps": {arm: list(names) for arm, names in setting.steps.items()},
        "level": setting.contrasts.readout.experiment.level,
    }
    fitted = [model.name for model in credit.models if isinstance(model, FittedModel)]
    if fitted:
        settings["path_models"] = ", ".join(fitted)
    definitions = (
        "CREDIT_CONTRAST", *(("WOULD_BE",) if ghosts else ()), *(("RECONCILE_INSIDE",) if fitted else ()),
    )  # fmt: skip
    persons = int(setting.contrasts.found.persons.sum())
    return Recipe(method="placebo_credit", definitions=definitions, settings=settings, n={"persons": persons})

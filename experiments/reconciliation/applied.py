"""Factors of a test multiplied onto another credit: calibrated credit, labelled, with the error of the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from attribution.credit import Credit
from attribution.models.fitted import FittedModel
from experiments.reconciliation.result import UNTESTED, step_label, undefined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experiments.reconciliation.calibration import Calibration
    from experiments.reconciliation.result import Factor

__all__ = ["CalibratedCredit", "apply_factors"]

_FIELDS = (
    Field("step", "text"), Field("channels", "text"), Field("model", "text"), Field("attributed", "number"),
    Field("factor", "ratio"), Field("calibrated", "number"), Field("calibrated_low", "number"),
    Field("calibrated_high", "number"), Field("reading", "text"), Field("note", "text"),
)  # fmt: skip
_NONE = "(none)"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CalibratedCredit(TabularResult):
    """A credit times the factors of a test: one row per step and model, one per untested channel, and ``(none)``.

    ``attributed`` adds up to all counted conversions. ``calibrated`` is attributed x factor; its ends are those of the
    factor's set, the credit being taken as given. Untested channels and ``(none)`` have none: what they caused is not
    known, and no other channel's factor stands in.

    Attributes:
        records: The rows.
        recipe: The recipe of the factors.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> factors = ex.calibrate(ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps))
        >>> calibrated = factors.apply(credit)
        >>> round(float(calibrated.table()["attributed"].sum())) == len(c.conversions)
        True
    """

    records: Records
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        columns = (
            DisplayColumn(column_label("step")), DisplayColumn(column_label("model")),
            DisplayColumn(column_label("attributed"), "number"), DisplayColumn(column_label("factor"), "ratio"),
            DisplayColumn(column_label("calibrated"), "number", decisive=True),
        )  # fmt: skip
        table = DisplayTable(columns, tuple(_shown(row) for row in self.records.to_dicts()))
        return Display(messages.text("CALIBRATED.TITLE"), (table, *self.recipe.sentences()))


def _shown(row: dict[str, Any]) -> tuple[object, ...]:
    step, factor = step_label(row["step"], row["channels"]), row["factor"]
    calibrated: object = Cell(row["calibrated"], row["calibrated_low"], row["calibrated_high"])
    if factor is None:
        calibrated = None if row["step"] == _NONE else undefined(row["note"])
    elif row["calibrated_low"] is None:  # the set of the factor lies in two pieces: its ends bound nothing
        calibrated = Cell(row["calibrated"], note=messages.text("CALIBRATED.UNBOUNDED"))
    return step, column_label(row["model"]), row["attributed"], factor, calibrated


def apply_factors(calibration: Calibration, credit: Credit) -> CalibratedCredit:
    """Multiply another credit, as `Calibration.apply` says."""
    if not isinstance(credit, Credit):
        raise InputError(f"apply needs a Credit, as at.attribute gives it, got {type(credit).__name__}.")
    known = dict.fromkeys(model for _, model in calibration.factors)
    for model in credit.models:
        if model.name not in known:
            raise InputError(
                f"the model {model.name!r} has no calibration factors: they were measured for {', '.join(known)}. "
                f"{closest(model.name, known)}"
            )
    # Credit inside journeys, as the factors were measured: channel totals of models of paths are another reading.
    keyed = credit.by("channel")
    rows = [row for model in credit.models for row in _rows(calibration, keyed, model.name)]
    fitted = [model.name for model in credit.models if isinstance(model, FittedModel)]
    settings = dict(calibration.recipe.settings)
    if fitted:
        settings["path_models"] = ", ".join(fitted)
    return CalibratedCredit(
        records=Records.from_rows(_FIELDS, rows),
        recipe=Recipe(
            method="calibrated credit",
            definitions=("CALIBRATED", *(("RECONCILE_INSIDE",) if fitted else ())),
            settings=settings,
            n=calibration.recipe.n,
        ),
    )


def _rows(calibration: Calibration, credit: Credit, model: str) -> Iterator[dict[str, Any]]:
    given = {row["channel"]: row["conversions"] for row in credit.to_dicts() if row["model"] == model}
    owned = {channel for channels in calibration.steps.values() for channel in channels}
    for step, channels in calibration.steps.items():
        attributed = sum(given.get(channel, 0.0) for channel in channels)
        shared = {"step": step, "channels": ", ".join(channels), "model": model, "attributed": attributed}
        yield {**shared, **_product(calibration.factors[step, model], attributed)}
    for channel, attributed in given.items():
        if channel not in owned:
            step = _NONE if channel == _NONE else UNTESTED
            yield {
                "step": step, "channels": channel, "model": model, "attributed": attributed, "reading": UNTESTED,
                "note": "" if channel == _NONE else "UNTESTED",
            }  # fmt: skip


def _product(factor: Factor, attributed: float) -> dict[str, Any]:
    from experiments.reconciliation.calibration import TESTED, calibrated

    if factor.found is None:
        return {"reading": TESTED, "note": factor.note}
    return {"factor": factor.found.value, **calibrated(factor.found, attributed), "reading": TESTED, "note": ""}

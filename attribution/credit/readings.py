"""The two readings of a model of paths: channel totals, and the credit inside journeys added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, column_label, records_table
from attribution.models.fitted import FittedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.journeys.plan import Journeys

__all__ = ["Readings", "fit_of", "model_findings", "null_numbers", "path_models", "reading_sentences", "readings"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Readings(TabularResult):
    """Both readings per model of paths and channel: model, channel, share, conversions, inside_conversions and values.

    ``conversions`` and ``value`` are the channel totals of the credit table; ``inside_conversions`` and
    ``inside_value`` are the credit inside journeys added up, the reading of `Credit.touches` and of `Credit.by` with
    other keys. Both sum to the touched conversions.

    Attributes:
        records: The rows.
    """

    records: Records

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        return Display(messages.text("READINGS.TITLE"), (records_table(self.records), messages.text("READINGS.NOTE")))


def path_models(credit: Credit) -> tuple[FittedModel, ...]:
    """The models of paths among those of a credit."""
    return tuple(model for model in credit.models if isinstance(model, FittedModel))


def readings(credit: Credit) -> Readings:
    """Both readings of every model of paths, by channel.

    Raises:
        InputError: When the credit is keyed by something else than the channel, or has no model of paths.
    """
    codes = credit.cells.channel_codes()
    if codes is None:
        raise InputError("both readings exist for channels only. Ask the credit by channel: credit.by('channel').")
    if not path_models(credit):
        raise InputError("no model of this credit is fitted to paths. Add one, for example at.Markov().")
    rows = [
        _row(credit, place, model, cell, codes)
        for place, model in enumerate(credit.models)
        if isinstance(model, FittedModel)
        for cell in credit.cells.order().tolist()
        if cell < credit.cells.credited
    ]
    return Readings(records=Records.from_rows(_FIELDS, rows))


def _row(credit: Credit, place: int, model: FittedModel, cell: int, codes: NDArray[np.int64]) -> dict[str, object]:
    sums, worth = credit.sums, credit.journeys.conversions.has_value
    return {
        "model": model.name,
        "channel": str(model.channel_names[codes[cell]]),
        "share": float(model.shares[codes[cell]]),
        "conversions": float(sums.conversions[place, cell]),
        "inside_conversions": float(sums.inside_conversions[place, cell]),
        "value": float(sums.value[place, cell]) if worth else None,
        "inside_value": float(sums.inside_value[place, cell]) if worth else None,
    }


_FIELDS = (
    Field("model", "text"),
    Field("channel", "text"),
    Field("share", "rate"),
    Field("conversions", "count"),
    Field("inside_conversions", "count"),
    Field("value", "money"),
    Field("inside_value", "money"),
)


def fit_of(credit: Credit, name: str) -> TabularResult:
    """What a model of paths was fitted to: removal effects and transitions, or Shapley values.

    Raises:
        InputError: For a name that is no model of paths of this credit, and for one that tells nothing of its fit.
    """
    found = {model.name: model for model in path_models(credit)}
    if name not in found:
        if name in {model.name for model in credit.models}:
            raise InputError(f"{name!r} is a model of single journeys, which is fitted to nothing.")
        raise InputError(f"there is no model of paths {name!r} in this credit. {closest(str(name), found)}")
    result = found[name].result
    if result is None:
        why = "it tells nothing of its fit" if credit.sums.touched else "no conversion has an eligible touch"
        raise InputError(f"there is nothing to show of model {name!r}: {why}.")
    return result


def reading_sentences(credit: Credit) -> list[str]:
    """Which of the two readings of a model of paths the numbers are."""
    places = [place for place, model in enumerate(credit.models) if isinstance(model, FittedModel)]
    if not places:
        return []
    values: dict[str, object] = {"models": ", ".join(column_label(credit.models[place].name) for place in places)}
    if credit.cells.channel_codes() is None:
        return [messages.text("READINGS.INSIDE", values)]
    gap = np.abs(credit.sums.conversions[places] - credit.sums.inside_conversions[places])
    return [messages.text("READINGS.SHORT", {**values, "most": float(gap.max(initial=0.0))})]


def model_findings(credit: Credit) -> tuple[Finding, ...]:
    """What the models have to say about their own fit, and the journeys that models of paths could not use."""
    found: list[Finding] = []
    for model in credit.models:
        if isinstance(model, FittedModel):
            found += getattr(model.result, "findings", ())
        elif hasattr(model, "findings"):
            found += model.findings(credit.journeys)
    found += _left_out(credit)
    return tuple({(finding.code, finding.text()): finding for finding in found}.values())


def _left_out(credit: Credit) -> list[Finding]:
    if not path_models(credit):
        return []
    nulls, still_open, departed = null_numbers(credit.journeys)
    found = []
    if still_open > nulls > 0:
        values = {"n": still_open, "nulls": nulls}
        found.append(Finding(code="MOST_JOURNEYS_OPEN", status="warn", values=values))
    elif still_open and nulls:
        found.append(Finding(code="OPEN_JOURNEYS", status="note", values={"n": still_open, "nulls": nulls}))
    elif still_open:
        found.append(Finding(code="OPEN_JOURNEYS", status="warn", values={"n": still_open}))
    if departed:
        found.append(Finding(code="TOUCHES_AFTER_FIRST", status="note", values={"n": departed}))
    return found


def null_numbers(journeys: Journeys) -> tuple[int, int, int]:
    """Null journeys, those left out because they are still open, and touches after the conversion that counts."""
    known: tuple[int, int, int] | None = getattr(journeys, "null_numbers", None)
    if known is not None:  # journeys by ranges of persons have added them up
        return known
    entries = journeys.person_paths()
    return int(entries.nulls.sum()), entries.open, entries.departed

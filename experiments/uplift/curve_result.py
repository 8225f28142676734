"""Curves of a ranking as a result: uplift, Qini and profit over the share that is treated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.inference.tails import critical_value
from experiments.readout.show import finding_sentences
from experiments.uplift.curves import FEW_EVENTS, FEWEST_EVENTS, TOO_FEW_PERSONS, ZERO_VARIANCE
from experiments.uplift.tails import tail_finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from attribution.plots.plot import Plot
    from experiments.uplift.curves import CurveNumbers
    from experiments.uplift.trial import Trial

    Floats = NDArray[np.float64]

__all__ = ["BestShare", "CurveKind", "UpliftCurve", "note_sentences"]

CurveKind = Literal["uplift", "profit"]
_ENDS = ("share", "low", "high")
_SHOWN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BestShare:
    """The share of the audience with the highest gain.

    Attributes:
        share: The share; picked because it is the highest, so its own gain is read too high.
        low: The lowest share that may be the best one.
        high: The highest such share.
        level: Confidence level of low to high.
    """

    share: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class UpliftCurve(TabularResult):
    """What treating the top share of a ranking gains, for every share.

    ``.table()``: share; persons and persons_control in the top share (a person cut by a tie in part); uplift (per
    person in the top); gain_per_1000 (per 1,000 persons of the whole audience, when the top share is treated and nobody
    else) with low and high at each share alone and band_low, band_high for all shares together; random_per_1000 (the
    same share in random order); qini (for an outcome of events: Radcliffe's additional events among the treated); note.

    Attributes:
        records: The rows.
        numbers: Gains with their covariance.
        area: Area over the random order per 1,000 persons, unnormalised, with interval and p-value.
        best: The share with the highest gain and the shares that may be it; None where an arm has too few persons.
        kind: "uplift" (of an outcome) or "profit" (money).
        name: Name of the ranking.
        findings: Checks of the experiment, and HEAVY_TAIL where the values of the whole audience are too skewed.
        recipe: How the curve was made.
    """

    records: Records
    numbers: CurveNumbers
    area: Estimate
    best: BestShare | None
    kind: CurveKind
    name: str
    findings: tuple[Finding, ...]
    recipe: Recipe

    @classmethod
    def made(
        cls, numbers: CurveNumbers, trial: Trial, values: Floats, *, name: str, kind: CurveKind, recipe: Recipe
    ) -> UpliftCurve:
        """The result of a curve's numbers.

        Args:
            numbers: The numbers.
            trial: The persons.
            values: Outcome or money of each.
            name: Name of the ranking.
            kind: Of what the curve is.
            recipe: How it was made.
        """
        best = numbers.best()
        rest = values - np.where(trial.treated, *(values[side].mean() for side in (trial.treated, ~trial.treated)))
        tail = tail_finding(trial, np.ones(len(trial)), rest, name=name, level=numbers.level)
        return cls(
            records=_records_of(numbers, kind),
            numbers=numbers,
            area=_per_1000(numbers.area()),
            best=None if best is None else BestShare(**dict(zip(_ENDS, best, strict=True)), level=numbers.level),
            kind=kind,
            name=name,
            findings=(*trial.findings, *(() if tail is None else (tail,))),
            recipe=recipe,
        )

    def plot(self) -> Plot:
        """Draw the curve with its band and the line of a random order."""
        from experiments.plots.uplift import plot_uplift

        return plot_uplift(self)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = [row for row in self.records.to_dicts() if any(abs(row["share"] - share) < 1e-9 for share in _SHOWN)]
        money: ValueKind = "money" if self.kind == "profit" else "number"
        columns = (
            DisplayColumn(column_label("share_treated"), "rate"),
            DisplayColumn(column_label("persons"), "count"),
            DisplayColumn(column_label("persons_control"), "count"),
            DisplayColumn(messages.text(f"UPLIFT.GAIN.{self.kind}"), money, decisive=True),
            DisplayColumn(column_label("band"), "text"),
            DisplayColumn(column_label("random_per_1000"), money),
            DisplayColumn(column_label("note")),
        )
        body = tuple(_shown(row, money) for row in rows)
        values = {
            "name": self.title, "level": self.numbers.level,
            "arm": self.recipe.settings.get("arm"), "control": self.recipe.settings.get("control"),
        }  # fmt: skip
        noted = note_sentences(row["note"] for row in rows)
        loud = finding_sentences(self.findings)
        table = DisplayTable(columns, body, notes=(*self._told(), *noted, *self.recipe.sentences(), *loud))
        return Display(messages.text(f"UPLIFT.TITLE.{self.kind}", values), (table,))

    @property
    def title(self) -> str:
        """The name of the ranking in the reader's language."""
        return messages.text(f"UPLIFT.LEARNER.{self.name}") if self.numbers.learned else self.name

    def _told(self) -> list[str]:
        """Sentences about the area and the best share."""
        area, best = self.area, self.best
        values = {"value": area.value, "low": area.low, "high": area.high, "p": area.p_value, "level": area.level}
        told = [messages.text(f"UPLIFT.AREA{'.' + area.note if area.low is None else ''}", values)]
        if best is not None:
            values = {"level": best.level, "share": best.share, "low": best.low, "high": best.high}
            told.append(messages.text("UPLIFT.BEST", values))
        return told


def note_sentences(notes: Iterable[object]) -> list[str]:
    """What the notes of rows mean, each once."""
    found = dict.fromkeys(code for note in notes if note for code in str(note).split("; "))
    return [messages.text(f"UPLIFT.NOTE.{code}") for code in sorted(found)]


def _shown(row: dict[str, Any], kind: ValueKind) -> tuple[object, ...]:
    from attribution.core.formats import format_interval

    gain = Cell(row["gain_per_1000"], row["low"], row["high"])
    band = "" if row["band_low"] is None else format_interval(row["band_low"], row["band_high"], kind)
    whole = [None if row[name] is None else round(float(row[name])) for name in ("persons", "persons_control")]
    return (row["share"], *whole, gain, band, row["random_per_1000"], row["note"])


def _per_1000(area: Estimate) -> Estimate:
    def scaled(value: float | None) -> float | None:
        return None if value is None else 1000.0 * value

    return replace(
        area, value=scaled(area.value), low=scaled(area.low), high=scaled(area.high),
        standard_error=scaled(area.standard_error), method="area over the random order",
    )  # fmt: skip


def _records_of(numbers: CurveNumbers, kind: CurveKind) -> Records:
    share, gain, error = numbers.share, numbers.gain, numbers.error
    z = critical_value(numbers.level, "two")
    with np.errstate(invalid="ignore", divide="ignore"):
        uplift = np.where(share > 0.0, gain / share, np.nan)
        qini = np.where(share > 0.0, uplift * numbers.treated, 0.0)
    notes = np.where(numbers.events < FEWEST_EVENTS, FEW_EVENTS, "").astype(object)
    still = (error <= 0.0) & (share > 0.0)
    notes[still], error = ZERO_VARIANCE, np.where(still, np.nan, error)
    notes[~numbers.defined] = TOO_FEW_PERSONS
    notes[0] = ""
    money: ValueKind = "money" if kind == "profit" else "number"
    columns: list[tuple[Field, Any]] = [
        (Field("share", "rate"), share),
        (Field("persons", "number"), numbers.treated),
        (Field("persons_control", "number"), numbers.control),
        (Field("uplift", money), uplift),
        (Field("gain_per_1000", money), 1000.0 * gain),
        (Field("low", money), 1000.0 * (gain - z * error)),
        (Field("high", money), 1000.0 * (gain + z * error)),
        (Field("band_low", money), 1000.0 * (gain - numbers.critical * error)),
        (Field("band_high", money), 1000.0 * (gain + numbers.critical * error)),
        (Field("random_per_1000", money), 1000.0 * share * gain[-1]),
    ]
    if kind == "uplift":
        columns.append((Field("qini", "number"), qini))
    columns.append((Field("note", "text"), notes.tolist()))
    return Records(tuple(field for field, _ in columns), tuple(_frozen(column) for _, column in columns))


def _frozen(column: Any) -> tuple[object, ...]:
    """Values with None for what is undefined."""
    return tuple(None if isinstance(v, float) and v != v else v for v in list(column))  # noqa: PLR0124

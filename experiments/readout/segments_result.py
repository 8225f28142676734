"""What a reading by segment found: interaction tests first, then the effect in every segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.metrics import Rate
from experiments.readout.show import finding_lines

if TYPE_CHECKING:
    from attribution.core.estimates import Comparison, Estimate
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.inference.heterogeneity import Interaction
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit

__all__ = ["EXPLORATORY", "SegmentEffect", "SegmentInteraction", "SegmentReadout"]

EXPLORATORY = "EXPLORATORY"

_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("by", "text"),
    Field("segment", "text"), Field("n", "count"), Field("n_control", "count"), Field("value"),
    Field("value_control"), Field("difference"), Field("low"), Field("high"), Field("p_value", "p"),
    Field("p_adjusted", "p"), Field("p_interaction", "p"), Field("declared", "text"), Field("note", "text"),
)  # fmt: skip
_TESTS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("by", "text"),
    Field("segments", "count"), Field("statistic"), Field("df", "count"), Field("df2"), Field("p_value", "p"),
    Field("p_adjusted", "p"), Field("declared", "text"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentInteraction:
    """The test of whether an arm's effect on a metric differs over the segments of a column.

    Attributes:
        fit: The metric over everybody.
        arm: The arm.
        by: The segment column.
        declared: Whether the experiment declares the column.
        test: The test.
        p_adjusted: Its p-value adjusted over arms and columns; None where there is no test.
    """

    fit: Fit
    arm: object
    by: str
    declared: bool
    test: Interaction
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentEffect:
    """The effect of an arm on a metric in a segment, or over everybody.

    Attributes:
        fit: The metric over everybody.
        arm: The arm.
        control: The control.
        by: The segment column; empty for everybody.
        segment: The segment; None for everybody.
        declared: Whether the experiment declares the column.
        n: Persons of the arm in the segment.
        n_control: Persons of the control.
        comparison: The estimates; None where the segment has too few persons (see `note`).
        p_adjusted: P-value adjusted over segments, columns and arms; None for everybody and for guardrails.
        p_interaction: The adjusted p-value of the interaction test of the column.
        note: Reason codes.
    """

    fit: Fit
    arm: object
    control: object
    by: str
    segment: object
    declared: bool
    n: int
    n_control: int
    comparison: Comparison | None
    p_interaction: float | None
    note: str
    p_adjusted: float | None = None

    @property
    def difference(self) -> Estimate | None:
        """The difference; None where the segment has too few persons."""
        return None if self.comparison is None else self.comparison.difference

    @property
    def p_value(self) -> float | None:
        """The unadjusted p-value; None where there is no test."""
        return None if self.comparison is None else self.comparison.difference.p_value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SegmentReadout(TabularResult):
    """What an experiment found by segment.

    Attributes:
        experiment: The experiment as declared.
        effects: The overall effect, then one effect per segment, for every metric and arm.
        interactions: The tests of whether effects differ between the segments of a column.
        findings: Trust checks and remarks, among them which columns are exploratory and which segments small.
        recipe: How the figures were made.
    """

    experiment: Experiment
    effects: tuple[SegmentEffect, ...]
    interactions: tuple[SegmentInteraction, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def interaction_tests(self) -> Records:
        """One row per metric, arm and column: metric arm control by segments statistic df df2 p_value p_adjusted ..."""
        return Records.from_rows(_TESTS, [self._test_row(one) for one in self.interactions])

    def _test_row(self, one: SegmentInteraction) -> dict[str, object]:
        return {
            "metric": one.fit.name, "arm": str(one.arm), "control": self.experiment.control, "by": one.by,
            "segments": one.test.segments, "statistic": one.test.statistic, "df": one.test.df, "df2": one.test.df2,
            "p_value": one.test.p_value, "p_adjusted": one.p_adjusted, "declared": one.declared,
            "method": one.test.method,
            "note": "; ".join(filter(None, (one.test.note, "" if one.declared else EXPLORATORY))),
        }  # fmt: skip

    def sentence(self, lang: str | None = None) -> str:
        """The primary metric in words: whether its effect differs between segments; single segments only then.

        Args:
            lang: "en" or "zh"; None for the language that is set.
        """
        parts = []
        primary = [one for one in self.interactions if one.fit.role == "primary"]
        for by in dict.fromkeys(one.by for one in primary):
            column = [one for one in primary if one.by == by]
            parts += [_told(one, self, lang) for one in column]
            if not column[0].declared:
                parts.append(messages.text("SEGMENTS.exploratory", {"by": by}, lang=lang))
        return ("" if _chinese(lang) else " ").join(parts)

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [_row(one) for one in self.effects])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        columns = ("\N{IDEOGRAPHIC COMMA}" if _chinese(None) else ", ").join(
            dict.fromkeys(one.by for one in self.interactions)
        )
        title = messages.text("SEGMENTS.title", {"by": columns, "control": self.experiment.control})
        shown = ["metric", "arm", "by", "segments", "p_value", "p_adjusted", "method", "note"]
        tests = records_table(self.interaction_tests(), shown, title=messages.text("SEGMENTS.tests"))
        names = dict.fromkeys(one.fit.name for one in self.effects)
        tables = tuple(_table([one for one in self.effects if one.fit.name == name]) for name in names)
        level = self.experiment.level
        alone = "SEGMENTS.alone" if self.experiment.correction is not None else "SEGMENTS.uncorrected"
        notes = (messages.text(alone, {"level": level}), *self.recipe.sentences())
        lines = [finding.text() for finding in self.findings if finding.code in (EXPLORATORY, "SEGMENT_SMALL")]
        return Display(title, (self.sentence(None), tests, *tables, *notes, *lines, *finding_lines(self.findings)))


def _chinese(lang: str | None) -> bool:
    from attribution.core.language import current_language

    return (lang or current_language()) == "zh"


def _told(one: SegmentInteraction, readout: SegmentReadout, lang: str | None) -> str:
    """One interaction test in words."""
    adjusted = "plain" if readout.experiment.correction is None else "adjusted"
    values = {
        "metric": one.fit.name, "arm": one.arm, "control": readout.experiment.control, "by": one.by,
        "n": one.test.segments, "p": one.p_adjusted, "note": one.test.note or "–",
        "which": messages.text(f"SEGMENTS.p_{adjusted}", lang=lang),
    }  # fmt: skip
    if one.p_adjusted is None:
        kind = "undefined"
    else:
        kind = "differs" if one.p_adjusted < 1.0 - readout.experiment.level else "open"
    return messages.text(f"SEGMENTS.{kind}", values, lang=lang)


def _row(one: SegmentEffect) -> dict[str, object]:
    comparison, difference = one.comparison, one.difference
    notes = [one.note] if difference is None or not difference.note else [difference.note, one.note]
    return {
        "metric": one.fit.name, "arm": str(one.arm), "control": str(one.control), "by": one.by or None,
        "segment": None if one.segment is None else str(one.segment), "n": one.n, "n_control": one.n_control,
        "value": None if comparison is None else comparison.treatment,
        "value_control": None if comparison is None else comparison.control,
        "difference": None if difference is None else difference.value,
        "low": None if difference is None else difference.low, "high": None if difference is None else difference.high,
        "p_value": one.p_value, "p_adjusted": one.p_adjusted, "p_interaction": one.p_interaction,
        "declared": one.declared, "note": "; ".join(filter(None, notes)),
    }  # fmt: skip


def _table(effects: list[SegmentEffect]) -> DisplayTable:
    fit = effects[0].fit
    rate = isinstance(fit.metric, Rate)
    value: ValueKind = "rate" if rate else "number"
    change: ValueKind = "pp" if rate else "number"
    kinds: dict[str, ValueKind] = {
        "arm": "text", "by": "text", "segment": "text", "n": "count", "n_control": "count", "value": value,
        "value_control": value, "difference": change, "p_value": "p", "p_adjusted": "p", "note": "text",
    }  # fmt: skip
    columns = tuple(
        DisplayColumn(column_label(name), kind, decisive=name == "difference") for name, kind in kinds.items()
    )
    title = messages.text(f"READOUT.metric.{fit.role}", {"metric": fit.name})
    return DisplayTable(columns, tuple(_shown(one) for one in effects), title=title)


def _shown(one: SegmentEffect) -> tuple[object, ...]:
    row, difference = _row(one), one.difference
    whole = one.segment is None
    cell = None if difference is None else Cell(difference.value, difference.low, difference.high)
    segment = messages.text("SEGMENTS.everybody") if whole else row["segment"]
    head = (row["arm"], "" if whole else one.by, segment, one.n, one.n_control, row["value"], row["value_control"])
    return (*head, cell, one.p_value, one.p_adjusted, row["note"])

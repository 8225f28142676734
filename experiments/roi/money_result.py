"""The money test as a result: one line per contrast and estimand, with both variances side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.readout.show import finding_sentences
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, Verdict

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate, Side
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.people import PeopleNeeded

__all__ = ["MULTIPLICITY", "SECOND_READING", "MoneyLine", "MoneyTest"]

MULTIPLICITY = "MULTIPLICITY"
SECOND_READING = "SECOND_READING"
_NET = ("money_per_1000", "money_low", "money_high")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MoneyLine:
    """One contrast in one estimand; amounts per assigned person.

    Attributes:
        arm: The treated arm.
        control: What it is compared with.
        segment: The segment; None for everybody.
        estimand: "all": the money as it is; "capped": each value at most the cap.
        value: Realised value per person, treated minus control.
        cost: Realised cost per person, treated minus control.
        net: What both readings say: the wider end on either side, the larger p-value.
        welch: The reading with each arm's own variance.
        second: The second reading: the shared variance, or the randomisation test (which has no interval).
        verdict: The verdict after adjustment for several lines of the same estimand.
        unadjusted: The verdict of the line by itself.
        people: Persons that would decide.
        guardrails: The guardrails' readings.
    """

    arm: str
    control: str
    segment: str | None
    estimand: Literal["all", "capped"]
    value: float
    cost: float
    net: Estimate
    welch: Estimate
    second: Estimate
    verdict: Verdict
    unadjusted: Verdict
    people: PeopleNeeded
    guardrails: tuple[GuardrailReading, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class MoneyTest(TabularResult):
    """Realised money per assigned person, each contrast with its verdict.

    Attributes:
        lines: The contrasts with what their verdicts rest on.
        findings: Trust checks (one that fails makes every verdict INVALID) and HEAVY_TAIL.
        recipe: How the figures were made.
        level: Confidence level.
        side: Side of the intervals.
        cap: The cap of the capped lines; None without any.
    """

    lines: tuple[MoneyLine, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe
    level: float
    side: Side
    cap: float | None

    def verdict(
        self, *, arm: str, control: str | None = None, segment: str | None = None, capped: bool = False
    ) -> Verdict:
        """The verdict of one line.

        Args:
            arm: The treated arm.
            control: What it is compared with; needed only when the arm stands in several contrasts.
            segment: The segment; None for everybody.
            capped: Whether the capped line is meant, which answers another question.

        Raises:
            InputError: When there is no such line.
        """
        wanted = "capped" if capped else "all"
        for line in self.lines:
            same = (line.arm, line.segment, line.estimand) == (arm, segment, wanted)
            if same and control in (None, line.control):
                return line.verdict
        known = {line.arm for line in self.lines}
        raise InputError(
            f"there is no line for the arm {arm!r} (control {control!r}, segment {segment!r}, estimand {wanted!r}). "
            f"{closest(arm, known)}"
        )

    def _records(self) -> Records:
        segmented = any(line.segment is not None for line in self.lines)
        fields = (
            Field("arm", "text"),
            Field("control", "text"),
            *((Field("segment", "text"),) if segmented else ()),
            Field("estimand", "text"),
            Field("value_per_1000", "money"),
            Field("cost_per_1000", "money"),
            *(Field(name, "money") for name in _NET),
            Field("p_value", "p"),
            Field("p_welch", "p"),
            Field("p_second", "p"),
            Field("verdict", "text"),
            Field("verdict_unadjusted", "text"),
            Field("reason", "text"),
            Field("people_needed", "count"),
            Field("method", "text"),
        )
        return Records.from_rows(fields, [_record(line) for line in self.lines])

    def _display(self) -> Display:
        columns = (
            DisplayColumn(messages.text("THRESHOLDS.HEAD")),
            DisplayColumn(column_label("estimand")),
            DisplayColumn(column_label("value_per_1000"), "money"),
            DisplayColumn(column_label("cost_per_1000"), "money"),
            DisplayColumn(column_label("money_per_1000"), "money", decisive=True),
            DisplayColumn(column_label("verdict"), "text", decisive=True),
            DisplayColumn(column_label("people_needed"), "count"),
        )
        rows = tuple(self._shown(line) for line in self.lines)
        title = messages.text("MONEY_TEST.title", {"level": self.level})
        return Display(
            title, (DisplayTable(columns, rows), *self.recipe.sentences(), *finding_sentences(self.findings))
        )

    def _shown(self, line: MoneyLine) -> tuple[object, ...]:
        record = _record(line)
        label = messages.text("THRESHOLDS.CONTRAST", {"arm": line.arm, "control": line.control})
        return (
            label if line.segment is None else f"{label} · {line.segment}",
            messages.text(f"MONEY_TEST.{line.estimand}", {"cap": self.cap}),
            record["value_per_1000"],
            record["cost_per_1000"],
            Cell(record[_NET[0]], record[_NET[1]], record[_NET[2]], "" if line.net.low is not None else line.net.note),
            line.verdict.told,
            _people_shown(line) if line.verdict.word == "INCONCLUSIVE" else None,
        )


def _people(line: MoneyLine) -> int | None:
    """The persons that would decide; None where the interval is decided and something else holds the verdict back."""
    return None if line.verdict.reason in {MULTIPLICITY, SECOND_READING, GUARDRAIL_UNDECIDED} else line.people.number


def _people_shown(line: MoneyLine) -> Cell:
    """The persons that would decide, or why there is no number; nothing where the verdict's own reason says it."""
    number = _people(line)
    return Cell(number, note="" if number is not None or line.verdict.reason else line.people.reason)


def _thousand(amount: float | None) -> float | None:
    return None if amount is None else 1000.0 * amount


def _record(line: MoneyLine) -> dict[str, object]:
    unreachable = line.people.reason if line.verdict.word == "INCONCLUSIVE" else ""
    parts = [*line.verdict.reason.split("; "), *line.net.note.split("; "), unreachable]
    return {
        "arm": line.arm,
        "control": line.control,
        "segment": line.segment,
        "estimand": line.estimand,
        "value_per_1000": 1000.0 * line.value,
        "cost_per_1000": 1000.0 * line.cost,
        **dict(zip(_NET, map(_thousand, (line.net.value, line.net.low, line.net.high)), strict=True)),
        "p_value": line.net.p_value,
        "p_welch": line.welch.p_value,
        "p_second": line.second.p_value,
        "verdict": line.verdict.word,
        "verdict_unadjusted": line.unadjusted.word,
        "reason": "; ".join(dict.fromkeys(part for part in parts if part)),
        "people_needed": _people(line),
        "method": line.net.method,
    }

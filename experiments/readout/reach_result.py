"""The funnel of reach by arm, and what being reached changed, as results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe
    from experiments.inference.compliance_result import ComplierEffect

__all__ = ["ReachEffects", "ReachFunnel", "ReachRow", "StageEffect"]

_FUNNEL = (
    Field("arm", "text"), Field("stage", "text"), Field("reached", "count"), Field("rate_step", "rate"),
    Field("rate_total", "rate"), Field("low", "rate"), Field("high", "rate"), Field("difference_control", "pp"),
    Field("difference_low", "pp"), Field("difference_high", "pp"), Field("note", "text"),
)  # fmt: skip
_EFFECTS = (
    Field("arm", "text"), Field("stage", "text"), Field("value"), Field("low"), Field("high"),
    Field("set_kind", "text"), Field("p_value", "p"), Field("strength"), Field("wald_low"), Field("wald_high"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReachRow:
    """One stage of one arm.

    Attributes:
        arm: The arm.
        stage: The stage; "assigned" for everybody.
        reached: Persons who reached it.
        rate_step: Share of those who reached the stage before; None for the first row and where nobody did.
        rate_total: Share of all persons assigned to the arm, with its interval.
        difference: Difference of the total rate to the control's; None for the control.
        note: Reason codes.
    """

    arm: str
    stage: str
    reached: int
    rate_step: float | None
    rate_total: Estimate
    difference: Estimate | None
    note: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StageEffect:
    """The effect of having reached a stage, among those whom the assignment brought there.

    Attributes:
        arm: The arm, against the control.
        stage: The stage.
        found: The complier effect.
    """

    arm: str
    stage: str
    found: ComplierEffect


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ReachEffects(TabularResult):
    """The effect of the assignment, and the effect per person brought to each stage.

    Columns: arm, stage ("assigned": everybody assigned, the number for money), value, low, high, set_kind (Anderson-
    Rubin sets for the stages), p_value, strength (first stage F), wald_low, wald_high (t interval), note.

    Attributes:
        effects: The complier effects.
        outcome: Name of the outcome.
        findings: What must be known to read them.
        recipe: How they were made.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> frame = pd.DataFrame({"arm": ["sms"] * 4 + ["holdout"] * 4, "person_id": range(8)})
        >>> frame["delivered"], frame["woken"] = [1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 1, 0]
        >>> effects = ex.reach(frame, stages=("delivered",), outcome="woken").effects
        >>> [(row["stage"], round(row["value"], 3)) for row in effects.to_dicts()]
        [('assigned', 0.25), ('delivered', 0.333)]
    """

    effects: tuple[StageEffect, ...]
    outcome: str
    findings: tuple[Finding, ...]
    recipe: Recipe

    def effect(self, *, arm: str, stage: str) -> ComplierEffect:
        """The complier effect of one arm at one stage.

        Raises:
            InputError: When there is none of that name.
        """
        for one in self.effects:
            if (one.arm, one.stage) == (arm, stage):
                return one.found
        known = [f"{one.arm} @ {one.stage}" for one in self.effects]
        raise InputError(f"there is no effect of {arm!r} at {stage!r}. {closest(f'{arm} @ {stage}', known)}")

    def _records(self) -> Records:
        rows: list[dict[str, object]] = []
        shown: set[str] = set()
        for one in self.effects:
            if one.arm not in shown:
                shown.add(one.arm)
                rows.append(_assigned(one))
            rows.append(_stage(one))
        return Records.from_rows(_EFFECTS, rows)

    def _display(self) -> Display:
        heads: tuple[tuple[str, ValueKind, bool], ...] = (
            (column_label("arm"), "text", False),
            (column_label("stage"), "text", False),
            (messages.text("COMPLIER.estimate"), "number", True),
            (column_label("p_value"), "p", False),
            (column_label("note"), "text", False),
        )
        columns = tuple(DisplayColumn(label, kind, decisive=decisive) for label, kind, decisive in heads)
        rows = []
        for row in self._records().to_dicts():
            whole = row["set_kind"] == "interval"
            cell = Cell(row["value"], row["low"], row["high"]) if whole else Cell(row["value"])
            rows.append((row["arm"], _stage_name(str(row["stage"])), cell, row["p_value"], _told(row)))
        title = messages.text("REACHED.effects", {"outcome": self.outcome, "level": self.recipe.settings["level"]})
        notes = tuple(finding.text() for finding in self.findings)
        return Display(title, (DisplayTable(columns, tuple(rows)), *self.recipe.sentences(), *notes))


def _stage_name(stage: str) -> str:
    return messages.text("REACHED.assigned") if stage == "assigned" else stage


def _told(row: dict[str, object]) -> str:
    parts = [str(row["note"])] if row["note"] else []
    if row["set_kind"] == "all":
        parts.insert(0, messages.text("COMPLIER.set_all"))
    if row["set_kind"] == "complement":
        parts.insert(0, messages.text("COMPLIER.set_complement", {"low": row["low"], "high": row["high"]}))
    return "; ".join(parts)


def _assigned(one: StageEffect) -> dict[str, object]:
    found = one.found.assignment
    return {
        "arm": one.arm, "stage": "assigned", "value": found.value, "low": found.low, "high": found.high,
        "set_kind": None if found.low is None else "interval", "p_value": found.p_value, "note": found.note,
    }  # fmt: skip


def _stage(one: StageEffect) -> dict[str, object]:
    found = one.found
    turned = {"NEGATIVE_FIRST_STAGE"} & {finding.code for finding in found.findings}
    return {
        "arm": one.arm, "stage": one.stage, "value": found.robust.value, "low": found.robust.low,
        "high": found.robust.high, "set_kind": found.robust.kind, "p_value": found.robust_p_value,
        "strength": found.strength, "wald_low": found.effect.low, "wald_high": found.effect.high,
        "note": "; ".join(filter(None, (found.effect.note, *turned))),
    }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ReachFunnel(TabularResult):
    """How far the treatment came in every arm.

    Columns: arm, stage, reached, rate_step (of those who reached the stage before), rate_total (of all assigned), low,
    high, difference_control, difference_low, difference_high, note.

    Attributes:
        rows: The rows; the control first.
        effects: Effects on the outcome, when one was named.
        findings: What does not fit.
        recipe: How it was made.
    """

    rows: tuple[ReachRow, ...]
    effects: ReachEffects | None
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return Records.from_rows(_FUNNEL, [_funnel_row(row) for row in self.rows])

    def _display(self) -> Display:
        kinds: dict[str, ValueKind] = {
            "arm": "text", "stage": "text", "reached": "count", "rate_step": "rate", "rate_total": "rate",
            "difference_control": "pp", "note": "text",
        }  # fmt: skip
        columns = tuple(DisplayColumn(column_label(name), kind) for name, kind in kinds.items())
        rows = []
        for row in self.rows:
            total, gap = row.rate_total, row.difference
            rows.append((
                row.arm, _stage_name(row.stage), row.reached, row.rate_step, Cell(total.value, total.low, total.high),
                None if gap is None else Cell(gap.value, gap.low, gap.high), row.note,
            ))  # fmt: skip
        values = {"n": self.recipe.n["persons"], "level": self.recipe.settings["level"]}
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        parts: tuple[DisplayTable | str, ...] = (DisplayTable(columns, tuple(rows)), *notes)
        if self.effects is None:
            return Display(messages.text("REACHED.title", values), parts)
        shown = self.effects._display()  # noqa: SLF001 - a part of this result
        return Display(messages.text("REACHED.title", values), (*parts, shown.title, *shown.blocks))


def _funnel_row(row: ReachRow) -> dict[str, object]:
    total, gap = row.rate_total, row.difference
    return {
        "arm": row.arm, "stage": row.stage, "reached": row.reached, "rate_step": row.rate_step,
        "rate_total": total.value, "low": total.low, "high": total.high,
        "difference_control": None if gap is None else gap.value,
        "difference_low": None if gap is None else gap.low, "difference_high": None if gap is None else gap.high,
        "note": row.note,
    }  # fmt: skip

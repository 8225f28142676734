"""The tables of the model-risk pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.sections.appendix import result_words
from experiments.post_mortem.words import contrast_words, head, thing_words, word

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from experiments.plan.campaign import SignoffPlan
    from experiments.post_mortem.second_computation import SecondComputation, SecondFigure

__all__ = ["intervals_table", "inventory_table", "limits_table", "points_table", "sign_off_table"]

_ASKED = ("estimand", "assumes", "limits", "verified", "page")
_LINE = "_" * 24
_PERSON_SIGNS = (("owner", None), ("author", None), ("reviewer", "reviewed_on"), ("approver", "approved_on"))


def inventory_table(name: str, recipe: Recipe) -> DisplayTable:
    """One method: what it estimates, assumes, is not for, and how it was verified."""
    columns = (DisplayColumn(word("risk.methods.about")), DisplayColumn(word("risk.methods.said")))
    rows = [(word("risk.methods.name"), recipe.method)]
    rows += [(word(f"risk.methods.{asked}"), text) for asked in _ASKED if (text := _known(name, asked, recipe))]
    return DisplayTable(columns, tuple(rows), title=result_words(name))


def _known(name: str, asked: str, recipe: Recipe) -> str:
    """What is written of a method; of one that nobody wrote about, its own definitions."""
    code = f"risk.{name}.{asked}"
    if messages.has(f"REPORT.{code}"):
        return word(code)
    if asked == "estimand":
        return " ".join(recipe.sentences())
    return word("risk.methods.see") if asked == "page" else ""


def points_table(second: SecondComputation) -> DisplayTable:
    """Every figure twice, per person, with whether the two agree to 1e-9."""
    columns = (
        DisplayColumn(word("risk.second.figure")),
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("risk.second.first")),
        DisplayColumn(word("risk.second.again")),
        DisplayColumn(word("risk.second.equal"), "text", True),
    )
    rows = tuple((*_named(one), _digits(one.first[0]), _again(one), _equal(one)) for one in second.figures)
    return DisplayTable(columns, rows, title=word("risk.second.points"))


def _named(one: SecondFigure) -> tuple[str, str]:
    contrast = contrast_words(one.arm, one.control, one.segment)
    if one.threshold is None:
        return word("risk.second.difference", metric=thing_words(one.figure)), contrast
    return word("risk.second.net", T=one.threshold), contrast


def _digits(value: float | None) -> str:
    """Twelve significant digits: two computations are compared, nothing is rounded to be read."""
    return "–" if value is None else f"{value:.12g}".replace("-", "−")


def _again(one: SecondFigure) -> str:
    return word(f"risk.second.short.{one.reason}") if one.second is None and one.reason else _second(one)


def _second(one: SecondFigure) -> str:
    return _digits(None if one.second is None else one.second[0])


def _equal(one: SecondFigure) -> str:
    return "–" if one.agrees is None else word("risk.second.yes" if one.agrees else "risk.second.no")


def intervals_table(second: SecondComputation) -> DisplayTable:
    """The two intervals, per 1,000 persons: they are of different kinds and need not agree to the last digit."""
    columns = (
        DisplayColumn(word("risk.second.figure")),
        DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("risk.second.first_interval"), "number"),
        DisplayColumn(word("risk.second.second_interval"), "number"),
        DisplayColumn(word("risk.second.same_side")),
    )
    rows = tuple(
        (*_named(one), _interval(one.first), _interval(one.second), _side(one))
        for one in second.figures
        if one.second is not None
    )
    return DisplayTable(columns, rows, title=word("risk.second.both"))


def _interval(ends: tuple[float | None, float | None, float | None] | None) -> Cell:
    if ends is None:
        return Cell(None)
    value, low, high = (None if end is None else 1000.0 * end for end in ends)
    return Cell(value, low, high)


def _side(one: SecondFigure) -> str:
    """Whether both intervals stand on the same side of 0."""
    if one.second is None or one.first[1] is None or one.first[2] is None:
        return "–"
    sides = [(low > 0.0) - (high < 0.0) for low, high in ((one.first[1], one.first[2]), one.second[1:])]
    return word("risk.second.yes" if sides[0] == sides[1] else "risk.second.no")


def limits_table(findings: Sequence[Finding]) -> DisplayTable:
    """The findings that limit the use of this report."""
    columns = (DisplayColumn(head("status")), DisplayColumn(head("code")), DisplayColumn(head("sentence")))
    rows = tuple((word(f"status.{found.status}"), found.code, found.text()) for found in findings)
    return DisplayTable(columns, rows, title=word("risk.limits.findings"))


def sign_off_table(signed: SignoffPlan | None) -> DisplayTable:
    """Role, name, date, signature; empty lines where nothing is declared."""
    columns = tuple(DisplayColumn(word(f"risk.signoff.{name}")) for name in ("role", "person", "day", "signature"))
    rows = []
    for role, day in _PERSON_SIGNS:
        name = None if signed is None else getattr(signed, role)
        declared: date | None = None if signed is None or day is None else getattr(signed, day)
        shown = _LINE if declared is None else format_value(declared, "date")
        rows.append((word(f"risk.signoff.{role}"), name or _LINE, shown, _LINE))
    return DisplayTable(columns, tuple(rows), title=word("risk.signoff.table"))

"""How contrasts and findings are laid out; one table per metric, because metrics have units of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable, column_label
from experiments.metrics import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from experiments.readout.experiment import Experiment
    from experiments.readout.rows import Contrast

__all__ = ["contrast_tables", "family_lines", "finding_lines", "finding_sentences"]

_QUIET = ("pass", "note")


def contrast_tables(contrasts: Sequence[Contrast]) -> tuple[DisplayTable, ...]:
    """One display table per metric."""
    names = dict.fromkeys(contrast.fit.name for contrast in contrasts)
    return tuple(_table([contrast for contrast in contrasts if contrast.fit.name == name]) for name in names)


def _table(contrasts: Sequence[Contrast]) -> DisplayTable:
    fit = contrasts[0].fit
    rate = isinstance(fit.metric, Rate)
    value: ValueKind = "rate" if rate else "number"
    change: ValueKind = "pp" if rate else "number"
    kinds: dict[str, ValueKind] = {
        "arm": "text", "control": "text", "n": "count", "n_control": "count", "value": value, "value_control": value,
        "difference": change, "relative": "rate", "p_value": "p", "p_adjusted": "p", "note": "text",
    }  # fmt: skip
    columns = tuple(
        DisplayColumn(
            # "value" is money elsewhere; here it is the arm's figure.
            messages.text("READOUT.value") if name == "value" else column_label(name),
            kind,
            decisive=name == "difference",
        )
        for name, kind in kinds.items()
    )
    title = messages.text(f"READOUT.metric.{fit.role}", {"metric": fit.name})
    return DisplayTable(columns, tuple(_row(contrast) for contrast in contrasts), title=title)


def _row(contrast: Contrast) -> tuple[object, ...]:
    fit, difference, relative = contrast.fit, contrast.comparison.difference, contrast.comparison.relative
    notes = dict.fromkeys(part for note in (difference.note, relative.note) for part in note.split("; ") if part)
    return (
        contrast.arm,
        contrast.control,
        fit.persons(contrast.arm),
        fit.persons(contrast.control),
        contrast.comparison.treatment,
        contrast.comparison.control,
        Cell(difference.value, difference.low, difference.high),
        Cell(relative.value, relative.low, relative.high),
        difference.p_value,
        contrast.p_adjusted,
        "; ".join(notes),
    )


def family_lines(experiment: Experiment) -> tuple[str, ...]:
    """What the intervals and the adjusted p-values of a readout cover."""
    kinds = {"dunnett": "READOUT.by_metric", None: "READOUT.uncorrected"}
    kind = kinds.get(experiment.correction, "READOUT.unadjusted")
    gate = experiment.gatekeeping
    if gate is None:
        return (messages.text(kind),)
    return (messages.text(kind), messages.text(f"READOUT.gate.{gate if isinstance(gate, str) else gate[0]}"))


def finding_lines(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The findings that a reader must see: everything that is neither a pass nor a mere fact."""
    return tuple(f"[{finding.status}] {finding.code}: {finding.text()}" for finding in _loud(findings))


def finding_sentences(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The same findings in words alone."""
    return tuple(finding.text() for finding in _loud(findings))


def _loud(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.status not in _QUIET]

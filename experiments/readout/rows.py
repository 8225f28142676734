"""The rows of a readout: contrasts with their adjusted p-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.records import Field, Records
from experiments.inference.multiplicity import adjust_pvalues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Comparison
    from experiments.inference.multiplicity import Correction
    from experiments.metrics import Metric
    from experiments.readout.fit import Fit

__all__ = ["FIELDS", "Contrast", "contrast_records", "make_contrasts"]

FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("n", "count"),
    Field("n_control", "count"), Field("value"), Field("value_control"), Field("difference"), Field("low"),
    Field("high"), Field("relative", "rate"), Field("relative_low", "rate"), Field("relative_high", "rate"),
    Field("relative_kind", "text"), Field("p_value", "p"), Field("p_adjusted", "p"), Field("method", "text"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Contrast:
    """One arm against another on one metric.

    Attributes:
        fit: The metric.
        arm: The arm.
        control: The arm it is compared with.
        comparison: Estimates.
        p_adjusted: P-value adjusted over its family; None for guardrails and where there is no p-value.
    """

    fit: Fit
    arm: object
    control: object
    comparison: Comparison
    p_adjusted: float | None


def make_contrasts(
    fits: Sequence[Fit], pairs: Sequence[tuple[object, object]], *, correction: Correction | None
) -> tuple[Contrast, ...]:
    """Compare every pair on every metric; the primary metric is one family of tests, all secondary ones another."""
    compared = [(fit, arm, control, fit.compare(arm, control)) for fit in fits for arm, control in pairs]
    adjusted: dict[int, float | None] = {}
    for role in ("primary", "secondary"):
        family = [i for i, (fit, *_) in enumerate(compared) if fit.role == role]
        p = [compared[i][3].difference.p_value for i in family]
        adjusted.update(zip(family, p if correction is None else adjust_pvalues(p, method=correction), strict=True))
    return tuple(
        Contrast(fit=fit, arm=arm, control=control, comparison=comparison, p_adjusted=adjusted.get(i))
        for i, (fit, arm, control, comparison) in enumerate(compared)
    )


def contrast_records(contrasts: Sequence[Contrast]) -> Records:
    """The contract's columns."""
    return Records.from_rows(FIELDS, [_row(contrast) for contrast in contrasts])


def _row(contrast: Contrast) -> dict[str, object]:
    fit, comparison = contrast.fit, contrast.comparison
    difference, relative = comparison.difference, comparison.relative
    notes = [part for note in (difference.note, relative.note) for part in note.split("; ") if part]
    return {
        "metric": fit.name,
        "arm": str(contrast.arm),
        "control": str(contrast.control),
        "n": fit.persons(contrast.arm),
        "n_control": fit.persons(contrast.control),
        "value": comparison.treatment,
        "value_control": comparison.control,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "relative": relative.value,
        "relative_low": relative.low,
        "relative_high": relative.high,
        "relative_kind": relative.kind,
        "p_value": difference.p_value,
        "p_adjusted": contrast.p_adjusted,
        "method": difference.method + _capped(fit.metric),
        "note": "; ".join(dict.fromkeys(notes)),
    }


def _capped(metric: Metric) -> str:
    """What the method's name adds when the limits of winsorising make the question another one."""
    cap = getattr(metric, "cap", None)
    if cap is None:
        return ""
    return f", capped to {cap[0]:g} to {cap[1]:g}" if isinstance(cap, tuple) else f", capped at {cap:g}"

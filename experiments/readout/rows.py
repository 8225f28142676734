"""The rows of a readout: contrasts with their adjusted p-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core.records import Field, Records
from experiments.inference.dunnett import as_joint
from experiments.readout.families import Compared, FamilyPlace, adjust_families

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Comparison
    from experiments.inference.gatekeeping import Gate
    from experiments.inference.multiplicity import Family
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
        comparison: Estimates, each interval alone.
        place: What its family adds.
    """

    fit: Fit
    arm: object
    control: object
    comparison: Comparison
    place: FamilyPlace

    @property
    def p_adjusted(self) -> float | None:
        """The p-value adjusted over its family; None for guardrails and where there is no p-value."""
        return self.place.p_adjusted

    @property
    def simultaneous(self) -> Comparison:
        """The comparison whose interval holds together with those of its family; alone where it is in none."""
        place = self.place
        if place.level is None:
            return self.comparison
        single = self.fit.compare(self.arm, self.control, level=place.level)
        return as_joint(single, p=place.interval_p, level=self.fit.level, name=place.name)


def make_contrasts(
    fits: Sequence[Fit],
    pairs: Sequence[tuple[object, object]],
    *,
    correction: Family | None,
    gate: Gate | None = None,
) -> tuple[Contrast, ...]:
    """Compare every pair on every metric; the primary metric is one family of tests, all secondary ones another."""
    compared = [
        Compared(fit=fit, arm=arm, control=control, comparison=fit.compare(arm, control))
        for fit in fits
        for arm, control in pairs
    ]
    places = adjust_families(compared, correction=correction, gate=gate, level=fits[0].level)
    return tuple(
        Contrast(fit=one.fit, arm=one.arm, control=one.control, comparison=one.comparison, place=place)
        for one, place in zip(compared, places, strict=True)
    )


def contrast_records(contrasts: Sequence[Contrast], *, simultaneous: bool = False) -> Records:
    """The contract's columns; with the intervals of each family together, or each interval alone."""
    return Records.from_rows(FIELDS, [_row(contrast, simultaneous=simultaneous) for contrast in contrasts])


def _row(contrast: Contrast, *, simultaneous: bool) -> dict[str, object]:
    fit, comparison = contrast.fit, contrast.simultaneous if simultaneous else contrast.comparison
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
        "p_value": contrast.comparison.difference.p_value,
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

"""Marks of the charts' axes: short, in the unit of the axis."""

from __future__ import annotations

from attribution.plots.numbers import axis_mark

__all__ = ["mark_of"]

_SCALES = {"per1000": 1000.0, "pp": 100.0}
_NOTHING = 1e-9


def mark_of(value: float, kind: str) -> str:
    """A mark: a rate in percent, a difference of rates in points, per 1,000 in thousandths, others as they are."""
    at = _SCALES.get(kind, 1.0) * value
    return axis_mark(0.0 if abs(at) < _NOTHING else at, "rate" if kind == "rate" else "number")

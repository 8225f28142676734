"""Small frozen values: an estimate with its uncertainty, a comparison of two arms, a ratio's set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Literal

from attribution.core.errors import InputError

__all__ = ["Comparison", "Estimate", "Kind", "RateComparison", "RatioSet", "Side", "check_level", "check_side"]

Side = Literal["two", "greater", "less"]
Kind = Literal["interval", "complement", "all"]

_SIDES = ("two", "greater", "less")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: The point estimate; None when undefined, and then `note` says why.
        low: Lower end of the interval; ``-inf`` when unbounded, None when there is no interval.
        high: Upper end of the interval; ``inf`` when unbounded, None when there is no interval.
        p_value: The smallest alpha whose interval (same method, same side) excludes the null; None when undefined.
        level: Confidence level of the interval, for example 0.95.
        side: ``"two"``, ``"greater"`` (only the lower end is finite) or ``"less"``.
        method: Name of the method.
        kind: ``"interval"``; ``"complement"``: everything outside ``(low, high)``; ``"all"``: nothing is excluded.
        n: Number of persons the estimate rests on.
        standard_error: Standard error of the value; None where the method has none.
        note: Reason code(s) and remarks, empty when there is nothing to say.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    level: float = 0.95
    side: Side = "two"
    method: str = ""
    kind: Kind = "interval"
    n: int = 0
    standard_error: float | None = None
    note: str = ""

    def contains(self, x: float) -> bool:
        """Whether ``x`` belongs to the confidence set (closed at both ends)."""
        x = _checked_number(x)
        if self.kind == "all":
            return True
        if self.low is None or self.high is None:
            reason = self.note or "no interval"
            raise InputError(f"this estimate has no interval ({reason}), so it cannot say whether it contains {x!r}.")
        if self.kind == "complement":
            return x <= self.low or x >= self.high
        return self.low <= x <= self.high

    def __repr__(self) -> str:
        from attribution.core.formats import format_value

        interval = f"{format_value(self.level, 'level', lang='en')} {_set_text(self.low, self.high, self.kind)}"
        parts = [f"Estimate {_number(self.value)} ({interval})", f"p = {format_value(self.p_value, 'p', lang='en')}"]
        parts += [part for part in (self.method, "" if self.side == "two" else f"side {self.side}", self.note) if part]
        return ", ".join(parts)


def _checked_number(x: float) -> float:
    """``x`` as a float; an infinite one is allowed, as ends may be."""
    if isinstance(x, (Real, Decimal)) and not isinstance(x, bool) and not math.isnan(x):
        return float(x)
    raise InputError(f"x must be a number (not NaN) to ask whether an interval contains it, got {x!r}.")


def _number(value: float | None) -> str:
    """Six significant digits, for a reader of a console."""
    return "undefined" if value is None else f"{value:.6g}"


def _set_text(low: float | None, high: float | None, kind: Kind) -> str:
    if low is None or high is None:
        return "no interval"
    if kind == "all":
        return "everything"
    ends = f"{_number(low)} to {_number(high)}"
    return f"outside {ends}" if kind == "complement" else ends


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Comparison:
    """A treated group against its control.

    Attributes:
        treatment: The treated group's own figure (rate or mean).
        control: The control group's own figure.
        difference: Treatment minus control.
        relative: The lift, treatment / control - 1.
    """

    treatment: float | None
    control: float | None
    difference: Estimate
    relative: Estimate

    def __repr__(self) -> str:
        head = f"Comparison of {_number(self.treatment)} (treatment) with {_number(self.control)} (control)"
        return f"{head}\n  difference: {self.difference!r}\n  relative:   {self.relative!r}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RateComparison(Comparison):
    """Two rates compared: shown in percent and percentage points."""

    def __repr__(self) -> str:
        from attribution.core import messages
        from attribution.core.render.values import estimate_text

        lines = [messages.text("VALUE.rates", {"treatment": self.treatment, "control": self.control})]
        lines.append("  " + messages.text("VALUE.difference", {"shown": estimate_text(self.difference, "pp")}))
        lines.append("  " + messages.text("VALUE.relative", {"shown": estimate_text(self.relative, "rate")}))
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RatioSet:
    """Confidence set of a ratio, which may be an interval, the outside of one, or everything.

    Attributes:
        value: Point estimate; None when the denominator is 0.
        low: Lower end (of the excluded gap when `kind` is ``"complement"``).
        high: Upper end (of the excluded gap when `kind` is ``"complement"``).
        kind: ``"interval"``, ``"complement"`` or ``"all"``.
        level: Confidence level.
    """

    value: float | None
    low: float
    high: float
    kind: Kind
    level: float

    def contains(self, x: float) -> bool:
        """Whether ``x`` belongs to the set (closed)."""
        x = _checked_number(x)
        if self.kind == "all":
            return True
        if self.kind == "complement":
            return x <= self.low or x >= self.high
        return self.low <= x <= self.high

    def __repr__(self) -> str:
        from attribution.core.render.values import interval_text

        shown = Estimate(value=self.value, low=self.low, high=self.high, kind=self.kind, level=self.level)
        return interval_text(shown, "number")


def check_level(level: float) -> float:
    """Return ``level`` if it lies strictly between 0 and 1, else raise `InputError`."""
    number = isinstance(level, Real) and not isinstance(level, bool)
    if not number or not math.isfinite(level) or not 0.0 < level < 1.0:
        hint = f" For {level:g} % write level={level / 100:g}." if number and 1 < level < 100 else ""
        hint = hint if number else " Give an int or a float, for example 0.95."
        raise InputError(f"level must lie strictly between 0 and 1, got {level!r}.{hint}")
    return float(level)


def check_side(side: str) -> Side:
    """Return ``side`` if it is one of "two", "greater", "less", else raise `InputError`."""
    for known in _SIDES:
        if side == known:
            return known  # type: ignore[return-value]
    raise InputError(f'side must be "two", "greater" or "less" (treated minus control), got {side!r}.')

"""Guardrails: a metric that must not get worse by more than a margin before a contrast may pass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core.errors import InputError
from attribution.core.estimates import check_level

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Guardrail", "GuardrailReading", "State", "worst_state"]

State = Literal["safe", "harm", "undecided"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not rise by more than a margin (difference of treated minus control).

    For a metric of which more is better, read its difference with the sign turned.

    Attributes:
        metric: Name of the metric.
        margin: The largest rise that is acceptable, in the metric's unit, or with `relative` as a share of the
            control's figure; 0 or more.
        level: Level of the one-sided bounds.
        relative: Whether margin, rise and bounds are relative (0.05 is a rise of 5 %).

    Raises:
        InputError: When the margin is negative or not finite, or the level not between 0 and 1.

    Example:
        >>> guardrail = Guardrail("closed", 0.0005)
        >>> guardrail.read(0.0001, low=-0.0002, high=0.0004).state
        'safe'
        >>> guardrail.read(0.0001, low=-0.0008, high=0.001).state
        'undecided'
        >>> guardrail.read(0.003, low=0.002, high=0.004).state
        'harm'
    """

    metric: str
    margin: float
    level: float = 0.95
    relative: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or not self.metric:
            raise InputError(f"a guardrail's metric is the name of a metric, got {self.metric!r}.")
        number = isinstance(self.margin, (int, float)) and not isinstance(self.margin, bool)
        if not number or not 0.0 <= self.margin < math.inf:
            raise InputError(
                f"the margin of guardrail {self.metric!r} is the largest acceptable rise in the metric's own unit, "
                f"0 or more; got {self.margin!r}. For half a closed account per 1,000 persons write 0.0005."
            )
        if not isinstance(self.relative, bool):
            raise InputError(f"relative must be True or False, got {self.relative!r}.")
        check_level(self.level)

    def read(self, value: float | None, *, low: float | None, high: float | None, note: str = "") -> GuardrailReading:
        """What the data say about the guardrail.

        Args:
            value: The estimated rise, treated minus control, positive = worse.
            low: Lower one-sided bound of the rise at the guardrail's level; None when undefined.
            high: Upper one-sided bound at the same level; None when undefined.
            note: Reason codes of the comparison, such as why a relative rise is undefined.

        Returns:
            Safe when ``high <= margin``; else harm when ``low > 0``; else (and when a bound is undefined) undecided.

        Raises:
            InputError: For an estimate or a bound that is no number; an undefined one is None.
        """
        for name, number in (("value", value), ("low", low), ("high", high)):
            if number is not None and (isinstance(number, (bool, str)) or math.isnan(number)):
                raise InputError(f"{name} must be a number, or None when it is undefined, got {number!r}.")
        state: State = "undecided"
        if high is not None and high <= self.margin:
            state = "safe"
        elif low is not None and low > 0.0:
            state = "harm"
        return GuardrailReading(guardrail=self, value=value, low=low, high=high, state=state, note=note)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GuardrailReading:
    """A guardrail with what the data say about it.

    Attributes:
        guardrail: The declared guardrail.
        value: The estimated rise; None when undefined.
        low: Lower one-sided bound; None when undefined.
        high: Upper one-sided bound; None when undefined.
        state: ``"safe"``, ``"harm"`` or ``"undecided"``.
        note: Reason codes of the comparison.
    """

    guardrail: Guardrail
    value: float | None
    low: float | None
    high: float | None
    state: State
    note: str = ""

    def __repr__(self) -> str:
        from attribution.core import messages

        code = "VALUE_OF.guardrail_relative" if self.guardrail.relative else "VALUE_OF.guardrail"
        values = {
            "metric": self.guardrail.metric, "margin": self.guardrail.margin, "level": self.guardrail.level,
            "value": self.value, "low": self.low, "high": self.high, "state": self.state,
        }  # fmt: skip
        told = messages.text(code, values)
        return messages.text("VALUE.and", {"shown": told, "more": self.note}) if self.note else told


def worst_state(readings: Iterable[GuardrailReading]) -> State:
    """What several guardrails say together: harm if one harms, else undecided if one is, else safe."""
    states = {reading.state for reading in readings}
    return "harm" if "harm" in states else "undecided" if "undecided" in states else "safe"

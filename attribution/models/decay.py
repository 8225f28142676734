"""The model in which credit fades with the age of a touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError, closest
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays

__all__ = ["TimeDecay"]

_DAY = 86_400.0
_UNITS = {"continuous": "TIME_DECAY", "whole_days": "TIME_DECAY_WHOLE_DAYS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDecay:
    """Credit that halves with every half-life between touch and conversion.

    The weight of a touch of age a is 2^(-a / half_life), divided by the sum over the journey. Ages are taken from the
    journey's newest touch, which changes no ratio and keeps old journeys from underflowing to 0/0.

    Attributes:
        half_life: The age at which a touch counts half; longer than zero.
        unit: "continuous": the age to the microsecond. "whole_days": the age in days of 24 hours, rounded down, so that
            touches of the last 24 hours count alike.
        name: The model's name in tables.

    Raises:
        InputError: For a half-life of zero, without a unit, or negative; for an unknown unit.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone"]], ages_seconds=[[7 * 86400.0, 0.0]])
        >>> [round(weight, 12) for weight in at.TimeDecay(half_life="7d").weights(j).tolist()]
        [0.333333333333, 0.666666666667]
    """

    half_life: str | timedelta = "7d"
    unit: Literal["continuous", "whole_days"] = "continuous"
    name: str = "time_decay"
    needs: ClassVar[Literal["touches"]] = "touches"

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.unit not in _UNITS:
            allowed = ", ".join(repr(word) for word in _UNITS)
            raise InputError(f"unit must be one of {allowed}, got {self.unit!r}. {closest(str(self.unit), _UNITS)}")
        parsed = parse_duration(self.half_life, name="half_life")
        if parsed <= timedelta(0):
            raise InputError(f"half_life must be longer than zero, got {self.half_life!r}.")
        object.__setattr__(self, "half_life", parsed)

    @property
    def definition(self) -> str:
        """Code of the definition: it says in which unit the age is counted."""
        return _UNITS[self.unit]

    @property
    def settings(self) -> dict[str, object]:
        """The half-life, for the recipe."""
        return {"half_life": duration_text(parse_duration(self.half_life))}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """2^(-age / half_life), normalised per journey."""
        if not len(j):
            return np.zeros(0)
        age = j.age_seconds if self.unit == "continuous" else np.floor(j.age_seconds / _DAY) * _DAY
        older = age[j.offsets[1:] - 1][j.journey] - age
        if older.max() > 0:  # a journey written by hand may end with another than its newest touch
            older = np.minimum.reduceat(age, j.offsets[:-1])[j.journey] - age
        older /= parse_duration(self.half_life).total_seconds()
        raw = np.exp2(older, out=older)
        weights: NDArray[np.float64] = raw / np.bincount(j.journey, weights=raw)[j.journey]
        return weights

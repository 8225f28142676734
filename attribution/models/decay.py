"""The model in which credit fades with the age of a touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays

__all__ = ["TimeDecay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDecay:
    """Credit that halves with every half-life between touch and conversion.

    The weight of a touch of age a is 2^(-a / half_life), divided by the sum over the journey. Ages are taken from the
    journey's newest touch, which changes no ratio and keeps old journeys from underflowing to 0/0.

    Attributes:
        half_life: The age at which a touch counts half; longer than zero.
        name: The model's name in tables.

    Raises:
        InputError: For a half-life of zero, without a unit, or negative.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone"]], ages_seconds=[[7 * 86400.0, 0.0]])
        >>> [round(weight, 12) for weight in at.TimeDecay(half_life="7d").weights(j).tolist()]
        [0.333333333333, 0.666666666667]
    """

    half_life: str | timedelta = "7d"
    name: str = "time_decay"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "TIME_DECAY"

    def __post_init__(self) -> None:
        check_name(self.name)
        parsed = parse_duration(self.half_life, name="half_life")
        if parsed <= timedelta(0):
            raise InputError(f"half_life must be longer than zero, got {self.half_life!r}.")
        object.__setattr__(self, "half_life", parsed)

    @property
    def settings(self) -> dict[str, object]:
        """The half-life, for the recipe."""
        return {"half_life": duration_text(parse_duration(self.half_life))}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """2^(-age / half_life), normalised per journey."""
        if not len(j):
            return np.zeros(0)
        begins = j.offsets[:-1]
        youngest = np.minimum.reduceat(j.age_seconds, begins)
        half_life = parse_duration(self.half_life).total_seconds()
        raw = np.exp2(-(j.age_seconds - np.repeat(youngest, j.lengths)) / half_life)
        weights: NDArray[np.float64] = raw / np.repeat(np.add.reduceat(raw, begins), j.lengths)
        return weights

"""Models that look only at the place of a touch in its journey."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from attribution.core.errors import InputError, closest
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays

__all__ = [
    "FirstTouch", "LastTouch", "Linear", "PositionBased", "TwoTouches", "all_on", "check_two", "position_weights",
]  # fmt: skip

TwoTouches: TypeAlias = Literal["proportional", "half_middle", "even"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTouch:
    """All credit to the first eligible touch.

    Attributes:
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone"]], ages_seconds=[[86400.0, 0.0]])
        >>> at.FirstTouch().weights(j).tolist()
        [1.0, 0.0]
    """

    name: str = "first_touch"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "FIRST_TOUCH"

    def __post_init__(self) -> None:
        check_name(self.name)

    def touch(self, j: JourneyArrays) -> NDArray[np.int64]:
        """The first touch of each journey."""
        return j.offsets[:-1]

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1 on the first touch of each journey."""
        return all_on(self.touch(j), j)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTouch:
    """All credit to the last eligible touch.

    Attributes:
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone"]], ages_seconds=[[86400.0, 0.0]])
        >>> at.LastTouch().weights(j).tolist()
        [0.0, 1.0]
    """

    name: str = "last_touch"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "LAST_TOUCH"

    def __post_init__(self) -> None:
        check_name(self.name)

    def touch(self, j: JourneyArrays) -> NDArray[np.int64]:
        """The last touch of each journey."""
        return j.offsets[1:] - 1

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1 on the last touch of each journey."""
        return all_on(self.touch(j), j)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Equal credit to every eligible touch; a repeated channel counts each time.

    Attributes:
        name: The model's name in tables.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone"]], ages_seconds=[[86400.0, 0.0]])
        >>> at.Linear().weights(j).tolist()
        [0.5, 0.5]
    """

    name: str = "linear"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "LINEAR"

    def __post_init__(self) -> None:
        check_name(self.name)

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1/m on each of the m touches of a journey."""
        found: NDArray[np.float64] = (1.0 / j.lengths)[j.journey]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBased:
    """Fixed shares to the first and the last eligible touch, the rest equally to those between them.

    One touch takes all. Of three or more, those in the middle share 1 - first - last equally. With two touches nobody
    is in the middle, and tools differ: ``two`` says what happens to its share. With equal ends every choice is half and
    half. (1, 0) is the first-touch model, (0, 1) the last-touch model.

    Attributes:
        first: Share of the first touch, >= 0.
        last: Share of the last touch, >= 0; first + last <= 1.
        two: Of two touches the first takes first/(first + last), or half when both are 0 ("proportional"); its share
            and half of the middle's ("half_middle"); or always half ("even").
        name: The model's name in tables.

    Raises:
        InputError: For shares outside these limits, or an unknown `two`.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["banner", "sms", "phone"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> [round(weight, 12) for weight in at.PositionBased().weights(j).tolist()]
        [0.4, 0.2, 0.4]
        >>> two = at.JourneyArrays.of([["banner", "phone"]], ages_seconds=[[9.0, 0.0]])
        >>> for policy in ("proportional", "half_middle", "even"):
        ...     model = at.PositionBased(first=0.2, last=0.6, two=policy)
        ...     print(policy, [round(weight, 12) for weight in model.weights(two).tolist()])
        proportional [0.25, 0.75]
        half_middle [0.3, 0.7]
        even [0.5, 0.5]
    """

    first: float = 0.4
    last: float = 0.4
    two: TwoTouches = "proportional"
    name: str = "position_based"
    needs: ClassVar[Literal["touches"]] = "touches"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_two(self.two)
        for label, share in (("first", self.first), ("last", self.last)):
            number = isinstance(share, (int, float)) and not isinstance(share, bool)
            if not number or not math.isfinite(share) or share < 0:
                raise InputError(f"{label} must be a share between 0 and 1, got {share!r}.")
        if self.first + self.last > 1.0 + 1e-12:
            raise InputError(f"first + last must be at most 1, got {self.first!r} + {self.last!r}.")

    @property
    def definition(self) -> str:
        """Code of the definition: it says what happens with two touches."""
        return _DEFINITIONS[self.two]

    @property
    def settings(self) -> dict[str, object]:
        """The shares and the case of two touches, for the recipe."""
        return {"first": self.first, "last": self.last, "two": self.two}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """The fixed shares, per journey."""
        return position_weights(j, self.first, self.last, self.two)


_DEFINITIONS: dict[str, str] = {
    "proportional": "POSITION_BASED",
    "half_middle": "POSITION_BASED_HALF_MIDDLE",
    "even": "POSITION_BASED_EVEN",
}


def all_on(touch: NDArray[np.int64], j: JourneyArrays) -> NDArray[np.float64]:
    """1 on one touch of each journey, 0 on the others."""
    weights = np.zeros(len(j.channel))
    weights[touch] = 1.0
    return weights


def check_two(two: object) -> None:
    """Raise `InputError` unless the word is a policy for journeys of two touches."""
    if two not in _DEFINITIONS:
        allowed = ", ".join(repr(word) for word in _DEFINITIONS)
        raise InputError(f"two must be one of {allowed}, got {two!r}. {closest(str(two), _DEFINITIONS)}")


def position_weights(j: JourneyArrays, first: float, last: float, two: TwoTouches) -> NDArray[np.float64]:
    """Shares of the ends, the rest equally between them; `two` decides journeys of two touches."""
    lengths = j.lengths
    ends = first + last
    rest = max(0.0, 1.0 - ends)
    proportional = first / ends if ends > 0 else 0.5
    of_two = {"proportional": proportional, "half_middle": first + rest / 2, "even": 0.5}[two]
    weights: NDArray[np.float64] = (rest / np.maximum(lengths - 2, 1))[j.journey]
    weights[j.offsets[:-1]] = np.where(lengths == 2, of_two, first)
    weights[j.offsets[1:] - 1] = np.where(lengths == 2, 1.0 - of_two, last)
    weights[j.offsets[:-1][lengths == 1]] = 1.0
    return weights

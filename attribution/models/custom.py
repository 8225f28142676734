"""A model of the user's own, from one function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays
    from attribution.journeys.path_counts import PathCounts

__all__ = ["CustomModel"]

_NEEDS = ("touches", "paths")


@dataclass(frozen=True, slots=True)
class CustomModel:
    """A model from a function of your own.

    With ``needs="touches"`` the function gets some journeys (a `JourneyArrays`) and gives one weight per touch:
    non-negative, summing to 1 in each journey. It must not depend on which journeys come together, since a long table
    is served in pieces. With ``needs="paths"`` it gets all paths with their conversions and null journeys (a
    `PathCounts`) and gives one share per channel of ``channel_names``, summing to 1, 0 for a channel in no path.

    What the function gives is checked when credit is computed, never scaled: weights that are negative, not finite or
    do not sum to 1 within 1e-9 stop the call with an error that names the model.

    Attributes:
        name: The model's name in tables.
        function: The function.
        needs: What it works on, "touches" or "paths".

    Raises:
        InputError: For a blank name, something that cannot be called, another ``needs``.

    Example:
        >>> import attribution as at, numpy as np
        >>> def newest_two(j):
        ...     raw = (np.repeat(j.lengths, j.lengths) - j.position <= 2).astype(float)
        ...     return raw / np.repeat(np.add.reduceat(raw, j.offsets[:-1]), j.lengths)
        >>> j = at.JourneyArrays.of([["banner", "sms", "phone"]], ages_seconds=[[9.0, 5.0, 0.0]])
        >>> at.CustomModel("newest_two", newest_two).weights(j).tolist()
        [0.0, 0.5, 0.5]
    """

    name: str
    function: Callable[[Any], Any]
    needs: Literal["touches", "paths"] = field(default="touches", kw_only=True)
    definition: ClassVar[str] = "CUSTOM_MODEL"

    def __post_init__(self) -> None:
        check_name(self.name)
        if not callable(self.function):
            raise InputError(
                f"function of model {self.name!r} must be callable, got {type(self.function).__name__}. "
                "Give a function of a JourneyArrays."
            )
        if self.needs not in _NEEDS:
            raise InputError(f'needs must be "touches" or "paths", got {self.needs!r}.')

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """What the function gives for some journeys, as numbers.

        Raises:
            InputError: For a model of paths, or when the function gives something other than numbers.
        """
        return self._called("touches", "one weight per touch", j)

    def shares(self, paths: PathCounts) -> NDArray[np.float64]:
        """What the function gives for the paths, as numbers.

        Raises:
            InputError: For a model of touches, or when the function gives something other than numbers.
        """
        return self._called("paths", "one share per channel", paths)

    def _called(self, asked: str, wanted: str, of: JourneyArrays | PathCounts) -> NDArray[np.float64]:
        if asked != self.needs:
            raise InputError(f'model {self.name!r} was declared with needs="{self.needs}" and cannot work on {asked}.')
        given = self.function(of)
        try:
            return np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"the function of model {self.name!r} gave {type(given).__name__}, expected {wanted} as numbers."
            ) from None

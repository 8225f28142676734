"""All credit to the last touch that is not a direct one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.models.protocol import check_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.arrays import JourneyArrays

__all__ = ["LastNonDirect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNonDirect:
    """All credit to the last eligible touch whose channel is not direct; if all are direct, to the last.

    Which channels are direct is a fact of your data, so it is named: direct visits, typed addresses, app opens.

    Attributes:
        direct: The direct channels; at least one.
        name: The model's name in tables.

    Raises:
        InputError: For no channel; and at use, when no channel is called so but one differs only in case or blanks.

    Example:
        >>> import attribution as at
        >>> j = at.JourneyArrays.of([["sms", "phone", "direct"], ["direct"]], ages_seconds=[[9.0, 5.0, 0.0], [0.0]])
        >>> at.LastNonDirect().weights(j).tolist()
        [0.0, 1.0, 0.0, 1.0]
    """

    direct: tuple[str, ...] = ("direct",)
    name: str = "last_non_direct"
    needs: ClassVar[Literal["touches"]] = "touches"
    definition: ClassVar[str] = "LAST_NON_DIRECT"

    def __post_init__(self) -> None:
        check_name(self.name)
        given = (self.direct,) if isinstance(self.direct, str) else tuple(self.direct)
        if not given or any(not isinstance(channel, str) or not channel.strip() for channel in given):
            raise InputError(f"direct must name at least one channel as text, got {self.direct!r}.")
        object.__setattr__(self, "direct", tuple(sorted(set(given))))

    @property
    def settings(self) -> dict[str, object]:
        """The direct channels, for the recipe."""
        return {"direct": ", ".join(self.direct)}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1 on the last touch that is not direct, else on the last."""
        weights = np.zeros(len(j.channel))
        if not len(j):
            return weights
        is_direct = np.array([name in self.direct for name in j.channel_names.tolist()], bool)
        if not is_direct.any():
            self._check_spelling(j)
        places = np.where(is_direct[j.channel], -1, np.arange(len(j.channel)))
        last = np.maximum.reduceat(places, j.offsets[:-1])
        weights[np.where(last < 0, j.offsets[1:] - 1, last)] = 1.0
        return weights

    def _check_spelling(self, j: JourneyArrays) -> None:
        """No channel is called so: fine if there is no direct traffic, an error if it only goes by another spelling."""
        wanted = {channel.strip().casefold() for channel in self.direct}
        alike = [str(name) for name in j.channel_names.tolist() if str(name).strip().casefold() in wanted]
        if alike:
            raise InputError(
                f"no channel is called {', '.join(map(repr, self.direct))}, but there is "
                f"{', '.join(map(repr, alike))}. Write LastNonDirect(direct={tuple(alike)!r})."
            )

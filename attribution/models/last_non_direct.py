"""All credit to the last touch that is not a direct one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from attribution.core.errors import InputError
from attribution.models.position import all_on
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
        InputError: For no channel; at use, when a name is no channel but one differs from it in case or blanks.

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
        given = (self.direct,) if isinstance(self.direct, str) else self.direct
        listed = isinstance(given, (tuple, list, set, frozenset))
        if not listed or not given or any(not isinstance(channel, str) or not channel.strip() for channel in given):
            raise InputError(f"direct must name at least one channel as text, got {self.direct!r}.")
        object.__setattr__(self, "direct", tuple(sorted(set(given))))

    @property
    def settings(self) -> dict[str, object]:
        """The direct channels, for the recipe."""
        return {"direct": ", ".join(self.direct)}

    def weights(self, j: JourneyArrays) -> NDArray[np.float64]:
        """1 on the last touch that is not direct, else on the last."""
        return all_on(self.touch(j), j)

    def touch(self, j: JourneyArrays) -> NDArray[np.int64]:
        """The last touch of each journey that is not direct, else the last."""
        if not len(j):
            return np.empty(0, np.int64)
        names = [str(name) for name in j.channel_names.tolist()]
        self._check_spelling(names)
        is_direct = np.array([name in self.direct for name in names], bool)
        places = np.where(is_direct[j.channel], -1, np.arange(len(j.channel)))
        last = np.maximum.reduceat(places, j.offsets[:-1])
        return np.where(last < 0, j.offsets[1:] - 1, last)

    def _check_spelling(self, names: list[str]) -> None:
        """No channel of that name is fine, there is no such traffic; one that goes by another spelling is an error."""
        for missing in sorted(set(self.direct) - set(names)):
            alike = [name for name in names if name.strip().casefold() == missing.strip().casefold()]
            if alike:
                meant = tuple(sorted({*self.direct, *alike} - {missing}))
                raise InputError(
                    f"no channel is called {missing!r}, but there is {', '.join(map(repr, alike))}. Write "
                    f"LastNonDirect(direct={meant!r})."
                )

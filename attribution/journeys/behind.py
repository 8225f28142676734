"""What stands behind journeys whose touches were read out of files and left there where no conversion can use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from attribution.journeys.plan import Journeys

__all__ = ["TouchesBehind", "behind", "whole"]


class TouchesBehind(Protocol):
    """The files of the touches, for those who ask for more than the rows that conversions can use."""

    @property
    def rows(self) -> int:
        """All touches."""
        ...  # pragma: no cover - a protocol has no body

    @property
    def times(self) -> tuple[int, int] | None:
        """The first and the last time of all touches; None without touches."""
        ...  # pragma: no cover - a protocol has no body

    def whole(self) -> Journeys:
        """The same journeys with every touch in memory."""
        ...  # pragma: no cover - a protocol has no body

    def of_person(self, person: int | str) -> Journeys:
        """The journeys of one person, with every touch."""
        ...  # pragma: no cover - a protocol has no body

    def findings(self) -> tuple[Finding, ...]:
        """The findings about all touches."""
        ...  # pragma: no cover - a protocol has no body

    def fingerprint(self, names: Sequence[str]) -> str:
        """The fingerprint of all touches: person, time, channel and some further columns."""
        ...  # pragma: no cover - a protocol has no body


def behind(journeys: Journeys) -> TouchesBehind | None:
    """What stands behind the journeys; None when every touch is in memory."""
    found: TouchesBehind | None = getattr(journeys.touches.table, "behind", None)
    return found


def whole(journeys: Journeys) -> Journeys:
    """The journeys with every touch in memory."""
    files = behind(journeys)
    return journeys if files is None else files.whole()

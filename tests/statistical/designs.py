"""What one row of the simulated table of size, power and coverage is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

__all__ = ["Design", "Tally"]


@dataclass(frozen=True)
class Tally:
    """What happened over the replications of a design.

    Attributes:
        replications: Data sets drawn.
        low: Intervals that lie wholly above the truth (the truth is below the lower end); for a design of kind "size"
            the false rejections upwards, for "power" the rejections in the true direction.
        high: Intervals that lie wholly below the truth; for "size" the false rejections downwards.
    """

    replications: int
    low: int
    high: int


@dataclass(frozen=True)
class Design:
    """One simulated situation with a known truth.

    Attributes:
        name: The situation, in words, for example "rates, 1 %, 1,000 in the holdout against 9,000".
        method: What is run on it, as a user calls it.
        kind: "coverage", "size" or "power".
        run: Draws that many data sets from the generator and counts.
        low: Nominal share of `Tally.low`: 0.025 for each tail of a 95 % interval; the planned power for "power".
        high: Nominal share of `Tally.high`; None when that tail is not judged.
        miss: Why the nominal shares are known to be missed; empty when they must hold.
    """

    name: str
    method: str
    kind: Literal["coverage", "size", "power"]
    run: Callable[[int, Generator], Tally]
    low: float = 0.025
    high: float | None = 0.025
    miss: str = ""

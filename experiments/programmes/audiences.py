"""Who was in several campaigns: shared audiences, how often they were treated, held-out persons treated elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.programmes.campaign import Persons

__all__ = ["Pair", "contacted_elsewhere", "pairs_of_audiences", "times_treated"]

_NOWHERE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Persons that two campaigns share.

    Attributes:
        one: Index of the earlier campaign.
        two: Index of the later campaign.
        both: Persons in both.
        both_treated: Treated in both.
        both_held_out: Held out in both: what a shared holdout looks like.
        first_only: Treated in the earlier one alone.
        second_only: Treated in the later one alone.
    """

    one: int
    two: int
    both: int
    both_treated: int
    both_held_out: int
    first_only: int
    second_only: int


def pairs_of_audiences(codes: Sequence[NDArray[np.int64]], persons: Sequence[Persons], size: int) -> list[Pair]:
    """Every pair of campaigns."""
    found: list[Pair] = []
    row = np.full(size, _NOWHERE, np.int64)
    for one in range(len(codes)):
        row[codes[one]] = np.arange(len(codes[one]))
        for two in range(one + 1, len(codes)):
            here = row[codes[two]]
            met = here != _NOWHERE
            first, second = persons[one].held_out[here[met]], persons[two].held_out[met]
            found.append(
                Pair(
                    one=one, two=two, both=int(met.sum()),
                    both_treated=int((~first & ~second).sum()), both_held_out=int((first & second).sum()),
                    first_only=int((~first & second).sum()), second_only=int((first & ~second).sum()),
                )
            )  # fmt: skip
        row[codes[one]] = _NOWHERE
    return found


def times_treated(codes: Sequence[NDArray[np.int64]], persons: Sequence[Persons], size: int) -> list[int]:
    """How many persons were treated in none, one, two ... of the campaigns they were assigned in."""
    times = np.zeros(size, np.int64)
    for code, part in zip(codes, persons, strict=True):
        times[code[~part.held_out]] += 1
    return [int(many) for many in np.bincount(times, minlength=len(codes) + 1)]


def contacted_elsewhere(codes: Sequence[NDArray[np.int64]], persons: Sequence[Persons], size: int) -> list[int | None]:
    """Held-out persons of each campaign whom another one treated in their window; None where no time is known."""
    found: list[int | None] = []
    place = np.full(size, _NOWHERE, np.int64)
    for one, part in enumerate(persons):
        others = [two for two in range(len(persons)) if two != one]
        if part.start is None or any(persons[two].start is None for two in others):
            found.append(None)
            continue
        rows = np.flatnonzero(part.held_out)
        place[codes[one][rows]] = rows
        reached = np.zeros(len(part.held_out), bool)
        for two in others:
            reached[_overlapping(place[codes[two]], part, persons[two])] = True
        place[codes[one][rows]] = _NOWHERE
        found.append(int(reached.sum()))
    return found


def _overlapping(here: NDArray[np.int64], held: Persons, other: Persons) -> NDArray[np.int64]:
    """Rows of the held-out persons who were treated by the other campaign in a window that meets theirs."""
    met = (here != _NOWHERE) & ~other.held_out
    if held.start is None or other.start is None:  # unreachable: the caller has looked
        return here[:0]
    begins, theirs = held.start[here[met]], other.start[met]
    meets = (theirs < begins + held.window) & (begins < theirs + other.window)
    return np.asarray(here[met][meets], np.int64)

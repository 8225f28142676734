"""Rows in order of person and time, and places in that order, part by part of the persons.

A part holds so few persons that person and time fit one integer, and so few rows that they fit the cache of a core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from attribution.core.pieces import Numbers
from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from attribution.core.pieces import Picked

    Code = TypeVar("Code", bound=np.integer[Any])
    Rank = Callable[[NDArray[Any]], NDArray[np.int64]]

__all__ = ["first_places", "number_order", "person_time_order", "sorted_rows"]

Row = TypeVar("Row", bound="np.integer[Any]")

_BITS = 62  # of a whole number, for person and time together
_NUMBER_BITS = 63  # of a whole number
_CODE_BITS = 31  # of a person's code
_FEW_PARTS = 256
_ROWS = 1 << 17
_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class _Clock:
    """Times as small numbers in the same order: since the first of them, or their ranks where that is too long.

    Attributes:
        start: The first time.
        size: Every number lies below it.
        unique: The distinct times, sorted, where numbers are ranks.
    """

    start: int
    size: int
    unique: NDArray[np.int64] | None

    @property
    def bits(self) -> int:
        """Bits that hold every number."""
        return self.size.bit_length()

    def at_least(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """The smallest number whose time is not before the given one."""
        if self.unique is not None:
            return np.searchsorted(self.unique, time).astype(np.int64)
        return np.clip(time, self.start, self.start + self.size - 1) - self.start

    def times(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The times behind numbers of times that are there."""
        return numbers + self.start if self.unique is None else self.unique[numbers]


def _clock(time: NDArray[np.int64] | Picked) -> _Clock:
    bounds = (Numbers.of(time) if isinstance(time, np.ndarray) else time).bounds()
    if bounds is None:
        return _Clock(0, 1, None)
    first, last = bounds
    size = last - first + 2
    if size.bit_length() < _BITS:
        return _Clock(first, size, None)
    ordered = np.sort(time[:])
    unique = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    return _Clock(0, len(unique) + 1, unique)


def _persons_of_a_part(rows: int, persons: int, clock: _Clock) -> int:
    """Persons of a part, as a power of two: by the rows and persons alone, whatever the machine."""
    wanted = max(persons * _ROWS // max(rows, 1), 1)
    return min(wanted.bit_length() - 1, max(_BITS - clock.bits, 0), _CODE_BITS)


def person_time_order(
    person: NDArray[np.integer], time: NDArray[np.int64], ties: Sequence[Rank] = ()
) -> NDArray[np.int64]:
    """The order of rows by person and time; `sorted_rows` says more."""
    return sorted_rows(np.arange(len(person)), person, time, ties)[0]


def sorted_rows(
    rows: NDArray[Row], person: NDArray[Code], time: NDArray[np.int64] | Picked, ties: Sequence[Rank] = ()
) -> tuple[NDArray[Row], NDArray[Code], NDArray[np.int64]]:
    """Rows sorted by person and time, those of one person and instant by their ranks; with persons and times.

    Args:
        rows: Numbers of the rows.
        person: Person codes, from 0.
        time: Times.
        ties: What orders rows that are equal in person and time, most important first: each gives the ranks of some
            row numbers, and is asked only about those that are equal so far. The order of rows that are equal to the
            end is left open: it cannot matter where they are equal in every column.
    """
    clock = _clock(time)
    shift = _persons_of_a_part(len(rows), int(person.max(initial=0)) + 1, clock)
    parts = (int(person.max(initial=0)) >> shift) + 1
    # Few parts: their numbers are short, and a stable sort of short numbers takes one pass or two.
    kind = next((short for short in (np.uint8, np.uint16) if parts - 1 <= np.iinfo(short).max), np.int64)

    def split(start: int, stop: int) -> _Split[Row]:
        part = (person[start:stop] >> shift).astype(kind)
        order = np.argsort(part, kind="stable")
        keys = (person[start:stop] & ((1 << shift) - 1)).astype(np.int64) << clock.bits
        keys |= clock.at_least(time[start:stop])
        ends = np.cumsum(np.bincount(part, minlength=parts))
        return _Split(keys[order], rows[start:stop][order], np.append(0, ends))

    # Many parts leave few rows of a block to each: then all rows are one block.
    blocks = in_blocks(split, len(rows), block=_BLOCK if parts <= _FEW_PARTS else max(len(rows), 1))
    ends = np.sum([np.zeros(parts + 1, np.int64), *(block.ends for block in blocks)], axis=0)
    placed, equal = np.empty_like(rows), np.zeros(len(rows), bool)
    found = (np.empty(len(rows), person.dtype), np.empty(len(rows), np.int64))

    def sort_part(number: int, _: int) -> None:
        here = slice(int(ends[number]), int(ends[number + 1]))
        keys = np.concatenate([block.keys[block.of(number)] for block in blocks])
        order = number_order(keys, clock.bits + shift)
        keys = keys[order]
        equal[here][1:] = keys[1:] == keys[:-1]
        placed[here] = np.concatenate([block.rows[block.of(number)] for block in blocks])[order]
        found[0][here] = (number << shift) + (keys >> clock.bits)
        found[1][here] = clock.times(keys & ((1 << clock.bits) - 1))

    in_blocks(sort_part, parts if len(rows) else 0, block=1, rows=len(rows))
    if ties and equal.any():
        _break_ties(placed, equal, ties)
    return placed, *found


@dataclass(frozen=True, slots=True, eq=False)
class _Split(Generic[Row]):
    """Some rows by the part of their person, in their order inside each part.

    Attributes:
        keys: Person inside the part and time, as one number.
        rows: Numbers of the rows.
        ends: Where each part ends; before the first stands 0.
    """

    keys: NDArray[np.int64]
    rows: NDArray[Row]
    ends: NDArray[np.int64]

    def of(self, number: int) -> slice:
        """Where a part lies."""
        return slice(int(self.ends[number]), int(self.ends[number + 1]))


def number_order(numbers: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """The order of numbers of at most so many bits, none of them negative.

    Sorting values is three times as fast as sorting places, so the places are sorted along in the lower bits. Where
    these are too few, some of the lowest bits of the numbers give way, and what is equal without them is sorted again.
    """
    room = len(numbers).bit_length()
    lost = max(bits + room - _NUMBER_BITS, 0)
    packed = numbers >> lost
    packed <<= room
    packed |= np.arange(len(numbers))
    packed.sort()
    order = packed & ((1 << room) - 1)
    if not lost:
        return order
    placed = numbers[order]
    if (placed[1:] < placed[:-1]).any():
        packed >>= room
        again = np.zeros(len(order), bool)
        np.equal(packed[1:], packed[:-1], out=again[1:])
        again[:-1] |= again[1:]
        at = np.flatnonzero(again)
        order[at] = order[at][np.argsort(placed[at], kind="stable")]
    return order


def _break_ties(order: NDArray[np.integer], equal: NDArray[np.bool_], ties: Sequence[Rank]) -> None:
    """Put the rows of every run of equal ones in the order of their ranks."""
    tied = equal.copy()
    tied[:-1] |= equal[1:]
    places = np.flatnonzero(tied)
    run = np.cumsum(~equal[places])
    for rank in ties:
        rows = order[places]
        ranks = rank(rows)
        by = np.lexsort((ranks, run))
        order[places] = rows[by]
        ranks = ranks[by]
        begins = np.ones(len(run), bool)
        begins[1:] = (run[1:] != run[:-1]) | (ranks[1:] != ranks[:-1])
        alone = begins & np.append(begins[1:], True)
        places, run = places[~alone], np.cumsum(begins)[~alone]
        if not len(places):
            return


def first_places(
    person: NDArray[np.integer],
    time: NDArray[np.int64],
    wanted_person: NDArray[np.integer],
    wanted_time: Sequence[NDArray[np.int64]],
) -> list[NDArray[np.int64]]:
    """For every wanted person and time the place of the first row that does not come before them.

    Args:
        person: Persons of the rows, in order.
        time: Times of the rows, in order inside each person.
        wanted_person: Wanted persons, in order.
        wanted_time: One or several times for each of them, in any order.
    """
    clock = _clock(time)
    persons = max(int(person.max(initial=0)), int(wanted_person.max(initial=0))) + 1
    shift = _persons_of_a_part(len(person) + len(wanted_person), persons, clock)
    parts = ((persons - 1) >> shift) + 1
    edges = np.arange(parts + 1, dtype=np.int64) << shift
    rows, asked = np.searchsorted(person, edges), np.searchsorted(wanted_person, edges)
    found = [np.empty(len(wanted_person), np.int64) for _ in wanted_time]

    def search_part(number: int, _: int) -> None:
        mine = slice(int(rows[number]), int(rows[number + 1]))
        theirs = slice(int(asked[number]), int(asked[number + 1]))
        base = number << shift
        keys = ((person[mine].astype(np.int64) - base) << clock.bits) + clock.at_least(time[mine])
        begin = (wanted_person[theirs].astype(np.int64) - base) << clock.bits
        for places, times in zip(found, wanted_time, strict=True):
            places[theirs] = mine.start + np.searchsorted(keys, begin + clock.at_least(times[theirs]))

    in_blocks(search_part, parts, block=1, rows=len(person) + len(wanted_person))
    return found

"""Columns in the pieces that they came in: read block by block, put together only for who asks for the whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.threads import in_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    import pyarrow as pa
    from numpy.typing import NDArray

    Int64 = NDArray[np.int64]

__all__ = ["Cuts", "Numbers", "Picked", "few_pieces", "joined"]

_ROWS = 1 << 14  # of a piece on average: shorter pieces cost more to find than to put together


def few_pieces(column: pa.ChunkedArray) -> bool:
    """Whether the pieces of a column are long enough to be read as they are."""
    return int(column.num_chunks) <= max(len(column) // _ROWS, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Where the pieces of a column begin, and where the last one ends."""

    places: list[int]

    @classmethod
    def of(cls, parts: Sequence[Sized]) -> Cuts:
        """The cuts between these pieces."""
        return cls(list(accumulate((len(part) for part in parts), initial=0)))

    def __len__(self) -> int:
        return self.places[-1]

    def spans(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """The pieces that hold the rows from start up to stop: each with its first and past its last, counted in it."""
        found = []
        piece = bisect_right(self.places, start) - 1
        while start < stop:
            end = min(self.places[piece + 1], stop)
            if end > start:
                found.append((piece, start - self.places[piece], end - self.places[piece]))
            start, piece = end, piece + 1
        return found

    def of_rows(self, rows: NDArray[np.integer]) -> list[tuple[int, NDArray[np.integer]]]:
        """The pieces that hold some rows, which rise, and the rows counted in each piece."""
        if not len(rows):
            return []
        begin, end = bisect_right(self.places, int(rows[0])) - 1, bisect_left(self.places, int(rows[-1]) + 1)
        if end - begin == 1:
            return [(begin, rows - self.places[begin] if begin else rows)]
        at = np.searchsorted(rows, self.places[begin : end + 1])
        parts = ((piece, rows[at[piece - begin] : at[piece - begin + 1]]) for piece in range(begin, end))
        return [(piece, mine - self.places[piece]) for piece, mine in parts if len(mine)]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Whole numbers in pieces.

    ``numbers[start:stop]`` and ``numbers[rows]``, of rows that rise, are arrays as those of the whole would give.

    Attributes:
        parts: The pieces.
        cuts: Where they lie.
    """

    parts: list[Int64]
    cuts: Cuts
    _made: dict[str, Int64] = field(default_factory=dict)

    @classmethod
    def of(cls, *parts: Int64) -> Numbers:
        """Numbers in these pieces."""
        held = list(parts) or [np.empty(0, np.int64)]
        return cls(held, Cuts.of(held))

    def __len__(self) -> int:
        return len(self.cuts)

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> Int64:
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            found = [self.parts[piece][first:last] for piece, first, last in self.cuts.spans(start, stop)]
        else:
            found = [self.parts[piece].take(mine) for piece, mine in self.cuts.of_rows(rows)]
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0, np.int64), *found])

    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest number; None without any."""
        if "bounds" not in self._made:
            self._made["bounds"] = np.array(_bounds(self, len(self)) or (), np.int64)
        found = self._made["bounds"].tolist()
        return (found[0], found[1]) if found else None

    def picked(self, rows: NDArray[np.integer]) -> Picked:
        """The numbers in some rows, which rise, looked up when they are asked for."""
        return Picked(self, rows)

    def whole(self) -> Int64:
        """All numbers as one array; pieces are put together once."""
        if len(self.parts) == 1:
            return self.parts[0]
        if "whole" not in self._made:
            self._made["whole"] = joined(self.parts)
        return self._made["whole"]


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """The numbers in some rows, which take no memory of their own.

    Attributes:
        numbers: The numbers.
        rows: The rows, which rise.
    """

    numbers: Numbers
    rows: NDArray[np.integer]

    def __getitem__(self, places: slice) -> Int64:
        return self.numbers[self.rows[places]]

    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest of them; None without any."""
        return _bounds(self, len(self.rows))


def _bounds(numbers: Numbers | Picked, length: int) -> tuple[int, int] | None:
    def ends(start: int, stop: int) -> tuple[int, int]:
        part = numbers[start:stop]
        return int(part.min()), int(part.max())

    found = in_blocks(ends, length)
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def joined(parts: Sequence[Int64]) -> Int64:
    """Pieces as one array, copied on threads: fresh memory is what takes the time."""
    cuts = Cuts.of(parts)
    whole = np.empty(len(cuts), np.int64)

    def copy(number: int, _: int) -> None:
        whole[cuts.places[number] : cuts.places[number + 1]] = parts[number]

    in_blocks(copy, len(parts), block=1, rows=len(cuts))
    return whole

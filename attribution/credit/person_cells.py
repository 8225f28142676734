"""Credit per person and cell, per model, for intervals: block after block of persons with all their conversions.

The conversions stand in the order of their persons, so a block of them holds whole persons and nothing has to be
sorted: where cells are few, a block is one table of cells x persons per model; where they are many, one entry per
(person, cell). Blocks depend on the conversions alone, and every number is added in canonical order: neither the
pieces in which pairs come nor threads can change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

from attribution.core.threads import in_blocks
from attribution.journeys.arrays import journey_places
from attribution.journeys.eligibility import block_ends
from attribution.models.protocol import bear_threads, checked_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from attribution.credit.keys import Cells
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Entries", "Grid", "PersonBlock", "map_blocks"]

T = TypeVar("T")

# Cells up to which a block is a table; beyond it most of its places would be empty.
_MOST_CELLS = 32
# Places of such a table: one of them, and what is made of it, should stay in the cache of a core.
_PLACES = 131_072
_CONVERSIONS = 16_384
_PER_CELL = 4  # conversions of a block of entries per cell: what is made of each block may be a table of all cells
_BATCH = 64  # blocks whose results are held at once
_KEY_LIMIT = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Amounts as a table: cells x persons.

    Attributes:
        cells: Number of cells.
        persons: Number of persons.
    """

    cells: int
    persons: int

    def of_persons(self, per_person: Floats) -> Floats:
        """Something of persons, to stand beside amounts."""
        return per_person

    def sums(self, amounts: Floats) -> Floats:
        """Sum over persons, by cell."""
        found: Floats = amounts.sum(axis=1)
        return found

    def products(self, left: Floats, right: Floats) -> Floats:
        """Sum of the products over persons, by cell."""
        # einsum, not @: the order in which a BLAS adds may depend on its threads.
        found: Floats = np.einsum("cp,cp->c" if right.ndim == 2 else "cp,p->c", left, right)
        return found

    def largest(self, amounts: Floats) -> Floats:
        """Largest amount, by cell."""
        found: Floats = amounts.max(axis=1)
        return found

    def count(self, mask: NDArray[np.bool_]) -> Floats:
        """Number of persons that a mask holds, by cell."""
        return np.array([np.count_nonzero(row) for row in mask], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Amounts as one entry per (person, cell) with a touch, by person and cell.

    Attributes:
        cells: Number of cells.
        person: Person of each entry, counted from the first of the block.
        cell: Cell of each entry.
    """

    cells: int
    person: NDArray[np.int64]
    cell: NDArray[np.int64]

    def of_persons(self, per_person: Floats) -> Floats:
        """Something of persons, to stand beside amounts."""
        return per_person[self.person]

    def sums(self, amounts: Floats) -> Floats:
        """Sum over persons, by cell."""
        return np.asarray(np.bincount(self.cell, weights=amounts, minlength=self.cells), np.float64)

    def products(self, left: Floats, right: Floats) -> Floats:
        """Sum of the products over persons, by cell."""
        return self.sums(left * right)

    def largest(self, amounts: Floats) -> Floats:
        """Largest amount, by cell; 0 where there is none."""
        found = np.zeros(self.cells)
        np.maximum.at(found, self.cell, amounts)
        return found

    def count(self, mask: NDArray[np.bool_]) -> Floats:
        """Number of persons that a mask holds, by cell."""
        return np.asarray(np.bincount(self.cell[mask], minlength=self.cells), np.float64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonBlock:
    """Credit of some persons in all their conversions; no person is in two blocks.

    Attributes:
        first: Code of the first person; the codes of the others go on from it.
        attributed: Conversions with a touch of each person.
        worth: Value of all conversions of each person.
        layout: How the amounts lie.
        conversions: Models x amounts.
        value: Models x amounts.
    """

    first: int
    attributed: Floats
    worth: Floats
    layout: Grid | Entries
    conversions: Floats
    value: Floats

    @property
    def persons(self) -> int:
        """Number of persons."""
        return len(self.attributed)

    def entries(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
        """Person codes, cells, and models x entries of conversions and value; entries without a touch are left out."""
        layout = self.layout
        if isinstance(layout, Entries):
            return self.first + layout.person, layout.cell, self.conversions, self.value
        kept = (self.conversions != 0).any(axis=0) | (self.value != 0).any(axis=0)
        person, cell = np.nonzero(kept.T)
        return self.first + person, cell, self.conversions[:, cell, person], self.value[:, cell, person]


def map_blocks(
    journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells, work: Callable[[PersonBlock], T]
) -> Iterator[T]:
    """What is made of the credit of all persons with a conversion, block by block, in the order of their codes.

    Args:
        journeys: The journeys.
        models: The models.
        cells: The cells.
        work: What is made of a block; where there are many rows it runs on several threads at a time.
    """
    rows = len(journeys.counted) + len(journeys.served) if bear_threads(models) else 0
    size = _PLACES // len(cells) if len(cells) <= _MOST_CELLS else max(_CONVERSIONS, _PER_CELL * len(cells))
    ends = block_ends(journeys.counted.person, max(size, 1))
    starts = np.concatenate([[0], ends[:-1]])
    for batch in range(0, len(ends), _BATCH):

        def made(start: int, stop: int, batch: int = batch) -> list[T]:
            spans = [(int(starts[block]), int(ends[block])) for block in range(batch + start, batch + stop)]
            return [work(_block(journeys, models, cells, span)) for span in spans]

        for found in in_blocks(made, min(_BATCH, len(ends) - batch), block=1, rows=rows):
            yield from found


def _block(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells, span: tuple[int, int]) -> PersonBlock:
    """The persons of some conversions; there are several pieces of pairs only where there are many touches."""
    counted = journeys.counted
    person, value = counted.person[span[0] : span[1]].astype(np.int64), counted.value[span[0] : span[1]]
    first = int(person[0])
    person -= first
    touched = np.zeros(len(person))
    sums = (_GridSums if len(cells) <= _MOST_CELLS else _EntrySums)(len(models), len(cells), int(person[-1]) + 1)
    for pairs in journeys.pairs(span=span):
        here = slice(pairs.start - span[0], pairs.stop - span[0])
        touched[here] = pairs.counts > 0
        alone = np.flatnonzero(pairs.counts == 0)
        conversion = np.concatenate([journey_places(pairs.counts), alone])
        cell = np.concatenate([cells.of_pairs(pairs), cells.of_untouched(pairs.start + alone)])
        sums.place(person[here][conversion], cell)
        worth = value[here][conversion]
        arrays, one = journeys.arrays(pairs), np.ones(len(alone))
        for number, model in enumerate(models):
            weights = np.concatenate([checked_weights(model, arrays), one])
            sums.add(number, weights, weights * worth)
    return PersonBlock(
        first=first,
        attributed=np.asarray(np.bincount(person, weights=touched), np.float64),
        worth=np.asarray(np.bincount(person, weights=value), np.float64),
        layout=sums.layout(),
        conversions=sums.conversions,
        value=sums.value,
    )


class _GridSums:
    """Sums of a block as tables of cells x persons."""

    def __init__(self, models: int, cells: int, persons: int) -> None:
        self._layout = Grid(cells, persons)
        self.conversions, self.value = np.zeros((2, models, cells, persons))
        self._place = np.empty(0, np.int64)

    def place(self, person: NDArray[np.int64], cell: NDArray[np.int64]) -> None:
        """Where the amounts that follow belong."""
        self._place = cell * self._layout.persons + person

    def add(self, model: int, conversions: Floats, value: Floats) -> None:
        """One by one in order, going on from the sums so far: pieces give the bits of one long sum."""
        np.add.at(self.conversions[model].reshape(-1), self._place, conversions)
        np.add.at(self.value[model].reshape(-1), self._place, value)

    def layout(self) -> Grid:
        """How the sums lie."""
        return self._layout


class _EntrySums:
    """Sums of a block as entries by person and cell."""

    def __init__(self, models: int, cells: int, persons: int) -> None:
        self._cells, self._persons = cells, persons
        self._ids = np.empty(0, np.int64)
        self._order = self._group = self._ids
        self.conversions, self.value = np.zeros((2, models, 0))
        self._before = self.conversions, self.value

    def place(self, person: NDArray[np.int64], cell: NDArray[np.int64]) -> None:
        """Where the amounts that follow belong; the sums so far stand first among those of their entry."""
        ids = np.concatenate([self._ids, person * self._cells + cell])
        self._order = _stable_order(ids, self._persons * self._cells)
        ids = ids[self._order]
        begins = np.diff(ids, prepend=-1) != 0
        self._group, self._ids = np.cumsum(begins) - 1, ids[begins]
        self._before = self.conversions, self.value
        self.conversions, self.value = np.zeros((2, len(self.conversions), len(self._ids)))

    def add(self, model: int, conversions: Floats, value: Floats) -> None:
        """One by one in order, going on from the sums so far: pieces give the bits of one long sum."""
        for sums, before, more in zip((self.conversions, self.value), self._before, (conversions, value), strict=True):
            amounts = np.concatenate([before[model], more])[self._order]
            sums[model] = np.bincount(self._group, weights=amounts, minlength=len(self._ids))

    def layout(self) -> Entries:
        """How the sums lie."""
        return Entries(self._cells, self._ids // self._cells, self._ids % self._cells)


def _stable_order(ids: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """The order that sorts ids below a limit, equal ones as they come."""
    bits = max(len(ids) - 1, 1).bit_length()
    if limit > _KEY_LIMIT >> bits:
        return np.argsort(ids, kind="stable")
    # Sorting keys that hold the place too takes a fraction of the time of an argsort.
    keys = ids << bits
    keys |= np.arange(len(ids))
    keys.sort()
    keys &= (1 << bits) - 1
    return keys

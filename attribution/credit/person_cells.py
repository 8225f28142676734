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
from attribution.journeys.eligibility import Pairs
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from attribution.credit.keys import Cells
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Entries", "Grid", "PersonBlock", "map_blocks"]

T = TypeVar("T")

# Models whose weights depend on the journeys alone, whatever runs beside them.
_PURE = tuple(f"attribution.models.{name}" for name in ("decay", "fitted", "last_non_direct", "position", "shapes"))
# Cells up to which a block is a table; beyond it most of its places would be empty.
_MOST_CELLS = 32
# Places of such a table: one of them, and what is made of it, should stay in the cache of a core.
_PLACES = 131_072
_CONVERSIONS = 16_384
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
    own = all(type(model).__module__ in _PURE for model in models)  # a user's function may not be ready for threads
    rows = len(journeys.counted) + len(journeys.served) if own else 0
    for ready in _ready_blocks(journeys, models, cells):

        def made(start: int, stop: int, ready: list[_Growing] = ready) -> list[T]:
            return [work(block.finished()) for block in ready[start:stop]]

        for found in in_blocks(made, len(ready), block=1, rows=rows):
            yield from found


def _ready_blocks(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells) -> Iterator[list[_Growing]]:
    """The blocks whose last pair is in each piece of pairs."""
    grid = len(cells) <= _MOST_CELLS
    size = _PLACES // len(cells) if grid else _CONVERSIONS
    ends = _block_ends(journeys.counted.person, max(size, 1))
    block = 0
    growing: _Growing | None = None
    for pairs in journeys.pairs():
        ready = []
        for piece in _cut(pairs, ends[block:]):
            if growing is None:
                growing = _Growing(journeys, models, cells, slice(piece.start, int(ends[block])), grid=grid)
            growing.waiting.append(piece)
            if piece.stop == ends[block]:
                ready.append(growing)
                growing, block = None, block + 1
        if growing is not None:
            growing.catch_up()  # whole pieces may belong to one person: they are not kept
        yield ready


def _block_ends(person: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Where blocks of about `size` conversions end: after the last conversion of a person."""
    last = np.arange(size, len(person) + size, size).clip(max=len(person)) - 1
    return np.unique(np.searchsorted(person, person[last], side="right"))


def _cut(pairs: Pairs, ends: NDArray[np.int64]) -> Iterator[Pairs]:
    """The pairs up to each of these conversions, and the rest."""
    inside = ends[(ends > pairs.start) & (ends < pairs.stop)].tolist()
    if not inside:
        yield pairs
        return
    offsets = np.concatenate([[0], np.cumsum(pairs.counts)])
    for start, stop in zip([pairs.start, *inside], [*inside, pairs.stop], strict=True):
        begin, end = start - pairs.start, stop - pairs.start
        yield Pairs(
            start=start,
            stop=stop,
            counts=pairs.counts[begin:end],
            touch=pairs.touch[offsets[begin] : offsets[end]],
        )


class _Growing:
    """A block while its pieces come in: more than one only where a piece of pairs ends inside it."""

    def __init__(
        self, journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells, span: slice, *, grid: bool
    ) -> None:
        self.journeys, self.models, self.cells = journeys, models, cells
        person = journeys.counted.person[span]
        self.start, self.first = int(span.start), int(person[0])
        self.person, self.worth = person - self.first, journeys.counted.value[span]
        self.touched = np.zeros(len(person))
        self.size = len(models), len(cells), int(self.person[-1]) + 1
        self.grid = grid
        self.sums: _GridSums | _EntrySums | None = None
        self.waiting: list[Pairs] = []

    def catch_up(self) -> _GridSums | _EntrySums:
        """Add the pieces that wait, in canonical order."""
        if self.sums is None:
            self.sums = _GridSums(*self.size) if self.grid else _EntrySums(*self.size)
        for pairs in self.waiting:
            self._add(self.sums, pairs)
        self.waiting.clear()
        return self.sums

    def _add(self, sums: _GridSums | _EntrySums, pairs: Pairs) -> None:
        here = slice(pairs.start - self.start, pairs.stop - self.start)
        alone = np.flatnonzero(pairs.counts == 0)
        self.touched[here] = pairs.counts > 0
        person, worth = self.person[here], self.worth[here]
        conversion = np.concatenate([journey_places(pairs.counts), alone])
        cell = np.concatenate([self.cells.of_pairs(pairs), self.cells.of_untouched(pairs.start + alone)])
        sums.place(person[conversion], cell)
        worth = worth[conversion]
        arrays, one = self.journeys.arrays(pairs), np.ones(len(alone))
        for number, model in enumerate(self.models):
            weights = np.concatenate([checked_weights(model, arrays), one])
            sums.add(number, weights, weights * worth)

    def finished(self) -> PersonBlock:
        """The block, when its last piece is there."""
        sums = self.catch_up()
        return PersonBlock(
            first=self.first,
            attributed=np.asarray(np.bincount(self.person, weights=self.touched), np.float64),
            worth=np.asarray(np.bincount(self.person, weights=self.worth), np.float64),
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

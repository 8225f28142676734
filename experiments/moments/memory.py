"""Scans of a table in memory: NumPy on pieces that fit the processor's cache, two threads where there is much to do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

from experiments.moments.columns import Codes, cells_of, load_columns
from experiments.moments.exact_sums import grid_constants, sum_by_run
from experiments.moments.plan import Census, Column, Sums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from experiments.moments.counted import Cell, Counts, Floats
    from experiments.moments.plan import Centre, Plan, Terms

__all__ = ["MemoryScan"]

_Result = TypeVar("_Result", Census, Sums)

_PIECE = 1 << 14
_MANY_CELLS = 1 << 8
_WORTH_A_THREAD = 1 << 18
_THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Some rows, sorted by cell: their order, where each cell's run starts, and the cells of the runs."""

    rows: Counts
    starts: Counts
    cells: Counts


class MemoryScan:
    """Scans of the columns of one table in memory.

    Args:
        table: The opened table; keys that cannot be read are noted there.
        keys: The key columns.
        columns: The numeric columns.

    Attributes:
        readable: Whether all key columns can be read.
        keys: The key columns.
    """

    def __init__(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> None:
        """Bring the columns in; nothing is summed yet."""
        read = load_columns(table, keys, columns)
        self.readable = read is not None
        self.keys, numbers = ([], []) if read is None else read
        self._numbers = dict(zip(columns, numbers, strict=True)) if self.readable else {}
        schema = table.lazy().collect_schema()
        self._whole = {name: schema[name].is_integer() or schema[name] == nw.Boolean for name in columns}
        self._rows = len(self.keys[0]) if self.keys else len(numbers[0]) if numbers else 0
        self._pieces: list[_Piece] = []
        self._size = 0

    def columns(self) -> dict[str, Column]:
        """A first look at every column."""
        return {name: _look(found, whole=self._whole[name]) for name, found in self._numbers.items()}

    def group(self) -> tuple[tuple[Cell, ...], Counts]:
        """Sort the rows into cells, piece by piece; the cells, sorted, and the numbers that the scans give them."""
        cells, cell, order = cells_of(self.keys, self._rows)
        self._size = len(cells)
        self._pieces = _cut(cell, len(cells))
        return cells, order

    def census(self, plan: Plan) -> Census:
        """Count the rows of every cell, and find the smallest, the largest and the coarse sum of every slot."""
        constants = grid_constants(self._rows)[:1]
        return self._work(lambda pieces: _census(self._numbers, plan, pieces, self._size, constants))

    def sums(self, plan: Plan, terms: Terms, centres: Sequence[Centre], constants: tuple[float, ...]) -> Sums:
        """Sum deviations from the centres, their products and cubes by cell."""
        return self._work(lambda pieces: _sums(self._numbers, plan, terms, centres, pieces, constants))

    def _work(self, task: Callable[[Sequence[_Piece]], _Result]) -> _Result:
        """Do a task on all pieces, in two threads where that is worth it; every part is exact, so any split will do."""
        threads = min(_THREADS, _processors())
        if self._size > _MANY_CELLS or self._rows < _WORTH_A_THREAD or threads < 2:
            return task(self._pieces)
        with ThreadPoolExecutor(threads) as pool:
            first, *others = pool.map(task, [self._pieces[i::threads] for i in range(threads)])
        for other in others:
            first = first.add(other)  # type: ignore[arg-type]  # both are of the task's own type
        return first


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _look(found: NDArray[Any], *, whole: bool) -> Column:
    """Empty and infinite values and the range of a column, piece by piece."""
    empty = infinite = 0
    low, high = np.inf, -np.inf
    for start in range(0, len(found), _PIECE):
        piece = found[start : start + _PIECE]
        small, large = float(piece.min()), float(piece.max())
        if np.isfinite(small) and np.isfinite(large):
            low, high = min(low, small), max(high, large)
            continue
        finite = np.isfinite(piece)
        gaps = int(np.isnan(piece).sum())
        empty, infinite = empty + gaps, infinite + len(piece) - int(finite.sum()) - gaps
        if finite.any():
            low, high = min(low, float(piece[finite].min())), max(high, float(piece[finite].max()))
    known = low <= high
    return Column(
        empty=empty,
        infinite=infinite,
        low=low + 0.0 if known else None,
        high=high + 0.0 if known else None,
        whole=whole,
    )


def _cut(cell: Codes, size: int) -> list[_Piece]:
    """Cut the rows into pieces; many cells are sorted over all rows, so that each is in few pieces."""
    order = np.argsort(cell, kind="stable") if size > _MANY_CELLS else None
    small = cell.astype(np.uint8) if order is None else cell
    made = []
    for start in range(0, len(cell), _PIECE):
        if order is None:
            piece = small[start : start + _PIECE]
            rows = np.argsort(piece, kind="stable")
            rows += start
            counts = np.bincount(piece, minlength=size)
            cells = np.flatnonzero(counts)
            starts = np.cumsum(counts[cells]) - counts[cells]
        else:
            rows = order[start : start + _PIECE]
            found = cell[rows]
            starts = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]]))
            cells = found[starts].astype(np.int64)
        made.append(_Piece(rows, starts, cells))
    return made


class _Values:
    """The values of one piece as the plan reads them, each read once."""

    def __init__(self, numbers: Mapping[str, NDArray[Any]], plan: Plan, rows: Counts) -> None:
        self._numbers, self._plan, self._rows = numbers, plan, rows
        self._raw: dict[str, Floats] = {}
        self._there: dict[str, NDArray[np.bool_]] = {}

    def raw(self, column: str) -> Floats:
        if column not in self._raw:
            self._raw[column] = self._numbers[column].take(self._rows).astype(np.float64, copy=False)
        return self._raw[column]

    def there(self, column: str) -> NDArray[np.bool_]:
        if column not in self._there:
            self._there[column] = ~np.isnan(self.raw(column))
        return self._there[column]

    def kept(self, mask: Sequence[str]) -> NDArray[np.bool_] | None:
        """The rows under a mask; None for all."""
        kept = None
        for column in mask:
            kept = self.there(column) if kept is None else kept & self.there(column)
        return kept

    def slot(self, slot: int) -> tuple[Floats, NDArray[np.bool_] | None]:
        """The values of a slot, and which of them count; None for all."""
        chosen = self._plan.slots[slot]
        reading, kept = chosen.reading, self.kept(chosen.mask)
        value = self.raw(reading.column)
        if self._plan.gaps(slot):
            there = self.there(reading.column)
            kept = there if kept is None else kept & there
        if reading.fill is not None:
            value = np.where(self.there(reading.column), value, reading.fill)
        return (value if reading.limits is None else np.clip(value, *reading.limits)), kept

    def missing(self, slot: int) -> Floats:
        """1 where a counted row lacks the value of a slot, else 0."""
        chosen = self._plan.slots[slot]
        absent, kept = ~self.there(chosen.reading.column), self.kept(chosen.mask)
        return (absent if kept is None else absent & kept).astype(np.float64)


def _census(
    numbers: Mapping[str, NDArray[Any]], plan: Plan, pieces: Sequence[_Piece], size: int, constants: tuple[float, ...]
) -> Census:
    made = Census.empty(plan, size)
    for piece in pieces:
        values, starts, cells = _Values(numbers, plan, piece.rows), piece.starts, piece.cells
        everyone = np.diff(starts, append=len(piece.rows))
        for i, mask in enumerate(plan.masks):
            kept = values.kept(mask)
            made.counts[i, cells] += everyone if kept is None else np.add.reduceat(kept, starts, dtype=np.int64)
        for slot, scale in enumerate(plan.scales):
            value, there = values.slot(slot)
            made.known[slot, cells] += everyone if there is None else np.add.reduceat(there, starts, dtype=np.int64)
            small = value if there is None else np.where(there, value, np.inf)
            made.low[slot, cells] = np.minimum(made.low[slot, cells], np.minimum.reduceat(small, starts))
            large = value if there is None else np.where(there, value, -np.inf)
            made.high[slot, cells] = np.maximum(made.high[slot, cells], np.maximum.reduceat(large, starts))
            if slot in plan.firsts and not plan.binary(slot):
                odd = (value != 0.0) & (value != 1.0)
                odd = odd if there is None else odd & there
                made.strange[slot, cells] += np.add.reduceat(odd, starts, dtype=np.int64)
            term = value * scale.factor
            term -= scale.origin
            if there is not None:
                term[~there] = 0.0
            made.coarse[slot, cells] += sum_by_run(term, starts, constants)[0]
    return made


def _sums(
    numbers: Mapping[str, NDArray[Any]], plan: Plan, terms: Terms, centres: Sequence[Centre],
    pieces: Sequence[_Piece], constants: tuple[float, ...],
) -> Sums:  # fmt: skip
    made = Sums.empty(terms, len(centres[0].scaled), len(constants))
    factors = [
        np.ldexp(1.0, -(centre.power + scale.exponent)) for centre, scale in zip(centres, plan.scales, strict=True)
    ]
    starting = [np.ldexp(centre.scaled, -centre.power) for centre in centres]
    for piece in pieces:
        values, starts, cells = _Values(numbers, plan, piece.rows), piece.starts, piece.cells
        lengths = np.diff(starts, append=len(piece.rows))
        variables = []
        for slot in range(len(plan.slots)):
            value, there = values.slot(slot)
            factor = factors[slot][cells]
            gap = value * (factor[0] if (factor == factor[0]).all() else np.repeat(factor, lengths))
            gap -= np.repeat(starting[slot][cells], lengths)
            if there is not None:
                gap[~there] = 0.0
            variables.append(gap)
        variables += [values.missing(slot) for slot in terms.flags]
        room = np.empty(len(piece.rows))
        for place, slot in enumerate(terms.singles):
            np.copyto(room, variables[slot])
            _put(made.singles[place], cells, sum_by_run(room, starts, constants))
        for place, (first, second) in enumerate(terms.pairs):
            np.multiply(variables[first], variables[second], out=room)
            _put(made.pairs[place], cells, sum_by_run(room, starts, constants))
        for place, slot in enumerate(terms.cubes):
            np.multiply(variables[slot], variables[slot], out=room)
            room *= variables[slot]
            _put(made.cubes[place], cells, sum_by_run(room, starts, constants))
    return made


def _put(total: Floats, cells: Counts, parts: Sequence[Floats]) -> None:
    for place, part in enumerate(parts):
        total[place, cells] += part

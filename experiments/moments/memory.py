"""Scans of a table in memory: NumPy on pieces that fit the processor's cache, two threads where there is much to do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from attribution.core.values import encode_together
from experiments.moments.exact_sums import grid_constants, sum_by_run
from experiments.moments.plan import Census, Column, Sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table
    from experiments.moments.counted import Cell, Counts, Floats
    from experiments.moments.plan import Plan, Terms

__all__ = ["MemoryScan", "cell_rows", "in_memory", "numbers_of"]

_Result = TypeVar("_Result", Census, Sums)

_PIECE = 1 << 14
_MANY_CELLS = 1 << 8
_WORTH_A_THREAD = 1 << 18
_THREADS = 2


def in_memory(table: Table) -> bool:
    """Whether NumPy can read the table where it is; a lazy Polars frame brings its few columns in."""
    kind = table.lazy().implementation
    return bool(kind.is_pandas_like() or kind.is_pyarrow() or kind.is_polars())


def cell_rows(keys: Sequence[pa.Array], rows: int) -> tuple[tuple[Cell, ...], Counts]:
    """The distinct combinations of key columns without empty values, sorted, and the index of every row's one."""
    cell, size = np.zeros(rows, np.int64), min(rows, 1)
    parts: list[NDArray[np.object_]] = []
    for place, array in enumerate(keys):
        (found,), names = encode_together(array)
        if place == 0:
            cell, size, parts = found, len(names), [names]
            continue
        wide = max(len(names), 1)
        combos, cell = _dense(cell * wide + found, size * wide)
        parts = [*(part[combos // wide] for part in parts), names[combos % wide]]
        size = len(combos)
    cells = tuple(zip(*(part.tolist() for part in parts), strict=True)) if parts else ((),) * size
    return cells, cell


def _dense(code: Counts, size: int) -> tuple[Counts, Counts]:
    """The codes that occur, sorted, and each row's position among them."""
    if size > max(4 * len(code), 1 << 16):
        combos, cell = np.unique(code, return_inverse=True)
        return combos, cell.astype(np.int64)
    there = np.bincount(code, minlength=size) > 0
    if there.all():
        return np.arange(size), code
    return np.flatnonzero(there), (np.cumsum(there) - 1)[code]


def numbers_of(array: pa.Array) -> NDArray[Any]:
    """A numeric or boolean column as NumPy numbers; nan stands for an empty cell."""
    import pyarrow as pa

    kind = array.type
    plain = pa.types.is_integer(kind) or pa.types.is_float64(kind) or pa.types.is_float32(kind)
    if array.null_count or not plain:
        array = array.cast(pa.float64(), safe=False)
    found: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Some rows, sorted by cell: their order, where each cell's run starts, and the cells of the runs."""

    rows: Counts
    starts: Counts
    cells: Counts


class MemoryScan:
    """Scans of the columns of one table in memory.

    Args:
        table: The opened table, whose columns can be read.
        columns: The numeric columns.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        """Bring the numeric columns in; nothing is summed yet."""
        self._numbers = {name: numbers_of(table.arrow(name)) for name in columns}
        self._table = table
        self._pieces: list[_Piece] = []
        self._size = 0

    def columns(self) -> dict[str, Column]:
        """A first look at every column."""
        return {name: _look(found) for name, found in self._numbers.items()}

    def group(self, keys: Sequence[str]) -> tuple[Cell, ...]:
        """Sort the rows into cells, piece by piece; the cells, sorted."""
        cells, cell = cell_rows([self._table.arrow(key) for key in keys], self._table.rows)
        self._pieces, self._size = list(_pieces(cell, len(cells))), len(cells)
        return cells

    def census(self, plan: Plan) -> Census:
        """Count the rows of every cell, and find the smallest, the largest and the coarse sum of every slot."""
        constants = grid_constants(self._table.rows)[:1]
        return self._work(lambda pieces: _census(self._numbers, plan, pieces, self._size, constants))

    def sums(self, plan: Plan, terms: Terms, centres: Sequence[Floats], constants: tuple[float, ...]) -> Sums:
        """Sum deviations from the centres, their products and cubes by cell."""
        return self._work(lambda pieces: _sums(self._numbers, plan, terms, centres, pieces, constants))

    def _work(self, task: Callable[[Sequence[_Piece]], _Result]) -> _Result:
        """Do a task on all pieces, in two threads where that is worth it; every part is exact, so any split will do."""
        threads = min(_THREADS, os.cpu_count() or 1)
        if self._size > _MANY_CELLS or self._table.rows < _WORTH_A_THREAD or threads < 2:
            return task(self._pieces)
        with ThreadPoolExecutor(threads) as pool:
            first, *others = pool.map(task, [self._pieces[i::threads] for i in range(threads)])
        for other in others:
            first = first.add(other)
        return first


def _look(found: NDArray[Any]) -> Column:
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
    return Column(empty=empty, infinite=infinite, low=low + 0.0 if known else None, high=high + 0.0 if known else None)


def _pieces(cell: Counts, size: int) -> Iterator[_Piece]:
    """Cut the rows into pieces; many cells are sorted over all rows, so that each is in few pieces."""
    order = np.argsort(cell, kind="stable") if size > _MANY_CELLS else None
    small = cell.astype(np.uint8) if size <= _MANY_CELLS else cell
    for start in range(0, len(cell), _PIECE):
        if order is None:
            rows = np.argsort(small[start : start + _PIECE], kind="stable")
            rows += start
        else:
            rows = order[start : start + _PIECE]
        sorted_cells = cell[rows]
        starts = np.flatnonzero(np.diff(sorted_cells, prepend=-1))
        yield _Piece(rows, starts, sorted_cells[starts])


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
            if slot in plan.firsts:
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
    numbers: Mapping[str, NDArray[Any]], plan: Plan, terms: Terms, centres: Sequence[Floats],
    pieces: Sequence[_Piece], constants: tuple[float, ...],
) -> Sums:  # fmt: skip
    made = Sums.empty(terms, len(centres), len(centres[0]) if len(centres) else 0, len(constants))
    for piece in pieces:
        values, starts, cells = _Values(numbers, plan, piece.rows), piece.starts, piece.cells
        lengths = np.diff(starts, append=len(piece.rows))
        variables = []
        for slot, scale in enumerate(plan.scales):
            value, there = values.slot(slot)
            gap = value * scale.factor
            gap -= np.repeat(centres[slot][cells], lengths)
            if there is not None:
                gap[~there] = 0.0
            variables.append(gap)
        variables += [values.missing(slot) for slot in terms.flags]
        room = np.empty(len(piece.rows))
        for slot in range(len(plan.slots)):
            np.copyto(room, variables[slot])
            _put(made.singles[slot], cells, sum_by_run(room, starts, constants))
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

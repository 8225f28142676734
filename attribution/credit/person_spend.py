"""Spend person by person, where the spend table says on whom it was spent: then cost varies with the persons too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.tables import Problems, open_table
from attribution.core.values import encode_together, keys, labels, numbers
from attribution.credit.keys import EMPTY
from attribution.credit.person_cells import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from attribution.credit.keys import Cells, Key
    from attribution.credit.person_cells import PersonBlock
    from attribution.journeys.plan import Journeys

__all__ = ["CellSpend", "PersonSpend", "read_person_spend"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonSpend:
    """Cost per person and key: one entry per pair.

    Attributes:
        person: Person codes: those of the persons with a conversion as in the journeys, then further ones.
        key: Places in `keys`.
        cost: What was spent.
        keys: The key columns' values as text.
        fixed: Cost of each key that names no person.
    """

    person: NDArray[np.int64]
    key: NDArray[np.int64]
    cost: NDArray[np.float64]
    keys: tuple[tuple[str, ...], ...]
    fixed: NDArray[np.float64]

    def in_cells(self, cells: Cells) -> CellSpend:
        """The entries of the keys that have a cell, by person and cell."""
        texts = zip(*(cells.values(place) for place in range(len(cells.keys))), strict=True)
        place = {text: cell for cell, text in enumerate(texts)}
        cell = np.array([place.get(key, -1) for key in self.keys], np.int64)
        fixed = np.bincount(cell[cell >= 0], weights=self.fixed[cell >= 0], minlength=len(cells) + 1).astype(np.float64)
        of_entry = cell[self.key] if len(self.key) else np.empty(0, np.int64)
        kept = np.flatnonzero(of_entry >= 0)
        ids = self.person[kept] * len(cells) + of_entry[kept]
        order = np.argsort(ids, kind="stable")
        return CellSpend(ids=ids[order], cost=self.cost[kept][order], fixed=fixed, width=len(cells))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CellSpend:
    """Cost per person and cell of a credit.

    Attributes:
        ids: person * width + cell, ascending.
        cost: What was spent, one number per id.
        fixed: Cost of each cell that names no person; one cell more than `width`.
        width: Number of cells.
    """

    ids: NDArray[np.int64]
    cost: NDArray[np.float64]
    fixed: NDArray[np.float64]
    width: int

    @property
    def cell(self) -> NDArray[np.int64]:
        """Cell of each entry."""
        found: NDArray[np.int64] = self.ids % self.width
        return found

    @property
    def person(self) -> NDArray[np.int64]:
        """Person of each entry."""
        found: NDArray[np.int64] = self.ids // self.width
        return found

    def sums(self, power: int) -> NDArray[np.float64]:
        """Sum over persons of a power of their cost, per cell, and 0 for one more cell."""
        return np.bincount(self.cell, weights=self.cost**power, minlength=self.width + 1).astype(np.float64)

    def beside(self, block: PersonBlock) -> NDArray[np.float64]:
        """What was spent on the persons of a block, laid out like its credit; 0 where nothing was."""
        layout, width = block.layout, self.width
        begin, end = np.searchsorted(self.ids, [block.first * width, (block.first + block.persons) * width])
        ids, cost = self.ids[begin:end] - block.first * width, self.cost[begin:end]
        if isinstance(layout, Grid):
            found = np.zeros((width, block.persons))
            found[ids % width, ids // width] = cost
            return found
        if not len(ids):
            return np.zeros(len(layout.person))
        wanted = layout.person * width + layout.cell
        place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        return np.where(ids[place] == wanted, cost[place], 0.0)


def read_person_spend(
    data: object, journeys: Journeys, key_columns: Sequence[Key], columns: ColumnsLike
) -> PersonSpend | None:
    """The spend by person; None when the table names no persons, names them otherwise, or a cost is unknown.

    The table has been checked by `read_spend` before. Rows whose person is empty are fixed cost.
    """
    problems = Problems()
    table = open_table(data, "spend", columns_for(columns, "spend"), problems=problems, required=("cost",))
    cost_column = table.roles.cost
    if not table.has("person") or not table.readable(cost_column) or table.arrow(cost_column).null_count:
        return None
    cost = numbers(table, cost_column, minimum=0.0)
    codes, names = _keys(table, key_columns)
    valid, person = _persons(table)
    if cost is None or not np.isfinite(cost).all() or person is None or person.type != journeys.persons.type:
        return None
    order = np.flatnonzero(~valid)[np.argsort(cost[~valid], kind="stable")]
    fixed = np.bincount(codes[order], weights=cost[order], minlength=len(names)).astype(np.float64)
    return _summed(_person_codes(journeys.persons, person), codes[valid], cost[valid], names, fixed)


def _keys(table: Table, key_columns: Sequence[Key]) -> tuple[NDArray[np.int64], tuple[tuple[str, ...], ...]]:
    """One code per row for the key columns together, and the text behind each code."""
    rows = np.zeros(table.rows, np.int64)
    texts: list[tuple[str, ...]] = [()]
    for key in key_columns:
        role = getattr(table.roles, key.name, None)
        named = isinstance(role, str) and key.name not in ("timezone", "precision")
        found = labels(table, role if named and isinstance(role, str) else key.name, missing=EMPTY)
        if found is None:
            return rows, ((),)
        joint = rows * max(len(found.names), 1) + found.codes
        distinct, rows = np.unique(joint, return_inverse=True)
        width = max(len(found.names), 1)
        texts = [(*texts[code // width], str(found.names[code % width])) for code in distinct.tolist()]
    return rows.astype(np.int64), tuple(texts)


def _persons(table: Table) -> tuple[NDArray[np.bool_], pa.Array | None]:
    """Which rows name a person, and these persons."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = table.roles.person
    array = table.arrow(name)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), None, array)
    valid = array.is_valid()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        valid = pc.and_(valid, pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), ""))
    named = open_table(
        pa.table({name: array.filter(valid)}), "spend", table.roles, problems=table.problems, required=("person",)
    )
    return valid.to_numpy(zero_copy_only=False), keys(named, "person")


def _person_codes(persons: pa.Array, spent_on: pa.Array) -> NDArray[np.int64]:
    """Codes of the journeys for persons with a conversion; beyond them for everybody else."""
    (left, right), names = encode_together(persons, spent_on)
    code = np.arange(len(names)) + len(persons)
    code[left] = np.arange(len(persons))
    return code[right]


def _summed(
    person: NDArray[np.int64],
    key: NDArray[np.int64],
    cost: NDArray[np.float64],
    names: tuple[tuple[str, ...], ...],
    fixed: NDArray[np.float64],
) -> PersonSpend:
    # Sorted by person, key and cost, so that the order of the rows changes no bit of a sum.
    order = np.lexsort([cost, key, person])
    person, key, cost = person[order], key[order], cost[order]
    begins = np.flatnonzero(np.diff(person, prepend=-1) | np.diff(key, prepend=-1))
    sums = np.add.reduceat(cost, begins) if len(begins) else np.zeros(0)
    return PersonSpend(person=person[begins], key=key[begins], cost=sums, keys=names, fixed=fixed)

"""Scans of a table in the engine that holds it: the same sums as in memory, as expressions, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from experiments.moments.exact_sums import grid_constants, grid_parts
from experiments.moments.plan import Census, Column, Sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import pyarrow as pa

    from attribution.core.tables import Table
    from experiments.moments.counted import Counts, Floats
    from experiments.moments.plan import Plan, Slot, Terms

__all__ = ["EngineScan"]

_ALL = "all rows"


class EngineScan:
    """Scans of one table as queries of its own engine.

    Args:
        table: The opened table.
        columns: The numeric columns.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        """Prepare the queries; nothing is read yet."""
        self._table, self._names = table, tuple(columns)
        self._keys: tuple[str, ...] = ()
        self._rows = 0
        schema = table.lazy().collect_schema()
        self._whole = {name for name in columns if schema[name].is_integer() or schema[name] == nw.Boolean}

    def columns(self) -> dict[str, Column]:
        """A first look at every column, in one query."""
        wanted: dict[str, nw.Expr] = {"rows": nw.len()}
        for i in range(len(self._names)):
            known = nw.col(f"v{i}")
            wanted[f"known{i}"] = known.count()
            if self._names[i] not in self._whole:
                wanted[f"odd{i}"] = (~known.is_finite()).cast(nw.Int64).sum()
            wanted[f"low{i}"], wanted[f"high{i}"] = known.min(), known.max()
        (found,) = self._read().select(**wanted).collect("pyarrow").to_native().to_pylist()
        self._rows = found["rows"]
        return {
            name: Column(
                empty=found["rows"] - found[f"known{i}"],
                infinite=found.get(f"odd{i}") or 0,
                low=None if found[f"low{i}"] is None else found[f"low{i}"] + 0.0,
                high=None if found[f"high{i}"] is None else found[f"high{i}"] + 0.0,
                whole=name in self._whole,
            )
            for i, name in enumerate(self._names)
        }

    def _read(self) -> nw.LazyFrame[Any]:
        """The keys as k0, k1 ... and the numbers as v0, v1 ..., where nan and empty are the same."""
        named = [nw.col(name).alias(f"k{i}") for i, name in enumerate(self._keys)]
        if not named:
            named = [nw.lit(_ALL).alias("k0")]
        numbers = [nw.col(name).cast(nw.Float64).alias(f"v{i}") for i, name in enumerate(self._names)]
        frame = self._table.lazy().select(*named, *numbers)
        clean = [
            nw.when(~nw.col(f"v{i}").is_nan()).then(nw.col(f"v{i}")).alias(f"v{i}")
            for i, name in enumerate(self._names)
            if name not in self._whole
        ]
        return frame.with_columns(*clean) if clean else frame

    def group(self, keys: Sequence[str]) -> None:
        """Choose the key columns."""
        self._keys = tuple(keys)

    def census(self, plan: Plan) -> tuple[pa.Table, Census]:
        """The keys of every cell, unsorted, with its rows and every slot's smallest, largest and coarse sum."""
        frame, wanted = self._slots(plan), {}
        for i, mask in enumerate(plan.masks):
            wanted[f"count{i}"] = nw.col(f"m{i}").sum() if mask else nw.len()
        for slot in range(len(plan.slots)):
            value = nw.col(f"s{slot}")
            wanted[f"low{slot}"], wanted[f"high{slot}"] = value.min(), value.max()
            wanted[f"coarse{slot}"] = self._coarse(plan, slot)
            if plan.gaps(slot):
                wanted[f"known{slot}"] = value.count()
            if slot in plan.firsts and not plan.binary(slot):
                wanted[f"strange{slot}"] = ((value != 0.0) & (value != 1.0)).cast(nw.Int64).sum()
        arrow = self._by_cell(frame, wanted)
        made = Census.empty(plan, arrow.num_rows)
        for i in range(len(plan.masks)):
            made.counts[i] = _whole(arrow, f"count{i}")
        for slot in range(len(plan.slots)):
            mask = made.counts[plan.masks.index(plan.slots[slot].mask)]
            made.known[slot] = _whole(arrow, f"known{slot}") if plan.gaps(slot) else mask
            made.low[slot] = _filled(arrow, f"low{slot}", np.inf)
            made.high[slot] = _filled(arrow, f"high{slot}", -np.inf)
            made.coarse[slot] = _filled(arrow, f"coarse{slot}", 0.0)
            if f"strange{slot}" in wanted:
                made.strange[slot] = _whole(arrow, f"strange{slot}")
        return self._keys_of(arrow), made

    def sums(self, plan: Plan, terms: Terms, constants: tuple[float, ...]) -> tuple[pa.Table, Sums]:
        """Sum deviations from the centres, their products and cubes by cell.

        The centres are computed once more by the engine and joined to the rows, so nothing but a query goes there.
        """
        frame = self._slots(plan)
        keys = self._key_names()
        centres = frame.group_by(*keys).agg(
            *(self._coarse(plan, slot).alias(f"c{slot}") for slot in range(len(plan.slots))),
            *(_known(plan, slot).cast(nw.Float64).alias(f"n{slot}") for slot in range(len(plan.slots))),
            *(nw.col(f"s{slot}").min().alias(f"low{slot}") for slot in range(len(plan.slots))),
            *(nw.col(f"s{slot}").max().alias(f"high{slot}") for slot in range(len(plan.slots))),
        )
        units = [nw.col(f"c{slot}", f"n{slot}", f"low{slot}", f"high{slot}") for slot in range(len(plan.slots))]
        centres = centres.select(*keys, *units, *(_unit(plan, slot) for slot in range(len(plan.slots))))
        placed = [column for slot in range(len(plan.slots)) for column in _centre(plan, slot)]
        centres = centres.select(*keys, *placed)
        gaps = []
        for slot in range(len(plan.slots)):
            gap = nw.col(f"s{slot}") * nw.col(f"f{slot}") - nw.col(f"c{slot}")
            if plan.gaps(slot) or plan.slots[slot].mask:
                gap = nw.when(~nw.col(f"s{slot}").is_null()).then(gap).otherwise(0.0)
            gaps.append(gap.alias(f"d{slot}"))
        for place, slot in enumerate(terms.flags):
            mask = plan.slots[slot].mask
            lacking = nw.col(f"s{slot}").is_null()
            lacking = lacking & (nw.col(f"m{plan.masks.index(mask)}") == 1) if mask else lacking
            gaps.append(nw.when(lacking).then(1.0).otherwise(0.0).alias(f"d{len(plan.slots) + place}"))
        joined = frame.join(centres, on=keys, how="inner").select(*keys, *gaps)
        wanted = {}
        for name, group in _products(terms).items():
            for place, term in enumerate(group):
                for part, piece in enumerate(grid_parts(term, constants)):
                    wanted[f"{name}{place}_{part}"] = piece.sum()
        arrow = self._by_cell(joined, wanted)
        made = Sums.empty(terms, arrow.num_rows, len(constants))
        for name, total in (("single", made.singles), ("pair", made.pairs), ("cube", made.cubes)):
            for place in range(len(total)):
                for part in range(len(constants)):
                    total[place, part] = _filled(arrow, f"{name}{place}_{part}", 0.0)
        return self._keys_of(arrow), made

    def _key_names(self) -> list[str]:
        return [f"k{i}" for i in range(max(len(self._keys), 1))]

    def _keys_of(self, arrow: pa.Table) -> pa.Table:
        return arrow.select([f"k{i}" for i in range(len(self._keys))])

    def _by_cell(self, frame: nw.LazyFrame[Any], wanted: Mapping[str, nw.Expr]) -> pa.Table:
        found: pa.Table = frame.group_by(*self._key_names()).agg(**wanted).collect("pyarrow").to_native()
        return found

    def _slots(self, plan: Plan) -> nw.LazyFrame[Any]:
        """The keys, a column of 0 and 1 for every mask, and every slot's values; empty where a row does not count."""
        masks = [
            nw.when(self._kept(mask)).then(1).otherwise(0).alias(f"m{i}") for i, mask in enumerate(plan.masks) if mask
        ]
        values = [self._value(slot).alias(f"s{i}") for i, slot in enumerate(plan.slots)]
        return self._read().select(*self._key_names(), *masks, *values)

    def _kept(self, mask: Sequence[str]) -> nw.Expr:
        kept = nw.lit(True)
        for column in mask:
            kept = kept & ~nw.col(f"v{self._names.index(column)}").is_null()
        return kept

    def _value(self, slot: Slot) -> nw.Expr:
        reading = slot.reading
        value = nw.col(f"v{self._names.index(reading.column)}")
        if reading.fill is not None:
            value = nw.when(~value.is_null()).then(value).otherwise(reading.fill)
        for limit, below in zip(reading.limits or (), (True, False), strict=False):
            if np.isfinite(limit):  # an engine's own clip may read an empty value as the limit
                beyond = value < limit if below else value > limit
                value = nw.when(beyond).then(limit).otherwise(value)
        return nw.when(self._kept(slot.mask)).then(value) if slot.mask else value

    def _coarse(self, plan: Plan, slot: int) -> nw.Expr:
        """Sum of the scaled values on the coarsest grid."""
        scale = plan.scales[slot]
        scaled = nw.col(f"s{slot}") * scale.factor - scale.origin
        return grid_parts(scaled, grid_constants(self._rows)[:1])[0].sum()


def _known(plan: Plan, slot: int) -> nw.Expr:
    """Rows with a value in a slot; a plain count where no row can lack it."""
    return nw.col(f"s{slot}").count() if plan.gaps(slot) or plan.slots[slot].mask else nw.len()


def _unit(plan: Plan, slot: int) -> nw.Expr:
    """The unit of a slot's deviations: the next power of two from the range of the cell, as `make_centres` finds it."""
    factor = plan.scales[slot].factor
    width = nw.col(f"high{slot}") * factor - nw.col(f"low{slot}") * factor
    power = (width * 2.0**53 + width) - width * 2.0**53
    unit = nw.when(power > 0.0).then(power).otherwise(width)
    least = 2.0 ** plan.least_power(slot)
    unit = nw.when(unit < least).then(least).otherwise(unit)
    return nw.when(width > 0.0).then(unit).otherwise(1.0).alias(f"u{slot}")


def _centre(plan: Plan, slot: int) -> tuple[nw.Expr, nw.Expr]:
    """What a slot's values are multiplied with, and the centre in the same unit."""
    scale, unit = plan.scales[slot], nw.col(f"u{slot}")
    rough = nw.col(f"c{slot}") / nw.col(f"n{slot}") + scale.origin
    low, high = nw.col(f"low{slot}") * scale.factor, nw.col(f"high{slot}") * scale.factor
    raised = nw.when(rough < low).then(low).otherwise(rough)
    centre = nw.when(raised > high).then(high).otherwise(raised)
    return (scale.factor / unit).alias(f"f{slot}"), (centre / unit).alias(f"c{slot}")


def _products(terms: Terms) -> dict[str, list[nw.Expr]]:
    """The terms to be summed, out of the deviations d0, d1 ..."""
    return {
        "single": [nw.col(f"d{slot}") for slot in terms.singles],
        "pair": [nw.col(f"d{first}") * nw.col(f"d{second}") for first, second in terms.pairs],
        "cube": [nw.col(f"d{slot}") * nw.col(f"d{slot}") * nw.col(f"d{slot}") for slot in terms.cubes],
    }


def _whole(arrow: pa.Table, name: str) -> Counts:
    found: Counts = _filled(arrow, name, 0.0).astype(np.int64)
    return found


def _filled(arrow: pa.Table, name: str, empty: float) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.fill_null(arrow.column(name).cast(pa.float64()), empty)
    found: Floats = column.to_numpy() + 0.0  # no minus zero
    return found

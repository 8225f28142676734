"""Moments of several metrics from three scans of the table, wherever it is.

The first scan looks at whole columns (empty and infinite values, range), the second counts every cell and finds its
centres, the third sums deviations from the centres, their products and cubes. Tables in memory are scanned by NumPy,
all others by queries of their engine; the sums are exact on a grid (`exact_sums`), so both give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.moments.centred import Moments
from experiments.moments.columns import cells_of, in_memory, plain_array
from experiments.moments.counted import are_numbers, have_keys, is_noted
from experiments.moments.engine import EngineScan
from experiments.moments.exact_sums import grid_constants, whole_sums
from experiments.moments.memory import MemoryScan
from experiments.moments.plan import Sums, lacks, make_centres, make_plan, make_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from attribution.core.tables import Table
    from experiments.metrics import MetricInputs
    from experiments.moments.counted import Cell, Counts, Floats
    from experiments.moments.plan import Census, Centre, Column, Plan, Sheet, Terms

__all__ = ["scan_metrics"]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What the scans found, by cell in sorted order."""

    cells: tuple[Cell, ...]
    plan: Plan
    census: Census
    terms: Terms
    centres: tuple[Centre, ...]
    sums: Sums


def scan_metrics(
    table: Table, metrics: Mapping[str, MetricInputs], *, keys: Sequence[str]
) -> dict[str, Moments | None]:
    """Moments of several metrics by cell; None for a metric with a problem, which is noted on the table."""
    usable = {name: inputs for name, inputs in metrics.items() if _usable(table, inputs, keys)}
    made: dict[str, Moments | None] = dict.fromkeys(metrics)
    if not usable:
        return made
    names = tuple(dict.fromkeys(name for inputs in usable.values() for name in (*inputs.columns, *inputs.covariates)))
    found = _in_memory(table, usable, names, keys) if in_memory(table) else _in_engine(table, usable, names, keys)
    if found is not None:
        for name, sheet in found.plan.sheets.items():
            made[name] = _moments(found, sheet, usable[name], tuple(keys))
    return made


def _usable(table: Table, inputs: MetricInputs, keys: Sequence[str]) -> bool:
    columns = (*inputs.columns, *inputs.covariates)
    wanted = tuple(dict.fromkeys([*keys, *columns]))
    table.require_names(*(name for name in wanted if not is_noted(table, "MISSING_COLUMN", name)))
    return set(wanted) <= set(table.names) and are_numbers(table, columns)


def _finite(
    table: Table, metrics: Mapping[str, MetricInputs], columns: Mapping[str, Column]
) -> dict[str, MetricInputs]:
    """The metrics whose columns hold no infinite value; every column with one is noted."""
    for name, column in columns.items():
        if column.infinite:
            table.problems.add(
                "NOT_FINITE", table.name, name, column.infinite,
                message="infinite numbers have no mean; repair these rows",
            )  # fmt: skip
    read = {name: (*inputs.columns, *inputs.covariates) for name, inputs in metrics.items()}
    return {name: inputs for name, inputs in metrics.items() if not any(columns[c].infinite for c in read[name])}


def _in_memory(
    table: Table, metrics: Mapping[str, MetricInputs], names: Sequence[str], keys: Sequence[str]
) -> _Found | None:
    scan = MemoryScan(table, keys, names)
    if not scan.readable:
        return None
    columns = scan.columns()
    usable = _finite(table, metrics, columns)
    if not have_keys(table, keys, scan.keys) or not usable:
        return None
    plan = make_plan(usable, columns)
    cells, order = scan.group()
    census = scan.census(plan)
    terms, centres = make_terms(plan, census), make_centres(plan, census)
    sums = Sums.empty(terms, len(cells), 1) if terms.none else scan.sums(plan, terms, centres, _constants(census))
    placed = tuple(centre.take(order) for centre in centres)
    return _Found(cells, plan, census.take(order), terms, placed, sums.take(order))


def _in_engine(
    table: Table, metrics: Mapping[str, MetricInputs], names: Sequence[str], keys: Sequence[str]
) -> _Found | None:
    scan = EngineScan(table, names)
    columns = scan.columns()
    usable = _finite(table, metrics, columns)
    plan = make_plan(usable, columns)
    scan.group(keys)
    found, census = scan.census(plan)
    arrays = [plain_array(found.column(i)) for i in range(len(keys))]
    if not have_keys(table, keys, arrays, census.counts[0]) or not usable:
        return None
    cells, order = _sorted_cells(arrays, len(census.counts[0]))
    census = census.take(order)
    terms, centres = make_terms(plan, census), make_centres(plan, census)
    if terms.none:
        return _Found(cells, plan, census, terms, centres, Sums.empty(terms, len(cells), 1))
    found, sums = scan.sums(plan, terms, _constants(census))
    _, order = _sorted_cells([plain_array(found.column(i)) for i in range(len(keys))], found.num_rows)
    return _Found(cells, plan, census, terms, centres, sums.take(order))


def _sorted_cells(arrays: Sequence[pa.Array], rows: int) -> tuple[tuple[Cell, ...], Counts]:
    """The cells in sorted order, and where each stands in a table of one row per cell."""
    cells, cell, order = cells_of(arrays, rows)
    return cells, np.argsort(cell, kind="stable")[order]


def _constants(census: Census) -> tuple[float, ...]:
    """The grids for the largest cell."""
    return grid_constants(int(census.counts[0].max(initial=0)))


def _moments(found: _Found, sheet: Sheet, inputs: MetricInputs, names: tuple[str, ...]) -> Moments:
    """Put the moments of one metric together."""
    plan, census = found.plan, found.census
    lacking = [slot for slot in sheet.slots[sheet.measured :] if lacks(plan, census, slot)]
    n = census.counts[plan.masks.index(sheet.mask)]
    first = sheet.slots[0]
    labels = (*inputs.columns, *inputs.covariates, *(f"no {plan.slots[slot].reading.column}" for slot in lacking))
    means, products, cubes = _Assembly(found, sheet, lacking, n).moments()
    low, high = (np.where(n > 0, ends[first], np.nan) for ends in (census.low, census.high))
    return Moments(
        names=names,
        cells=found.cells,
        labels=labels,
        persons=census.counts[0].copy(),
        observed=census.counts[plan.masks.index(sheet.seen)].copy(),
        n=n.copy(),
        means=means,
        products=products,
        cubes=cubes,
        smallest=low,
        largest=high,
        strange=int(census.strange[first].sum()),
    )


class _Assembly:
    """The means and centred products of the coordinates of one metric.

    A coordinate deviates from its centre by a slot's deviation plus, where covariates are missing, a constant times
    the flag of the missing value; the sums of both are known, so the sums of the coordinates follow by algebra. All of
    it is in the unit of the slot and cell.
    """

    def __init__(self, found: _Found, sheet: Sheet, lacking: Sequence[int], n: Counts) -> None:
        self._found, self._slots, self._lacking = found, sheet.slots, lacking
        self._n = n.astype(np.float64)
        self._flags = {slot: len(found.plan.slots) + found.terms.flags.index(slot) for slot in lacking}
        self._shift = {slot: self._distance(slot) for slot in lacking}

    def _distance(self, slot: int) -> Floats:
        """From each centre to what stands for a missing covariate: the mean of the known ones of all cells."""
        known, centre = self._found.census.known[slot].astype(np.float64), self._found.centres[slot]
        if not known.sum():
            return -centre.scaled
        middle = centre.scaled[int(known.argmax())]  # close to all of them, so that the differences keep their digits
        away = centre.scaled - middle
        total = np.sum(away * known + np.ldexp(self._single(slot), centre.power))
        return np.asarray(np.ldexp(total / known.sum() - away, -centre.power), dtype=np.float64)

    def _parts(self) -> list[list[tuple[int, Floats | float]]]:
        """Every coordinate as variables with their factors."""
        made: list[list[tuple[int, Floats | float]]] = []
        for slot in self._slots:
            shifted = [(self._flags[slot], self._shift[slot])] if slot in self._flags else []
            made.append([(slot, 1.0), *shifted])
        made += [[(flag, 1.0)] for flag in self._flags.values()]
        return made

    def _single(self, variable: int) -> Floats:
        if variable in self._found.terms.binary:
            return self._of_binary(variable, 1)
        if variable < len(self._found.plan.slots):
            return whole_sums(self._found.sums.singles[self._found.terms.singles.index(variable)])
        slot = self._found.terms.flags[variable - len(self._found.plan.slots)]
        return np.asarray(self._n - self._found.census.known[slot], dtype=np.float64)

    def _pair(self, first: int, second: int) -> Floats:
        if first == second and first in self._found.terms.binary:
            return self._of_binary(first, 2)
        place = self._found.terms.pairs.index((min(first, second), max(first, second)))
        return whole_sums(self._found.sums.pairs[place])

    def _of_binary(self, slot: int, degree: int) -> Floats:
        """Sum of powers of the deviations of a slot of 0 and 1, whose ones follow from the coarse sum."""
        if degree == 1:  # the centre is the mean, to its last bit
            return np.zeros(len(self._n))
        scale, centre = self._found.plan.scales[slot], self._found.centres[slot]
        known = self._found.census.known[slot].astype(np.float64)
        ones = np.rint((self._found.census.coarse[slot] + known * scale.origin) / scale.factor)
        gaps = [np.ldexp(value * scale.factor - centre.scaled, -centre.power) for value in (0.0, 1.0)]
        return np.asarray((known - ones) * gaps[0] ** degree + ones * gaps[1] ** degree, dtype=np.float64)

    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Means, centred products and cubes of the first coordinate, in the units of the columns."""
        parts, size = self._parts(), len(self._n)
        wide = len(parts)
        exponents = [self._found.centres[slot].power + self._found.plan.scales[slot].exponent for slot in self._slots]
        exponents += [np.zeros(size, np.int64)] * len(self._flags)
        some, n = self._n > 0, np.where(self._n > 0, self._n, 1.0)
        sums = [np.sum([factor * self._single(v) for v, factor in part], axis=0) for part in parts]
        means, products = np.full((size, wide), np.nan), np.zeros((size, wide, wide))
        with np.errstate(over="ignore"):  # beyond the largest double the answer is infinite
            for i in range(wide):
                means[some, i] = self._placed(i, sums[i] / n)[some]
                for j in range(i + 1):
                    terms = [a * b * self._pair(v, w) for v, a in parts[i] for w, b in parts[j]]
                    raw = np.sum(terms, axis=0) - sums[i] * sums[j] / n
                    products[:, i, j] = products[:, j, i] = np.ldexp(raw, exponents[i] + exponents[j])
                products[:, i, i] = np.maximum(products[:, i, i], 0.0)
            cubes = np.ldexp(self._cubes(sums[0], n), 3 * exponents[0])
        self._settle(means, products, cubes)
        return means, products, cubes

    def _placed(self, i: int, away: Floats) -> Floats:
        """What lies so far from the centre of a coordinate, in the unit of its column."""
        if i >= len(self._slots):
            return away
        centre, scale = self._found.centres[self._slots[i]], self._found.plan.scales[self._slots[i]]
        far = np.ldexp(away, centre.power + scale.exponent)
        return np.asarray(np.ldexp(centre.scaled, scale.exponent) + far, dtype=np.float64)

    def _cubes(self, total: Floats, n: Floats) -> Floats:
        first = self._slots[0]
        mean = total / n
        if first in self._found.terms.binary:
            raw = self._of_binary(first, 3)
        else:
            raw = whole_sums(self._found.sums.cubes[self._found.terms.cubes.index(first)])
        return np.asarray(raw - 3.0 * mean * self._pair(first, first) + 2.0 * n * mean**3, dtype=np.float64)

    def _settle(self, means: Floats, products: Floats, cubes: Floats) -> None:
        """A mean lies between the smallest and the largest value; where those are one, nothing varies."""
        for i, slot in enumerate(self._slots):
            if slot in self._flags:
                continue
            low, high = self._found.census.low[slot], self._found.census.high[slot]
            np.clip(means[:, i], low, high, out=means[:, i], where=self._n > 0)
            still = low >= high
            products[still, i, :] = products[still, :, i] = 0.0
            if i == 0:
                cubes[still] = 0.0

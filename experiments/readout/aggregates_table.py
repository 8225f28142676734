"""Aggregates as a tidy table, and back: one number in each row, with the cell, the metric and what the number is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import InputError
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from experiments.metrics import MetricInputs
from experiments.moments.centred import Moments
from experiments.moments.columns import cells_of
from experiments.readout.aggregates import Aggregates, Part, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from attribution.core.tables import Table
    from experiments.moments.counted import Counts, Floats

__all__ = ["RESERVED", "read_aggregates", "tidy_records"]

RESERVED = ("metric", "statistic", "first", "second", "value")
_COUNTS = ("persons", "observed", "n")
_SINGLES = ("cube", "smallest", "largest")
_READS = ("measured", "covariate")
_READS_EVERYWHERE = ("lower", "upper", "fill", "constant")

_Name = tuple[str, str, str]  # statistic, first, second


def tidy_records(aggregates: Aggregates) -> Records:
    """The rows of the table: for every cell the statistics of every metric."""
    size = len(aggregates.cells)
    names: list[tuple[str, str, str, str]] = []
    values: list[Floats] = []
    for metric, part in aggregates.parts.items():
        for name, found in _statistics(part):
            names.append((metric, *name))
            values.append(np.broadcast_to(np.asarray(found, dtype=np.float64), (size,)))
    if aggregates.shares is not None:
        for statistic, found in zip(("share_low", "share_high"), aggregates.shares, strict=True):
            names.append(("", statistic, "", ""))
            values.append(found)
    table = np.column_stack(values) if size else np.zeros((0, len(names)))
    cell, column = np.nonzero(~np.isnan(table))  # by cell, then in the order of the statistics
    columns: list[list[object]] = []
    for i in range(len(aggregates.keys)):
        key = [whole[i] for whole in aggregates.cells]
        columns.append([key[place] for place in cell.tolist()])
    for i in range(4):
        words = [name[i] for name in names]
        columns.append([words[place] for place in column.tolist()])
    fields = (Field(name, "text") for name in (*aggregates.keys, *RESERVED[:-1]))
    return Records((*fields, Field("value")), (*columns, table[cell, column].tolist()))


def _statistics(part: Part) -> Iterator[tuple[_Name, Floats | float]]:
    """Every statistic of a metric by cell; nan stands for one that is not written."""
    yield from _reads(part)
    moments = part.moments
    labels, some = moments.labels, moments.n > 0
    for name in _COUNTS:
        yield (name, "", ""), getattr(moments, name).astype(np.float64)
    for i, label in enumerate(labels):
        yield ("mean", label, ""), np.where(some, moments.means[:, i], np.nan)
    for i, label in enumerate(labels):
        for j, other in enumerate(labels[: i + 1]):
            yield ("product", other, label), np.where(some, moments.products[:, i, j], np.nan)
    yield ("cube", labels[0], ""), np.where(some, moments.cubes, np.nan)
    yield ("smallest", labels[0], ""), moments.smallest
    yield ("largest", labels[0], ""), moments.largest


def _reads(part: Part) -> Iterator[tuple[_Name, float]]:
    """What the metric reads: its columns in order, limits, fill, covariates and what stands for missing ones."""
    for position, column in enumerate(part.inputs.columns):
        yield ("measured", column, ""), float(position)
        for name, limit in zip(("lower", "upper"), part.inputs.limits[position] or (), strict=False):
            if math.isfinite(limit):
                yield (name, column, ""), limit
    if part.inputs.fill is not None:
        yield ("fill", "", ""), part.inputs.fill
    for position, column in enumerate(part.inputs.covariates):
        yield ("covariate", column, ""), float(position)
        if column in part.constants:
            yield ("constant", column, ""), part.constants[column]


def read_aggregates(table: object, *, min_cell: int = 10) -> Aggregates:
    """Read aggregates back from their table, wherever it was stored, or from one that a warehouse computed.

    The table has one number in each row: the key columns, then ``metric``, ``statistic``, ``first``, ``second`` and
    ``value``; docs/methods/aggregates.md lists the statistics and gives the SQL that makes them.

    Args:
        table: The table; every column beside the five is a key column.
        min_cell: A cell with fewer persons is listed by the finding SMALL_CELLS.

    Raises:
        TableError: With every problem: MISSING_COLUMN, NULL_KEY, WRONG_TYPE, REPEATED_ROW, MISSING_STATISTIC,
            NOT_WHOLE, NEGATIVE_VALUE, NOT_FINITE, DIFFERENT_READINGS (tables of several parts set one below the
            other, whose caps or constants differ: read each by itself and use `merge_aggregates`).
        InputError: When there are no rows, or no key column.

    Verified against: aggregates written to Parquet and CSV and read back; the same readout from both.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=2_000, seed=7)
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
        >>> table = spec.aggregate(outcomes).table()
        >>> ex.read_aggregates(table).keys
        ('arm',)
    """
    opened = open_table(table, "aggregates", Columns(), problems=Problems())
    if not opened.require_names(*RESERVED):
        opened.problems.raise_if_any()
    keys = tuple(name for name in opened.names if name not in RESERVED)
    if not keys or not opened.rows:
        raise InputError("aggregates need rows and at least one key column, such as the arm; the table has none.")
    opened.load(*opened.names)
    return _Reader(opened, keys).read(min_cell)


class _Reader:
    """One table of aggregates being read."""

    def __init__(self, table: Table, keys: tuple[str, ...]) -> None:
        """Number the cells of the rows."""
        self._table, self._keys = table, keys
        self._need_types()
        self._need_keys()
        table.problems.raise_if_any()
        arrays = [table.arrow(name) for name in keys]
        self._cells, cell, order = cells_of(arrays, table.rows)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self._cell: Counts = rank[cell]
        self._words = [_words(table.arrow(name)) for name in RESERVED[:-1]]
        self._value = _floats(table.arrow("value"))

    def _need_types(self) -> None:
        import pyarrow as pa

        kind = self._table.arrow("value").type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            _note(
                self._table, "WRONG_TYPE", "value", self._table.rows, f"numbers are needed, got {kind}; cast the column"
            )

    def _need_keys(self) -> None:
        for name in self._keys:
            empty = self._table.arrow(name).null_count
            if empty:
                _note(self._table, "NULL_KEY", name, empty, "a key is empty; name it, or drop the column")

    def read(self, min_cell: int) -> Aggregates:
        """All metrics, checked."""
        wrong = int((~np.isfinite(self._value)).sum())
        if wrong:
            _note(
                self._table,
                "NOT_FINITE",
                "value",
                wrong,
                "every row holds one finite number; leave out what is undefined",
            )
        found = self._by_name()
        shares = found.pop("", {})
        parts = {metric: self._part(metric, numbers) for metric, numbers in found.items()}
        if not parts:
            _note(self._table, "MISSING_STATISTIC", "metric", 1, "no row names a metric")
        self._table.problems.raise_if_any()
        ends = [shares.get((name, "", "")) for name in ("share_low", "share_high")]
        known = None if ends[0] is None or ends[1] is None else (ends[0], ends[1])
        return finish(self._keys, parts, known, min_cell=min_cell, findings=())

    def _by_name(self) -> dict[str, dict[_Name, Floats]]:
        """The numbers by metric and statistic, each by cell; nan where a cell has no such row."""
        metric, *rest = self._words
        made: dict[str, dict[_Name, Floats]] = {}
        text = {name: i for i, name in enumerate(sorted({*metric, *(w for part in rest for w in part)}))}
        codes = np.array([[text[word] for word in words] for words in self._words], dtype=np.int64)
        combos, which = np.unique(codes, axis=1, return_inverse=True)
        words, repeated = list(text), 0
        for i, combo in enumerate(combos.T.tolist()):
            rows = np.flatnonzero(which.ravel() == i)
            cells = self._cell[rows]
            repeated += len(cells) - len(np.unique(cells))
            numbers = np.full(len(self._cells), np.nan)
            numbers[cells] = self._value[rows]
            name, statistic, first, second = (words[code] for code in combo)
            made.setdefault(name, {})[(statistic, first, second)] = numbers
        if repeated:
            _note(
                self._table,
                "REPEATED_ROW",
                None,
                repeated,
                "a statistic of a cell occurs twice; use merge_aggregates to add",
            )
        return made

    def _part(self, metric: str, numbers: dict[_Name, Floats]) -> Part:
        self._need_one_reading(metric, numbers)
        columns, covariates = _ordered(numbers, "measured"), _ordered(numbers, "covariate")
        constants = {column: _one(numbers, ("constant", column, "")) for column in covariates}
        lacking = {c: v for c, v in constants.items() if v is not None and _lacking(numbers, c)}
        limits = tuple(_limits(numbers, column) for column in columns)
        fill = _one(numbers, ("fill", "", ""))
        inputs = MetricInputs(columns=columns, limits=limits, fill=fill, covariates=covariates)
        labels = (*columns, *covariates, *(f"no {column}" for column in covariates if column in lacking))
        return Part(inputs=inputs, moments=self._moments(metric, labels, numbers), constants=lacking)

    def _need_one_reading(self, metric: str, numbers: dict[_Name, Floats]) -> None:
        """All cells must have read the metric alike, or their numbers cannot stand beside each other."""
        for name, values in numbers.items():
            known = values[~np.isnan(values)]
            everywhere = name[0] in _READS_EVERYWHERE
            if everywhere or name[0] in _READS:
                other = int((known != known[0]).sum()) if len(known) else 0
                lacking = len(values) - len(known) if everywhere else 0
                if other + lacking:
                    shown = " ".join(part for part in name if part)
                    _note(
                        self._table, "DIFFERENT_READINGS", "value", other + lacking,
                        f"{shown!r} of the metric {metric!r} is not the same in all cells; read the parts one by one "
                        "and add them with merge_aggregates, which sees whether they fit",
                    )  # fmt: skip

    def _moments(self, metric: str, labels: tuple[str, ...], numbers: dict[_Name, Floats]) -> Moments:
        size, wide = len(self._cells), len(labels)
        n = self._count(metric, numbers, "n", None)
        persons = self._count(metric, numbers, "persons", n)
        if (n > persons).any():
            many = int((n > persons).sum())
            _note(self._table, "NEGATIVE_VALUE", "value", many, f"persons - n of {metric!r} is below 0 in some cells")
        means, products = np.full((size, wide), np.nan), np.zeros((size, wide, wide))
        some = n > 0
        for i, label in enumerate(labels):
            means[:, i] = self._number(metric, numbers, ("mean", label, ""), some)
            for j, other in enumerate(labels[: i + 1]):
                name = ("product", other, label) if ("product", other, label) in numbers else ("product", label, other)
                found = self._number(metric, numbers, name, some)
                products[:, i, j] = products[:, j, i] = np.where(some, found, 0.0)
        if (np.einsum("cii->ci", products) < 0.0).any():
            _note(self._table, "NEGATIVE_VALUE", "value", 1, f"a sum of squares of the metric {metric!r} is below 0")
        blank = np.full(size, np.nan)
        cubes, low, high = (numbers.get((name, labels[0] if labels else "", ""), blank) for name in _SINGLES)
        if not labels:
            _note(
                self._table,
                "MISSING_STATISTIC",
                "statistic",
                1,
                f"the metric {metric!r} has no row with statistic 'measured'",
            )
        return Moments(
            names=self._keys, cells=self._cells, labels=labels, persons=persons,
            observed=self._count(metric, numbers, "observed", n), n=n, means=means, products=products,
            cubes=np.where(some, cubes, 0.0), smallest=low, largest=high, strange=0,
        )  # fmt: skip

    def _count(self, metric: str, numbers: dict[_Name, Floats], name: str, other: Counts | None) -> Counts:
        found = numbers.get((name, "", ""))
        if found is None and other is not None:
            return other
        filled = self._number(metric, numbers, (name, "", ""), np.ones(len(self._cells), bool))
        filled = np.where(np.isfinite(filled), filled, 0.0)
        if (filled < 0.0).any():
            _note(self._table, "NEGATIVE_VALUE", "value", int((filled < 0.0).sum()), f"{name} of {metric!r} is below 0")
        if (filled != np.floor(filled)).any():
            _note(
                self._table,
                "NOT_WHOLE",
                "value",
                int((filled != np.floor(filled)).sum()),
                f"{name} of {metric!r} counts persons",
            )
        return filled.astype(np.int64)

    def _number(self, metric: str, numbers: dict[_Name, Floats], name: _Name, needed: np.ndarray) -> Floats:
        found = numbers.get(name, np.full(len(self._cells), np.nan))
        absent = int((np.isnan(found) & needed).sum())
        if absent:
            shown = " ".join(part for part in name if part)
            _note(
                self._table,
                "MISSING_STATISTIC",
                "statistic",
                absent,
                f"the metric {metric!r} lacks {shown!r} in some cells",
            )
        return found


def _note(table: Table, code: str, column: str | None, count: int, message: str) -> None:
    table.problems.add(code, table.name, column, count, message=message)


def _ordered(numbers: dict[_Name, Floats], statistic: str) -> tuple[str, ...]:
    found = {first: float(np.nanmin(values)) for (name, first, _), values in numbers.items() if name == statistic}
    return tuple(sorted(found, key=lambda column: (found[column], column)))


def _one(numbers: dict[_Name, Floats], name: _Name) -> float | None:
    return float(np.nanmin(numbers[name])) if name in numbers else None


def _lacking(numbers: dict[_Name, Floats], column: str) -> bool:
    """Whether some counted person lacks a covariate; a warehouse writes the flag even where nobody does."""
    flag = numbers.get(("mean", f"no {column}", ""))
    return flag is not None and bool((np.nan_to_num(flag) > 0.0).any())


def _limits(numbers: dict[_Name, Floats], column: str) -> tuple[float, float] | None:
    low, high = _one(numbers, ("lower", column, "")), _one(numbers, ("upper", column, ""))
    if low is None and high is None:
        return None
    return -math.inf if low is None else low, math.inf if high is None else high


def _words(array: pa.Array) -> list[str]:
    return ["" if word is None or word != word else str(word) for word in array.to_pylist()]  # noqa: PLR0124 - nan


def _floats(array: pa.Array) -> Floats:
    import pyarrow as pa

    found: Floats = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found

# ruff: noqa: S608 - this module writes a query for the caller to read and run; every name in it is quoted
"""The query that makes the table of aggregates in a warehouse: two passes, centred, nothing but standard SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from attribution.core.errors import InputError
from experiments.metrics import inputs_of
from experiments.readout.aggregates import key_columns, refuse_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.metrics import MetricInputs
    from experiments.readout.experiment import Experiment

__all__ = ["Dialect", "aggregate_sql"]

Dialect = Literal["ansi", "spark", "mysql", "bigquery"]
_SHOWN = ("metric", "statistic", "first", "second", "value")
_NUMBER = {"ansi": "double precision", "spark": "double", "mysql": "double", "bigquery": "float64"}


def aggregate_sql(experiment: Experiment, source: str, *, by: Sequence[str], dialect: Dialect) -> str:
    """Carry out `Experiment.aggregate_sql`."""
    if dialect not in get_args(Dialect):
        raise InputError(f"dialect must be one of {', '.join(get_args(Dialect))}, got {dialect!r}.")
    refuse_rows(experiment)
    writer = _Writer(dialect, source, key_columns(experiment, by))
    for name, metric in experiment.metrics.items():
        writer.add(name, inputs_of(metric))
    if isinstance(experiment.shares, str):
        writer.add_shares(experiment.shares)
    return writer.text()


@dataclass(frozen=True, slots=True)
class _Coordinate:
    """A column of a metric's rows: its name in the query and its label."""

    name: str
    label: str


class _Writer:
    """Gathers the steps of the query and the rows of its result."""

    def __init__(self, dialect: Dialect, source: str, keys: Sequence[str]) -> None:
        """Begin without any metric."""
        self._dialect, self._source, self._keys = dialect, source, tuple(keys)
        self._names = [f"k{i}" for i in range(len(self._keys))]
        self._steps: list[str] = []
        self._rows: list[str] = []

    def _quoted(self, name: str) -> str:
        mark = '"' if self._dialect == "ansi" else "`"
        return mark + name.replace(mark, mark * 2) + mark

    def _text(self, word: str) -> str:
        doubled = word.replace("'", "''")
        if self._dialect == "ansi":
            return f"'{doubled}'"
        return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def _number(self, column: str) -> str:
        return f"CAST({self._quoted(column)} AS {_NUMBER[self._dialect]})"

    def _read_keys(self) -> str:
        return ", ".join(f"{self._quoted(key)} AS {name}" for key, name in zip(self._keys, self._names, strict=True))

    def add(self, metric: str, inputs: MetricInputs) -> None:
        """The steps and rows of one metric."""
        i = len(self._steps)
        measured = [_Coordinate(f"y{j}", column) for j, column in enumerate(inputs.columns)]
        known = [_Coordinate(f"x{j}", column) for j, column in enumerate(inputs.covariates)]
        flags = [_Coordinate(f"z{j}", f"no {column}") for j, column in enumerate(inputs.covariates)]
        every = [*measured, *known, *flags]
        self._steps += [
            f"read{i} AS ({self._read(inputs)})",
            f"kept{i} AS (SELECT r.*, CASE WHEN {_all_there(measured)} THEN 1 ELSE 0 END AS ok FROM read{i} r)",
            f"full{i} AS ({self._full(i, measured, known)})",
            f"mean{i} AS ({self._means(i, every)})",
            f"sums{i} AS ({self._sums(i, every)})",
        ]
        told = [("persons", "", "", "persons"), ("observed", "", "", "observed"), ("n", "", "", "n")]
        told += self._reads(inputs)
        told += [("mean", c.label, "", f"m_{c.name}") for c in every]
        told += [(word, every[0].label, "", word) for word in ("smallest", "largest")]
        self._rows += [self._row(metric, row, f"mean{i}") for row in told]
        self._rows += [
            self._row(metric, ("product", b.label, a.label, f"p_{b.name}_{a.name}"), f"sums{i}")
            for place, a in enumerate(every)
            for b in every[: place + 1]
        ]
        self._rows.append(self._row(metric, ("cube", every[0].label, "", "third"), f"sums{i}"))

    def _reads(self, inputs: MetricInputs) -> list[tuple[str, str, str, str]]:
        """What the metric reads, as rows: statistic, first, second, value."""
        told = [("measured", column, "", f"{j}.0") for j, column in enumerate(inputs.columns)]
        for column, limits in zip(inputs.columns, inputs.limits, strict=True):
            ends = zip(("lower", "upper"), limits or (), strict=False)
            told += [(word, column, "", repr(limit)) for word, limit in ends if math.isfinite(limit)]
        if inputs.fill is not None:
            told.append(("fill", "", "", repr(inputs.fill)))
        for j, column in enumerate(inputs.covariates):
            told += [("covariate", column, "", f"{j}.0"), ("constant", column, "", f"c{j}")]
        return told

    def _read(self, inputs: MetricInputs) -> str:
        parts = []
        for j, (column, limits) in enumerate(zip(inputs.columns, inputs.limits, strict=True)):
            value = self._number(column)
            value = value if inputs.fill is None else f"COALESCE({value}, {inputs.fill!r})"
            for sign, limit in zip("<>", limits or (), strict=False):
                if math.isfinite(limit):
                    value = f"CASE WHEN {value} {sign} {limit!r} THEN {limit!r} ELSE {value} END"
            parts.append(f"{value} AS y{j}")
        parts += [f"{self._number(column)} AS x{j}" for j, column in enumerate(inputs.covariates)]
        there = " AND ".join(f"{self._quoted(column)} IS NOT NULL" for column in inputs.columns)
        parts.append(f"CASE WHEN {there} THEN 1 ELSE 0 END AS seen")
        return f"SELECT {self._read_keys()}, {', '.join(parts)} FROM {self._source}"

    def _full(self, i: int, measured: Sequence[_Coordinate], known: Sequence[_Coordinate]) -> str:
        """Rows with their covariates completed, and flags of those that were missing."""
        keys = ", ".join(f"a.{name}" for name in self._names)
        parts = [f"a.{c.name}" for c in measured]
        parts += [f"COALESCE(a.{c.name}, b.c{j}) AS {c.name}" for j, c in enumerate(known)]
        parts += [f"CASE WHEN a.{c.name} IS NULL THEN 1.0 ELSE 0.0 END AS z{j}" for j, c in enumerate(known)]
        parts += [f"b.c{j}" for j in range(len(known))]
        if not known:
            return f"SELECT {keys}, {', '.join(parts)}, a.ok, a.seen FROM kept{i} a"
        constants = ", ".join(f"COALESCE(AVG({c.name}), 0.0) AS c{j}" for j, c in enumerate(known))
        one = f"(SELECT {constants} FROM kept{i} WHERE ok = 1)"
        return f"SELECT {keys}, {', '.join(parts)}, a.ok, a.seen FROM kept{i} a CROSS JOIN {one} b"

    def _means(self, i: int, coordinates: Sequence[_Coordinate]) -> str:
        keys = ", ".join(self._names)
        parts = ["COUNT(*) AS persons", "SUM(seen) AS observed", "SUM(ok) AS n"]
        parts += [f"AVG(CASE WHEN ok = 1 THEN {c.name} END) AS m_{c.name}" for c in coordinates]
        parts += [f"MAX(c{c.name[1:]}) AS c{c.name[1:]}" for c in coordinates if c.name.startswith("x")]
        first = f"CASE WHEN ok = 1 THEN {coordinates[0].name} END"
        parts += [f"MIN({first}) AS smallest", f"MAX({first}) AS largest"]
        return f"SELECT {keys}, {', '.join(parts)} FROM full{i} GROUP BY {keys}"

    def _sums(self, i: int, coordinates: Sequence[_Coordinate]) -> str:
        keys = ", ".join(f"a.{name}" for name in self._names)
        on = " AND ".join(f"a.{name} = b.{name}" for name in self._names)
        gaps = {c.name: f"(a.{c.name} - b.m_{c.name})" for c in coordinates}
        parts = [
            f"SUM({gaps[one.name]} * {gaps[other.name]}) AS p_{other.name}_{one.name}"
            for place, one in enumerate(coordinates)
            for other in coordinates[: place + 1]
        ]
        first = gaps[coordinates[0].name]
        parts.append(f"SUM({first} * {first} * {first}) AS third")
        return f"SELECT {keys}, {', '.join(parts)} FROM full{i} a JOIN mean{i} b ON {on} WHERE a.ok = 1 GROUP BY {keys}"

    def add_shares(self, column: str) -> None:
        """Smallest and largest probability of the assigned arm of every cell."""
        keys, number = ", ".join(self._names), self._number(column)
        inner = f"SELECT {self._read_keys()}, {number} AS p FROM {self._source}"
        self._steps.append(f"shares AS (SELECT {keys}, MIN(p) AS low, MAX(p) AS high FROM ({inner}) r GROUP BY {keys})")
        self._rows += [self._row("", (f"share_{end}", "", "", end), "shares") for end in ("low", "high")]

    def _row(self, metric: str, told: tuple[str, str, str, str], step: str) -> str:
        """One statistic of every cell: what it is called, its two labels, and its column in the step."""
        *named, value = told
        words = zip((metric, *named), _SHOWN, strict=False)
        texts = [f"{self._text(word)} AS s_{name}" for word, name in words]
        number = f"CAST({value} AS {_NUMBER[self._dialect]}) AS s_value"
        return f"SELECT {', '.join((*self._names, *texts, number))} FROM {step}"

    def text(self) -> str:
        """The whole query."""
        named = zip([*self._names, *(f"s_{word}" for word in _SHOWN)], [*self._keys, *_SHOWN], strict=True)
        shown = ", ".join(f"{name} AS {self._quoted(key)}" for name, key in named)
        union = "\n  UNION ALL ".join(self._rows)
        steps = ",\n".join(self._steps)
        return f"WITH {steps}\nSELECT {shown}\nFROM (\n  {union}\n) u\nWHERE s_value IS NOT NULL"


def _all_there(measured: Sequence[_Coordinate]) -> str:
    return " AND ".join(f"{c.name} IS NOT NULL" for c in measured)

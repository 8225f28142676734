"""Aggregated input: what an experiment needs to be analysed, by arm, stratum and day, without any customer's row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import DesignError, InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.whole import check_whole
from experiments.metrics import Quantile, inputs_of
from experiments.moments import metric_moments, value_counts
from experiments.moments.grid import collapse
from experiments.readout.measure import check_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.render.display import Display
    from attribution.core.tables import Table
    from experiments.metrics import MetricInputs
    from experiments.moments import Moments
    from experiments.moments.counted import Floats
    from experiments.readout.experiment import Experiment

__all__ = ["Aggregates", "Part", "aggregate", "finish", "key_columns", "refuse_rows", "regroup"]

_NAMED = 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Part:
    """One metric of the aggregates.

    Attributes:
        inputs: What the metric reads.
        moments: Its moments by cell.
        constants: What stands for a missing value of each covariate that some counted person lacks.
    """

    inputs: MetricInputs
    moments: Moments
    constants: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Aggregates(TabularResult):
    """Sufficient statistics of an experiment by cell: enough for its readout, and no row of any person.

    `Experiment.analyze` takes them as it takes outcomes, `merge_aggregates` adds days, branches or systems, and
    `read_aggregates` reads back what `.table()` gave.

    Attributes:
        keys: The key columns: further columns such as a day, then strata, arm, and cluster.
        parts: Every metric by its name; all have the same cells.
        shares: Smallest and largest declared probability of the assigned arm in every cell; None without such a column.
        min_cell: A cell with fewer persons is listed by the finding SMALL_CELLS.
        findings: What a reader should know.
        recipe: How the statistics were made.
    """

    keys: tuple[str, ...]
    parts: Mapping[str, Part]
    shares: tuple[Floats, Floats] | None
    min_cell: int
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def cells(self) -> tuple[tuple[object, ...], ...]:
        """The cells, one value per key column, sorted."""
        return self._first.cells

    @property
    def persons(self) -> np.ndarray:
        """Persons of each cell, with or without values."""
        return self._first.persons

    @property
    def _first(self) -> Moments:
        return next(iter(self.parts.values())).moments

    def moments(self, keys: Sequence[str]) -> dict[str, Moments]:
        """The moments of every metric by some of the key columns, the arm usually the last.

        Args:
            keys: Names of key columns.

        Raises:
            InputError: For a name that is no key column.
        """
        return {name: regroup(part.moments, keys) for name, part in self.parts.items()}

    def small_cells(self) -> tuple[tuple[object, ...], ...]:
        """The cells with fewer than `min_cell` persons."""
        return tuple(cell for cell, n in zip(self.cells, self.persons.tolist(), strict=True) if n < self.min_cell)

    def without_extremes(self) -> Aggregates:
        """The aggregates without `smallest` and `largest`, which are values of single persons; no readout needs them.

        Example:
            >>> import experiments as ex
            >>> c = ex.simulate("default", persons=2_000, seed=7)
            >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
            >>> spec = ex.Experiment({"value": ex.Mean("value")}, shares="p_assign")
            >>> table = spec.aggregate(outcomes).without_extremes().table()
            >>> sorted(table["statistic"].unique())
            ['cube', 'mean', 'measured', 'n', 'observed', 'persons', 'product', 'share_high', 'share_low']
        """
        blank = np.full(len(self.cells), np.nan)
        parts = {
            name: replace(part, moments=replace(part.moments, smallest=blank, largest=blank))
            for name, part in self.parts.items()
        }
        return replace(self, parts=parts)

    def _records(self) -> Records:
        from experiments.readout.aggregates_table import tidy_records

        return tidy_records(self)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        fields = (Field("metric", "text"), Field("cells", "count"), Field("persons", "count"), Field("n", "count"))
        rows = [
            {
                "metric": name,
                "cells": len(self.cells),
                "persons": int(self.persons.sum()),
                "n": int(part.moments.n.sum()),
            }
            for name, part in self.parts.items()
        ]
        values = {"keys": ", ".join(self.keys), "n": int(self.persons.sum())}
        notes = [finding.text() for finding in self.findings]
        table = records_table(Records.from_rows(fields, rows))
        return Display(messages.text("AGGREGATES.title", values), (table, *self.recipe.sentences(), *notes))


def aggregate(experiment: Experiment, outcomes: object, *, by: Sequence[str], min_cell: int) -> Aggregates:
    """Carry out `Experiment.aggregate`."""
    from experiments.readout.analysis import open_outcomes

    min_cell = check_whole("min_cell", min_cell, least=1, of="persons")
    refuse_rows(experiment)
    keys = key_columns(experiment, by)
    table = open_outcomes(experiment, outcomes)
    inputs = {name: inputs_of(metric) for name, metric in experiment.metrics.items()}
    found = metric_moments(table, inputs, keys=keys)
    for name, moments in found.items():
        if moments is not None:
            check_values(table, name, experiment.metrics[name], moments)
    shares = _shares(table, experiment, keys)
    table.problems.raise_if_any()
    parts = {
        name: Part(inputs=inputs[name], moments=moments, constants=_constants(inputs[name], moments))
        for name, moments in found.items()
        if moments is not None
    }
    return finish(keys, parts, shares, min_cell=min_cell, findings=())


def refuse_rows(experiment: Experiment) -> None:
    """Refuse metrics that cannot be computed from sums."""
    rows = [name for name, metric in experiment.metrics.items() if isinstance(metric, Quantile)]
    if rows:
        raise DesignError(
            "NEEDS_ROWS",
            f"the metric {rows[0]!r} is a quantile, which cannot be computed from sums. Leave it out of the "
            "aggregates, or analyse the rows.",
        )


def key_columns(experiment: Experiment, by: Sequence[str]) -> tuple[str, ...]:
    """Further columns, strata, arm, cluster; every one once."""
    from experiments.readout.aggregates_table import RESERVED

    units = () if experiment.cluster is None else (experiment.cluster,)
    fixed = (*experiment.layers, experiment.arm, *units)
    keys = (*(name for name in dict.fromkeys(by) if name not in fixed), *fixed)
    if experiment.person in keys:
        raise InputError(f"by= names the person {experiment.person!r}: aggregates hold no row of a person.")
    taken = sorted(set(keys) & set(RESERVED))
    if taken:
        raise InputError(
            f"the key column {taken[0]!r} has a name that the table of aggregates needs itself "
            f"({', '.join(RESERVED)}). Rename the column."
        )
    return keys


def _shares(table: Table, experiment: Experiment, keys: Sequence[str]) -> tuple[Floats, Floats] | None:
    """Smallest and largest probability of every cell; BAD_PROBABILITY is noted."""
    if not isinstance(experiment.shares, str) or table.problems.issues:
        return None
    counted = value_counts(table, keys=keys, columns=(experiment.shares,))
    if counted is None:
        return None
    (p,) = counted.values
    wrong = ~((p > 0.0) & (p <= 1.0))
    if wrong.any():
        table.problems.add(
            "BAD_PROBABILITY", table.name, experiment.shares, int(counted.count[wrong].sum()),
            message="the probability of the assigned arm lies above 0 and is at most 1, for every person",
            examples=sorted({str(value) for value in p[wrong].tolist()}),
        )  # fmt: skip
    low, high = np.full(len(counted.cells), np.inf), np.full(len(counted.cells), -np.inf)
    np.minimum.at(low, counted.cell, p)
    np.maximum.at(high, counted.cell, p)
    return low, high


def _constants(inputs: MetricInputs, moments: Moments) -> dict[str, float]:
    """The constant of every covariate that some persons lack: by its making the covariate's mean over all cells."""
    n = moments.n.astype(np.float64)
    some = n > 0
    made = {}
    for column in inputs.covariates:
        if f"no {column}" in moments.labels:
            means = moments.means[some, moments.labels.index(column)]
            made[column] = float(np.sum(n[some] * means) / n.sum())
    return made


def finish(
    keys: tuple[str, ...], parts: Mapping[str, Part], shares: tuple[Floats, Floats] | None, *, min_cell: int,
    findings: Sequence[Finding],
) -> Aggregates:  # fmt: skip
    """Add what is said about small cells, and the recipe."""
    first = next(iter(parts.values())).moments
    small = [cell for cell, n in zip(first.cells, first.persons.tolist(), strict=True) if n < min_cell]
    told = list(findings)
    if small:
        names = [", ".join(str(value) for value in cell) for cell in small]
        shown = "; ".join(names[:_NAMED]) + ("" if len(names) <= _NAMED else " ...")
        values = {
            "cells": len(small),
            "all": len(first.cells),
            "least": min_cell,
            "names": shown,
        }
        told.append(Finding(code="SMALL_CELLS", status="warn", values=values))
    columns: dict[str, np.ndarray] = {
        "cell": np.array([" ".join(repr(value) for value in cell) for cell in first.cells], dtype=object)
    }
    for name, part in parts.items():
        columns |= {f"{name}.n": part.moments.n, f"{name}.mean": part.moments.mean, f"{name}.m2": part.moments.squares}
    recipe = Recipe(
        method="aggregates",
        definitions=("AGGREGATES",),
        settings={"keys": ", ".join(keys), "min_cell": min_cell, "metrics": ", ".join(parts)},
        n={"persons": int(first.persons.sum()), "cells": len(first.cells)},
        fingerprint=fingerprint(columns),
    )
    return Aggregates(
        keys=keys, parts=dict(parts), shares=shares, min_cell=min_cell, findings=tuple(told), recipe=recipe
    )


def regroup(moments: Moments, keys: Sequence[str]) -> Moments:
    """Moments by some of their key columns, in the given order, with sorted cells."""
    missing = [name for name in keys if name not in moments.names]
    if missing:
        raise InputError(
            f"the aggregates are not by {missing[0]!r}; their keys are {', '.join(map(repr, moments.names))}. Make "
            f"them anew with by=[{missing[0]!r}], or leave it out of the experiment."
        )
    order = [moments.names.index(name) for name in keys]
    cells = [tuple(cell[i] for i in order) for cell in moments.cells]
    ranked = sorted(range(len(cells)), key=lambda i: (tuple((type(v).__name__, v) for v in cells[i]), i))
    arrays = ("persons", "observed", "n", "means", "products", "cubes", "smallest", "largest")
    moved = replace(
        moments,
        names=tuple(keys),
        cells=tuple(cells[i] for i in ranked),
        **{name: getattr(moments, name)[ranked] for name in arrays},
    )
    return moved if len(set(moved.cells)) == len(moved.cells) else collapse(moved, len(keys))

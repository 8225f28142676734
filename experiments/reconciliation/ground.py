"""The persons on whom credit and effect are compared: arm, stratum, window, and whether they woke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import ColumnsLike, columns_for
from attribution.core.durations import microseconds, parse_duration
from attribution.core.errors import InputError, closest
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, keys, labels
from experiments.metrics import Rate
from experiments.outcomes.numbering import number_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from experiments.readout import Readout

__all__ = ["Ground", "ground_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ground:
    """The persons that are compared.

    Attributes:
        person: Person keys, each once.
        arm: Position of each person's arm in the order; -1 for arms outside of it, and for persons not analysed.
        start: Start of the window, microseconds UTC; None when windows are unknown.
        length: Length of the window in microseconds.
        stratum: Position of each person's stratum among those of the metric's contrasts; None where the rows of the
            readout are not known.
        woken: Whether the metric counts the person; None where the rows of the readout are not known.
    """

    person: pa.Array
    arm: NDArray[np.int64]
    start: NDArray[np.int64] | None
    length: int
    stratum: NDArray[np.int64] | None = None
    woken: NDArray[np.bool_] | None = None


def ground_of(
    readout: Readout,
    assignment: object,
    order: Sequence[str],
    *,
    metric: str,
    window: str | timedelta | None,
    columns: ColumnsLike,
) -> Ground:
    """The analysed persons with arm and window: from the outcomes of the readout, else from the assignment.

    Persons of strata that left the contrasts of the metric, and persons without a value of it, are not analysed: they
    stand outside of the arms. In the assignment a person with several rows counts as first assigned.

    Raises:
        InputError: When a step is no arm.
        TableError: When the assignment is unusable.
    """
    found = readout.outcomes
    if found is None:
        return _from_assignment(assignment, order, window=window, columns=columns)
    import pyarrow as pa

    names, codes = _coded(found.records.column("arm"))
    place = _places(names, order)[codes]
    stratum = _strata(readout, metric)
    woken, known = _woken(readout, metric)
    return Ground(
        person=pa.array(found.records.column("person_id")),
        arm=np.where((stratum >= 0) & known, place, -1),
        start=found.assigned_at,
        length=microseconds(found.window),
        stratum=stratum,
        woken=woken,
    )


def _coded(column: Sequence[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct values of a column as text, and the position of each row's."""
    import pyarrow as pa

    array = column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    encoded = array.dictionary_encode(null_encoding="encode")
    names = [str(value) for value in encoded.dictionary.to_pylist()]
    return names, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _strata(readout: Readout, metric: str) -> NDArray[np.int64]:
    """Position of each person's stratum among those of the metric's contrasts; -1 where it left them."""
    found, layers = readout.outcomes, readout.experiment.layers
    if found is None or not layers:
        return np.zeros(0 if found is None else len(found.records), np.int64)
    whole = np.zeros(len(found.records), np.int64)
    combined: list[tuple[str, ...]] = [()]
    for layer in layers:
        names, codes = _coded(found.records.column(layer))
        pair = whole * len(names) + codes
        kept, whole = np.unique(pair, return_inverse=True)
        combined = [(*combined[value // len(names)], names[value % len(names)]) for value in kept.tolist()]
    place = {tuple(map(str, cell)): number for number, cell in enumerate(readout.fit(metric).strata)}
    return np.array([place.get(cell, -1) for cell in combined], dtype=np.int64)[whole]


def _woken(readout: Readout, metric: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the metric counts each person, and whether it has a value at all."""
    declared, found = readout.experiment.metrics[metric], readout.outcomes
    if found is None or not isinstance(declared, Rate):  # pragma: no cover - both were checked before
        return np.empty(0, bool), np.empty(0, bool)
    import pyarrow as pa

    values = pa.array(found.records.column(declared.column), from_pandas=True).cast(pa.float64())
    numbers = values.to_numpy(zero_copy_only=False)
    known = ~np.isnan(numbers)
    return known & (numbers > 0), known | (declared.missing == "zero")


def _from_assignment(
    assignment: object, order: Sequence[str], *, window: str | timedelta | None, columns: ColumnsLike
) -> Ground:
    problems = Problems()
    roles = columns_for(columns, "assignment")
    table = open_table(assignment, "assignment", roles, problems=problems, required=("person", "arm"))
    people, arms = keys(table, "person"), labels(table, roles.arm, missing=None)
    start = instants(table, "assigned_at") if table.has("assigned_at") else None
    problems.raise_if_any()
    if people is None or arms is None:
        raise InputError("the assignment needs a person and an arm in every row.")
    place = _places([str(name) for name in arms.names], order)[arms.codes]
    (codes,), _ = number_keys(people)
    # First assigned counts; rows of one instant are told apart by the arm, so that their order decides nothing.
    sorted_rows = np.lexsort((arms.codes, np.zeros(len(codes)) if start is None else start, codes))
    first = sorted_rows[np.unique(codes[sorted_rows], return_index=True)[1]]
    known = start is not None and window is not None
    return Ground(
        person=people.take(first),
        arm=place[first],
        start=start[first] if known and start is not None else None,
        length=microseconds(parse_duration(window, name="window")) if known and window is not None else 0,
    )


def _places(names: Sequence[str], order: Sequence[str]) -> NDArray[np.int64]:
    unknown = [arm for arm in order if arm not in set(names)]
    if unknown:
        hint = closest(unknown[0], set(names))
        raise InputError(f"steps name the arm {unknown[0]!r}, which the assignment does not hold. {hint}")
    place = {name: position for position, name in enumerate(order)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)

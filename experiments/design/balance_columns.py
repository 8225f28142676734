"""Columns known before the assignment as numbers: values, one indicator per level, one for empty cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.values import encode_together, labels, numbers
from experiments.design.common_grid import distinct_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["MISSING", "Coordinate", "Rows", "read_rows"]

MISSING = "(missing)"
_MOST_LEVELS = 100  # more are a key or an amount written as text, not a grouping (judgement)


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One column of numbers: the user's column and, for groupings and empty cells, the level that it indicates."""

    column: str
    level: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """The rows that are compared, sorted by their content, so that the table's order changes no byte.

    Attributes:
        arm: Index of the arm.
        arms: Names of the arms, sorted.
        stratum: Index of the stratum.
        cluster: Index of the unit of assignment; each row its own without clusters.
        values: The numbers, rows by coordinates.
        coordinates: What each number is.
    """

    arm: NDArray[np.int64]
    arms: tuple[object, ...]
    stratum: NDArray[np.int64]
    cluster: NDArray[np.int64]
    values: NDArray[np.float64]
    coordinates: tuple[Coordinate, ...]


def read_rows(
    table: Table, columns: Sequence[str], *, arm: str, strata: Sequence[str], cluster: str | None
) -> Rows | None:
    """Read the columns; None when a problem was noted on the table."""
    table.require_names(*columns, arm, *strata, *(() if cluster is None else (cluster,)))
    groups = {name: labels(table, name, missing=None) for name in (arm, *strata) if name in table.names}
    units = None if cluster is None or cluster not in table.names else labels(table, cluster, missing=None)
    parts: list[NDArray[np.float64]] = []
    named: list[Coordinate] = []
    for name in columns:
        for coordinate, values in _numbers(table, name):
            named.append(coordinate)
            parts.append(values)
    if table.problems.issues:
        return None
    made = {name: found for name, found in groups.items() if found is not None}
    stratum = _together([made[name].codes for name in strata], len(made[arm]))
    values = np.column_stack(parts)
    unit = np.zeros(len(stratum), np.int64) if units is None else units.codes
    order = np.lexsort([*values.T[::-1], unit, made[arm].codes, stratum])
    return Rows(
        arm=made[arm].codes[order],
        arms=tuple(made[arm].names.tolist()),
        stratum=stratum[order],
        cluster=np.arange(len(order)) if units is None else units.codes[order],
        values=values[order],
        coordinates=tuple(named),
    )


def _together(codes: Sequence[NDArray[np.int64]], rows: int) -> NDArray[np.int64]:
    if not codes:
        return np.zeros(rows, np.int64)
    return distinct_rows(*codes)[1]


def _numbers(table: Table, name: str) -> list[tuple[Coordinate, NDArray[np.float64]]]:
    """A column as numbers: itself, or an indicator per level; then an indicator of its empty cells."""
    import pyarrow as pa

    if not table.readable(name):
        return []
    kind = table.arrow(name).type
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        values = numbers(table, name, missing=np.nan)
        if values is None:
            return []
        empty = np.isnan(values)
        if not empty.any():
            return [(Coordinate(name), values)]
        middle = float(np.mean(np.sort(values[~empty]))) if not empty.all() else 0.0
        return [
            (Coordinate(name), np.where(empty, middle, values)),
            (Coordinate(name, MISSING), empty.astype(np.float64)),
        ]
    return _levels(table, name)


def _levels(table: Table, name: str) -> list[tuple[Coordinate, NDArray[np.float64]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    array = table.arrow(name)
    if pa.types.is_nested(array.type):
        labels(table, name)  # notes the problem
        return []
    (codes,), levels = encode_together(pc.fill_null(array.cast(pa.large_string()), MISSING))
    if len(levels) > _MOST_LEVELS:
        table.problems.add(
            "TOO_MANY_LEVELS", table.name, name, len(levels),
            message=f"the column has {len(levels)} different values, which are no grouping; cast amounts to numbers, "
            f"and make at most {_MOST_LEVELS} groups of anything else",
        )  # fmt: skip
        return []
    return [(Coordinate(name, str(level)), (codes == i).astype(np.float64)) for i, level in enumerate(levels.tolist())]

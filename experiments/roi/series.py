"""The series of thresholds: one list for everybody, one per segment, or a column with each segment's own value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from attribution.core.errors import InputError, closest
from experiments.roi.result import Row
from experiments.roi.segment_cells import segment_name

if TYPE_CHECKING:
    from attribution.core.tables import Table
    from experiments.roi.contrasts import ContrastCosts

__all__ = ["Thresholds", "check_thresholds", "declared_values", "series_rows"]

Thresholds = Sequence[float] | Mapping[Any, float | Sequence[float]] | str


def declared_values(table: Table, column: str, by: Sequence[str]) -> dict[str | None, list[float]]:
    """The value per woken customer of every segment, from a column that holds one value per segment.

    Args:
        table: The opened outcomes; a missing column is noted there.
        column: Column of the declared value: money, 0 or more, the same for every person of a segment.
        by: Columns of the segments, which the table holds.

    Raises:
        InputError: When a segment has several values, or one that is no amount of money.
    """
    if column not in table.names:
        check_thresholds(column)
    if not table.lazy().collect_schema()[column].is_numeric():
        raise InputError(f"thresholds names the column {column!r}, which holds no numbers. One amount per segment.")
    value = nw.col(column).cast(nw.Float64)
    empty = (value.is_null() | value.is_nan()).cast(nw.Int64)
    frame = table.lazy().select(*by, _value=value, _empty=empty)
    wanted = {"low": nw.col("_value").min(), "high": nw.col("_value").max(), "empty": nw.col("_empty").sum()}
    counted = (frame.group_by(list(by)).agg(**wanted) if by else frame.select(**wanted)).collect("pyarrow")
    names = [*by, "low", "high", "empty"]
    rows = sorted(zip(*(counted.get_column(name).to_list() for name in names), strict=True), key=str)
    found: dict[str | None, list[float]] = {}
    for *segment, low, high, gaps in rows:
        key = None if not by else segment_name(segment[0] if len(by) == 1 else tuple(segment))
        if gaps or low != high:
            place = "the outcomes have" if key is None else f"the segment {key!r} has"
            what = "empty cells" if gaps else f"values from {low:g} to {high:g}"
            raise InputError(
                f"{place} {what} in {column!r}; a threshold is one declared amount per segment. Write the segment's "
                "amount in every row, or refine by=."
            )
        found[key] = check_thresholds([low])
    return found


def series_rows(
    contrasts: Sequence[ContrastCosts],
    thresholds: Thresholds,
    by: Sequence[str],
    *,
    segments: Mapping[str | None, tuple[object, ...]],
) -> list[Row]:
    """A row per contrast and threshold of its segment.

    Args:
        contrasts: The contrasts.
        thresholds: A list for all; or a mapping of segment to its own amount or list.
        by: Columns of the segments.
        segments: Values of the columns by the name of the segment.
    """
    if not isinstance(thresholds, Mapping):
        values = check_thresholds(thresholds)
        return [Row(contrast, value) for contrast in contrasts for value in values]
    if not by and set(thresholds) != {None}:
        raise InputError("thresholds by segment need by=, the column of the segments.")
    given = {_key(key): values for key, values in thresholds.items()}
    lists: dict[str | None, list[float]] = {}
    for name in dict.fromkeys(contrast.segment for contrast in contrasts):
        # The whole segment first; then its first column alone: a customer's value seldom depends on the wave.
        first = _key(segments[name][0]) if name is not None and len(by) > 1 else name
        if name not in given and first not in given:
            raise InputError(
                f"thresholds names no list for the segment {name!r}; every segment needs its own. "
                f"{closest(str(name), [str(key) for key in given])}"
            )
        lists[name] = check_thresholds(given[name] if name in given else given[first])
    return [Row(contrast, value) for contrast in contrasts for value in lists[contrast.segment]]


def _key(segment: object) -> str | None:
    return segment_name(tuple(segment) if isinstance(segment, list) else segment)


def check_thresholds(values: object) -> list[float]:
    """Finite amounts of money, 0 or more, each once, in the order given; a single amount is a list of one."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    if isinstance(values, Real) and not isinstance(values, bool):
        values = [values]
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise InputError(
            f"thresholds must be a list of amounts per woken customer, such as [60, 85, 125], or the name of a column "
            f"that holds each segment's amount, got {values!r}."
        )
    made: list[float] = []
    for value in values:
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0.0 <= float(value) < math.inf:
            raise InputError(f"a threshold must be a finite amount of money, 0 or more, got {value!r}.")
        made.append(float(value))
    if len(set(made)) < len(made):
        raise InputError(f"thresholds must differ, got {values!r}.")
    return made

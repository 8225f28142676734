"""The part of measured metrics that belongs to one segment: the cells whose first key it is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.readout.measure import Measured

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from experiments.moments import MetricRows, Moments
    from experiments.moments.counted import Cell

__all__ = ["persons_by_segment", "segment_part"]


def persons_by_segment(moments: Moments) -> dict[object, dict[object, int]]:
    """Persons with a value by segment (first key) and arm (last key)."""
    found: dict[object, dict[object, int]] = {}
    for cell, count in zip(moments.cells, moments.n.tolist(), strict=True):
        by_arm = found.setdefault(cell[0], {})
        by_arm[cell[-1]] = by_arm.get(cell[-1], 0) + int(count)
    return found


def segment_part(measured: Measured, segment: object, arms: Collection[object]) -> Measured:
    """One segment of a measured metric, without the key of the segment.

    Args:
        measured: Moments, rows or clusters by segment, strata and arm (and cluster).
        segment: The segment.
        arms: The arms that stay.
    """
    place = len(measured.moments.names) - 1

    def kept(cell: Cell) -> bool:
        return cell[0] == segment and cell[place] in arms

    return Measured(
        moments=_moments(measured.moments, kept),
        rows=None if measured.rows is None else _rows(measured.rows, kept),
        clusters=None if measured.clusters is None else _moments(measured.clusters, kept),
    )


def _moments(moments: Moments, kept: Callable[[Cell], bool]) -> Moments:
    chosen = np.array([kept(cell) for cell in moments.cells], dtype=np.bool_)
    size = len(moments.cells)
    parts = {
        field.name: getattr(moments, field.name)[chosen]
        for field in fields(moments)
        if isinstance(getattr(moments, field.name), np.ndarray) and len(getattr(moments, field.name)) == size
    }
    cells = tuple(cell[1:] for cell, keep in zip(moments.cells, chosen, strict=True) if keep)
    return replace(moments, names=moments.names[1:], cells=cells, **parts)


def _rows(rows: MetricRows, kept: Callable[[Cell], bool]) -> MetricRows:
    chosen = np.array([kept(cell) for cell in rows.cells], dtype=np.bool_)
    number = np.cumsum(chosen) - 1
    there = chosen[rows.cell]
    return replace(
        rows,
        names=rows.names[1:],
        cells=tuple(cell[1:] for cell, keep in zip(rows.cells, chosen, strict=True) if keep),
        cell=number[rows.cell[there]],
        values=rows.values[there],
        count=rows.count[there],
        persons=rows.persons[chosen],
        observed=rows.observed[chosen],
    )

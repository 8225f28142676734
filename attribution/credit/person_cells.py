"""Sums of credit per person and cell, per model, for intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from attribution.credit.keys import Cells
    from attribution.journeys.eligibility import Pairs
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

__all__ = ["PersonCells", "person_cells"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PersonCells:
    """Credit of some persons: one entry per (person, cell) with credit; no person is spread over several of these.

    Attributes:
        person: Person codes.
        cell: Cells.
        conversions: Models x entries.
        value: Models x entries.
    """

    person: NDArray[np.int64]
    cell: NDArray[np.int64]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]


def person_cells(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells) -> Iterator[PersonCells]:
    """Credit per person and cell, in pieces; a person whose pairs fill several pieces is put together first."""
    width = len(cells)
    held = _Groups(np.empty(0, np.int64), np.empty((len(models), 0)), np.empty((len(models), 0)))
    persons = journeys.counted.person
    for pairs in journeys.pairs():
        held = _grouped(held, _entries(journeys, models, cells, pairs))
        open_person = persons[pairs.stop] if pairs.stop < len(persons) else -1
        complete = held.ids // width != open_person
        yield _split(held, complete, width)
        held = _Groups(held.ids[~complete], held.conversions[:, ~complete], held.value[:, ~complete])


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    ids: NDArray[np.int64]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]


def _entries(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells, pairs: Pairs) -> _Groups:
    counted = journeys.counted
    arrays, conversion = journeys.arrays(pairs), pairs.conversion()
    alone = pairs.start + np.flatnonzero(pairs.counts == 0)
    cell = np.concatenate([cells.of_pairs(pairs), cells.of_untouched(alone)])
    both = np.concatenate([conversion, alone])
    weights = np.ones((len(models), len(both)))
    for place, model in enumerate(models):
        weights[place, : len(conversion)] = checked_weights(model, arrays)
    return _Groups(counted.person[both] * len(cells) + cell, weights, weights * counted.value[both])


def _grouped(held: _Groups, more: _Groups) -> _Groups:
    ids, place = np.unique(np.concatenate([held.ids, more.ids]), return_inverse=True)

    def added(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = [np.bincount(place, weights=row, minlength=len(ids)) for row in np.concatenate([left, right], axis=1)]
        return np.stack(rows)

    return _Groups(ids, added(held.conversions, more.conversions), added(held.value, more.value))


def _split(held: _Groups, complete: NDArray[np.bool_], width: int) -> PersonCells:
    ids = held.ids[complete]
    return PersonCells(
        person=ids // width,
        cell=ids % width,
        conversions=held.conversions[:, complete],
        value=held.value[:, complete],
    )

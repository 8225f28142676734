"""Sums of credit over cells, per model, with the conservation check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import ConservationError
from attribution.models.fitted import FittedModel
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.keys import Cells
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

__all__ = ["CellSums", "check_conservation", "sum_cells"]

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CellSums:
    """Credit per model and cell.

    Attributes:
        conversions: Models x cells.
        value: Models x cells.
        inside_conversions: Models x cells: the credit inside single journeys, added up. It differs from `conversions`
            for models of paths whose channel totals stand in the cells.
        inside_value: Models x cells, likewise.
        touched: Number of conversions with a touch.
        touched_value: Their value.
    """

    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    inside_conversions: NDArray[np.float64]
    inside_value: NDArray[np.float64]
    touched: int
    touched_value: float


def sum_cells(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells) -> CellSums:
    """Credit per model and cell, added in canonical order whatever the pieces; conservation is checked.

    Raises:
        ConservationError: When credits and the untouched conversions do not add up to all counted conversions, or
        values.
    """
    counted = journeys.counted
    conversions = np.zeros((len(models), len(cells)))
    value = np.zeros((len(models), len(cells)))
    untouched: list[NDArray[np.int64]] = []
    for pairs in journeys.pairs():
        arrays, cell = journeys.arrays(pairs), cells.of_pairs(pairs)
        worth = np.repeat(counted.value[pairs.start : pairs.stop], pairs.counts)
        for place, model in enumerate(models):
            weights = checked_weights(model, arrays)
            _add(conversions[place], cell, weights)
            _add(value[place], cell, weights * worth)
        untouched.append(pairs.start + np.flatnonzero(pairs.counts == 0))
    alone = np.concatenate(untouched) if untouched else np.empty(0, np.int64)
    none = cells.of_untouched(alone)
    for place in range(len(models)):
        _add(conversions[place], none, np.ones(len(alone)))
        _add(value[place], none, counted.value[alone])
    touched = np.ones(len(counted), bool)
    touched[alone] = False
    touched_value = float(counted.value[touched].sum())
    sums = CellSums(
        conversions=_channel_totals(conversions, models, cells, float(touched.sum())),
        value=_channel_totals(value, models, cells, touched_value),
        inside_conversions=conversions,
        inside_value=value,
        touched=int(touched.sum()),
        touched_value=touched_value,
    )
    for found, what, expected in (
        (sums.conversions, "conversions", float(len(counted))),
        (sums.inside_conversions, "conversions inside journeys", float(len(counted))),
        (sums.value, "value", float(counted.value.sum())),
        (sums.inside_value, "value inside journeys", float(counted.value.sum())),
    ):
        for place, model in enumerate(models):
            check_conservation(model.name, what, float(found[place].sum()), expected)
    return sums


def _channel_totals(
    inside: NDArray[np.float64], models: tuple[TouchModel, ...], cells: Cells, touched: float
) -> NDArray[np.float64]:
    """The channel totals of models of paths in the place of their credit inside journeys, where cells are channels."""
    codes = cells.channel_codes()
    fitted = [place for place, model in enumerate(models) if isinstance(model, FittedModel)]
    if codes is None or not fitted:
        return inside
    totals = inside.copy()
    for place in fitted:
        model = models[place]
        if isinstance(model, FittedModel):
            totals[place, : cells.credited] = model.shares[codes] * touched
    return totals


def _add(total: NDArray[np.float64], cell: NDArray[np.int64], amounts: NDArray[np.float64]) -> None:
    """Add to the cells one by one in order, going on from the totals so far: pieces give the bits of one long sum."""
    if total.any():
        cell = np.concatenate([np.arange(len(total)), cell])
        amounts = np.concatenate([total, amounts])
    total[:] = np.bincount(cell, weights=amounts, minlength=len(total))


def check_conservation(model: str, what: str, found: float, expected: float) -> None:
    """Raise `ConservationError` unless two totals agree to a relative 1e-9."""
    if not abs(found - expected) <= _TOLERANCE * max(abs(expected), 1.0):  # so written, nan does not pass
        raise ConservationError(
            f"model {model!r} does not conserve {what}: credits and (none) sum to {found!r}, expected {expected!r}."
        )

"""Sums of credit over cells, per model, with the conservation check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import ConservationError
from attribution.core.threads import in_blocks
from attribution.journeys.eligibility import block_ends
from attribution.models.decay import TimeDecay
from attribution.models.fitted import FittedModel
from attribution.models.last_non_direct import LastNonDirect
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.models.protocol import bear_threads, checked_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.keys import Cells
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import TouchModel

__all__ = ["CellSums", "check_conservation", "sum_cells"]

_TOLERANCE = 1e-9
_BLOCK = 1 << 16  # conversions of a block: so many that the calls for each cost nothing
_PER_CELL = 4  # conversions of a block per cell: every block has a table of all cells, and all are held at once
# Only these classes themselves: a model derived from one of them may have weights of its own.
_ON_ONE_TOUCH = (FirstTouch, LastTouch, LastNonDirect)
_PURE = (*_ON_ONE_TOUCH, Linear, PositionBased, TimeDecay)


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
    """Credit per model and cell; conservation is checked.

    Credit is added in canonical order inside blocks of persons, then block after block: neither threads nor the pieces
    in which pairs come can change a bit.

    Raises:
        ConservationError: When credits and the untouched conversions do not add up to all counted conversions, or
        values.
    """
    counted = journeys.counted
    ends = block_ends(counted.person, max(_BLOCK, _PER_CELL * len(cells)))
    starts = np.concatenate([[0], ends[:-1]])

    def one(block: int, _: int) -> _BlockSums:
        return _sum_block(journeys, models, cells, (int(starts[block]), int(ends[block])))

    rows = len(journeys.served) if bear_threads(models) else 0
    found = _added(in_blocks(one, len(ends), block=1, rows=rows), (len(models), len(cells)))
    sums = CellSums(
        conversions=_channel_totals(found.conversions, models, cells, float(found.touched)),
        value=_channel_totals(found.value, models, cells, found.touched_value),
        inside_conversions=found.conversions,
        inside_value=found.value,
        touched=found.touched,
        touched_value=found.touched_value,
    )
    for totals, what, expected in (
        (sums.conversions, "conversions", float(len(counted))),
        (sums.inside_conversions, "conversions inside journeys", float(len(counted))),
        (sums.value, "value", float(counted.value.sum())),
        (sums.inside_value, "value inside journeys", float(counted.value.sum())),
    ):
        for place, model in enumerate(models):
            check_conservation(model.name, what, float(totals[place].sum()), expected)
    return sums


@dataclass(slots=True, eq=False)
class _BlockSums:
    """Credit of some conversions per model and cell, and what of them was touched."""

    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    touched: int = 0
    touched_value: float = 0.0


def _sum_block(journeys: Journeys, models: tuple[TouchModel, ...], cells: Cells, span: tuple[int, int]) -> _BlockSums:
    worth = journeys.counted.value
    found = _BlockSums(np.zeros((len(models), len(cells))), np.zeros((len(models), len(cells))))
    touched = np.zeros(span[1] - span[0], bool)
    for pairs in journeys.pairs(span=span):
        arrays, cell = journeys.arrays(pairs), cells.of_pairs(pairs)
        here = pairs.counts > 0
        touched[pairs.start - span[0] : pairs.stop - span[0]] = here
        worths = worth[pairs.start : pairs.stop][here]
        each = worths[arrays.journey]
        for place, model in enumerate(models):
            if isinstance(model, _ON_ONE_TOUCH) and type(model) in _ON_ONE_TOUCH:
                mine = cell[model.touch(arrays)]
                _add(found.conversions[place], mine, np.ones(len(mine)))
                _add(found.value[place], mine, worths)
                continue
            # Ours sum to 1 by what they are; what comes of it is checked over all journeys.
            weights = model.weights(arrays) if type(model) in _PURE else checked_weights(model, arrays)
            _add(found.conversions[place], cell, weights)
            _add(found.value[place], cell, weights * each)
    alone = span[0] + np.flatnonzero(~touched)
    none = cells.of_untouched(alone)
    found.conversions += np.bincount(none, minlength=len(cells))
    found.value += np.bincount(none, weights=worth[alone], minlength=len(cells))
    found.touched, found.touched_value = int(touched.sum()), float(worth[span[0] : span[1]][touched].sum())
    return found


def _added(blocks: list[_BlockSums], shape: tuple[int, int]) -> _BlockSums:
    total = _BlockSums(np.zeros(shape), np.zeros(shape))
    for block in blocks:
        total.conversions += block.conversions
        total.value += block.value
        total.touched += block.touched
        total.touched_value += block.touched_value
    return total


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

"""The rows of a comparison: what is credited under every model, and how its keys are written on one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.render.display import column_label
from attribution.credit.records import table_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.credit.credit import Credit
    from attribution.credit.keys import Cells

__all__ = ["KEYS_APART", "Shares", "cell_labels", "heading", "read_shares"]

# Between the values of several key columns in one label.
KEYS_APART = " / "
# Shares that differ by rounding only are equal.
_DIGITS = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shares:
    """The share of attributed conversions of every key under every model; "(none)" is no key.

    Attributes:
        models: Names of the models.
        keys: One list of values per key column.
        labels: The keys as one text each.
        share: Models x keys; all nan when nothing is attributed.
        rounded: The same to 12 decimals, for everything that asks whether two shares are equal.
        attributed: Number of conversions with a touch.
    """

    models: tuple[str, ...]
    keys: tuple[list[str], ...]
    labels: list[str]
    share: NDArray[np.float64]
    rounded: NDArray[np.float64]
    attributed: int

    def distance(self) -> NDArray[np.float64]:
        """Models x models: half the sum of absolute differences of the shares."""
        found = np.zeros((len(self.models), len(self.models)))
        for place, row in enumerate(self.share):
            found[place] = np.abs(self.share - row).sum(axis=1) / 2
        return found


def read_shares(credit: Credit) -> Shares:
    """Shares per model, in the order of the credit table."""
    rows = table_rows(credit)
    kept = np.flatnonzero(rows.cell < credit.cells.credited)
    cell = rows.cell[kept]
    keys = tuple([values[place] for place in kept.tolist()] for values in rows.keys)
    attributed = credit.sums.touched
    share = np.full((len(credit.models), len(kept)), np.nan)
    if attributed:
        # A key that has spend only has no cell, and no credit.
        share = np.where(cell < 0, 0.0, credit.sums.conversions[:, cell]) / attributed
    return Shares(
        models=tuple(model.name for model in credit.models),
        keys=keys,
        labels=[KEYS_APART.join(values) for values in zip(*keys, strict=True)],
        share=share,
        rounded=np.round(share, _DIGITS),
        attributed=attributed,
    )


def cell_labels(cells: Cells) -> list[str]:
    """One text per cell that touches can credit."""
    columns = [cells.values(place)[: cells.credited] for place in range(len(cells.keys))]
    return [KEYS_APART.join(values) for values in zip(*columns, strict=True)]


def heading(name: str) -> str:
    """The heading of a column of a comparison; its own where other results use the same name for something else."""
    code = f"COMPARE.HEAD_{name.upper()}"
    return messages.text(code) if messages.has(code) else column_label(name)

"""What several campaigns brought, with the covariance that persons who were in more than one of them give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from experiments.programmes.campaign import Persons

    Floats = NDArray[np.float64]

__all__ = ["Effects", "effects_of", "joint_covariance"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Effects:
    """One campaign's sums over its treated persons against what they would have done, and who moves them.

    Attributes:
        persons: Persons treated.
        held_out: Persons in the control.
        profit: Incremental profit of all treated persons.
        woken: Incremental wake-ups among them.
        profit_parts: What each person adds to the error of the profit; they sum to 0 in each cell.
        woken_parts: The same for the wake-ups.
        degrees: Satterthwaite's degrees of freedom of the profit's variance.
    """

    persons: int
    held_out: int
    profit: float
    woken: float
    profit_parts: Floats
    woken_parts: Floats
    degrees: float


def effects_of(persons: Persons, order: NDArray[np.int64]) -> Effects:
    """The sums of one campaign; ``order`` is one of the persons that no order of rows changes."""
    cell = persons.cell[order]
    cells = len(persons.stratum)
    count = np.bincount(cell, minlength=cells).astype(float)
    strata = int(persons.stratum.max()) + 1
    treated = np.bincount(persons.stratum, weights=count * persons.treated, minlength=strata)
    # A treated person stands for itself, a held-out one for as many as the stratum's treated are to its held-out.
    weight = np.where(persons.treated, 1.0, -treated[persons.stratum] / count)
    profit, profit_parts, spread = _sum(persons.net[order], cell, count, weight)
    woken, woken_parts, _ = _sum(persons.woken[order], cell, count, weight)
    total = float(spread.sum())
    below = float((spread**2 / (count - 1.0)).sum())
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return Effects(
        persons=int(treated.sum()), held_out=int(count[~persons.treated].sum()), profit=profit, woken=woken,
        profit_parts=profit_parts[back], woken_parts=woken_parts[back],
        degrees=total**2 / below if below > 0.0 else np.inf,
    )  # fmt: skip


def _sum(values: Floats, cell: NDArray[np.int64], count: Floats, weight: Floats) -> tuple[float, Floats, Floats]:
    """The weighted sum, each person's part of its error, and the variance that each cell gives."""
    middle = float(values.mean())  # counts cancel a shared level; without it large levels would cost digits
    means = np.bincount(cell, weights=values - middle, minlength=len(count)) / count
    parts = weight[cell] * (values - middle - means[cell]) * np.sqrt(count / (count - 1.0))[cell]
    spread = np.bincount(cell, weights=parts**2, minlength=len(count)).astype(float)
    # Within a stratum the weights of its cells sum to 0, so the level is gone.
    return float((weight * count * means).sum()), parts, spread


def joint_covariance(codes: Sequence[NDArray[np.int64]], size: int, parts: Sequence[Floats]) -> Floats:
    """Covariance of sums over campaigns: products of what one person adds to two of them, summed over persons."""
    many = len(parts)
    found = np.zeros((many, many))
    dense = np.zeros(size)
    for one in range(many):
        dense[codes[one]] = parts[one]
        for two in range(one, many):
            product = np.sort(dense[codes[two]] * parts[two])  # one order of summation, whatever the order of rows
            found[one, two] = found[two, one] = float(product.sum())
        dense[codes[one]] = 0.0
    return found
